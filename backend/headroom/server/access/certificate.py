"""The certificate of an encrypted server: the user's own, or one that is made on first start and pinned by clients."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headroom.common.errors import InputError
from headroom.common.files import write_private

FILE_NAME = "server.pem"
YEARS = 10  # clients pin the certificate, so another one is a warning to all of them


def own_certificate(folder: Path) -> Path:
    """Return the file with the server's own key and certificate, which is made unless it is there."""
    file = folder / FILE_NAME
    if not file.exists():
        make_certificate(file)
    return file


def fingerprint_of(file: Path) -> str:
    """Return the fingerprint of the first certificate in a PEM file that also holds its private key.

    Raises InputError when it cannot be used, or has ended.
    """
    try:
        certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, password="")  # or OpenSSL would ask for that of an encrypted key
        if certificate.not_valid_after_utc < datetime.now(timezone.utc):
            raise ValueError(f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"The server's certificate in {file} cannot be used: {reason}. Give a PEM file with a private "
                         "key and its certificate.") from error
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def make_certificate(file: Path) -> None:
    """Write a new key and a certificate that it signs itself into one file that only its owner may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Headroom server")])
    start = datetime.now(timezone.utc) - timedelta(days=1)  # clocks differ
    host = socket.gethostname()
    names = [x509.DNSName(host)] if host.isascii() and host else []
    addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256()))
    write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                  + certificate.public_bytes(Encoding.PEM))
