"""Sessions in signed cookies on Flask and on ours: the same cookies, and each reads the other's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from uuid import UUID

import flask
import flask.sessions
import itsdangerous
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from tests.differential.outcome import outcome
from tests.differential.twins import Twins, same

from dovetail.app import sessions as ours
from dovetail.app.application import App
from dovetail.app.json.tag import TaggedJSONSerializer

VALUES = {
    "text": "é\u2028<",
    "tuple": (1, (2.5, None)),
    "bytes": b"\x00\xff",
    "markup": Markup("<b>"),
    "uuid": UUID(int=7),
    "date": datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
    "tagged": {" t": {" di": (1,)}},
    "list": [{"a": (True,)}, []],
    "long": "abc" * 300,
}


def build(flask: Any, config: dict[str, Any] | None = None) -> Any:
    app = flask.Flask("twins")
    app.config.update({"SECRET_KEY": "key", "TESTING": True, **(config or {})})
    session = flask.session

    @app.route("/set/<name>")
    def set_item(name: str) -> str:
        session[name] = VALUES.get(name, name)
        return ""

    @app.route("/permanent")
    def permanent() -> str:
        session.permanent = True
        return ""

    @app.route("/get")
    def get() -> str:
        return repr([(key, session[key]) for key in sorted(session)])

    @app.route("/state")
    def state() -> str:
        return repr((session.new, session.modified, session.accessed, session.permanent, session))

    @app.route("/vary")
    def vary() -> Any:
        session["a"] = 1
        return "", {"Vary": "Accept, cookie"}

    @app.route("/error")
    def error() -> str:
        session["a"] = 1
        raise ValueError

    @app.route("/<any(pop, setdefault, clear, update, popitem, copy, keys, items, get):name>")
    def call(name: str) -> str:
        arguments: dict[str, Any] = {
            "pop": ["a", None],
            "setdefault": ["a", 1],
            "get": ["a"],
            "update": [{"a": 2}],
        }
        return repr(getattr(session, name)(*arguments.get(name, [])))

    app.add_url_rule("/in", "in", lambda: str("a" in session))
    app.add_url_rule("/len", "len", lambda: str(len(session)))
    app.add_url_rule("/bool", "bool", lambda: str(bool(session)))
    app.add_url_rule("/untouched", "untouched", lambda: "")
    return app


CONFIGS: list[dict[str, Any]] = [
    {},
    {"SESSION_REFRESH_EACH_REQUEST": False},
    {
        "SESSION_COOKIE_NAME": "sid",
        "SESSION_COOKIE_DOMAIN": "localhost",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_HTTPONLY": False,
        "SESSION_COOKIE_SAMESITE": "lax",
    },
    {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PARTITIONED": True, "APPLICATION_ROOT": "/a"},
    {"SESSION_COOKIE_DOMAIN": ".localhost", "PERMANENT_SESSION_LIFETIME": 5},
    {"SESSION_COOKIE_SAMESITE": "wrong"},
    # What older applications say for no domain.
    {"SESSION_COOKIE_DOMAIN": False},
    {"SECRET_KEY": None},
    {"SECRET_KEY": b"octets", "SECRET_KEY_FALLBACKS": ["old", b"older"]},
]
WALKS = [
    ["/set/a", "/get", "/untouched", "/in", "/state", "/clear", "/get"],
    ["/permanent", "/untouched", "/set/a", "/get", "/clear", "/untouched"],
    ["/vary", "/state", "/pop", "/state", "/pop"],
    ["/clear", "/len", "/bool", "/setdefault", "/setdefault", "/update", "/popitem"],
    ["/error", "/get", "/copy", "/keys", "/items"],
    [f"/set/{name}" for name in VALUES] + ["/get"],
]


@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_walks(config: dict[str, Any]) -> None:
    twins = Twins(lambda flask: build(flask, {**config, "TESTING": False}))
    for walk in WALKS:
        for path in walk:
            twins.get(path)
        for twin in twins.twins:
            twin.client = twin.app.test_client()


def tampered(cookie: str) -> list[str]:
    payload, stamp, signature = cookie.rsplit(".", 2)
    return [
        "",
        "x",
        cookie[:-1],
        cookie + "x",
        f"{payload}.{stamp}",
        f"{payload}A.{stamp}.{signature}",
        f"{payload}.AAAA.{signature}",
        f".{payload}.{stamp}.{signature}",
        cookie.upper(),
        f'"{cookie}"',
    ]


def test_tampered_cookies() -> None:
    twins = Twins(build)
    twins.get("/set/a")
    cookie = twins.ours.client.get_cookie("session").value
    for value in tampered(cookie):
        for twin in twins.twins:
            twin.client.set_cookie("session", value)
        twins.get("/get")


@pytest.mark.parametrize("payload", [[1], "s", None, [["a", 1]], {}, {" u": "x"}, {" t": [1]}, 5])
def test_signed_but_no_session(payload: Any) -> None:
    twins = Twins(build)

    class Plain:
        dumps = staticmethod(json.dumps)
        loads = staticmethod(json.loads)

    signer = itsdangerous.URLSafeTimedSerializer(
        "key", salt="cookie-session", serializer=Plain, signer_kwargs={"key_derivation": "hmac"}
    )
    with mock.patch.object(itsdangerous.TimestampSigner, "get_timestamp", return_value=17 * 10**8):
        value = signer.dumps(payload)
    for twin in twins.twins:
        twin.client.set_cookie("session", value)
    twins.get("/get")


KEYS = st.one_of(st.text(max_size=8), st.sampled_from([" t", " di", " b", " d", " m", " u", "a"]))
DATA = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
        *(st.binary(), st.uuids(), st.text().map(Markup)),
        st.datetimes(min_value=datetime(1970, 1, 1)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=8,
)

THEIR_APP, OUR_APP = flask.Flask("one"), App("one")
THEIR_APP.secret_key = OUR_APP.secret_key = "key"
THEIRS: Any = flask.sessions.SecureCookieSessionInterface().get_signing_serializer(THEIR_APP)
OURS: Any = ours.SecureCookieSessionInterface().get_signing_serializer(OUR_APP)


@given(st.dictionaries(KEYS, DATA, max_size=4))
def test_each_reads_the_other(data: dict[str, Any]) -> None:
    with mock.patch.object(itsdangerous.TimestampSigner, "get_timestamp", return_value=17 * 10**8):
        with OUR_APP.app_context():
            mine = OURS.dumps(data)
        with THEIR_APP.app_context():
            yours = THEIRS.dumps(data)
            read_by_them = THEIRS.loads(mine, max_age=10)
        with OUR_APP.app_context():
            read_by_us = OURS.loads(yours, max_age=10)
    assert mine == yours
    assert repr(read_by_us) == repr(read_by_them)


@given(DATA)
def test_tags(data: Any) -> None:
    mine, theirs = TaggedJSONSerializer(), flask.sessions.session_json_serializer
    assert mine.tag(data) == theirs.tag(data)
    text = mine.dumps(data)
    assert text == theirs.dumps(data)
    assert repr(mine.loads(text)) == repr(theirs.loads(text))


JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, min_size=1, max_size=2)
    ),
    max_leaves=5,
)


@given(JSON)
def test_untag_anything(value: Any) -> None:
    text = json.dumps(value)
    mine = outcome(TaggedJSONSerializer().loads, text, form=repr)
    theirs = outcome(flask.sessions.session_json_serializer.loads, text, form=repr)
    if theirs != ("raised", "AttributeError"):  # a date that is a number; ours is None
        assert mine == theirs


def test_keys_rotate_from_one_to_the_other() -> None:
    def rotate(flask: Any) -> Any:
        app = build(flask)
        client = app.test_client()
        client.get("/set/a")
        read = []
        for key, fallbacks in [("new", None), ("new", ["key"]), ("new", ["x", "key"]), ("x", [])]:
            app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks)
            read.append(client.get("/in").text)
        return read

    assert same(rotate) == ("returned", ["False", "True", "True", "False"])


def test_null_session() -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("one")
        found = []
        with app.test_request_context():
            for change in (
                lambda: flask.session.update(a=1),
                lambda: flask.session.pop("a"),
                lambda: setattr(flask.session, "permanent", True),
            ):
                with pytest.raises(RuntimeError, match="session is unavailable"):
                    change()
            found += [flask.session.get("a"), len(flask.session), repr(flask.session)]
        return found

    same(act)


def test_session_class() -> None:
    def act(flask: Any) -> Any:
        one = flask.sessions.SecureCookieSession({"a": 1})
        states = [(one.new, one.modified, one.accessed, one.permanent, repr(one))]
        one.permanent = 1
        states.append((one.new, one.modified, one.accessed, one.permanent, repr(one)))
        names = [base.__name__ for base in type(one).__mro__]
        return states, names

    same(act)
