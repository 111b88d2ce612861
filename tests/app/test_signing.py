"""Signed text, beside that of itsdangerous itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from zlib import compress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import BadPayload, BadSignature, SignatureExpired, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes
from itsdangerous.timed import TimestampSigner

from dovetail.app.signing import SigningSerializer, lazy_sha1

NOW = 1_700_000_000


class Compact:
    """JSON as sessions are written."""

    @staticmethod
    def dumps(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    loads = staticmethod(json.loads)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Stop the clock of all signers; what is returned sets it."""

    def set_clock(now: int) -> None:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now)

    set_clock(NOW)
    return set_clock


def pair(
    keys: Any = ("old", "key"), derivation: str = "hmac", digest: Any = lazy_sha1
) -> tuple[SigningSerializer, URLSafeTimedSerializer]:
    """Return ours and itsdangerous' own, made of the same."""
    theirs = URLSafeTimedSerializer(
        list(keys),
        salt="salt",
        serializer=Compact,
        signer_kwargs={"key_derivation": derivation, "digest_method": digest},
    )
    return SigningSerializer(list(keys), "salt", Compact, derivation, digest), theirs


def test_lazy_sha1() -> None:
    assert lazy_sha1(b"x").hexdigest() == hashlib.sha1(b"x").hexdigest()
    assert lazy_sha1().name == "sha1"


@pytest.mark.parametrize("derivation", ["hmac", "concat", "django-concat", "none"])
@pytest.mark.parametrize(
    "digest", [lazy_sha1, hashlib.sha256, lambda data=b"": hashlib.sha512(data)]
)
def test_the_same_text(derivation: str, digest: Any) -> None:
    ours, theirs = pair(derivation=derivation, digest=digest)
    value = {"user": 42, "name": "é"}
    text = ours.dumps(value)
    assert text == theirs.dumps(value)
    assert ours.loads(text, max_age=10) == theirs.loads(text, max_age=10) == value


TEXT = st.one_of(
    st.text(), st.text("ab", max_size=400), st.text("0123456789abcdef", min_size=20, max_size=300)
)


@given(st.one_of(TEXT, st.dictionaries(TEXT, TEXT, max_size=5)))
def test_the_same_text_for_anything(value: Any) -> None:
    ours, theirs = pair()
    text = ours.dumps(value)
    assert text == theirs.dumps(value)
    assert ours.loads(text, max_age=10) == value


@pytest.mark.parametrize("size", [*range(14), 30, 240, 250, 251, 252, 1000])
def test_compresses_what_gets_shorter(size: int) -> None:
    ours, theirs = pair()
    assert ours.dumps("a" * size) == theirs.dumps("a" * size)
    assert ours.dumps("a" * size).startswith(".") == (size >= 12)


def test_the_text_has_the_time(clock: Callable[[int], None]) -> None:
    ours, theirs = pair()
    texts = set()
    for now in (NOW, NOW + 1, NOW + 256):
        clock(now)
        texts.add(ours.dumps(1))
        assert ours.dumps(1) == theirs.dumps(1)
    assert len(texts) == 3


def test_keys_that_were_in_use_before() -> None:
    ours, _ = pair(["oldest", "old", "key"])
    for keys in (["oldest"], ["old"], ["key"]):
        assert ours.loads(pair(keys)[1].dumps(1), max_age=10) == 1
    with pytest.raises(BadSignature):
        ours.loads(pair(["other"])[1].dumps(1), max_age=10)
    assert pair(["key"])[1].loads(ours.dumps(1)) == 1


def test_age(clock: Callable[[int], None]) -> None:
    ours, _ = pair()
    text = ours.dumps(1)
    clock(NOW + 10)
    assert ours.loads(text, max_age=10) == 1
    with pytest.raises(SignatureExpired):
        ours.loads(text, max_age=9)
    assert ours.loads(text) == 1
    clock(NOW - 1)
    with pytest.raises(SignatureExpired):
        ours.loads(text, max_age=10)


def test_what_else_itsdangerous_takes() -> None:
    ours, theirs = pair()
    text = ours.dumps({"a": 1}, salt="other")
    assert text == theirs.dumps({"a": 1}, salt="other") != ours.dumps({"a": 1})
    assert ours.loads(text, max_age=10, salt="other") == {"a": 1}
    value, signed_at = ours.loads(ours.dumps(1), max_age=10, return_timestamp=True)
    assert (value, signed_at.timestamp()) == (1, NOW)
    assert ours.loads(ours.dumps(1).encode(), max_age=10) == 1


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "abc", "a.b.c", "é", "\udcff", "a.b.c.d", "IjEi.ZVP-AA.", "\x00.\x00.\x00"],
)
def test_no_signed_text(text: str) -> None:
    ours, theirs = pair()
    outcomes = []
    for serializer in (ours, theirs):
        with pytest.raises((BadSignature, UnicodeEncodeError)) as caught:
            serializer.loads(text, max_age=10)
        outcomes.append(caught.type)
    assert outcomes[0] is outcomes[1]


def test_every_changed_character_is_noticed() -> None:
    ours, _ = pair()
    text = ours.dumps({"a": 1})
    for position, character in enumerate(text):
        changed = text[:position] + ("A" if character != "A" else "B") + text[position + 1 :]
        # The last character of the signature has bits that are not used.
        if position < len(text) - 1:
            with pytest.raises(BadSignature):
                ours.loads(changed, max_age=10)


@pytest.mark.parametrize("payload", [b"%%%", b".eJw", b"YWJj", b"", b".", b"_w"])
def test_signed_but_not_to_be_read(payload: bytes) -> None:
    ours, theirs = pair()
    text = theirs.make_signer("salt").sign(payload).decode()
    for serializer in (ours, theirs):
        with pytest.raises(BadPayload):
            serializer.loads(text, max_age=10)


def test_a_stamp_that_is_no_time() -> None:
    ours, theirs = pair()
    signer = theirs.make_signer("salt")
    for value in (b"MQ.a", b"MQ", b"MQ.____________"):
        text = f"{value.decode()}.{signer.get_signature(value).decode()}"
        for serializer in (ours, theirs):
            with pytest.raises(BadSignature):
                serializer.loads(text, max_age=10)


def sign(payload: bytes, stamp: bytes) -> bytes:
    """Sign anything with the right key."""
    signer = pair()[1].make_signer("salt")
    value = payload + b"." + stamp
    return value + b"." + signer.get_signature(value)


PAYLOADS = [
    *(
        b"",
        b".",
        b"..",
        b"e30",
        b"e30=",
        b"e30==",
        b"e",
        b"!!",
        b"e30.x",
        b"\xff",
        b"e 30",
        b"e\n30",
    ),
    base64_encode(b"\xff\xfe"),
    base64_encode(b"[" * 100_000),
    *(b"." + base64_encode(data) for data in (b"{}", compress(b"{}"), compress(b"{}")[:-2])),
]
STAMPS = [
    *(b"", b"=", b"A", b"AA==", b"!!", b"\xff", b"ZVPxA", b"ZV PxAA", b"Z\nVPxAA", b"ZVPxAA=="),
    *map(int_to_bytes, (0, NOW - 11, NOW, NOW + 1, 2**33, 253402300800, 2**64 - 1)),
    *(bytes(7) + b"\1", bytes(8) + b"\1", b"\xff" * 9),
]
CHANGES: list[Callable[[str, int, str], str]] = [
    lambda text, at, char: text,
    lambda text, at, char: text[:at],
    lambda text, at, char: text[at:],
    lambda text, at, char: text[:at] + char + text[at:],
    lambda text, at, char: text[:at] + char + text[at + 1 :],
    lambda text, at, char: text[:at] + text[at:].swapcase(),
    lambda text, at, char: text + "=" * (at % 4),
    lambda text, at, char: f"{text}.{text}",
    lambda text, at, char: text.replace(".", "..", 1),
    lambda text, at, char: ".".join(reversed(text.split("."))),
    lambda text, at, char: text.replace("-", "+").replace("_", "/"),
]


def found(call: Callable[[], Any]) -> Any:
    """Return what a call came to."""
    try:
        return call()
    except Exception as error:
        details = getattr(error, "payload", None), getattr(error, "date_signed", None)
        return type(error), str(error), details


@given(
    st.one_of(
        st.builds(sign, st.sampled_from(PAYLOADS), st.sampled_from(STAMPS)),
        st.builds(
            sign,
            st.sampled_from(PAYLOADS),
            st.sampled_from(STAMPS).map(base64_encode),
        ),
        st.builds(sign, st.binary(max_size=9), st.binary(max_size=9)),
        st.sampled_from([("key",), ("old",), ("other",)]).map(
            lambda keys: pair(keys)[1].dumps({"a": 1}).encode()
        ),
        st.binary(max_size=60),
    ),
    st.sampled_from(CHANGES),
    st.integers(0, 80),
    st.sampled_from(list("Aa09-_=+/. \n\0\u00e9\udce9")),
    st.sampled_from([None, -1, 0, 10, 10**12]),
)
@settings(deadline=None)
def test_whatever_somebody_sends(
    signed: bytes,
    change: Callable[[str, int, str], str],
    at: int,
    char: str,
    max_age: int | None,
) -> None:
    ours, theirs = pair()
    text = change(signed.decode("utf-8", "surrogateescape"), at, char)
    expected = found(lambda: theirs.loads(text, max_age=max_age))
    # The second time from what was kept in mind.
    for _ in range(2):
        assert found(lambda: ours.loads(text, max_age=max_age)) == expected


def test_a_serializer_of_octets() -> None:
    class Octets:
        @staticmethod
        def dumps(value: Any) -> bytes:
            return json.dumps(value).encode()

        @staticmethod
        def loads(value: bytes) -> Any:
            assert isinstance(value, bytes)
            return json.loads(value)

    ours = SigningSerializer(["key"], "salt", Octets, "hmac", lazy_sha1)
    text = ours.dumps([1])
    assert ours.loads(text, max_age=10) == [1]


def test_many_texts() -> None:
    # More than a serializer keeps in mind.
    ours, _ = pair()
    texts = [ours.dumps(number) for number in range(600)]
    for _ in range(2):
        assert [ours.loads(text, max_age=10) for text in texts] == list(range(600))


def test_what_was_right_is_checked_for_its_age_again(clock: Callable[[int], None]) -> None:
    ours, _ = pair()
    text = ours.dumps([1])
    first = ours.loads(text, max_age=10)
    first.append(2)
    assert ours.loads(text, max_age=10) == [1]
    clock(NOW + 11)
    with pytest.raises(SignatureExpired):
        ours.loads(text, max_age=10)
