from __future__ import annotations

import ipaddress
import ssl
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from dovetail.dev.certificates import (
    generate_adhoc_ssl_context,
    generate_adhoc_ssl_pair,
    is_ssl_error,
    load_ssl_context,
    make_ssl_devcert,
)


def names_of(certificate: x509.Certificate) -> list[object]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [name.value for name in extension.value]


def common_name(certificate: x509.Certificate) -> str | bytes:
    (attribute,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return attribute.value


def test_generate_adhoc_ssl_pair() -> None:
    certificate, key = generate_adhoc_ssl_pair()
    assert key.public_key() == certificate.public_key()
    assert certificate.not_valid_before_utc < datetime.now(UTC) < certificate.not_valid_after_utc
    assert common_name(certificate) == "localhost"
    loopback = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert names_of(certificate) == ["localhost", *loopback]
    certificate.verify_directly_issued_by(certificate)


def test_a_pair_for_a_host() -> None:
    certificate, _ = generate_adhoc_ssl_pair(cn="dev.example")
    assert common_name(certificate) == "dev.example"
    assert names_of(certificate) == ["dev.example"]


def test_generate_adhoc_ssl_context() -> None:
    context = generate_adhoc_ssl_context()
    assert context.protocol is ssl.PROTOCOL_TLS_SERVER
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_make_ssl_devcert(tmp_path: Path) -> None:
    paths = make_ssl_devcert(str(tmp_path / "dev"), host="dev.example")
    assert paths == (str(tmp_path / "dev.crt"), str(tmp_path / "dev.key"))
    certificate = x509.load_pem_x509_certificate(Path(paths[0]).read_bytes())
    assert names_of(certificate) == ["dev.example", "*.dev.example"]
    serialization.load_pem_private_key(Path(paths[1]).read_bytes(), None)
    assert stat.S_IMODE(Path(paths[1]).stat().st_mode) == 0o600
    load_ssl_context(*paths)


def test_an_old_key_file_is_closed_to_others(tmp_path: Path) -> None:
    key = tmp_path / "dev.key"
    key.write_text("old")
    key.chmod(0o644)
    assert make_ssl_devcert(str(tmp_path / "dev"))[1] == str(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in key.read_text()


def test_make_ssl_devcert_by_common_name(tmp_path: Path) -> None:
    path, _ = make_ssl_devcert(str(tmp_path / "dev"), cn="dev.example")
    certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    assert common_name(certificate) == "dev.example"


def test_load_ssl_context(tmp_path: Path) -> None:
    cert, key = make_ssl_devcert(str(tmp_path / "dev"))
    both = tmp_path / "both.pem"
    both.write_bytes(Path(cert).read_bytes() + Path(key).read_bytes())
    assert load_ssl_context(str(both)).protocol is ssl.PROTOCOL_TLS_SERVER
    assert load_ssl_context(cert, key, ssl.PROTOCOL_TLS_SERVER).get_ca_certs() == []
    with pytest.raises(FileNotFoundError, match="missing"):
        load_ssl_context(cert, str(tmp_path / "missing"))
    with pytest.raises(ssl.SSLError):
        load_ssl_context(key, cert)


def test_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(TypeError, match="pip install cryptography"):
        generate_adhoc_ssl_pair()


def test_is_ssl_error() -> None:
    assert is_ssl_error(ssl.SSLError("wrong"))
    assert is_ssl_error(ssl.SSLEOFError())
    assert not is_ssl_error(OSError())
    assert not is_ssl_error()
    try:
        raise ssl.SSLError("wrong")
    except ssl.SSLError:
        assert is_ssl_error()
