"""Password hashes: ours beside the installed Werkzeug; each checks what the other made."""

from __future__ import annotations

import pytest
import werkzeug.security as theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.toolkit import security as ours

METHODS = ["pbkdf2:sha256:3", "pbkdf2:sha512:2", "pbkdf2:md5:1", "scrypt:1024:8:1", "scrypt:16:8:2"]


@pytest.mark.parametrize("method", ["scrypt", "pbkdf2", *METHODS])
def test_each_checks_what_the_other_made(method: str) -> None:
    for maker, checker in ((ours, theirs), (theirs, ours)):
        pwhash = maker.generate_password_hash("pässword", method)
        assert checker.check_password_hash(pwhash, "pässword")
        assert not checker.check_password_hash(pwhash, "password")


@settings(max_examples=50)
@given(st.sampled_from(METHODS), st.text(max_size=10), st.integers(1, 20))
def test_any_password(method: str, password: str, length: int) -> None:
    for maker, checker in ((ours, theirs), (theirs, ours)):
        pwhash = outcome(maker.generate_password_hash, password, method, length)
        assert pwhash[0] == "returned"
        assert checker.check_password_hash(pwhash[1], password)


parts = st.sampled_from(
    ["", "$", ":", "pbkdf2", "scrypt", "sha256", "1", "16", "8", "x", "salt", "0", "plain", "-1"]
)


@settings(max_examples=300)
@given(st.lists(parts, max_size=9).map("".join))
def test_malformed_hashes(pwhash: str) -> None:
    mine = outcome(ours.check_password_hash, pwhash, "x")
    peer = outcome(theirs.check_password_hash, pwhash, "x")
    # A number below zero is a TypeError there.
    assert mine == peer or (mine, peer[0]) == (("raised", "ValueError"), "raised")


def test_constants() -> None:
    assert ours.SALT_CHARS == theirs.SALT_CHARS
    assert ours.DEFAULT_PBKDF2_ITERATIONS == theirs.DEFAULT_PBKDF2_ITERATIONS
    for length in (-1, 0, 1):
        assert outcome(ours.gen_salt, length, form=len) == outcome(
            theirs.gen_salt, length, form=len
        )
