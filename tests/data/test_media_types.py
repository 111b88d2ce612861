"""Media types by name: the same as the standard library's, sooner."""

from __future__ import annotations

import mimetypes

import pytest

from dovetail.data.media_types import guess_media_type


@pytest.mark.parametrize(
    "name",
    [
        *("a.txt", "a.html", "a.JS", "a.tar.gz", "a.svgz", "a.css.br", "noext", ".hidden", ""),
        *(
            "dir.d/a",
            "dir/a.png",
            "http://e.test/a.png",
            "a.",
            "a.unknown",
            "ü.json",
        ),
    ],
)
def test_it_agrees_with_the_library(name: str) -> None:
    assert guess_media_type(name) == mimetypes.guess_type(name)[0]


def test_a_name_is_no_data_url() -> None:
    assert guess_media_type("data:text/html,") is None
    assert guess_media_type("data:text/html,.png") == "image/png"


def test_types_may_be_added() -> None:
    assert guess_media_type("a.dovetail-test") is None
    mimetypes.add_type("x/dovetail", ".dovetail-test")
    assert guess_media_type("a.dovetail-test") == "x/dovetail"
    mimetypes.init()


def test_the_tables_are_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "inited", False)
    assert guess_media_type("a.js") == mimetypes.guess_type("a.js")[0]
    assert mimetypes.inited
