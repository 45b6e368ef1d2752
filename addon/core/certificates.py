"""How the certificate of a server is checked: by the system's authorities, or against the one that was seen first.

A server whose certificate an authority has signed must have such a one from then on. Otherwise anybody between could
show a certificate of their own, as if the server were used for the first time.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from .errors import HeadroomError, InputError
from .known_servers import AUTHORITY, HTTPS_PORT, KnownServers, fingerprint_of
from .messages import message

_EXPIRED, _SELF_SIGNED = 10, (18, 19, 20, 21)  # codes of OpenSSL; the last ones mean that no authority is known


class UntrustedServer(HeadroomError):
    """The server's certificate is not accepted."""


def context_for(url: str, known: KnownServers, timeout: float) -> ssl.SSLContext:
    """Return how connections to a server are checked. How that went on first use is remembered.

    Raises UntrustedServer when its certificate is not accepted, OSError when it does not answer.
    """
    fingerprint = known.fingerprint(url)
    if fingerprint in ("", AUTHORITY):
        context = ssl.create_default_context()
        try:
            _shake_hands(url, context, timeout)
        except ssl.SSLCertVerificationError as error:
            if fingerprint == AUTHORITY or error.verify_code not in _SELF_SIGNED:
                raise untrusted_server_error(url, error, known, timeout) from error
        else:
            with suppress(InputError):  # a folder that cannot be written
                known.expect_authority(url)
            return context
    certificate = known.certificate(url)
    if not certificate:
        certificate = _shown_certificate(url, timeout)
        if fingerprint not in ("", fingerprint_of(certificate)):
            raise _changed(url, fingerprint_of(certificate))
        known.remember(url, certificate)
    return _context_of(certificate)


def untrusted_server_error(url: str, error: ssl.SSLCertVerificationError, known: KnownServers,
                           timeout: float) -> UntrustedServer:
    """Return the error for a certificate that was not accepted."""
    if error.verify_code == _EXPIRED:
        return UntrustedServer(message("The certificate of the server at {url} has expired. Ask whoever runs the "
                                       "server for a new one.", url=url))
    if known.fingerprint(url):
        fingerprint = "unknown"
        with suppress(OSError):  # the server ends just then
            fingerprint = fingerprint_of(_shown_certificate(url, timeout))
        return _changed(url, fingerprint)
    return UntrustedServer(message("The certificate of the server at {url} is not valid for it ({reason}). Check the "
                                   "address.", url=url, reason=error.verify_message))


def _changed(url: str, fingerprint: str) -> UntrustedServer:
    return UntrustedServer(message(
        "The server at {url} is not the one that is known, because its certificate has the fingerprint {fingerprint}. "
        "Ask whoever runs the server; if it is right, clear the fingerprint in the preferences.",
        url=url, fingerprint=fingerprint))


def _context_of(certificate: str) -> ssl.SSLContext:
    """Return a context that accepts this certificate alone, until it expires. Its names do not count."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be one of an authority
    context.load_verify_locations(cadata=certificate)
    return context


def _shown_certificate(url: str, timeout: float) -> str:
    """Return the certificate that a server shows, PEM, without checking it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return ssl.DER_cert_to_PEM_cert(_shake_hands(url, context, timeout))


def _shake_hands(url: str, context: ssl.SSLContext, timeout: float) -> bytes:
    """Open a connection and close it; return the server's certificate, DER."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with (socket.create_connection((host, parts.port or HTTPS_PORT), timeout) as connection,
          context.wrap_socket(connection, server_hostname=host) as secure):
        return secure.getpeercert(binary_form=True) or b""
