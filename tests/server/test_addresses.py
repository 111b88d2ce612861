from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.server.addresses import (
    Address,
    DescriptorAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", TCPAddress("127.0.0.1", 8000)),
        ("localhost:0", TCPAddress("localhost", 0)),
        ("app_1.example.org:65535", TCPAddress("app_1.example.org", 65535)),
        ("example.org", TCPAddress("example.org", 8000)),
        ("10.0.0.1", TCPAddress("10.0.0.1", 8000)),
        (":80", TCPAddress("0.0.0.0", 80)),
        ("[::1]:8000", TCPAddress("::1", 8000)),
        ("[::]", TCPAddress("::", 8000)),
        ("[fe80::1%eth0]:80", TCPAddress("fe80::1%eth0", 80)),
        ("unix:/run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:app.sock", UnixAddress("app.sock")),
        ("unix:///run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:/run/with:colon,", UnixAddress("/run/with:colon,")),
        ("fd://3", DescriptorAddress(3)),
    ],
)
def test_forms(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "allowed are HOST:PORT"),
        (":", "'' is not a port number"),
        ("8000", "allowed are HOST:PORT"),
        ("localhost:", "'' is not a port number"),
        ("localhost:65536", "not a port number"),
        ("localhost:-1", "not a port number"),
        ("localhost:8_0", "not a port number"),
        ("localhost:\u0661", "not a port number"),
        ("localhost: 80", "not a port number"),
        ("::1", r"\[ADDRESS\]:PORT"),
        ("::1:8000", r"\[ADDRESS\]:PORT"),
        ("[::1", r"\[ADDRESS\]:PORT"),
        ("[::1]8000", r"\[ADDRESS\]:PORT"),
        ("[::1]:", "not a port number"),
        ("[127.0.0.1]:80", "not an IPv6 address"),
        ("1.2.3.256:80", "not an IPv4 address"),
        ("127.1:80", "not an IPv4 address"),
        ("ex ample:80", "not a host name"),
        ("-host:80", "not a host name"),
        ("a" * 254, "not a host name"),
        ("http://localhost:80", "unix:PATH"),
        ("/run/app.sock", "unix:PATH"),
        ("unix:", "names no file"),
        ("unix:/run/", "names no file"),
        ("unix:@name", "abstract"),
        ("unix:a\0b", "NUL"),
        ("unix:/" + "x" * 107, "107 bytes"),
        ("fd://", "not a descriptor"),
        ("fd://-1", "not a descriptor"),
        ("fd://99999999999", "not a descriptor"),
        ("fd://2147483648", "not a descriptor"),
    ],
)
def test_what_is_no_address(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_address(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address
