"""Secrets in what is kept of a request."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.server.masking import MASK, Mask

FORM = "application/x-www-form-urlencoded"
SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "Cookie",
        "set-cookie",
        "X-Api-Key",
        "x_api_key",
        "apiKey",
        "X-Auth-Token",
        "X-CSRFToken",
        "csrfmiddlewaretoken",
        "newPassword",
        "password_confirm",
        "user[password]",
        "client_secret",
        "PHPSESSID",
    ],
)
def test_secret_names(name: str) -> None:
    assert Mask().is_secret(name)


@pytest.mark.parametrize("name", ["host", "content-type", "user-agent", "name", "q", "pass", ""])
def test_other_names(name: str) -> None:
    assert not Mask().is_secret(name)


def test_names_of_the_user() -> None:
    assert Mask(["Card-Number"]).is_secret("billing.card_number")
    assert Mask(["Card-Number"]).is_secret("cookie")
    assert not Mask(["-"]).is_secret("host")


def test_fields() -> None:
    masked = Mask().fields(
        [
            ("authorization", f"Bearer {SECRET}"),
            ("host", "example.org"),
            ("cookie", f"session={SECRET}"),
            ("referer", f"https://example.org/reset?token={SECRET}&page=2"),
            ("content-type", "multipart/form-data; boundary=abc"),
        ]
    )
    assert masked == [
        ("authorization", MASK),
        ("host", "example.org"),
        ("cookie", MASK),
        ("referer", f"https://example.org/reset?token={MASK}&page=2"),
        ("content-type", "multipart/form-data; boundary=abc"),
    ]


@pytest.mark.parametrize(
    ("target", "masked"),
    [
        ("/path", "/path"),
        ("/token=1?a=b", "/token=1?a=b"),
        (f"/?token={SECRET}", f"/?token={MASK}"),
        (f"/?a=1&to%6ben={SECRET}&b", f"/?a=1&to%6ben={MASK}&b"),
        (f"/?a=1;token={SECRET};{SECRET}&b=2", f"/?a=1;token={MASK}&b=2"),
        (f"/?token={SECRET}?{SECRET}", f"/?token={MASK}"),
        (f"http://a/?password={SECRET}=", f"http://a/?password={MASK}"),
        ("/?a=%ff&b=%", "/?a=%ff&b=%"),
    ],
)
def test_target(target: str, masked: str) -> None:
    assert Mask().target(target) == masked


@pytest.mark.parametrize(
    ("kind", "content", "masked"),
    [
        (FORM, f"a=1&password={SECRET}&b=%20", f"a=1&password={MASK}&b=%20"),
        (FORM, f"password={SECRET}\n{SECRET} é", f"password={MASK}"),
        ("application/json", '{"a":  1}', '{"a":  1}'),
        (
            "application/json",
            f'{{"token": "{SECRET}", "é": [1]}}',
            f'{{"token": "{MASK}", "é": [1]}}',
        ),
        (
            "application/vnd.api+json",
            f'[{{"a": {{"password": {{"old": "{SECRET}"}}}}}}]',
            f'[{{"a": {{"password": "{MASK}"}}}}]',
        ),
        ("text/plain", f'{{"token": "{SECRET}"}}', f'{{"token": "{MASK}"}}'),
        ("text/plain", "the token is told", "the token is told"),
        ("", "", ""),
    ],
)
def test_content(kind: str, content: str, masked: str) -> None:
    done = Mask().content(content.encode(), kind, cut=False)
    assert done == masked.encode()


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """Return the content of a form whose boundary is ``x``."""
    pieces = [
        f"--x\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + value + b"\r\n"
        for name, value in parts
    ]
    return b"".join([*pieces, b"--x--\r\n"])


def test_multipart() -> None:
    binary = bytes(range(256)) + b"\r\n\r\n--y"
    file = 'name="photo"; filename="a.png"'
    content = multipart(("name=a", b"1"), ('name="password"', SECRET.encode()), (file, binary))
    expected = multipart(("name=a", b"1"), ('name="password"', MASK.encode()), (file, binary))
    kind = 'multipart/form-data; boundary="x"'
    assert Mask().content(content, kind, cut=False) == expected
    cut = content[: content.index(SECRET.encode()) + 5]
    done = Mask().content(cut, kind, cut=True)
    assert done is not None
    assert done.endswith(MASK.encode())


def test_multipart_names_that_hide() -> None:
    kind = "multipart/form-data; boundary=x"
    for name in ("name*=utf-8''pass%77ord", 'filename="a"; NAME="password"', "\r\n name=password"):
        content = multipart((name, f"{SECRET}\n--x".encode()))
        done = Mask().content(content, kind, cut=False)
        assert done is not None
        assert SECRET.encode() not in done


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", f'{{"token": "{SECRET}"'),
        ("application/json", f'{{"pass\\u0077ord": "{SECRET}", "password": "\\ud800"}}'),
        ("application/x-ndjson", f'{{"token": "{SECRET}"}}\n{{"token": "{SECRET}"}}'),
        ("application/json", "[" * 100_000 + "token"),
        ("multipart/form-data", f'--x\r\nname="token"\r\n\r\n{SECRET}'),
        ("multipart/form-data; boundary=y", f'--x\r\nname="token"\r\n\r\n{SECRET}'),
    ],
)
def test_what_cannot_be_read_is_withheld(kind: str, content: str) -> None:
    done = Mask().content(content.encode(), kind, cut=False)
    assert done is None or SECRET.encode() not in done


def test_cut_json() -> None:
    assert Mask().content(b'{"token": "abc', "application/json", cut=True) is None
    assert Mask().content(b'{"name": "abc', "application/json", cut=True) == b'{"name": "abc'


def test_text() -> None:
    mask = Mask()
    mask.fields([("cookie", f"theme=dark; session={SECRET}")])
    mask.target("/?password=hunter%202")
    mask.content(b'{"token": "in json"}', "application/json", cut=False)
    text = f"KeyError: {SECRET!r} and hunter 2 and hunter%202, in json, dark, theme"
    assert mask.text(text) == f"KeyError: '{MASK}' and {MASK} and {MASK}, {MASK}, dark, theme"


@given(st.text('abc=;&?,% "tokenpsword', max_size=60), st.text("xyz", min_size=9))
def test_nothing_of_a_pair_is_left(before: str, secret: str) -> None:
    done = Mask().target(f"/?{before}&password={secret}")
    assert secret not in done
    assert done.startswith("/?")
    assert (
        Mask()
        .content(f"{before}&token={secret}".encode(), FORM, cut=False)
        .count(  # type: ignore[union-attr]
            secret.encode()
        )
        == 0
    )


@given(
    st.recursive(
        st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_stays_json(value: object) -> None:
    content = json.dumps(value).encode()
    done = Mask().content(content, "application/json", cut=False)
    assert done is None or done == content or MASK in json.dumps(json.loads(done))


@pytest.mark.parametrize(
    "piece", ["=", "a", "a=", ";", "&", "?", "\r\n", "\n--x", "--x", "[", '{"a":']
)
def test_long_input_takes_its_length(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    # The square of the length would be minutes.
    mask = Mask()
    assert mask.fields([("referer", "a=" + text)])[0][1].startswith("a=")
    assert mask.target("/?" + text).startswith("/?")
    for kind in (FORM, "application/json", "multipart/form-data; boundary=x"):
        assert mask.content(text.encode(), kind, cut=False) == text.encode()


def test_texts_within_a_secret_value_are_masked_elsewhere_but_no_truth_value() -> None:
    mask = Mask()
    content = b'{"credentials": {"user": "bob", "key": ["hunter22"]}, "csrf_enabled": true}'
    assert b"hunter22" not in (mask.content(content, "application/json", cut=False) or b"hunter22")
    assert mask.text("{'key': ['hunter22'], 'debug': true}") == (
        f"{{'key': ['{MASK}'], 'debug': true}}"
    )


def test_a_text_is_withheld_if_there_are_too_many_secrets_to_look_for() -> None:
    mask = Mask()
    mask.fields([("cookie", "; ".join(f"name{number}=value-{number}" for number in range(400)))])
    assert mask.text("it was value-399") == f"it was {MASK}"
    mask.content(
        json.dumps({"tokens": [f"t-{number}" for number in range(2_000)]}).encode(),
        "application/json",
        cut=False,
    )
    for text in ("it was value-399", "it was t-1999", "nothing"):
        assert mask.text(text).startswith("[withheld: ")
    assert not mask.text("")


@pytest.mark.parametrize("password", ["hunter2secret", "pässwörd:1", "a\\\\b'c"])
def test_the_password_in_basic_credentials_is_masked_in_texts(password: str) -> None:
    mask = Mask()
    credentials = b64encode(f"joe:{password}".encode()).decode()
    mask.fields([("Authorization", f"BASIC {credentials}")])
    assert mask.text(f"bad password {password} of joe") == f"bad password {MASK} of joe"
    assert mask.text(f"bad password {password!r} of joe").count(MASK) == 1


@pytest.mark.parametrize("credentials", ["", "=", "ÿ", "am9l", "!"])
def test_damaged_credentials(credentials: str) -> None:
    fields = [("authorization", f"basic {credentials}")]
    assert Mask().fields(fields) == [("authorization", MASK)]


@pytest.mark.parametrize(
    "secret", ["back\\slash", "two\nlines", "both'and\"", "\x1b[31m", "\u200bx"]
)
def test_secrets_are_masked_as_messages_quote_them(secret: str) -> None:
    mask = Mask()
    mask.content(json.dumps({"password": secret}).encode(), "application/json", cut=False)
    assert mask.text(str(KeyError(secret)))[1:-1] == MASK


def test_of_equal_names_in_json_none_is_kept() -> None:
    content = b'{"password": "one-secret", "password": ""}'
    kept = Mask().content(content, "application/json", cut=False)
    assert kept is not None
    assert json.loads(kept) == {"password": ""}
    assert b"one-secret" not in kept
