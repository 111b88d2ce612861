"""TLS: from the settings to an ``ssl.SSLContext``, with every mistake told apart."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import Final

from dovetail.loader import LoadError, load_object, set_search_path
from dovetail.server.settings import Settings

__all__ = ["TlsError", "make_context"]

_VERIFY_MODES: Final = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}

# More than any bundle of authorities has; it keeps a wrong path (/dev/zero) from filling memory.
_MOST: Final = 8 << 20


class TlsError(Exception):
    """TLS cannot be set up; the message is one line that names the setting, file and remedy."""


class _Encrypted(Exception):
    """OpenSSL asks for the password of a private key."""


def make_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of the server's side, or None when the settings have no certificate.

    ``settings`` have passed :func:`dovetail.server.consistency.check_consistency`.
    It speaks TLS 1.2 and newer, offers ``http/1.1`` by ALPN (RFC 7301), and neither compresses
    (RFC 9325 section 3.3) nor lets a client renegotiate. A context from ``ssl_context`` is used as
    the function made it, except for ALPN: this server has no other protocol to offer. To import
    such a function it changes to ``chdir``, as loading the application does. Raises
    :class:`TlsError`.
    """
    if settings.ssl_context is not None:
        context = _from_factory(settings.ssl_context, settings)
    elif settings.certfile is not None:
        context = _from_files(settings, settings.certfile)
    else:
        return None
    context.set_alpn_protocols(["http/1.1"])
    return context


def _from_files(settings: Settings, certfile: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.ciphers is not None:
        _set_ciphers(context, settings.ciphers)
    _load_certificate(context, certfile, settings.keyfile)
    _load_authorities(context, settings.ca_certs, settings.cert_reqs)
    return context


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise TlsError(
            f"ciphers: OpenSSL knows none of {ciphers!r}; the command openssl ciphers lists them"
        ) from None


def _load_certificate(context: ssl.SSLContext, certfile: str, keyfile: str | None) -> None:
    certificate = _read("certfile", certfile)
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        raise TlsError(
            f"certfile: {certfile} holds no certificate in PEM; if it is in DER, convert it with "
            "openssl x509 -inform der -out FILE.pem"
        )
    key_setting, key_path = ("keyfile", keyfile) if keyfile else ("certfile", certfile)
    key = certificate if keyfile is None else _read("keyfile", keyfile)
    if b"PRIVATE KEY-----" not in key:
        remedy = "name its file in keyfile" if keyfile is None else "give the key in PEM"
        raise TlsError(f"{key_setting}: {key_path} holds no private key; {remedy}")

    def refuse_password() -> str:
        # Without this OpenSSL asks on the terminal, and a server under a supervisor hangs.
        raise _Encrypted

    try:
        context.load_cert_chain(certfile, keyfile, password=refuse_password)
    except _Encrypted:
        raise TlsError(
            f"{key_setting}: the private key in {key_path} is encrypted; write it in the clear "
            "with openssl pkey, or make the context yourself with ssl_context"
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise TlsError(_explain(error, certfile, key_setting, key_path)) from None


def _explain(error: OSError, certfile: str, key_setting: str, key_path: str) -> str:
    """Return the one-liner for a certificate and key that are both there, and do not load."""
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
        return (
            f"{key_setting}: the key in {key_path} does not belong to the certificate in "
            f"{certfile}; the server's own certificate must be the first one in the file"
        )
    if reason in {"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}:
        return (
            f"certfile: {certfile} is too weak for OpenSSL ({reason}); get a certificate with an "
            "RSA key of 2048 bits or more, or an elliptic curve's, signed with SHA-256 or better"
        )
    files = certfile if certfile == key_path else f"{certfile} with the key {key_path}"
    return f"certfile: cannot load {files}: {reason}; is it damaged or cut off?"


def _load_authorities(context: ssl.SSLContext, ca_certs: str | None, cert_reqs: str) -> None:
    if ca_certs is not None:
        _read("ca_certs", ca_certs)
        try:
            context.load_verify_locations(ca_certs)
        except (ssl.SSLError, OSError):
            raise TlsError(
                f"ca_certs: {ca_certs} holds no certificate that OpenSSL can read; give the "
                "authorities in PEM"
            ) from None
    context.verify_mode = _VERIFY_MODES[cert_reqs]


def _read(setting: str, path: str) -> bytes:
    """Return the file's bytes: OpenSSL's own error would not say which of the files it was."""
    try:
        with open(path, "rb") as file:
            return file.read(_MOST)
    except PermissionError:
        who = f" (uid {os.geteuid()})" if hasattr(os, "geteuid") else ""
        raise TlsError(
            f"{setting}: no permission to read {path}; let the user who starts the server{who} "
            "read it"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TlsError(f"{setting}: cannot read {path}: {reason}; correct the path") from None


def _from_factory(factory: str | Callable[..., object], settings: Settings) -> ssl.SSLContext:
    if isinstance(factory, str):
        name, function = factory, _resolve(factory, settings)
    else:
        name, function = getattr(factory, "__qualname__", "the function"), factory
    try:
        context = function()
    except Exception as error:
        raise TlsError(f"ssl_context: {name} failed: {_one_line(error)}") from error
    if not isinstance(context, ssl.SSLContext):
        kind = type(context).__name__
        raise TlsError(f"ssl_context: {name} returned {kind}, not an ssl.SSLContext")
    if context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        raise TlsError(
            f"ssl_context: {name} returned a context for clients; make it with "
            "ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)"
        )
    return context


def _resolve(reference: str, settings: Settings) -> Callable[..., object]:
    """Import the function from where the application is imported from."""
    try:
        set_search_path(settings.chdir, settings.pythonpath)
        found = load_object(reference)
    except LoadError as error:
        lines = error.message.splitlines()
        # Where a traceback stands between them, the last line says what happened.
        text = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1].strip()}"
        raise TlsError(f"ssl_context: {text}") from error
    if not callable(found):
        raise TlsError(
            f"ssl_context: {reference} is of type {type(found).__name__}, not a function"
        )
    return found


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
