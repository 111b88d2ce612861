"""How a request's query and content are decoded, and within what bounds."""

from __future__ import annotations

import json

import pytest

from dovetail.dev.inspector.parameters import decode_content, decode_form, decode_query

FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="b"'


def part(disposition: str, content: str, *more: str) -> str:
    fields = [f"Content-Disposition: form-data; {disposition}", *more]
    return "\r\n".join(["--b", *fields, "", content, ""])


def test_the_query_is_decoded_in_order() -> None:
    query = decode_query("/path?b=%C3%A4+%26&a=1&a=&flag&b=%FF")
    assert query == [("b", "ä &"), ("a", "1"), ("a", ""), ("flag", ""), ("b", "%FF")]
    assert decode_query("/path") == []


def test_forms_are_decoded() -> None:
    assert decode_form(b"name=Zo%C3%AB&note=two+words", FORM) == [
        ("name", "Zoë"),
        ("note", "two words"),
    ]
    assert decode_form(b"a=1", f"{FORM}; charset=utf-8") == [("a", "1")]
    assert decode_form(b"a=1", "text/plain") == []


def test_forms_of_parts_are_decoded() -> None:
    text = part('name="name"', "Zoë") + part(
        'name="photo"; filename="<me>.png"', "x" * 2048, "Content-Type: image/png"
    )
    assert decode_form(f"{text}--b--\r\n".encode(), MULTIPART) == [
        ("name", "Zoë"),
        ("photo", "file <me>.png, 2,048 octets of image/png"),
    ]


@pytest.mark.parametrize("kind", [MULTIPART, "multipart/form-data", "multipart/mixed; boundary=b"])
def test_what_is_no_form_of_parts_is_not_decoded(kind: str) -> None:
    assert decode_form(b"--x\r\nnothing", kind) == []


def test_too_many_parts_are_not_decoded() -> None:
    text = "".join(part(f'name="n{number}"', "") for number in range(300))
    assert decode_form(f"{text}--b--\r\n".encode(), MULTIPART) == []


def test_parameters_are_bounded() -> None:
    found = decode_form(b"&".join([b"n" * 300 + b"=" + b"v" * 10_000] * 1_000), FORM)
    assert len(found) == 201
    assert found[0] == (
        "n" * 200 + "… (100 more characters)",
        "v" * 500 + "… (9,500 more characters)",
    )
    assert found[-1] == ("…", "800 more")


def test_json_is_indented() -> None:
    assert decode_content('{"a": ["ä"]}'.encode(), "application/json") == (
        '{\n  "a": [\n    "ä"\n  ]\n}'
    )
    assert decode_content(b"[1]", "application/ld+json; charset=utf-8") == "[\n  1\n]"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[1]", "text/plain"),
        (b"[" * 60_000, "application/json"),
        (json.dumps(["x" * 70_000]).encode(), "application/json"),
        # Each number would be on a line that begins with a thousand spaces.
        (b"[" * 500 + b"1," * 20_000 + b"1" + b"]" * 500, "application/json"),
    ],
)
def test_what_is_no_json_or_too_much_is_not_indented(content: bytes, kind: str) -> None:
    assert decode_content(content, kind) == ""
