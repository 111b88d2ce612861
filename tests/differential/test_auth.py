"""Credentials and challenges, beside Werkzeug's."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import datastructures as theirs

from dovetail.data import auth as ours

PIECES = st.sampled_from(
    [
        *(" ", "  ", "\t", "=", "==", ",", ", ", '"', "\\", "a", "a=b", 'realm="x y"', "nc=1", "é"),
        *('qop="auth,auth-int"', "user*=UTF-8''%C3%A9", "dTpw", "dQ==", "Og", "%", "\x0b", ";"),
    ]
)
SCHEMES = st.sampled_from(["Basic", "basic", "BASIC", "Bearer", "Digest", "Foo-bar", "", "é"])
HEADERS = st.one_of(
    st.none(),
    st.builds("{} {}".format, SCHEMES, st.lists(PIECES, max_size=6).map("".join)),
    st.text(max_size=20),
    st.binary(max_size=8).map(lambda text: f"Basic {base64.b64encode(text).decode()}"),
)


def seen(found: Any) -> Any:
    if found is None:
        return None
    return (
        *(found.type, found.token, dict(found.parameters), found.to_header(), str(found)),
        *(repr(found), found.realm, found["nc"], found.get("a", "none"), "qop" in found),
    )


@given(HEADERS)
def test_authorization_from_header(header: str | None) -> None:
    theirs_outcome = outcome(theirs.Authorization.from_header, header, form=seen)
    if theirs_outcome == ("raised", "ValueError"):
        theirs_outcome = ("returned", None)  # Basic that is not even ASCII
    assert outcome(ours.Authorization.from_header, header, form=seen) == theirs_outcome


@given(HEADERS)
def test_www_authenticate_from_header(header: str | None) -> None:
    assert outcome(ours.WWWAuthenticate.from_header, header, form=seen) == outcome(
        theirs.WWWAuthenticate.from_header, header, form=seen
    )


KEYS = st.sampled_from(
    [
        *("realm", "domain", "nonce", "opaque", "qop", "algorithm", "stale", "nc", "username"),
        *("password", "a", "a*", "é"),
    ]
)
DATA = st.one_of(
    st.none(),
    st.dictionaries(KEYS, st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=4),
)
TOKENS = st.one_of(st.none(), st.text(max_size=5))


@given(SCHEMES, DATA, TOKENS)
def test_authorization(scheme: str, data: dict[str, Any] | None, token: str | None) -> None:
    assert outcome(ours.Authorization, scheme, data, token, form=seen) == outcome(
        theirs.Authorization, scheme, data, token, form=seen
    )


@given(SCHEMES, DATA, TOKENS)
def test_www_authenticate(scheme: str, data: dict[str, Any] | None, token: str | None) -> None:
    assert outcome(ours.WWWAuthenticate, scheme, data, token, form=seen) == outcome(
        theirs.WWWAuthenticate, scheme, data, token, form=seen
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["setattr", "setitem", "delattr", "delitem"]),
            st.sampled_from(["realm", "nonce", "a"]),
            st.sampled_from([None, "x", "y z"]),
        ),
        max_size=6,
    )
)
def test_www_authenticate_changes(steps: list[tuple[str, str, str | None]]) -> None:
    told: list[list[str]] = [[], []]
    for kind, record in zip((ours, theirs), told, strict=True):
        challenge = kind.WWWAuthenticate("digest", {"realm": "r"})
        challenge._on_update = lambda found, record=record: record.append(found.to_header())
        for step, key, value in steps:
            if step == "setattr":
                setattr(challenge, key, value)
            elif step == "setitem":
                challenge[key] = value
            elif step == "delattr":
                delattr(challenge, key)
            else:
                del challenge[key]
        record.append(challenge.to_header())
    # How often one change is told is nobody's business, but the last must have been.
    assert told[0][-1] == told[1][-1]
    assert told[0][-2:-1] in ([], told[0][-1:])


ARGUMENTS = st.tuples(SCHEMES, DATA, TOKENS)


@given(ARGUMENTS, ARGUMENTS)
def test_equality(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    for name in ("Authorization", "WWWAuthenticate"):
        mine, peer = getattr(ours, name), getattr(theirs, name)
        assert (mine(*first) == mine(*second)) == (peer(*first) == peer(*second))
        assert mine(*first) == mine(*first)
