from __future__ import annotations

from typing import Any

import pytest
from tests.dev.live import make_own_peer

from dovetail.dev.clients import LOCAL_HOSTS
from dovetail.dev.inspector.admission import Admission
from dovetail.dev.peers import PEER

LOCAL: dict[str, Any] = {
    PEER: make_own_peer(),
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "40000",
    "HTTP_HOST": "127.0.0.1:5000",
    "REQUEST_METHOD": "GET",
    "wsgi.url_scheme": "http",
}


def make(pin: bool | None = None, /, **environ: Any) -> tuple[Admission, dict[str, Any]]:
    trust = None if pin is None else lambda _environ: pin
    return Admission("the secret", LOCAL_HOSTS, trust), LOCAL | environ


@pytest.mark.parametrize(
    "name",
    [
        "FORWARDED",
        "X_FORWARDED_FOR",
        "X_FORWARDED_HOST",
        "X_FORWARDED_ANYTHING",
        "VIA",
        "X_REAL_IP",
    ],
)
def test_what_a_proxy_forwards_is_of_another_machine(name: str) -> None:
    admission, environ = make(**{f"HTTP_{name}": "127.0.0.1"})
    assert "through a proxy" in admission.refusal(environ)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:5000", "app.localhost:5000"])
def test_trusted_hosts(host: str) -> None:
    admission, environ = make(HTTP_HOST=host)
    assert not admission.refusal(environ)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1@evil"])
def test_other_hosts_get_nothing_even_with_the_pin(host: str) -> None:
    admission, environ = make(True, HTTP_HOST=host)
    assert "does not answer for this host" in admission.refusal(environ)


def test_no_host_and_no_list_of_hosts() -> None:
    admission, environ = make()
    admission.trusted_hosts = []
    assert not admission.refusal(environ)
    assert admission.refusal(environ | {"HTTP_HOST": "evil.example"})
    del environ["HTTP_HOST"]
    assert admission.refusal(environ)


@pytest.mark.parametrize(("pin", "allowed"), [(True, True), (False, False), (None, False)])
def test_another_machine_needs_the_pin(pin: bool | None, allowed: bool) -> None:
    admission, environ = make(pin, REMOTE_ADDR="192.0.2.7")
    assert (not admission.refusal(environ)) is allowed


def test_a_pin_that_was_tried_too_often_is_none() -> None:
    admission, environ = make(REMOTE_ADDR="192.0.2.7")
    admission.pin_trust = lambda _environ: None
    refusal = admission.refusal(environ)
    assert "PIN" in refusal
    assert "http://127.0.0.1:" in refusal


def test_pages_of_other_sites_read_nothing_but_links_lead_here() -> None:
    admission, environ = make(HTTP_SEC_FETCH_SITE="cross-site")
    assert admission.refusal(environ)
    link = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}
    assert not admission.refusal(environ | link)
    assert admission.refusal(environ | link | {"HTTP_SEC_FETCH_DEST": "iframe"})
    assert admission.refusal(environ | link | {"REQUEST_METHOD": "POST"})


@pytest.mark.parametrize(
    ("environ", "secret", "allowed"),
    [
        ({}, "the secret", True),
        ({}, "", False),
        ({}, "the secrets", False),
        ({}, "ümlaut", False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, "the secret", True),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, "the secret", False),
        ({"HTTP_ORIGIN": "http://127.0.0.1:5000"}, "the secret", True),
        ({"HTTP_ORIGIN": "http://127.0.0.1:5001"}, "the secret", False),
        ({"HTTP_ORIGIN": "null"}, "the secret", False),
    ],
)
def test_changes_need_the_secret_and_the_same_origin(
    environ: dict[str, str], secret: str, allowed: bool
) -> None:
    admission, whole = make(**environ)
    assert (not admission.objection(whole, secret)) is allowed
