"""Values of header fields, dates, URLs and file names beside Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from bench.toolkit.rows import Row, compare
from werkzeug import datastructures, http, security, urls, utils

from dovetail import data as our_data

__all__ = ["rows"]

OURS = our_data
THEIRS = SimpleNamespace(
    **vars(datastructures) | vars(http) | vars(urls) | vars(utils) | vars(security)
)

COOKIE = "session=eyJfcGVybWFuZW50Ijp0cnVlfQ.ZxYz; theme=dark; _ga=GA1.2.123456789; lang=en"
DISPOSITION = 'form-data; name="upload"; filename="a name.txt"'
DISPOSITION_UTF8 = "attachment; filename=x.txt; filename*=UTF-8''na%C3%AFve%20file.txt"
MEDIA_TYPES = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
LANGUAGES = "en-US,en;q=0.9,de-DE;q=0.8,de;q=0.7"
CACHING = "public, max-age=3600, stale-while-revalidate=60"
DIGEST = (
    'Digest username="ann", realm="files", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
    'response="6629fae49393a05397450978507c4ef1"'
)
MOMENT = datetime(2024, 5, 17, 11, 30, 5, tzinfo=UTC)
DATE = "Fri, 17 May 2024 11:30:05 GMT"
CONDITION = {
    "REQUEST_METHOD": "GET",
    "HTTP_IF_NONE_MATCH": '"5f3a", W/"abc"',
    "HTTP_IF_MODIFIED_SINCE": DATE,
}
PAGE = b"<p>Some octets of a page.</p>" * 100

Operation = Callable[[Any], Callable[[], object]]


def call(name: str, *arguments: Any, **options: Any) -> Operation:
    """Call a function."""
    return lambda side: partial(getattr(side, name), *arguments, **options)


def dumped(kind: str, *arguments: Any) -> Operation:
    """Dump an object that is there."""
    return lambda side: getattr(side, kind)(*arguments).to_header


def chosen(kind: str, header: str, offers: list[str]) -> Operation:
    """Choose between offers by an Accept field that is parsed."""

    def of(side: Any) -> Callable[[], object]:
        accept = side.parse_accept_header(header, getattr(side, kind))
        return lambda: accept.best_match(offers)

    return of


def read(name: str, header: str, method: str, *arguments: Any) -> Operation:
    """Call a method of what a header is parsed into, which is there."""
    return lambda side: partial(getattr(getattr(side, name)(header), method), *arguments)


def accept(kind: str, header: str) -> Operation:
    return lambda side: partial(side.parse_accept_header, header, getattr(side, kind))


def credentials(kind: str, header: str) -> Operation:
    return lambda side: partial(getattr(side, kind).from_header, header)


def caching(side: Any) -> Callable[[], object]:
    return partial(side.parse_cache_control_header, CACHING, None, side.ResponseCacheControl)


def caching_changed(side: Any) -> Callable[[], object]:
    control = side.ResponseCacheControl()

    def change() -> str:
        control.public = True
        control.max_age = 3600
        text: str = control.to_header()
        return text

    return change


def challenge(side: Any) -> Callable[[], object]:
    return side.WWWAuthenticate("basic", {"realm": "files"}).to_header  # type: ignore[no-any-return]


OPERATIONS: dict[str, Operation] = {
    "parse_cookie": call("parse_cookie", COOKIE),
    "parse_cookie with a quoted value": call("parse_cookie", r'a="b\054c \"d\""; e=f'),
    "dump_cookie": call("dump_cookie", "session", "abc.def", max_age=60, httponly=True),
    "dump_cookie with a quoted value": call("dump_cookie", "note", 'tea, "green"', expires=MOMENT),
    "parse_options_header": call("parse_options_header", DISPOSITION),
    "parse_options_header, media type": call("parse_options_header", "text/html; charset=utf-8"),
    "parse_options_header, UTF-8": call("parse_options_header", DISPOSITION_UTF8),
    "dump_options_header": call(
        "dump_options_header", "form-data", {"name": "upload", "filename": "a name.txt"}
    ),
    "parse_list_header": call("parse_list_header", 'gzip, deflate, "a, b", br'),
    "parse_dict_header": call("parse_dict_header", 'realm="a b", stale=TRUE, qop=auth'),
    "parse_set_header": call("parse_set_header", "Cookie, Accept-Encoding, Origin"),
    "dump_header, list": call("dump_header", ["gzip", "a b", "br"]),
    "dump_header, dict": call("dump_header", {"realm": "a b", "stale": None, "qop": "auth"}),
    "quote_header_value, token": call("quote_header_value", "attachment"),
    "quote_header_value, text": call("quote_header_value", 'a "quoted" text'),
    "unquote_header_value": call("unquote_header_value", r'"a \"quoted\" text"'),
    "parse_accept_header, media types": accept("MIMEAccept", MEDIA_TYPES),
    "parse_accept_header, languages": accept("LanguageAccept", LANGUAGES),
    "parse_accept_header, codings": accept("Accept", "gzip, deflate, br, zstd"),
    "MIMEAccept.best_match": chosen(
        "MIMEAccept", MEDIA_TYPES, ["application/json", "text/html", "text/plain"]
    ),
    "LanguageAccept.best_match": chosen("LanguageAccept", LANGUAGES, ["fr", "de", "en-GB"]),
    "parse_cache_control_header": caching,
    "ResponseCacheControl, changed and dumped": caching_changed,
    "parse_csp_header": call(
        "parse_csp_header", "default-src 'self'; img-src *; object-src 'none'"
    ),
    "parse_etags": call("parse_etags", '"5f3a", W/"abc", "def"'),
    "ETags.contains": read("parse_etags", '"5f3a", W/"abc", "def"', "contains", "def"),
    "quote_etag": call("quote_etag", "5f3a"),
    "unquote_etag": call("unquote_etag", 'W/"5f3a"'),
    "generate_etag": call("generate_etag", PAGE),
    "parse_range_header": call("parse_range_header", "bytes=0-499"),
    "Range.to_header": dumped("Range", "bytes", [(0, 500)]),
    "Range.range_for_length": read("parse_range_header", "bytes=0-499", "range_for_length", 1000),
    "parse_content_range_header": call("parse_content_range_header", "bytes 0-499/1000"),
    "ContentRange.to_header": dumped("ContentRange", "bytes", 0, 500, 1000),
    "parse_if_range_header": call("parse_if_range_header", '"5f3a"'),
    "is_resource_modified, tag": call("is_resource_modified", CONDITION, "abc"),
    "is_resource_modified, date": call(
        "is_resource_modified", CONDITION, None, None, MOMENT, False
    ),
    "http_date": call("http_date", MOMENT),
    "http_date of a number": call("http_date", 1_715_945_405),
    "parse_date": call("parse_date", DATE),
    "parse_age": call("parse_age", "3600"),
    "dump_age": call("dump_age", 3600),
    "Authorization.from_header, basic": credentials("Authorization", "Basic YW5uOnNlY3JldA=="),
    "Authorization.from_header, digest": credentials("Authorization", DIGEST),
    "WWWAuthenticate.to_header": challenge,
    "is_entity_header": call("is_entity_header", "Content-Type"),
    "is_hop_by_hop_header": call("is_hop_by_hop_header", "Content-Type"),
    "iri_to_uri, a path": call("iri_to_uri", "/users/42?page=2"),
    "iri_to_uri, an IRI": call("iri_to_uri", "http://münchen.de/straße/ü?q=ö#ä"),
    "uri_to_iri, a path": call("uri_to_iri", "/users/42?page=2"),
    "uri_to_iri, a URI": call("uri_to_iri", "http://xn--mnchen-3ya.de/stra%C3%9Fe?q=%C3%B6"),
    "secure_filename": call("secure_filename", "My cool movie.mov"),
    "secure_filename, not ASCII": call("secure_filename", "../../Ünï cödé/etc.txt"),
    "safe_join": call("safe_join", "/srv/files", "css/site/main.css"),
}


def rows() -> list[Row]:
    """All rows."""
    return compare(OPERATIONS, OURS, THEIRS)
