"""URLs, IRIs and query strings, beside Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import urls as theirs
from werkzeug.datastructures import MultiDict as TheirMultiDict
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from dovetail.data import urls as ours
from dovetail.data.multidict import MultiDict

ESCAPES = st.one_of(
    st.integers(0, 255).map("%{:02X}".format), st.integers(0, 255).map("%{:02x}".format)
)
TEXT = st.lists(
    st.one_of(
        ESCAPES,
        st.characters(max_codepoint=0x7F),
        st.sampled_from(["é", "☃", "%C3%A9", "%E2%98%83", "%", "%zz", "\u3000", "\x80", "\ud800"]),
    ),
    max_size=8,
).map("".join)
HOSTS = st.sampled_from(
    [
        *("example.com", "EX.com", "☃.net", "xn--n3h.net", "[::1]", "localhost", "é.é", "ß.de", ""),
        *("a..b", "x" * 64, "127.0.0.1", "\uff11.com", "a_b", "h.", "[v1.x]", "[", "XN--N3H.net"),
    ]
)
URLS = st.builds(
    lambda scheme, user, host, port, path, query, fragment: (
        f"{scheme}{user}{host}{port}{path}{query}{fragment}"
    ),
    st.sampled_from(["http://", "https://", "//", "HTTP://", "foo://", "itms-services://", ""]),
    st.one_of(st.just(""), st.builds("{}@".format, TEXT), st.builds("{}:{}@".format, TEXT, TEXT)),
    HOSTS,
    st.sampled_from(["", ":80", ":8080", ":0", ":080", ":", ":99999", ":x"]),
    st.one_of(st.sampled_from(["", "/", "//"]), TEXT.map("/{}".format)),
    st.one_of(st.just(""), st.just("?"), TEXT.map("?{}".format)),
    st.one_of(st.just(""), st.just("#"), TEXT.map("#{}".format)),
)


def result(call: Callable[[str], str], url: str) -> tuple[str, str]:
    """What a call came to; which of several errors of a URL is raised is left open."""
    kind, value = outcome(call, url)
    return kind, "ValueError" if kind == "raised" and value.startswith("Unicode") else value


@given(st.one_of(URLS, TEXT, st.text(max_size=20)))
def test_iri_to_uri(url: str) -> None:
    assert result(ours.iri_to_uri, url) == result(theirs.iri_to_uri, url)


PLAIN = st.text("aZ09-._~%!$&'()*+,/:;=?@#", max_size=12)


@given(
    st.sampled_from(["", "http://example.com", "https://a-b.c:8080", "http://h:1", "http://h:0"]),
    st.sampled_from(["", "/", "?", "#"]),
    PLAIN,
)
def test_iri_to_uri_with_nothing_to_do(host: str, delimiter: str, rest: str) -> None:
    url = f"{host}{delimiter}{rest}"
    assert outcome(ours.iri_to_uri, url) == outcome(theirs.iri_to_uri, url)


@given(st.one_of(URLS, TEXT, st.text(max_size=20)))
def test_uri_to_iri(url: str) -> None:
    theirs_outcome = outcome(theirs.uri_to_iri, url)
    if theirs_outcome == ("raised", "UnicodeError") and outcome(urlsplit, url)[0] == "returned":
        return  # a host that is no valid IDNA: ours keeps it
    assert outcome(ours.uri_to_iri, url) == theirs_outcome


@pytest.mark.parametrize(
    "template", ["http://h/%s", "?%s", "#%s", "http://a%s@h/", "http://u:%s@h/", "a%s", "//%s/"]
)
def test_every_character(template: str) -> None:
    for code in range(0x180):
        for character in (chr(code), f"%{code % 256:02X}", f"%{code % 256:02x}"):
            url = template % character
            for name in ("iri_to_uri", "uri_to_iri"):
                mine = outcome(getattr(ours, name), url)
                assert mine == outcome(getattr(theirs, name), url), url


QUERY = st.lists(
    st.one_of(
        ESCAPES,
        st.sampled_from(
            [*"&=+;%?/ab", "a=b", "&c=d", "é", "%C3%A9", "%zz", "%ED%A0%80", "☃", "\n"]
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
).map("".join)


def their_query(query: str) -> list[tuple[str, str]]:
    environ = {"QUERY_STRING": query.encode().decode("latin-1"), "wsgi.url_scheme": "http"}
    return list(Request(environ).args.items(multi=True))


@given(QUERY)
def test_parse_query(query: str) -> None:
    found = sorted(their_query(query))  # theirs come out grouped by key
    assert sorted(ours.parse_query(query)) == found
    assert sorted(ours.parse_query(query.encode())) == found


VALUES = st.one_of(
    st.none(), st.text(max_size=5), st.integers(), st.booleans(), st.binary(max_size=3), st.floats()
)
QUERIES = st.dictionaries(
    st.one_of(st.text(max_size=4), st.integers()),
    st.one_of(VALUES, st.lists(VALUES, max_size=3), st.tuples(VALUES, VALUES)),
    max_size=4,
)


def their_urlencode(query: Any) -> Any:
    return EnvironBuilder(query_string=query).query_string


@given(QUERIES)
def test_urlencode(query: dict[Any, Any]) -> None:
    assert outcome(ours.urlencode, query) == outcome(their_urlencode, query)


@given(st.lists(st.tuples(st.text(max_size=4), VALUES), max_size=5))
def test_urlencode_multidict(pairs: list[tuple[str, Any]]) -> None:
    theirs_outcome = outcome(their_urlencode, TheirMultiDict(pairs))
    assert outcome(ours.urlencode, MultiDict(pairs)) == theirs_outcome


def test_urlencode_every_character() -> None:
    for code in range(0x180):
        query = {f"k{chr(code)}": f"v{chr(code)}"}
        assert ours.urlencode(query) == their_urlencode(query)
