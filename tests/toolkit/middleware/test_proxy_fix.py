from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.toolkit.middleware.proxy_fix import ProxyFix

BASE = {
    "REMOTE_ADDR": "10.0.0.1",
    "wsgi.url_scheme": "http",
    "HTTP_HOST": "inner:8080",
    "SERVER_NAME": "inner",
    "SERVER_PORT": "8080",
    "SCRIPT_NAME": "/s",
}


def fixed(headers: dict[str, str], **arguments: int) -> dict[str, Any]:
    """What the middleware changes."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    before = {**BASE, **headers}
    ProxyFix(application, **arguments)(dict(before), None)  # type: ignore[arg-type]
    assert seen.pop("werkzeug.proxy_fix.orig") == {name: before.get(name) for name in BASE}
    return {name: value for name, value in seen.items() if before.get(name) != value}


def x(name: str, value: str) -> dict[str, str]:
    return {f"HTTP_X_FORWARDED_{name.upper()}": value}


def test_defaults() -> None:
    headers = {name: "x" for kind in ("host", "port", "prefix") for name in x(kind, "")}
    assert fixed(headers) == {}
    assert fixed({**x("for", "1.1.1.1"), **x("proto", "https")}) == {
        "REMOTE_ADDR": "1.1.1.1",
        "wsgi.url_scheme": "https",
    }


@pytest.mark.parametrize(
    ("x_for", "expected"), [(0, {}), (1, "2.2.2.2"), (2, "1.1.1.1"), (3, {}), (-1, {})]
)
def test_number_of_proxies(x_for: int, expected: Any) -> None:
    changed = fixed(x("for", "1.1.1.1, 2.2.2.2"), x_for=x_for)
    assert changed == ({"REMOTE_ADDR": expected} if expected else {})


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("h", "h", None),
        ("h:99", "h", "99"),
        ("[::1]", "[::1]", None),
        ("[::1]:99", "[::1]", "99"),
        ("evil, h:99", "h", "99"),
    ],
)
def test_host(host: str, name: str, port: str | None) -> None:
    expected = {"HTTP_HOST": host.rpartition(" ")[2], "SERVER_NAME": name}
    if port is not None:
        expected["SERVER_PORT"] = port
    assert fixed(x("host", host), x_host=1) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("h", "h:99"), ("h:1", "h:99"), ("[::1]", "[::1]:99"), ("[::1]:1", "[::1]:99"), ("", "")],
)
def test_port(host: str, expected: str) -> None:
    changed = fixed({**x("port", "99"), "HTTP_HOST": host}, x_port=1)
    assert changed.pop("HTTP_HOST", "") == expected
    assert changed == {"SERVER_PORT": "99"}


def test_port_after_host() -> None:
    changed = fixed({**x("port", "99"), **x("host", "h:1")}, x_port=1, x_host=1)
    assert changed == {"HTTP_HOST": "h:99", "SERVER_NAME": "h", "SERVER_PORT": "99"}


def test_prefix() -> None:
    assert fixed(x("prefix", "/p"), x_prefix=1) == {"SCRIPT_NAME": "/p"}
    assert fixed(x("prefix", ""), x_prefix=1) == {}


def test_attributes() -> None:
    app: Any = object()
    fix = ProxyFix(app, 1, 2, 3, 4, 5, forwarded=6)
    assert (fix.app, fix.x_for, fix.x_proto, fix.x_host) == (app, 1, 2, 3)
    assert (fix.x_port, fix.x_prefix, fix.forwarded) == (4, 5, 6)


def test_a_client_cannot_hide_behind_the_proxy() -> None:
    """An address that is let in without a password may be that of the proxy."""
    assert fixed(x("for", '", 1.1.1.1')) == {"REMOTE_ADDR": "1.1.1.1"}
    assert fixed({"HTTP_FORWARDED": '", for=1.1.1.1'}, forwarded=1) == {"REMOTE_ADDR": "1.1.1.1"}


def test_forwarded() -> None:
    headers = {"HTTP_FORWARDED": 'for="[2001:DB8::1]:4711";proto=https;host="h:99", for=10.0.0.9'}
    assert fixed(headers) == {}
    assert fixed(headers, forwarded=1) == {"REMOTE_ADDR": "10.0.0.9"}
    assert fixed(headers, forwarded=2) == {
        "REMOTE_ADDR": "2001:db8::1",
        "wsgi.url_scheme": "https",
        "HTTP_HOST": "h:99",
        "SERVER_NAME": "h",
        "SERVER_PORT": "99",
    }
    assert fixed(headers, forwarded=3) == {}


@pytest.mark.parametrize(
    "value",
    [
        *("for=unknown", "for=_hidden", "for=nonsense", 'for="1.2.3.4:99999"', "for=1.2.3.4;for=a"),
        *('for="', "proto=javascript", 'host="a/b"', 'host="a@b"', 'host="a\\"b"', ""),
    ],
)
def test_words_that_cannot_be_used(value: str) -> None:
    assert fixed({"HTTP_FORWARDED": value}, forwarded=1) == {}


def test_forwarded_in_place_of_the_other_fields() -> None:
    # A proxy that sets Forwarded may pass on what a client wrote into X-Forwarded-For.
    headers = {**x("for", "6.6.6.6"), **x("proto", "https"), "HTTP_FORWARDED": "for=unknown"}
    assert fixed(headers, forwarded=1) == {}


@given(st.text(st.sampled_from('fofor=hostproto";,:.[]1 \\')))
def test_nobody_gets_an_address_that_is_none(value: str) -> None:
    changed = fixed({"HTTP_FORWARDED": value}, forwarded=1)
    assert set(changed.get("REMOTE_ADDR", "")) <= set("0123456789abcdef.:")
