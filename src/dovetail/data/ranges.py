"""Parts of a representation: Range, Content-Range and If-Range (RFC 9110 sections 13 and 14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from dovetail.data.dates import http_date, parse_date
from dovetail.data.etags import quote_etag, unquote_etag
from dovetail.data.fields import decimal_number
from dovetail.http1.grammar import OWS

__all__ = [
    "ContentRange",
    "IfRange",
    "Range",
    "is_byte_range_valid",
    "parse_content_range_header",
    "parse_if_range_header",
    "parse_range_header",
]


def is_byte_range_valid(start: int | None, stop: int | None, length: int | None) -> bool:
    """Tell whether a range starts inside of a representation and is not empty.

    :param start: the first octet; None, as ``stop``, if no range is known.
    :param stop: the octet after the last; it may lie beyond the end.
    :param length: of the representation; None if that is not known.
    """
    if start is None or stop is None:
        return start is stop and (length is None or length >= 0)
    return 0 <= start < stop and (length is None or start < length)


class IfRange:
    """The version of which a client has a part already (RFC 9110 section 13.1.5).

    :param etag: the version's tag, without quotes.
    :param date: when the version was modified last.
    """

    def __init__(self, etag: str | None = None, date: datetime | None = None) -> None:
        self.etag = etag
        self.date = date

    def to_header(self) -> str:
        """Return the value of the header field.

        :raises ValueError: there is a quote in the tag.
        """
        if self.date is not None:
            return http_date(self.date)
        return "" if self.etag is None else quote_etag(self.etag)

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        # A client may have sent a tag that to_header refuses.
        malformed = self.date is None and self.etag is not None and '"' in self.etag
        return f"<{type(self).__name__} {self.etag if malformed else str(self)!r}>"


class Range:
    """The parts that a client asks for.

    :param units: of the positions, ``"bytes"`` nearly always.
    :param ranges: pairs of a start and a stop that is not part of the range. A stop of None means
        the end; then a negative start counts from the end.
    :raises ValueError: a range is empty or has no start.
    """

    def __init__(self, units: str, ranges: Sequence[tuple[int, int | None]]) -> None:
        for start, stop in ranges:
            if start is None or (stop is not None and not 0 <= start < stop):
                raise ValueError(f"({start}, {stop}) is not a valid range")
        self.units = units
        self.ranges = ranges

    def range_for_length(self, length: int | None) -> tuple[int, int] | None:
        """Return start and stop in a representation of ``length`` octets.

        None if the units are others, there are several ranges, the length is not known or the
        range lies outside.
        """
        if self.units != "bytes" or length is None or len(self.ranges) != 1:
            return None
        start, stop = self.ranges[0]
        if stop is None:
            stop = length
            if start < 0:
                # A representation shorter than that is sent whole (RFC 9110 14.1.2).
                start = max(0, start + length)
        if not (0 <= start < stop and start < length):
            return None
        return start, stop if stop < length else length

    def make_content_range(self, length: int | None) -> ContentRange | None:
        """Return the Content-Range of the answer; None as from :meth:`range_for_length`."""
        found = self.range_for_length(length)
        return None if found is None else ContentRange(self.units, found[0], found[1], length)

    def to_header(self) -> str:
        """Return the value of the header field."""
        if len(self.ranges) == 1:
            start, stop = self.ranges[0]
            if stop is not None:  # PERF: nearly always; half as long again by what follows
                return f"{self.units}={start}-{stop - 1}"
        specs = []
        for start, stop in self.ranges:
            if stop is not None:
                specs.append(f"{start}-{stop - 1}")
            else:
                specs.append(f"{start}-" if start >= 0 else str(start))
        return f"{self.units}={','.join(specs)}"

    def to_content_range_header(self, length: int | None) -> str | None:
        """Return the value of Content-Range; None as from :meth:`range_for_length`."""
        found = self.range_for_length(length)
        return None if found is None else f"{self.units} {found[0]}-{found[1] - 1}/{length}"

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self)!r}>"


class ContentRange:
    """Which part of a representation a message carries; false if there is none.

    :param units: of the positions; None for no field at all.
    :param start: the first octet; None, as ``stop``, if no part is carried.
    :param stop: the octet after the last.
    :param length: of the whole representation; None if that is not known.
    :param on_update: is called with this object after each change.
    :raises AssertionError: the range is empty or lies outside.
    """

    def __init__(
        self,
        units: str | None,
        start: int | None,
        stop: int | None,
        length: int | None = None,
        on_update: Callable[[ContentRange], None] | None = None,
    ) -> None:
        self.on_update = on_update
        self.set(start, stop, length, units)

    @property
    def units(self) -> str | None:
        """What the positions count; None for no field at all."""
        return self._units

    @units.setter
    def units(self, value: str | None) -> None:
        self._units = value
        self._changed()

    @property
    def start(self) -> int | None:
        """The first octet, or None."""
        return self._start

    @start.setter
    def start(self, value: int | None) -> None:
        self._start = value
        self._changed()

    @property
    def stop(self) -> int | None:
        """The octet after the last, or None."""
        return self._stop

    @stop.setter
    def stop(self, value: int | None) -> None:
        self._stop = value
        self._changed()

    @property
    def length(self) -> int | None:
        """Octets of the whole representation, None if that is not known."""
        return self._length

    @length.setter
    def length(self, value: int | None) -> None:
        self._length = value
        self._changed()

    def _changed(self) -> None:
        if self.on_update is not None:
            self.on_update(self)

    def set(
        self,
        start: int | None,
        stop: int | None,
        length: int | None = None,
        units: str | None = "bytes",
    ) -> None:
        """Set all four at once.

        :raises AssertionError: the range is empty or lies outside.
        """
        if not is_byte_range_valid(start, stop, length):
            raise AssertionError(f"not a range: {start} to {stop} of {length}")
        self._units = units
        self._start = start
        self._stop = stop
        self._length = length
        if self.on_update is not None:
            self.on_update(self)

    def unset(self) -> None:
        """Set all to None; the field goes away."""
        self.set(None, None, units=None)

    def to_header(self) -> str:
        """Return the value of the header field; empty if the units are None."""
        if self._units is None:
            return ""
        length = "*" if self._length is None else self._length
        if self._start is None or self._stop is None:
            return f"{self._units} */{length}"
        return f"{self._units} {self._start}-{self._stop - 1}/{length}"

    def __bool__(self) -> bool:
        return self._units is not None

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self)!r}>"


def parse_range_header(
    value: str | None,
    make_inclusive: bool = True,  # noqa: ARG001 - documented, and without effect
) -> Range | None:
    """Return what Range asks for; None if it is missing or malformed (RFC 9110 14.1.1).

    The ranges have to be in order and may not overlap, which turns away requests that ask for the
    same octets many times.

    :param make_inclusive: is there for callers that pass it; stops are never inclusive.
    """
    if not value:
        return None
    units, equals, specs = value.partition("=")
    if not equals:
        return None
    ranges = []
    end: int | None = 0  # of the range before; None if it reaches to the end
    for spec in specs.split(","):
        found = None if end is None else _parse_spec(spec.strip(OWS), end)
        if found is None:
            return None
        ranges.append(found)
        end = found[1]
    return Range(units.strip(OWS).lower(), ranges)


def _parse_spec(spec: str, floor: int) -> tuple[int, int | None] | None:
    first, hyphen, last = spec.partition("-")
    if not first:
        suffix = decimal_number(last)
        return (-suffix, None) if suffix else None
    start = decimal_number(first.rstrip(OWS))
    if not hyphen or start is None or start < floor:
        return None
    if not last:
        return start, None
    final = decimal_number(last.lstrip(OWS))
    return None if final is None or final < start else (start, final + 1)


def parse_content_range_header(
    value: str | None, on_update: Callable[[ContentRange], None] | None = None
) -> ContentRange | None:
    """Return which part a message carries; None if the field is missing or malformed."""
    if value is None:
        return None
    units, space, rest = value.strip(OWS).partition(" ")
    span, slash, size = rest.partition("/")
    length = None if size == "*" else decimal_number(size.strip(OWS))
    if not (space and slash) or (length is None and size != "*"):
        return None
    if span == "*":
        return ContentRange(units, None, None, length, on_update)
    first, _, last = span.partition("-")
    start, final = decimal_number(first.strip(OWS)), decimal_number(last.strip(OWS))
    if start is None or final is None or not is_byte_range_valid(start, final + 1, length):
        return None
    return ContentRange(units, start, final + 1, length, on_update)


def parse_if_range_header(value: str | None) -> IfRange:
    """Return the tag or the date of If-Range; neither if the field is missing."""
    if not value:
        return IfRange()
    # PERF: dates are parsed for 1 us before they turn out to be none, but each has white space.
    date = parse_date(value) if len(value.split(None, 1)) > 1 else None
    return IfRange(unquote_etag(value)[0]) if date is None else IfRange(date=date)
