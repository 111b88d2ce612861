from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.gateway.record import RequestRecord
from dovetail.server.access_log import AccessEntry, FormatError, compile_format, escape

STARTED = 1_793_000_000.25
ENTRY = AccessEntry(
    remote_addr="192.0.2.7",
    remote_port=50_000,
    method="GET",
    target="/a%20b?x=1&y=?",
    protocol="HTTP/1.1",
    status=200,
    response_length=123,
    duration=1.234567,
    started=STARTED,
    request_fields=[
        ("host", "example.org"),
        ("user-agent", "curl/8.0"),
        ("referer", "http://example.org/"),
        ("x-twice", "one"),
        ("x-twice", "two"),
    ],
    response_fields=[("Content-Type", "text/plain")],
    pid=4321,
    environ={"wsgi.url_scheme": "https", "n": 3, "thing": object()},
)


def basic(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.parametrize(
    ("atom", "text"),
    [
        ("h", "192.0.2.7"),
        ("l", "-"),
        ("u", "-"),
        ("r", "GET /a%20b?x=1&y=? HTTP/1.1"),
        ("s", "200"),
        ("m", "GET"),
        ("U", "/a%20b"),
        ("q", "x=1&y=?"),
        ("H", "HTTP/1.1"),
        ("B", "123"),
        ("b", "123"),
        ("f", "http://example.org/"),
        ("a", "curl/8.0"),
        ("T", "1"),
        ("D", "1234567"),
        ("M", "1234"),
        ("L", "1.234567"),
        ("p", "<4321>"),
        ("{user-agent}i", "curl/8.0"),
        ("{User-Agent}i", "curl/8.0"),
        ("{x-twice}i", "one, two"),
        ("{content-type}o", "text/plain"),
        ("{wsgi.url_scheme}e", "https"),
        ("{n}e", "3"),
        ("{thing}e", "-"),
        ("{absent}i", "-"),
        ("{absent}o", "-"),
        ("{absent}e", "-"),
        ("{x}z", "-"),
        ("z", "-"),
        ("", "-"),
        ("{}i", "-"),
        ("route", "-"),
    ],
)
def test_atom(atom: str, text: str) -> None:
    assert compile_format(f'"%({atom})s"')(ENTRY) == f'"{text}"'


def test_time_is_clf_and_made_anew_for_another_second() -> None:
    line = compile_format("%(t)s")
    first, again, later = (line(replace(ENTRY, started=STARTED + more)) for more in (0.0, 0.5, 1.0))
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/2026:\d\d:\d\d:\d\d [+-]\d{4}\]", first)
    assert again == first
    assert later != first
    assert time.strptime(first, "[%d/%b/%Y:%H:%M:%S %z]").tm_sec == int(STARTED) % 60


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a/b?c=/d?e", "/a/b", "c=/d?e"),
        ("/", "/", ""),
        ("http://host:80/a?b://c", "/a", "b://c"),
        ("http://host", "/", ""),
        ("*", "*", ""),
        ("host:443", "host:443", ""),
    ],
)
def test_forms_of_the_target(target: str, path: str, query: str) -> None:
    entry = replace(ENTRY, target=target)
    assert compile_format("%(U)s|%(q)s")(entry) == f"{path}|{query}"


def test_absent_values() -> None:
    entry = replace(
        ENTRY,
        method="",
        target="",
        protocol="",
        response_length=0,
        request_fields=[],
        environ=None,
        remote_addr="",
    )
    line = compile_format('%(h)s "%(r)s" [%(q)s] %(b)s %(B)s %(m)s %(U)s %({n}e)s "%(a)s"')
    assert line(entry) == '- "-" [] - 0 - - - "-"'


def test_default_format_is_the_combined_one() -> None:
    line = compile_format('%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"')(ENTRY)
    assert re.fullmatch(
        r'192\.0\.2\.7 - - \[[^]]+\] "GET /a%20b\?x=1&y=\? HTTP/1\.1" 200 123 '
        r'"http://example\.org/" "curl/8\.0"',
        line,
    )


def test_width_and_percent_sign() -> None:
    line = compile_format("%(m)-6s|%(D)010d|%(s)5d|100%%")
    assert line(ENTRY) == "GET   |0001234567|  200|100%"


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("%", 1, "no atom"),
        ("ab %h", 4, "no atom"),
        ("%(h)s %(h", 7, "no atom"),
        ("%(h)", 1, "no atom"),
        ("%(h)x", 1, "no atom"),
        ("%(h).3s", 1, "no atom"),
        ("%%%", 3, "no atom"),
        ("%(h)s %(h)d", 7, "whole number"),
        ("%(h)s\n%(l)s", 6, "control character"),
        ("\x00", 1, "control character"),
    ],
)
def test_malformed_format_says_where(text: str, column: int, word: str) -> None:
    with pytest.raises(FormatError, match=f"(?s){word}.*column {column}|column {column} .*{word}"):
        compile_format(text)


@pytest.mark.parametrize(
    ("credentials", "user"),
    [
        (basic(b"ann:secret"), "ann"),
        (basic(b"ann:a:b"), "ann"),
        (basic(b"ann:secret").replace("Basic", "bAsIc"), "ann"),
        (basic(b":secret"), ""),
        (basic(b"no colon"), ""),
        ("Basic !!!", ""),
        ("Basic \xe4", ""),
        ("Basic", ""),
        ("Bearer YW5uOng=", ""),
    ],
)
def test_user(credentials: str, user: str) -> None:
    entry = replace(ENTRY, request_fields=[("authorization", credentials)])
    assert entry.user == user
    assert compile_format("%(u)s")(entry) == (user or "-")


def test_what_a_client_sent_cannot_forge_a_field() -> None:
    forged = 'x" 200 5 "\\\r\n127.0.0.1 - - [now] "GET / HTTP/1.1\x00\x1b[2J\x7f\x85\xe4'
    entry = replace(
        ENTRY,
        target="/" + forged,
        request_fields=[
            ("user-agent", forged),
            ("authorization", basic(b"ann - [x]\n:secret")),
        ],
    )
    line = compile_format('%(u)s "%(r)s" "%(a)s" %({user-agent}i)s')(entry)
    assert line.isascii()
    assert line.isprintable()
    user, rest = line.split(" ", 1)
    assert user == r"ann\x20-\x20[x]\x0a"
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
    assert len(quoted) == 2
    assert r"\x0d\x0a" in quoted[0]
    # Outside quotes a space would begin another field.
    assert " " not in rest.rsplit('" ', 1)[1]
    assert quoted[0].count(" ") == 2


def test_escape() -> None:
    assert escape("plain text") == "plain text"
    assert escape("a b", spaces=True) == r"a\x20b"
    assert escape('"\\\t\xff€\U0001f600\ud800') == '\\"' + r"\\\x09\xff\u20ac\U0001f600\ud800"


@given(st.text(), st.binary())
def test_escape_is_printable_and_unambiguous(text: str, credentials: bytes) -> None:
    escaped = escape(text)
    assert escaped.isascii()
    assert escaped == "" or escaped.isprintable()
    assert re.fullmatch(r'(?:[^"\\]|\\.)*', escaped)
    assert escaped.encode().decode("unicode_escape") == text
    entry = replace(ENTRY, request_fields=[("authorization", basic(credentials))])
    assert re.fullmatch(r"[!-~]+", compile_format("%(u)s")(entry))


def test_json() -> None:
    line = compile_format("json")(ENTRY)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-10-26T07:33:20.250Z",
        "remote_addr": "192.0.2.7",
        "remote_port": 50_000,
        "user": None,
        "method": "GET",
        "target": "/a%20b?x=1&y=?",
        "path": "/a%20b",
        "query": "x=1&y=?",
        "route": None,
        "request_id": None,
        "protocol": "HTTP/1.1",
        "host": "example.org",
        "status": 200,
        "response_length": 123,
        "duration_ms": 1234.567,
        "referer": "http://example.org/",
        "user_agent": "curl/8.0",
        "pid": 4321,
    }


@pytest.mark.parametrize(
    ("environ", "route"),
    [
        (None, None),
        ({}, None),
        ({"dovetail.request": object()}, None),
        ({"dovetail.request": RequestRecord()}, None),
        ({"dovetail.request": RequestRecord("/users/<int:id>")}, "/users/<int:id>"),
    ],
)
def test_json_has_the_route(environ: dict[str, object] | None, route: str | None) -> None:
    line = compile_format("json")(replace(ENTRY, environ=environ))
    assert json.loads(line)["route"] == route
    assert compile_format("%(route)s")(replace(ENTRY, environ=environ)) == (route or "-")


def test_id() -> None:
    record = RequestRecord(fields=[("x-request-id", "abc-1")])
    entry = replace(ENTRY, environ={"dovetail.request": record})
    assert compile_format("%(id)s")(entry) == "abc-1"
    assert json.loads(compile_format("json")(entry))["request_id"] == "abc-1"
    assert compile_format("%(id)s")(ENTRY) == "-"


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("Gr\u00fc\u00dfe".encode(), "Gr\u00fc\u00dfe"),
        ("Gr\u00fc\u00dfe".encode("latin-1"), "Gr\u00fc\u00dfe"),
        (b"\xed\xa0\x80", "\xed\xa0\x80"),
        (b'"},\n{"a": "', '"},\n{"a": "'),
    ],
)
def test_json_decodes_wire_text(wire: bytes, text: str) -> None:
    entry = replace(ENTRY, request_fields=[("user-agent", wire.decode("latin-1"))])
    line = compile_format("json")(entry)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["user_agent"] == text


def test_json_has_no_surrogates() -> None:
    entry = replace(ENTRY, remote_addr="/run/\udcff.sock")
    assert json.loads(compile_format("json")(entry))["remote_addr"] == "/run/?.sock"


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_json_is_one_object_a_line(text: str) -> None:
    entry = replace(ENTRY, target=text, request_fields=[("referer", text), ("host", text)])
    line = compile_format("json")(entry)
    assert line.isascii()
    assert "\n" not in line
    assert "\r" not in line
    referer = json.loads(line)["referer"]
    assert (referer or "").encode("utf-8") in {text.encode("utf-8"), text.encode("latin-1")}
