from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.toolkit import security
from dovetail.toolkit.security import (
    DEFAULT_PBKDF2_ITERATIONS,
    SALT_CHARS,
    check_password_hash,
    gen_salt,
    generate_password_hash,
)

CHEAP = ["scrypt:1024:8:1", "pbkdf2:sha256:1", "pbkdf2:sha512:2", "pbkdf2:sha3_256:1"]


def test_the_default_is_scrypt() -> None:
    pwhash = generate_password_hash("secret")
    method, salt, digest = pwhash.split("$")
    assert (method, len(salt), len(digest)) == ("scrypt:32768:8:1", 16, 128)
    assert check_password_hash(pwhash, "secret")
    assert not check_password_hash(pwhash, "Secret")


@pytest.mark.parametrize("method", CHEAP)
def test_methods(method: str) -> None:
    pwhash = generate_password_hash("secret", method, salt_length=4)
    assert pwhash.startswith(f"{method}$")
    assert len(pwhash.split("$")[1]) == 4
    assert check_password_hash(pwhash, "secret")
    assert not check_password_hash(pwhash, "secre")
    assert not check_password_hash(pwhash, "")


def test_defaults_of_pbkdf2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DEFAULT_PBKDF2_ITERATIONS == 1_000_000
    monkeypatch.setattr(security, "DEFAULT_PBKDF2_ITERATIONS", 3)
    for method in ("pbkdf2", "pbkdf2:sha256"):
        pwhash = generate_password_hash("secret", method)
        assert pwhash.startswith("pbkdf2:sha256:3$")
        assert check_password_hash(pwhash, "secret")


def test_known_hashes() -> None:
    pbkdf2 = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 10).hex()
    assert check_password_hash(f"pbkdf2:sha256:10$salt${pbkdf2}", "secret")
    scrypt = hashlib.scrypt(b"secret", salt=b"salt", n=1024, r=8, p=1).hex()
    assert check_password_hash(f"scrypt:1024:8:1$salt${scrypt}", "secret")


# HMAC fills a short key up with zeros, so that NULs at a password's end count for nothing.
passwords = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=50, deadline=None)
@given(passwords, passwords)
def test_only_the_password_verifies(password: str, other: str) -> None:
    pwhash = generate_password_hash(password, "pbkdf2:sha256:1")
    assert check_password_hash(pwhash, password)
    assert check_password_hash(pwhash, other) is (password == other)


def test_the_same_password_twice() -> None:
    method = "pbkdf2:sha256:1"
    assert generate_password_hash("a", method) != generate_password_hash("a", method)


@pytest.mark.parametrize(
    "method",
    [
        *(
            "",
            "plain",
            "md5",
            "sha256",
            "PBKDF2:sha256:1",
            "scrypts",
            "scrypt:1024",
            "scrypt:a:b:c",
        ),
        *("scrypt:1000:8:1", "scrypt:-1:8:1", "scrypt:1024:0:1", "scrypt:1024:8:1:1", "scrypt:"),
        *("scrypt:1024:1000000000000000:1", "scrypt:16777216:8:1", "pbkdf2:sha256:0"),
        *("pbkdf2:sha256:-1", "pbkdf2:sha256:x", "pbkdf2:sha256:1:1", "pbkdf2:nope:1"),
        "pbkdf2:sha256:99999999999999999999",
    ],
)
def test_methods_that_do_not_exist(method: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some of the messages are OpenSSL's
        generate_password_hash("secret", method)
    with pytest.raises(ValueError):  # noqa: PT011
        check_password_hash(f"{method}$salt$hash", "secret")


@pytest.mark.parametrize("pwhash", ["", "$", "x", "a$b", "scrypt", "scrypt:32768:8:1$salt"])
def test_what_is_no_hash(pwhash: str) -> None:
    assert not check_password_hash(pwhash, "secret")


@pytest.mark.parametrize("digest", ["", "é", "\udc80", "A", "a$b"])
def test_hashes_that_cannot_match(digest: str) -> None:
    assert not check_password_hash(f"pbkdf2:sha256:1$salt${digest}", "secret")


def test_the_comparison_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []

    def compare(mine: bytes, given: bytes) -> bool:
        compared.append((len(mine), given))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert check_password_hash("pbkdf2:sha256:1$salt$x", "secret")
    assert compared == [(64, b"x")]


def test_a_password_that_cannot_be_encoded() -> None:
    assert not check_password_hash(generate_password_hash("a", "pbkdf2:sha256:1"), "\ud800")


def test_gen_salt() -> None:
    salt = gen_salt(1000)
    assert len(salt) == 1000
    assert set(salt) <= set(SALT_CHARS)
    assert (len(SALT_CHARS), SALT_CHARS.isalnum()) == (62, True)
    assert len({gen_salt(16) for _ in range(100)}) == 100


@pytest.mark.parametrize("length", [0, -1])
def test_a_salt_has_a_length(length: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        gen_salt(length)
    with pytest.raises(ValueError, match="at least one"):
        generate_password_hash("a", salt_length=length)
