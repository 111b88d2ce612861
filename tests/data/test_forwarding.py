from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.forwarding import (
    ForwardedElement,
    Node,
    Origin,
    forwarded_origin,
    parse_forwarded_header,
    parse_node,
    split_port,
    trusted_value,
)

NOTHING = ForwardedElement(None, None, None, None)


@pytest.mark.parametrize(
    ("value", "trusted", "expected"),
    [
        (None, 1, None),
        ("", 1, None),
        ("a", 1, "a"),
        ("a, b", 1, "b"),
        ("a, b", 2, "a"),
        ("a, b", 3, None),
        ("a, b", 0, None),
        ("a, b", -1, None),
        ('"a", "b"', 2, "a"),
        ("a,,b,", 2, "a"),
        # A client's open quote swallows nothing.
        ('", a', 1, "a"),
        ('"x\\, a, ,b', 2, "a"),
        ('", a', 3, None),
    ],
)
def test_trusted_value(value: str | None, trusted: int, expected: str | None) -> None:
    assert trusted_value(value, trusted) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a", ("a", None)),
        ("a:80", ("a", "80")),
        ("[::1]", ("[::1]", None)),
        ("[::1]:80", ("[::1]", "80")),
        ("a:", ("a", "")),
    ],
)
def test_split_port(host: str, expected: tuple[str, str | None]) -> None:
    assert split_port(host) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.43", Node("192.0.2.43", None, True)),
        ("192.0.2.43:47011", Node("192.0.2.43", "47011", True)),
        ("[2001:DB8:cafe::17]", Node("2001:db8:cafe::17", None, True)),
        ("[2001:db8:0::17]:4711", Node("2001:db8::17", "4711", True)),
        ("unknown", Node("unknown", None, False)),
        ("_gazonk", Node("_gazonk", None, False)),
        ("_a:_b", Node("_a", "_b", False)),
    ],
)
def test_parse_node(value: str, expected: Node) -> None:
    assert parse_node(value) == expected
    node = parse_node(value)
    assert node is not None
    assert (node.name, node.port, node.is_address) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", "host.example", "2001:db8::17", "[::1", "[::1]x", "[::g]", "[1.2.3.4]", "1.2.3"),
        *(
            "1.2.3.4:",
            "1.2.3.4:99999",
            "1.2.3.4:x",
            "256.1.1.1",
            "01.2.3.4",
            "\u0661.2.3.4",
            "_",
            "_é",
        ),
        *("1.2.3.4 ", "[fe80::1%eth0]", "unknown2", "127.0.0.1\n"),
    ],
)
def test_parse_malformed_node(value: str) -> None:
    assert parse_node(value) is None


def node(name: str, port: str | None = None) -> Node:
    return Node(name, port, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # The examples of RFC 7239 section 4.
        ('for="_gazonk"', [ForwardedElement(Node("_gazonk", None, False), None, None, None)]),
        (
            'For="[2001:db8:cafe::17]:4711"',
            [ForwardedElement(node("2001:db8:cafe::17", "4711"), None, None, None)],
        ),
        (
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            [ForwardedElement(node("192.0.2.60"), node("203.0.113.43"), None, "http")],
        ),
        (
            "for=192.0.2.43, for=198.51.100.17",
            [
                ForwardedElement(node("192.0.2.43"), None, None, None),
                ForwardedElement(node("198.51.100.17"), None, None, None),
            ],
        ),
        # Everything else.
        ('host="a:80" ; PROTO=HTTPS', [ForwardedElement(None, None, "a:80", "https")]),
        ('host="a\\.example"', [ForwardedElement(None, None, "a.example", None)]),
        ('for="a, b;c"', [NOTHING]),
        ("x=y", [NOTHING]),
        (",, ;, proto=http ,", [ForwardedElement(None, None, None, "http")]),
        ('host="[::1]"', [ForwardedElement(None, None, "[::1]", None)]),
        ('host="a@b";proto=1x', [NOTHING]),
        ("", []),
        (None, []),
    ],
)  # fmt: skip
def test_parse_forwarded_header(value: str | None, expected: list[ForwardedElement]) -> None:
    assert parse_forwarded_header(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(
            "for",
            "for=",
            "=x",
            "for =x",
            "for= x",
            'for="x',
            'for="x"y',
            "for=1.2.3.4:80",
            "for=x y",
        ),
        *("for=a;for=b", "for=a;FOR=b", 'for="\n"', "for=a\r\n", "for=[::1]", "\x0bfor=a", "é=a"),
        ",".join(["for=a"] * 1000),
    ],
)
def test_parse_malformed_forwarded_header(value: str) -> None:
    assert parse_forwarded_header(value) == []
    assert parse_forwarded_header(f"for=192.0.2.1, {value}") == []


def test_forwarded_origin() -> None:
    value = 'for=192.0.2.1;proto=https;host=a.example, for="[2001:db8::1]:80";proto=http'
    assert forwarded_origin(value, 1) == Origin("2001:db8::1", "http")
    assert forwarded_origin(value, 2) == Origin("192.0.2.1", "https", "a.example", None, None)
    for trusted in (0, -1, 3):
        assert forwarded_origin(value, trusted) == Origin()
    assert forwarded_origin(None, 1) == Origin()


@pytest.mark.parametrize(
    "sent", ['"', "x", 'for="', "for=9.9.9.9, =", 'for="9.9.9.9", for="', 'x="\\', "for=a, " * 200]
)
def test_a_client_cannot_take_the_word_from_the_proxies(sent: str) -> None:
    first, second = 'for="[2001:db8::1]";host="a.example"', "for=192.0.2.1;proto=https"
    for between in (", ", ","):
        value = between.join([sent, first, second])
        assert forwarded_origin(value, 1) == Origin("192.0.2.1", "https")
        assert forwarded_origin(value, 2) == Origin("2001:db8::1", None, "a.example")


def test_a_comma_in_a_quoted_string_ends_no_element() -> None:
    value = 'junk, for=192.0.2.1;x="a,for=9.9.9.9;y=\\"z,for=9.9.9.9;y="'
    assert forwarded_origin(value, 1) == Origin("192.0.2.1")
    assert forwarded_origin(value, 2) == Origin()


@pytest.mark.parametrize("value", ["for=unknown", "for=_hidden", "proto=ftp", "for=x", "host=a@b"])
def test_words_that_cannot_be_used(value: str) -> None:
    quoted = value.replace("=", '="') + '"'
    assert forwarded_origin(quoted, 1) == Origin()


def test_the_parts_of_an_origin() -> None:
    origin = Origin("a", "b", "c", "d", "e")
    assert (origin.address, origin.scheme, origin.host) == ("a", "b", "c")
    assert (origin.port, origin.prefix) == ("d", "e")


def test_the_parts_of_an_element() -> None:
    (element,) = parse_forwarded_header("for=1.2.3.4;by=_x;host=h;proto=http")
    assert element.client == node("1.2.3.4")
    assert element.proxy == Node("_x", None, False)
    assert (element.host, element.proto) == ("h", "http")


addresses = st.ip_addresses().map(lambda found: f"[{found}]" if found.version == 6 else str(found))


@given(st.lists(st.tuples(addresses, st.sampled_from(["http", "https"])), min_size=1, max_size=5))
def test_the_last_proxies_count(hops: list[tuple[str, str]]) -> None:
    value = ", ".join(f'for="{address}";proto={scheme}' for address, scheme in hops)
    for trusted in range(1, len(hops) + 1):
        address, scheme = hops[-trusted]
        found = forwarded_origin(value, trusted)
        assert found.scheme == scheme
        assert found.address == parse_node(address).name  # type: ignore[union-attr]


@given(st.text(), st.text(st.sampled_from('for=";,. \t\\[]:1a')))
def test_never_raises(anything: str, likely: str) -> None:
    for value in (anything, likely, f"for=1.2.3.4{likely}"):
        forwarded_origin(value, 1)
        trusted_value(value, 1)
        parse_node(value)


@pytest.mark.parametrize("piece", ["a", 'a="', ";", ",", "a=b;", '"', " ", "a=b,", '\\"'])
def test_parsing_is_linear(piece: str) -> None:
    parse_forwarded_header(piece * 100_000)
    parse_forwarded_header('a="' + piece * 100_000)
