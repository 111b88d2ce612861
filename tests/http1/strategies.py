"""Streams of requests for Hypothesis: valid ones, damaged ones, and mere fragments of HTTP."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import strategies as st
from tests.http1.cases import ACCEPT, REJECT

__all__ = ["SentRequest", "damaged_streams", "field_lists", "fragments", "pieces", "sent_requests"]

_TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TEXT = [chr(octet) for octet in (*range(0x21, 0x7F), *range(0x80, 0x100))]
_TARGET = [chr(octet) for octet in range(0x21, 0x7F) if octet != ord("#")]
_MEANT = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"}

_FRAGMENTS = [
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x7f"),
    *(b"\x80", b"\x85", b"\xa0", b"\xff", b":", b";", b",", b"=", b'"', b"\\", b"/", b"?", b"#"),
    *(b"@", b"[", b"]", b"%", b"*", b"0", b"1", b"5", b"_", b"+", b"-", b"0x", b"ffff"),
    *(b"GET ", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.0\r\n"),
    *(b"CONNECT a.test:80 HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n", b"http://b.test/", b"https:"),
    *(b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"PRI * HTTP/2.0\r\n"),
    *(b"Host: a.test\r\n", b"Host: [::1]:8\r\n", b"Host:\r\n", b"Host: a@b\r\n", b"Host : a\r\n"),
    *(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: 5, 5\r\n"),
    *(
        b"Content-Length: +5\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 99999999999999999999\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"chunked", b"identity"),
    *(b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding:\r\n", b"Transfer-Encoding"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: upgrade\r\n"),
    *(b"Upgrade: websocket\r\n", b"Expect: 100-continue\r\n", b"Expect: x\r\n", b"X: y\r\n"),
    *(
        b"hello",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\n",
        b"5;a=b\r\n",
        b'5;a="b"\r\n',
        b"00005\r\n",
    ),
    *(b"0\r\nX: y\r\n\r\n", b"\r\n X: y\r\n", b"X : y\r\n", b"X\r\n", b": y\r\n"),
]

#: One small thing that HTTP is made of, or that confuses its parsers.
fragments = st.sampled_from(_FRAGMENTS)

_tokens = st.text(_TCHAR, min_size=1, max_size=8)
_values = st.lists(st.text(_TEXT, min_size=1, max_size=8), max_size=3).map(" ".join)
_white_space = st.text(" \t", max_size=2)
_names = _tokens.filter(lambda name: name.lower() not in _MEANT)

#: Fields that mean nothing to the engine.
field_lists = st.lists(st.tuples(_names, _values), max_size=4)

_hosts = st.builds(
    str.__add__,
    st.sampled_from(["a.test", "127.0.0.1", "[::1]", "[v1.a]", "a%41", "a,b", "[2001:db8::1]"])
    | st.text("abcXYZ019-._~!$&'()*+,;=", min_size=1, max_size=10),
    st.sampled_from(["", ":", ":80", ":65535", ":00"]),
)


@dataclass
class SentRequest:
    """A valid request: what a client means, and its octets."""

    method: str
    target: str
    version: str
    authority: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    keep_alive: bool = True
    raw: bytes = b""


@st.composite
def _field_lines(draw: st.DrawFn, fields: list[tuple[str, str]]) -> bytes:
    lines = [
        f"{name}:{draw(_white_space)}{value}{draw(_white_space)}\r\n" for name, value in fields
    ]
    return "".join(lines).encode("latin-1")


@st.composite
def _extensions(draw: st.DrawFn) -> bytes:
    quoted = st.text([c for c in _TEXT if c not in '"\\'], max_size=5)
    escaped = st.text([*"\t ", *_TEXT], min_size=1, max_size=1)
    text = ""
    for _ in range(draw(st.integers(0, 2))):
        space = [draw(_white_space) for _ in range(4)]
        text += f"{space[0]};{space[1]}{draw(_tokens)}"
        match draw(st.sampled_from(["name", "token", "quoted"])):
            case "token":
                text += f"{space[2]}={space[3]}{draw(_tokens)}"
            case "quoted":
                text += f'{space[2]}={space[3]}"{draw(quoted)}\\{draw(escaped)}"'
    return text.encode("latin-1")


@st.composite
def _chunked(draw: st.DrawFn, body: bytes, trailers: list[tuple[str, str]]) -> bytes:
    raw = b""
    for piece in draw(pieces(body)):
        if piece:
            zeros = "0" * draw(st.integers(0, 3))
            size = draw(st.sampled_from([f"{len(piece):x}", f"{len(piece):X}"]))
            raw += f"{zeros}{size}".encode() + draw(_extensions()) + b"\r\n" + piece + b"\r\n"
    last = b"0" * draw(st.integers(1, 3)) + draw(_extensions()) + b"\r\n"
    return raw + last + draw(_field_lines(trailers)) + b"\r\n"


@st.composite
def _targets(draw: st.DrawFn, host: str) -> tuple[str, str, str]:
    """Draw (method, target, authority)."""
    path = "/" + draw(st.text(_TARGET, max_size=12))
    method = draw(st.sampled_from(["GET", "HEAD", "POST"]) | _tokens.filter("CONNECT".__ne__))
    form = draw(st.sampled_from(["origin", "origin", "absolute", "authority", "asterisk"]))
    if form == "absolute":
        authority = draw(_hosts)
        scheme = draw(st.sampled_from(["http", "https", "HTTP"]))
        target = f"{scheme}://{authority}" + draw(st.sampled_from(["", "?q", path]))
        return method, target, authority
    if form == "authority":
        return "CONNECT", "c.test:443", host
    if form == "asterisk":
        return "OPTIONS", "*", host
    return method, path, host


@st.composite
def sent_requests(draw: st.DrawFn) -> SentRequest:
    """Draw a valid request; it is any mixture of what RFC 9112 allows and we accept."""
    host = draw(_hosts)
    method, target, authority = draw(_targets(host))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]))
    fields = [("Host", host), *draw(field_lists)]
    request = SentRequest(method, target, version, authority, fields)
    request.body = draw(st.binary(max_size=40))
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    if framing == "none" or (framing == "chunked" and version == "HTTP/1.0"):
        request.body = content = b""
    elif framing == "length":
        content = request.body
        fields.append(("Content-Length", f"{len(content)}"))
    else:
        request.trailers = draw(field_lists)
        fields.append(("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"]))))
        content = draw(_chunked(request.body, request.trailers))
    option = draw(st.sampled_from(["", "close", "keep-alive", "x, Keep-Alive"]))
    if option:
        fields.append(("Connection", option))
    request.keep_alive = option != "close" and (version == "HTTP/1.1" or bool(option))
    request.fields = draw(st.permutations(fields))
    line = f"{method} {target} {version}\r\n".encode()
    request.raw = line + draw(_field_lines(request.fields)) + b"\r\n" + content
    return request


@st.composite
def pieces(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    """Draw a way to cut ``raw``; some pieces may be empty."""
    cuts = draw(st.lists(st.integers(0, len(raw)), max_size=8))
    ends = sorted([0, *cuts, len(raw)])
    return [raw[start:stop] for start, stop in itertools.pairwise(ends)]


_SMALL = [case.raw for case in (*ACCEPT, *REJECT) if case.raw and len(case.raw) < 400]


@st.composite
def damaged_streams(draw: st.DrawFn) -> bytes:
    """Draw a request, most often one of the corpus, with one to three things wrong in it."""
    raw = draw(st.sampled_from(_SMALL) | sent_requests().map(lambda request: request.raw))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        stop = min(len(raw), start + draw(st.integers(0, 6)))
        match draw(st.sampled_from(["insert", "insert", "replace", "delete", "twice", "splice"])):
            case "insert":
                raw = raw[:start] + draw(fragments) + raw[start:]
            case "replace":
                raw = raw[:start] + draw(fragments) + raw[stop:]
            case "delete":
                raw = raw[:start] + raw[stop:]
            case "twice":
                raw = raw[:stop] + raw[start:]
            case "splice":
                raw = raw[:start] + draw(st.sampled_from(_SMALL))
    return raw
