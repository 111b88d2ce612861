from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import SecurityError
from dovetail.data.hosts import get_current_url, get_host, host_is_trusted

MALFORMED = [
    *(
        "a b",
        "a/b",
        "a@b",
        "a?b",
        "a#b",
        "a\\b",
        "a,b",
        "a_b",
        "é.com",
        "a\r\nb",
        "a\x00",
        " a",
        "*",
    ),
    *("a:", ":80", "a:b", "a:0", "a:080", "a:65536", "a:80:80", "a:\u0663", "a:-1"),
    *(
        "::1",
        "[::1",
        "[]",
        "[x]",
        "[1.2.3.4]",
        "[:0]",
        "[::1]x",
        "[::1]:",
        "[fe80::1%eth0]",
        "[v1.x]",
    ),
]


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("example.com", ["example.com"]),
        ("example.com:8080", ["example.com"]),
        ("example.com", ["other", "example.com:80"]),
        ("example.com", [".example.com"]),
        ("a.b.example.com", [".example.com"]),
        ("xn--9ca.com", ["é.com"]),
        ("a.xn--9ca.com", [".é.com"]),
        ("example.com", "example.com"),
        ("127.0.0.1", {"127.0.0.1"}),
        ("[::1]", ["[::1]"]),
        ("[::1]:8080", ["[::1]:80"]),
        ("anything", None),
        ("anything", []),
    ],
)
def test_trusted(host: str, trusted: list[str] | None) -> None:
    assert host_is_trusted(host, trusted)
    assert get_host("ftp", host, None, trusted) == host


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("other.com", ["example.com"]),
        ("a.example.com", ["example.com"]),
        ("badexample.com", [".example.com", "xample.com"]),
        ("example.com.evil.org", [".example.com"]),
        ("EXAMPLE.com", ["example.com"]),
        ("a", ["a" * 64 + "é", "é..b", ""]),
        ("[::2]", ["[::1]", "::2"]),
    ],
)
def test_not_trusted(host: str, trusted: list[str]) -> None:
    assert not host_is_trusted(host, trusted)
    with pytest.raises(SecurityError, match="not trusted"):
        get_host("http", host, None, trusted)


@pytest.mark.parametrize("host", MALFORMED)
def test_malformed(host: str) -> None:
    assert not host_is_trusted(host)
    assert not host_is_trusted(host, [host])
    assert get_host("https", host) == ""
    with pytest.raises(SecurityError):
        get_host("https", host, trusted_hosts=[host])


def test_no_host() -> None:
    for host in (None, ""):
        assert not host_is_trusted(host)
        assert get_host("http", host) == ""
    assert get_host("http", None, None, ["example.com"]) == ""


@pytest.mark.parametrize(
    ("scheme", "header", "host"),
    [
        ("http", "example.com", "example.com"),
        ("http", "example.com:80", "example.com"),
        ("ws", "example.com:80", "example.com"),
        ("https", "example.com:443", "example.com"),
        ("wss", "[::1]:443", "[::1]"),
        ("https", "example.com:80", "example.com:80"),
        ("http", "[::1]:8080", "[::1]:8080"),
        ("http", "EXAMPLE.com.:65535", "EXAMPLE.com.:65535"),
    ],
)
def test_get_host(scheme: str, header: str, host: str) -> None:
    assert get_host(scheme, header, ("other", 1)) == host


@pytest.mark.parametrize(
    ("scheme", "server", "host"),
    [
        ("http", ("example.com", 80), "example.com"),
        ("https", ("example.com", 80), "example.com:80"),
        ("http", ("::1", 80), "[::1]"),
        ("http", ("::1", 8080), "[::1]:8080"),
        ("http", ("[::1]", 8080), "[::1]:8080"),
        ("http", ("/run/app.sock", None), ""),
        ("http", ("bad host", 80), ""),
        ("http", None, ""),
    ],
)
def test_get_host_of_the_server(
    scheme: str, server: tuple[str, int | None] | None, host: str
) -> None:
    assert get_host(scheme, None, server) == host


@given(st.text())
def test_get_host_of_whatever(host: str) -> None:
    found = get_host("http", host)
    assert found in {"", host, host.removesuffix(":80")}
    host_is_trusted(host, ["a", ".b"])


@pytest.mark.parametrize("piece", ["a", "a.", "-", "[", ":", "0", "::", "é"])
def test_get_host_of_much(piece: str) -> None:
    for host in (piece * 2**18, f"[{piece * 2**18}]"):
        get_host("http", host)


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("http", "example.com"), "http://example.com/"),
        (("http", "example.com", "/app"), "http://example.com/app/"),
        (("http", "example.com", "/app/", "/x/y"), "http://example.com/app/x/y"),
        (("http", "example.com", "", "/x", b"a=b"), "http://example.com/x?a=b"),
        (("http", "example.com", "/app", "/x", b""), "http://example.com/app/x"),
        (("http", "example.com", None, "/x"), "http://example.com/"),
        (("http", "example.com", "/app", None, b"a=b"), "http://example.com/app/"),
        (("https", "xn--9ca.com:8443", "/é", "/ü"), "https://é.com:8443/é/ü"),
        (("http", "h", "", "/a b?c#d%2Fe"), "http://h/a%20b%3Fc%23d%2Fe"),
        (("http", "h", "", "/", b"q=\xc3\xa9%20%ff&r=#"), "http://h/?q=é%20%FF&r=%23"),
        (("http", "h", "", "/", b"\xff"), "http://h/?%FF"),
        (("http", "h", "", "/\ud800"), "http://h/%ED%A0%80"),
        (("http", "[::1]:8080", "", "/x"), "http://[::1]:8080/x"),
        (("http", "xn--0.com", "", "/x"), "http://xn--0.com/x"),
    ],
)
def test_get_current_url(arguments: tuple[str, str], url: str) -> None:
    assert get_current_url(*arguments) == url
