"""The certificate that content credentials are signed with: the studio's own, or one made on first use."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.paths import CERTIFICATE_VARIABLE, certificate_file

_KEY_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)
_CERTIFICATE_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
YEARS = 10  # validators refuse a signature without a trusted time once its certificate has ended
ORGANISATION = "Headroom with its own certificate"
_UNUSED = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
           "decipher_only")
_ALGORITHMS = {"secp256r1": b"es256", "secp384r1": b"es384", "secp521r1": b"es512"}


def open_signer() -> c2pa.Signer:
    """Return the signer of the certificate file, which holds a private key and the signer's certificate.

    The certificates of those that issued it may follow. The bundled place gets a new certificate on first use; a file
    that the user names must exist. Raises InputError when it cannot be used.
    """
    file = certificate_file()
    if not file.exists() and CERTIFICATE_VARIABLE not in os.environ:
        make_certificate(file)
    try:
        content = file.read_bytes()
        chain, key = b"".join(_CERTIFICATE_BLOCK.findall(content)), b"".join(_KEY_BLOCK.findall(content))
        leaf = x509.load_pem_x509_certificates(chain)[0]
        if leaf.not_valid_after_utc < datetime.now(timezone.utc):
            raise ValueError(f"the certificate ended on {leaf.not_valid_after_utc:%Y-%m-%d}")
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(_algorithm(key), chain, key, None))
    except (OSError, ValueError, TypeError, IndexError, c2pa.C2paError) as error:
        raise InputError(f"The certificate in {file} cannot be used: {error}. Choose a PEM file with a private key and "
                         "its certificate for content credentials.") from error


def make_certificate(file: Path) -> None:
    """Write a new certificate and its key into one file, so that no reader finds one without the other.

    C2PA accepts no certificate that signed itself, so a root issues it, whose key is not stored. The extensions are
    those that C2PA requires of a signer.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Root")
    root = _builder(root_name, root_name, root_key.public_key(), authority=True).sign(root_key, hashes.SHA256())
    leaf = (_builder(_name("Signer"), root_name, key.public_key(), authority=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256()))
    with atomic_write(file) as temporary:
        temporary.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                              + leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM))
    file.chmod(0o600)  # nobody else may sign in this name


def _algorithm(pem: bytes) -> bytes:
    """Return C2PA's name of the algorithm that a private key signs with."""
    key = load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _ALGORITHMS:
        return _ALGORITHMS[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise ValueError("C2PA has no algorithm for this kind of key")


def _name(role: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                      x509.NameAttribute(NameOID.COMMON_NAME, f"Headroom {role}")])


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, authority: bool
             ) -> x509.CertificateBuilder:
    """Return what the root's and the signer's certificate have in common."""
    start = datetime.now(timezone.utc) - timedelta(days=1)  # other clocks may be behind
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority,
                          **dict.fromkeys(_UNUSED, False))
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + timedelta(days=365 * YEARS))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))
