from __future__ import annotations

import pytest

from dovetail.toolkit.content_types import get_content_type


@pytest.mark.parametrize(
    "mimetype",
    [
        "text/html",
        "text/",
        "application/xml",
        "application/xml-dtd",
        "application/xml-external-parsed-entity",
        "application/atom+xml",
        "image/svg+xml",
        "application/javascript",
        "application/ecmascript",
        "application/sql",
        "text/plain; format=flowed",
    ],
)
def test_text_gets_a_charset(mimetype: str) -> None:
    assert get_content_type(mimetype, "utf-8") == f"{mimetype}; charset=utf-8"


@pytest.mark.parametrize("mimetype", ["application/json", "image/png", "", "text", "TEXT/html"])
def test_the_rest_does_not(mimetype: str) -> None:
    assert get_content_type(mimetype, "utf-8") == mimetype


def test_charset_is_taken_as_it_is() -> None:
    assert get_content_type("text/html", "latin-1") == "text/html; charset=latin-1"
