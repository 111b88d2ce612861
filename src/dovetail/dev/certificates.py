"""TLS for development: contexts from files, and certificates made on the spot."""

from __future__ import annotations

import ipaddress
import os
import ssl
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKeyWithSerialization
    from cryptography.x509 import Certificate, GeneralName

__all__ = [
    "SslContextArgument",
    "generate_adhoc_ssl_context",
    "generate_adhoc_ssl_pair",
    "is_ssl_error",
    "load_ssl_context",
    "make_ssl_context",
    "make_ssl_devcert",
]

#: "adhoc" for a certificate made on the spot, the paths of a certificate and its key, or a context.
SslContextArgument = ssl.SSLContext | tuple[str, str | None] | str

_VALID = timedelta(days=365)
# Clocks differ a little, and the certificate is used at once.
_SKEW = timedelta(minutes=5)
_KEY_BITS = 2048
# By these a browser on this machine asks for the server.
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def generate_adhoc_ssl_pair(
    cn: str | None = None,
) -> tuple[Certificate, RSAPrivateKeyWithSerialization]:
    """Make a self-signed certificate, valid for a year, and its private key.

    :param cn: the host it is for; by default localhost, 127.0.0.1 and ::1.
    :raises TypeError: the package ``cryptography`` is not installed.
    """
    return _make_pair(cn or _LOCAL_NAMES[0], [cn] if cn else _LOCAL_NAMES)


def make_ssl_devcert(
    base_path: str, host: str | None = None, cn: str | None = None
) -> tuple[str, str]:
    """Make a certificate and its key, and keep them in ``base_path.crt`` and ``base_path.key``.

    :param host: the host it is for; it is good for the hosts below that, too.
    :param cn: the certificate's common name, if it is to be another one.
    :return: the two paths.
    :raises TypeError: the package ``cryptography`` is not installed.
    """
    pair = _make_pair(cn or host, [host, f"*.{host}"]) if host else generate_adhoc_ssl_pair(cn)
    paths = f"{base_path}.crt", f"{base_path}.key"
    _write_pair(pair, *paths)
    return paths


def generate_adhoc_ssl_context() -> ssl.SSLContext:
    """Return a context with a new certificate for localhost, which no client will trust.

    :raises TypeError: the package ``cryptography`` is not installed.
    """
    pair = generate_adhoc_ssl_pair()
    # ssl reads certificates from files only.
    with tempfile.TemporaryDirectory(prefix="dovetail-") as directory:
        paths = os.path.join(directory, "adhoc.crt"), os.path.join(directory, "adhoc.key")
        _write_pair(pair, *paths)
        return load_ssl_context(*paths)


def load_ssl_context(
    cert_file: str, pkey_file: str | None = None, protocol: int | None = None
) -> ssl.SSLContext:
    """Return a context for a server.

    :param cert_file: the certificate and those above it, in PEM.
    :param pkey_file: the private key in PEM; by default it is in ``cert_file``.
    :param protocol: an ``ssl.PROTOCOL_`` constant; by default ``PROTOCOL_TLS_SERVER``.
    :raises OSError: a file cannot be read; ``ssl.SSLError``, one of these, if it is no PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if protocol is None else protocol)
    context.set_alpn_protocols(["http/1.1"])
    for file in (cert_file, pkey_file):
        # The error of load_cert_chain() does not say which file is missing.
        if file is not None:
            os.stat(file)
    context.load_cert_chain(cert_file, pkey_file)
    return context


def make_ssl_context(given: SslContextArgument | None) -> ssl.SSLContext | None:
    """Return the context that an ``ssl_context`` argument asks for; None for plain HTTP.

    :raises TypeError: it is none, or the package ``cryptography`` is needed and not installed.
    """
    if given is None or isinstance(given, ssl.SSLContext):
        return given
    if given == "adhoc":
        return generate_adhoc_ssl_context()
    if isinstance(given, tuple):
        return load_ssl_context(*given)
    raise TypeError(
        "ssl_context is 'adhoc', the paths of a certificate and a key, or an ssl.SSLContext, "
        f"not {given!r}"
    )


def is_ssl_error(error: Exception | None = None) -> bool:
    """Tell whether an error, by default the one being handled, comes from TLS."""
    return isinstance(sys.exception() if error is None else error, ssl.SSLError)


def _make_pair(
    common_name: str, names: Sequence[str]
) -> tuple[Certificate, RSAPrivateKeyWithSerialization]:
    try:
        # An extra, and heavy: it is imported only where certificates are made.
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    except ImportError:
        raise TypeError(
            "making certificates needs the package cryptography; install it (pip install "
            "cryptography), or give a certificate and a key of your own"
        ) from None
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
        # As a client's, too: it may try out certificates of clients.
        .add_extension(
            x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH, x509.OID_CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([_general_name(one, x509) for one in names]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _general_name(name: str, x509: Any) -> GeneralName:
    found: GeneralName
    try:
        found = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        found = x509.DNSName(name)
    return found


def _write_pair(
    pair: tuple[Certificate, RSAPrivateKeyWithSerialization], cert_file: str, pkey_file: str
) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (an extra)

    certificate, key = pair
    with open(cert_file, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(pkey_file, "wb", opener=_private) as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, even if it was there before."""
    descriptor = os.open(path, flags, 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)
    return descriptor
