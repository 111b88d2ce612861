from __future__ import annotations

import datetime
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from dovetail.server.settings import Settings
from dovetail.server.tls import TlsError, make_context


@dataclass(frozen=True)
class Pair:
    """A certificate for localhost that signs itself, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, encryption: KeySerializationEncryption | None = None) -> bytes:
        encryption = encryption or NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Pair.make()


@pytest.fixture(scope="module")
def other() -> Pair:
    return Pair.make()


Write = Callable[[str, bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


@dataclass(frozen=True)
class Result:
    """What a handshake came to: each side's error, and the client's view of the connection."""

    server_error: Exception | None
    client_error: Exception | None
    version: str | None
    alpn: str | None


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Result:
    left, right = socket.socketpair()
    errors: list[Exception] = []

    def serve() -> None:
        try:
            with server.wrap_socket(left, server_side=True) as connection:
                connection.sendall(b"!")
        except OSError as error:
            errors.append(error)
        finally:
            left.close()

    left.settimeout(60)
    right.settimeout(60)
    thread = threading.Thread(target=serve)
    thread.start()
    version = alpn = None
    client_error: Exception | None = None
    try:
        with client.wrap_socket(right, server_hostname="localhost") as connection:
            version, alpn = connection.version(), connection.selected_alpn_protocol()
            # TLS 1.3 tells a client only afterwards that its certificate was refused.
            connection.recv(1)
    except OSError as error:
        client_error = error
    finally:
        right.close()
        thread.join()
    return Result(errors[0] if errors else None, client_error, version, alpn)


def client_of(trusted: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trusted.pem().decode())
    return context


def context_of(settings: Settings) -> ssl.SSLContext:
    context = make_context(settings)
    assert context is not None
    return context


def refusal(settings: Settings) -> str:
    with pytest.raises(TlsError) as caught:
        make_context(settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_certificate_no_tls() -> None:
    assert make_context(Settings()) is None


def test_certificate_and_key(pair: Pair, write: Write) -> None:
    context = context_of(
        Settings(certfile=write("c.pem", pair.pem()), keyfile=write("k.pem", pair.key_pem()))
    )
    client = client_of(pair)
    client.set_alpn_protocols(["h2", "http/1.1"])
    result = shake_hands(context, client)
    assert result == Result(None, None, "TLSv1.3", "http/1.1")
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_certificate_and_key_in_one_file(pair: Pair, write: Write) -> None:
    context = context_of(Settings(certfile=write("both.pem", pair.key_pem() + pair.pem())))
    assert shake_hands(context, client_of(pair)).version == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(pair: Pair, write: Write) -> None:
    context = context_of(Settings(certfile=write("both.pem", pair.key_pem() + pair.pem())))
    client = client_of(pair)
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(context, client).version == "TLSv1.2"
    client.set_ciphers("DEFAULT@SECLEVEL=0")
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    result = shake_hands(context, client)
    assert result.version is None
    assert result.server_error is not None


def test_ciphers(pair: Pair, write: Write) -> None:
    bundle = write("both.pem", pair.key_pem() + pair.pem())
    context = context_of(Settings(certfile=bundle, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert {name for name in names if not name.startswith("TLS_")} == {
        "ECDHE-ECDSA-AES128-GCM-SHA256"
    }
    message = refusal(Settings(certfile=bundle, ciphers="NONSENSE"))
    assert message.startswith("ciphers: OpenSSL knows none of 'NONSENSE'; ")


@pytest.mark.parametrize(
    ("cert_reqs", "presented", "accepted"),
    [
        ("none", "other", True),
        ("optional", None, True),
        ("optional", "pair", True),
        ("optional", "other", False),
        ("required", None, False),
        ("required", "pair", True),
        ("required", "other", False),
    ],
)
def test_client_certificates(
    pair: Pair, other: Pair, write: Write, cert_reqs: str, presented: str | None, accepted: bool
) -> None:
    bundle = write("both.pem", pair.key_pem() + pair.pem())
    ca_certs = write("ca.pem", pair.pem())
    context = context_of(Settings(certfile=bundle, ca_certs=ca_certs, cert_reqs=cert_reqs))
    client = client_of(pair)
    if presented is not None:
        shown = {"pair": pair, "other": other}[presented]
        client.load_cert_chain(write("client.pem", shown.key_pem() + shown.pem()))
    result = shake_hands(context, client)
    assert (result.server_error is None) is accepted
    assert (result.client_error is None) is accepted


@pytest.mark.parametrize("name", ["certfile", "keyfile", "ca_certs"])
def test_missing_file(pair: Pair, write: Write, tmp_path: Path, name: str) -> None:
    files = {
        "certfile": write("c.pem", pair.pem()),
        "keyfile": write("k.pem", pair.key_pem()),
        "ca_certs": write("ca.pem", pair.pem()),
    }
    files[name] = str(tmp_path / "gone.pem")
    message = refusal(Settings(cert_reqs="required", **files))  # type: ignore[arg-type]
    assert message == (
        f"{name}: cannot read {tmp_path}/gone.pem: No such file or directory; correct the path"
    )
    files[name] = str(tmp_path)
    message = refusal(Settings(cert_reqs="required", **files))  # type: ignore[arg-type]
    assert message.startswith(f"{name}: cannot read {tmp_path}: Is a directory")


def test_unreadable_key(
    pair: Pair, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certfile, keyfile = write("c.pem", pair.pem()), write("k.pem", pair.key_pem())
    if os.geteuid() == 0:
        # Root reads everything: let the open fail as it does for others.
        real_open = open

        def refuse(path: str, mode: str) -> object:
            if path == keyfile:
                raise PermissionError(13, "Permission denied", path)
            return real_open(path, mode)

        monkeypatch.setattr("builtins.open", refuse)
    else:
        Path(keyfile).chmod(0)
    message = refusal(Settings(certfile=certfile, keyfile=keyfile))
    assert message == (
        f"keyfile: no permission to read {keyfile}; let the user who starts the server "
        f"(uid {os.geteuid()}) read it"
    )


def test_key_of_another_certificate(pair: Pair, other: Pair, write: Write) -> None:
    certfile, keyfile = write("c.pem", pair.pem()), write("k.pem", other.key_pem())
    message = refusal(Settings(certfile=certfile, keyfile=keyfile))
    assert message.startswith(
        f"keyfile: the key in {keyfile} does not belong to the certificate in {certfile}; "
    )


def test_encrypted_key_asks_nobody(pair: Pair, write: Write) -> None:
    certfile = write("c.pem", pair.pem())
    keyfile = write("k.pem", pair.key_pem(BestAvailableEncryption(b"secret")))
    message = refusal(Settings(certfile=certfile, keyfile=keyfile))
    assert message.startswith(f"keyfile: the private key in {keyfile} is encrypted; ")
    assert "openssl pkey" in message


def test_files_that_hold_something_else(pair: Pair, write: Write) -> None:
    pem, key = write("c.pem", pair.pem()), write("k.pem", pair.key_pem())
    der = write("c.der", pair.certificate.public_bytes(Encoding.DER))
    text = write("notes.txt", b"hello")
    cut = write("cut.pem", pair.pem()[:200])
    assert refusal(Settings(certfile=pem)) == (
        f"certfile: {pem} holds no private key; name its file in keyfile"
    )
    assert refusal(Settings(certfile=pem, keyfile=text)) == (
        f"keyfile: {text} holds no private key; give the key in PEM"
    )
    assert refusal(Settings(certfile=der, keyfile=key)).startswith(
        f"certfile: {der} holds no certificate in PEM; if it is in DER, convert it"
    )
    assert refusal(Settings(certfile=key, keyfile=pem)).startswith(
        f"certfile: {key} holds no certificate in PEM"
    )
    assert refusal(Settings(certfile=cut, keyfile=key)).startswith(
        f"certfile: cannot load {cut} with the key {key}: "
    )
    assert refusal(
        Settings(certfile=pem, keyfile=key, ca_certs=text, cert_reqs="required")
    ).startswith(f"ca_certs: {text} holds no certificate that OpenSSL can read")


def test_factory(pair: Pair, write: Write) -> None:
    bundle = write("both.pem", pair.key_pem() + pair.pem())

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bundle)
        # The engine speaks no HTTP/2, whatever the function offers.
        context.set_alpn_protocols(["h2"])
        return context

    client = client_of(pair)
    client.set_alpn_protocols(["h2", "http/1.1"])
    result = shake_hands(context_of(Settings(ssl_context=make)), client)
    assert result == Result(None, None, "TLSv1.3", "http/1.1")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    source = (
        "import ssl\n"
        "value = 3\n"
        "def good():\n    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "def client():\n    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
        "def nothing():\n    pass\n"
        "def broken():\n    raise RuntimeError('no\\ncertificate')\n"
        "def needs(argument):\n    pass\n"
    )
    (tmp_path / "tls_factories.py").write_text(source)
    (tmp_path / "tls_broken.py").write_text("1 / 0\n")
    # Importing a function sets both; this is to have them back afterwards.
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "tls_factories"
    for name in ("tls_factories", "tls_broken"):
        sys.modules.pop(name, None)


def test_factory_by_name(module: str) -> None:
    assert isinstance(make_context(Settings(ssl_context=f"{module}:good")), ssl.SSLContext)


def test_factory_is_found_where_the_application_is(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    monkeypatch.chdir("/")
    settings = Settings(ssl_context=f"{module}:good", chdir=str(tmp_path))
    assert isinstance(make_context(settings), ssl.SSLContext)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("tls_factories:value", "ssl_context: tls_factories:value is of type int, not a function"),
        ("tls_factories:client", "ssl_context: tls_factories:client returned a context for cl"),
        ("tls_factories:nothing", "ssl_context: tls_factories:nothing returned NoneType, not an"),
        (
            "tls_factories:broken",
            "ssl_context: tls_factories:broken failed: RuntimeError: no certificate",
        ),
        ("tls_factories:needs", "ssl_context: tls_factories:needs failed: TypeError: needs() mis"),
        ("tls_factories:goof", "ssl_context: 'tls_factories' ("),
        ("tls_absent_module:make", "ssl_context: there is no module 'tls_absent_module'"),
        (
            "tls_broken:make",
            "ssl_context: importing 'tls_broken' failed: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_factory_that_gives_no_context(module: str, reference: str, message: str) -> None:
    assert refusal(Settings(ssl_context=reference)).startswith(message)
