"""Hosts and the URL of a request, beside Werkzeug's."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.sansio import utils as theirs

from dovetail.data import hosts as ours

NAMES = st.sampled_from(
    [
        *("example.com", "a.example.com", ".example.com", "EXAMPLE.com", "xexample.com", "a_b", ""),
        *(
            "é.com",
            "xn--9ca.com",
            ".é.com",
            "127.0.0.1",
            "localhost",
            "a..b",
            "-a",
            ".",
            "a b",
            "*",
        ),
        *("a/b", "u@a", "a.", "com", ".com", "example.com.", "ß.de", "a,b", "a\nb", "a\x00"),
    ]
)
ADDRESSES = st.sampled_from(
    [
        "[::1]",
        "::1",
        "[fe80::1%eth0]",
        "[::ffff:1.2.3.4]",
        "[]",
        "[1.2.3.4]",
        "[:::]",
        "[::1",
        "[v1.x]",
    ]
)
PORTS = st.sampled_from(
    ["", ":80", ":443", ":8080", ":", ":0", ":080", ":65535", ":65536", ":x", ":80:80"]
)
HOSTS = st.one_of(
    st.builds("{}{}".format, st.one_of(NAMES, ADDRESSES), PORTS),
    st.text("ab.:[]-_80é", max_size=8),
    st.text(max_size=8),
)
NAMED_HOSTS = st.one_of(st.none(), st.builds("{}{}".format, NAMES, PORTS))
TRUSTED = st.one_of(st.none(), st.lists(st.builds("{}{}".format, NAMES, PORTS), max_size=3))
SERVERS = st.one_of(
    st.none(),
    st.tuples(
        st.one_of(NAMES, ADDRESSES, st.just("/run/x.sock")),
        st.sampled_from([None, 80, 443, 8080, 0, 65536]),
    ),
)
SCHEMES = st.sampled_from(["http", "https", "ws", "wss", "HTTP", "ftp"])


def is_malformed(host: object) -> bool:
    """Tell whether a host is an IPv6 address in shape only: theirs lets some pass."""
    if not isinstance(host, str) or not host.startswith("["):
        return False
    try:
        IPv6Address(host[1:].partition("]")[0])
    except ValueError:
        return True
    return False


def same(name: str, *args: object) -> None:
    theirs_outcome = outcome(getattr(theirs, name), *args)
    if theirs_outcome == ("raised", "UnicodeError"):
        return  # a name that is no valid IDNA: ours does not raise
    if name == "get_host" and is_malformed(theirs_outcome[1]):
        theirs_outcome = "returned", ""
    if name == "host_is_trusted" and is_malformed(args[0]):
        theirs_outcome = "returned", False
    assert outcome(getattr(ours, name), *args) == theirs_outcome


@given(st.one_of(NAMED_HOSTS, HOSTS), TRUSTED)
def test_host_is_trusted(host: str | None, trusted: list[str] | None) -> None:
    same("host_is_trusted", host, trusted)


@pytest.mark.parametrize("trusted", ["example.com", ".example.com", {"example.com"}, ()])
def test_host_is_trusted_by_other_types(trusted: object) -> None:
    for host in ("example.com", "a.example.com", "m"):
        same("host_is_trusted", host, trusted)


@given(SCHEMES, st.one_of(st.none(), HOSTS), SERVERS)
def test_get_host(scheme: str, host: str | None, server: tuple[str, int | None] | None) -> None:
    same("get_host", scheme, host, server)


@given(SCHEMES, NAMED_HOSTS, SERVERS, TRUSTED)
def test_get_trusted_host(
    scheme: str,
    host: str | None,
    server: tuple[str, int | None] | None,
    trusted: list[str] | None,
) -> None:
    same("get_host", scheme, host, server, trusted)


@pytest.mark.parametrize("template", ["a%sb", "%s", "a:8%s", "[:%s:1]"])
def test_get_host_with_every_character(template: str) -> None:
    for code in range(0x180):
        same("get_host", "http", template % chr(code))


TEXT = st.one_of(
    st.lists(
        st.sampled_from([*"/?#[]@!$&'()*+,;=:%|\\^\"<>`{} ~-a", "é", "☃", "%41", "%2F", "%C3%A9"]),
        max_size=8,
    ).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


@given(
    st.sampled_from(["http", "https", "ws", "HTTP", "x"]),
    st.sampled_from(
        [
            "example.com",
            "EX.com:8080",
            "xn--n3h.net",
            "é.com",
            "[::1]:8",
            "h:080",
            "",
            "a b",
            "x:y",
            "[",
        ]
    ),
    st.one_of(st.none(), TEXT.map("/".__add__), TEXT),
    st.one_of(st.none(), TEXT.map("/".__add__), TEXT),
    st.one_of(st.none(), TEXT.map(str.encode), st.binary(max_size=6)),
)
def test_get_current_url(
    scheme: str, host: str, root_path: str | None, path: str | None, query: bytes | None
) -> None:
    same("get_current_url", scheme, host, root_path, path, query)
    same("get_current_url", scheme, host, root_path, path)
    same("get_current_url", scheme, host, root_path)
    same("get_current_url", scheme, host)
