"""Conditional requests: has the client the current version? (RFC 9110 section 13)."""

from __future__ import annotations

from datetime import UTC, datetime
from wsgiref.types import WSGIEnvironment

from dovetail.data.dates import parse_date
from dovetail.data.etags import generate_etag, parse_etags, unquote_etag
from dovetail.data.ranges import IfRange, parse_if_range_header

__all__ = ["is_modified", "is_resource_modified"]


def is_modified(  # noqa: PLR0917 - the documented signature
    http_range: str | None = None,
    http_if_range: str | None = None,
    http_if_modified_since: str | None = None,
    http_if_none_match: str | None = None,
    http_if_match: str | None = None,
    etag: str | None = None,
    data: bytes | None = None,
    last_modified: datetime | str | None = None,
    ignore_if_range: bool = True,
) -> bool:
    """Tell whether a response has to be made: False stands for 304, or 412 after If-Match.

    The first five are values of the request's header fields, the others tell of the resource.

    :param etag: as in the header field; quotes may be left out.
    :param data: the content, to make a tag of it.
    :param last_modified: a date, or the value of a header field; UTC if it has no zone.
    :param ignore_if_range: leave If-Range out; it means something only to who sends ranges.
    :raises TypeError: both ``etag`` and ``data`` are given.
    """
    if data is not None:
        if etag is not None:
            raise TypeError("give the data or its etag, not both")
        etag = generate_etag(data)
    if_range = None
    if not ignore_if_range and http_range is not None:
        if_range = parse_if_range_header(http_if_range)
    if etag:
        equal = _has_version(etag, if_range, http_if_none_match, http_if_match)
        if equal is not None:
            return not equal
    since = None if if_range is None else if_range.date
    if since is None and http_if_modified_since:
        since = parse_date(http_if_modified_since)
    return since is None or not _is_older(last_modified, since)


def _has_version(
    etag: str,
    if_range: IfRange | None,
    if_none_match: str | None,
    if_match: str | None,
) -> bool | None:
    """Tell whether tags alone show that no response is needed; None if they don't say."""
    opaque = unquote_etag(etag)[0] or ""
    if if_range is not None and if_range.etag is not None:
        return if_range.etag == opaque
    # RFC 9110 13.2.2: If-Match comes before If-None-Match.
    for value, says_so in ((if_match, False), (if_none_match, True)):
        if value and (tags := parse_etags(value)):
            return says_so is (tags.contains_weak(opaque) if says_so else opaque in tags)
    return None


def _is_older(last_modified: datetime | str | None, date: datetime) -> bool:
    if isinstance(last_modified, str):
        last_modified = parse_date(last_modified)
    if last_modified is None:
        return False
    if last_modified.tzinfo is None:
        last_modified = last_modified.replace(tzinfo=UTC)
    if last_modified.microsecond:  # the header field has no fractions
        last_modified = last_modified.replace(microsecond=0)
    return last_modified <= date


def is_resource_modified(
    environ: WSGIEnvironment,
    etag: str | None = None,
    data: bytes | None = None,
    last_modified: datetime | str | None = None,
    ignore_if_range: bool = True,
) -> bool:
    """Tell whether the request of a WSGI environment needs a response, as :func:`is_modified`."""
    return is_modified(
        environ.get("HTTP_RANGE"),
        environ.get("HTTP_IF_RANGE"),
        environ.get("HTTP_IF_MODIFIED_SINCE"),
        environ.get("HTTP_IF_NONE_MATCH"),
        environ.get("HTTP_IF_MATCH"),
        etag,
        data,
        last_modified,
        ignore_if_range,
    )
