from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort

from dovetail.http1.errors import BadRequest
from dovetail.http1.events import TargetForm
from dovetail.http1.target import Target, check_authority, parse_target

FORMS = {
    ("GET", "/"): Target(TargetForm.ORIGIN, "/"),
    ("GET", "/a?b?c"): Target(TargetForm.ORIGIN, "/a", "b?c"),
    ("GET", "//a.test/b"): Target(TargetForm.ORIGIN, "//a.test/b"),
    ("GET", "http://a.test"): Target(TargetForm.ABSOLUTE, "/", "", "a.test"),
    ("GET", "http://a.test?b/c"): Target(TargetForm.ABSOLUTE, "/", "b/c", "a.test"),
    ("POST", "HTTPS://a.test:8/b?c"): Target(TargetForm.ABSOLUTE, "/b", "c", "a.test:8"),
    ("OPTIONS", "*"): Target(TargetForm.ASTERISK),
    ("OPTIONS", "/"): Target(TargetForm.ORIGIN, "/"),
    ("CONNECT", "a.test:443"): Target(TargetForm.AUTHORITY, authority="a.test:443"),
    ("CONNECT", "[::1]:443"): Target(TargetForm.AUTHORITY, authority="[::1]:443"),
}


@pytest.mark.parametrize(("request_line", "expected"), FORMS.items())
def test_forms(request_line: tuple[str, str], expected: Target) -> None:
    assert parse_target(*request_line) == expected


@pytest.mark.parametrize("form", ["/a", "*", "http://a.test/", "a.test:80"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "CONNECT", "options", "connect"])
def test_each_form_only_where_it_is_allowed(method: str, form: str) -> None:
    allowed = {
        "CONNECT": ["a.test:80"],
        "OPTIONS": ["/a", "*", "http://a.test/"],
    }.get(method, ["/a", "http://a.test/"])
    if form in allowed:
        assert parse_target(method, form)
        return
    with pytest.raises(BadRequest):
        parse_target(method, form)


@pytest.mark.parametrize("octet", range(256))
def test_octets_of_a_target(octet: int) -> None:
    """Space never gets here: it parts the request line."""
    target = f"/a{chr(octet)}b"
    # The control characters but HTAB are refused for the whole head at once.
    if octet in range(0x21, 0x7F) and octet != ord("#"):
        assert parse_target("GET", target).form is TargetForm.ORIGIN
    elif octet == 9 or octet == ord("#") or octet >= 0x80:
        with pytest.raises(BadRequest):
            parse_target("GET", target)


@pytest.mark.parametrize("octet", range(256))
def test_octets_of_a_host(octet: int) -> None:
    """Unreserved octets and sub-delims; the colon begins a port, which is digits."""
    name = f"a{chr(octet)}1"
    allowed = "-._~!$&'()*+,;=:"
    if chr(octet) in allowed or (octet < 0x80 and chr(octet).isalnum()):
        check_authority(name)
        return
    with pytest.raises(BadRequest):
        check_authority(name)


# RFC 3986 section 3.2.2, rule by rule.
H16 = "[0-9A-Fa-f]{1,4}"
DEC_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])"
LS32 = rf"(?:{H16}:{H16}|{DEC_OCTET}(?:\.{DEC_OCTET}){{3}})"
IPV6 = "|".join(
    [
        rf"(?:{H16}:){{6}}{LS32}",
        rf"::(?:{H16}:){{5}}{LS32}",
        rf"(?:{H16})?::(?:{H16}:){{4}}{LS32}",
        rf"(?:(?:{H16}:){{0,1}}{H16})?::(?:{H16}:){{3}}{LS32}",
        rf"(?:(?:{H16}:){{0,2}}{H16})?::(?:{H16}:){{2}}{LS32}",
        rf"(?:(?:{H16}:){{0,3}}{H16})?::{H16}:{LS32}",
        rf"(?:(?:{H16}:){{0,4}}{H16})?::{LS32}",
        rf"(?:(?:{H16}:){{0,5}}{H16})?::{H16}",
        rf"(?:(?:{H16}:){{0,6}}{H16})?::",
    ]
)
groups = st.sampled_from(["0", "1", "ffff", "00a0", "12345", "", "g"])
addresses = st.builds(
    str.__add__,
    st.lists(groups, max_size=9).map(":".join),
    st.sampled_from(
        ["", "", ":", "::", ":1.2.3.4", "1.2.3.4", ":1.2.3", ":256.1.1.1", ":01.2.3.4"]
    ),
)


@effort(600)
@given(address=addresses | st.from_regex(rf"\A(?:{IPV6})\Z"))
def test_ipv6_addresses_follow_the_rfc(address: str) -> None:
    if re.fullmatch(IPV6, address):
        check_authority(f"[{address}]")
        check_authority(f"[{address}]:80")
        return
    with pytest.raises(BadRequest):
        check_authority(f"[{address}]")


@pytest.mark.parametrize("port", ["", "0", "80", "65535", "0" * 500, "0" * 500 + "65535"])
def test_ports(port: str) -> None:
    check_authority(f"a.test:{port}")
    check_authority(f"[::1]:{port}")


@pytest.mark.parametrize("port", ["65536", "99999", "0" * 500 + "65536", "9" * 5000, "-1", "8 "])
def test_ports_that_are_none(port: str) -> None:
    with pytest.raises(BadRequest):
        check_authority(f"a.test:{port}")


def test_a_long_host_is_judged_quickly() -> None:
    """No nested repetition in the pattern: this would not come back."""
    with pytest.raises(BadRequest):
        check_authority("a" * 8000 + "%41" * 100 + "\x00")
