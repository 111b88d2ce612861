from __future__ import annotations

from dovetail.data.statuses import HTTP_STATUS_CODES


def test_the_phrases_that_the_standard_library_spells_otherwise() -> None:
    # Applications compare with these, so they stay as they have long been.
    assert HTTP_STATUS_CODES[203] == "Non Authoritative Information"
    assert HTTP_STATUS_CODES[413] == "Request Entity Too Large"
    assert HTTP_STATUS_CODES[418] == "I'm a teapot"


def test_the_codes() -> None:
    assert len(HTTP_STATUS_CODES) == 64
    assert list(HTTP_STATUS_CODES) == sorted(HTTP_STATUS_CODES)
