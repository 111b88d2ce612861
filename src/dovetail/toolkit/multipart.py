"""multipart/form-data without I/O (RFC 7578, RFC 2046 section 5.1): octets <-> events.

A delimiter is a line break, two dashes and the boundary. What stands between two of them is a
part: header lines, an empty line, content. The decoder looks for the dashes and the boundary with
``bytes.find``, which runs at the speed of memory, and tries the grammar around them only where
it finds them. What it cannot decide yet it keeps, and that is short: a delimiter that has
begun, a block of header lines.

All results are the same in whatever pieces a body arrives; only the cuts between the
:class:`Data` events of one part depend on them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import cast

from dovetail.data.exceptions import RequestEntityTooLarge
from dovetail.data.header_values import parse_options_header
from dovetail.data.headers import Headers

__all__ = [
    "BLANK_LINE_RE",
    "HEADER_CONTINUATION_RE",
    "LINE_BREAK",
    "LINE_BREAK_RE",
    "NEED_DATA",
    "SEARCH_EXTRA_LENGTH",
    "Data",
    "Epilogue",
    "Event",
    "Field",
    "File",
    "MultipartDecoder",
    "MultipartEncoder",
    "NeedData",
    "Preamble",
    "State",
]


class Event:
    """What the decoder tells and the encoder is told."""


@dataclass(frozen=True)
class Preamble(Event):
    """What precedes the first delimiter; it means nothing."""

    data: bytes


# PERF: an __init__ that fills __dict__ takes 0.2 us, that of a frozen dataclass 0.5 us.
@dataclass(frozen=True, init=False)
class Field(Event):
    """The start of a part that is no file."""

    name: str
    headers: Headers

    def __init__(self, name: str, headers: Headers) -> None:
        attributes = self.__dict__
        attributes["name"] = name
        attributes["headers"] = headers


@dataclass(frozen=True)
class File(Event):
    """The start of a part with a file name, which may be empty."""

    name: str
    filename: str
    headers: Headers


@dataclass(frozen=True, init=False)
class Data(Event):
    """A piece of the content of the part that was started last."""

    data: bytes
    #: False for the last piece.
    more_data: bool

    def __init__(self, data: bytes, more_data: bool) -> None:
        attributes = self.__dict__
        attributes["data"] = data
        attributes["more_data"] = more_data


@dataclass(frozen=True)
class Epilogue(Event):
    """What follows the last delimiter; it means nothing."""

    data: bytes


class NeedData(Event):
    """There is no event before more octets are received."""


#: The one :class:`NeedData`.
NEED_DATA = NeedData()


class State(Enum):
    """What decoder and encoder expect next."""

    PREAMBLE = auto()
    PART = auto()
    DATA = auto()
    DATA_START = auto()
    EPILOGUE = auto()
    COMPLETE = auto()


# PERF: to look up a member in its class takes 60 ns more.
_PREAMBLE = State.PREAMBLE
_DATA = State.DATA
_DATA_START = State.DATA_START
_BEFORE_PART = (State.PART, State.DATA, State.PREAMBLE)

#: A line break: RFC 2046 knows CRLF only; bare LF and bare CR are understood, too.
LINE_BREAK = b"(?:\r\n|\n|\r)"
LINE_BREAK_RE = re.compile(LINE_BREAK, re.MULTILINE)
#: What ends the header lines of a part.
BLANK_LINE_RE = re.compile(b"(?:\r\n\r\n|\r\r|\n\n)", re.MULTILINE)
#: What makes of two lines one header field.
HEADER_CONTINUATION_RE = re.compile(LINE_BREAK + b"[ \t]", re.MULTILINE)
#: Octets of a delimiter besides the boundary, at most: two line breaks and four dashes.
SEARCH_EXTRA_LENGTH = 8

# Octets of white space between a boundary and its line break (RFC 2046: transport-padding). With
# more of them it is no delimiter; without a bound, white space alone could be kept for ever.
_PADDING_BOUND = 64
_PADDING = b"[ \t\f\v]{0,%d}+" % _PADDING_BOUND
# What makes a delimiter of a boundary: the dashes of the last one, or the end of the line.
_ENDING = re.compile(b"(--)|" + _PADDING + LINE_BREAK)
_CLOSED = re.compile(_PADDING + b"(?:" + LINE_BREAK + b")?")
_WHITE = b" \t\f\v"

# Octets of the header lines of one part. Browsers send one line for the names and one for the type.
_HEADERS_BOUND = 64 * 1024

# Candidates for a delimiter that are looked at one by one before the regular expression
# takes over, which is slower on ordinary data and faster on a flood of candidates.
_CANDIDATES = 8

# From this many octets on, all that can be told are: what is kept costs a copy of the next piece.
_LARGE = 4096

# PERF: the header lines that browsers and curl send, with their empty line, in one step: a form of
# 20 fields takes 40 % less time than by way of lines and options.
_USUAL_HEADERS = re.compile(
    rb'Content-Disposition: (form-data; name="([^\x00-\x1f"%\\\x7f]*)"'
    rb'(?:; filename="([^\x00-\x1f"%\\\x7f]*)")?)\r\n'
    rb"(?:Content-Type: ([!-~](?:[ -~]*[!-~])?)\r\n)?\r\n"
)

_CR = 13
_LF = 10


class MultipartDecoder:
    """Makes events of the octets of a multipart body.

    Call :meth:`receive_data` with the octets as they come and with None at their end, and after
    each call :meth:`next_event` until it returns :data:`NEED_DATA` or an :class:`Epilogue`.

    :param boundary: the parameter of the content type, without the dashes in front.
    :param max_form_memory_size: octets that may wait to be understood; None for no bound.
    :param max_parts: how many parts may be in the body; None for no bound.
    """

    def __init__(
        self,
        boundary: bytes,
        max_form_memory_size: int | None = None,
        *,
        max_parts: int | None = None,
    ) -> None:
        self.complete = False
        self.max_form_memory_size = max_form_memory_size
        self.max_parts = max_parts
        self.state = State.PREAMBLE
        self.boundary = boundary
        self._token = token = b"--" + boundary
        # The longest that can turn out to be a delimiter.
        self._reach = len(token) + 2 + _PADDING_BOUND + 2
        # What was received and not yet told, from the index _at on.
        self._data: bytes | bytearray = b""
        self._at = 0
        # Where a search goes on that found nothing so far.
        self._searched = 0
        # The line break before was a CR at the very end: an LF that follows belongs to it.
        self._cut_line_break = False
        # No octet of this part was told yet: the empty line may serve as its delimiter's.
        self._fresh = False
        self._parts = 0
        # Octets of the header lines of one part.
        self._headers_bound = _HEADERS_BOUND
        if max_form_memory_size is not None:
            self._headers_bound = min(_HEADERS_BOUND, max_form_memory_size)

    # PERF: each browser's body has a boundary of its own, and to compile an expression with it
    # takes longer than to decode a form of 20 fields: only a flood of candidates is worth it.
    @cached_property
    def preamble_re(self) -> re.Pattern[bytes]:
        """What finds the first delimiter, which may begin the body or stand in a line."""
        return re.compile(LINE_BREAK + b"?" + self._delimiter, re.MULTILINE)

    @cached_property
    def boundary_re(self) -> re.Pattern[bytes]:
        """What finds a delimiter behind a part."""
        return re.compile(LINE_BREAK + self._delimiter, re.MULTILINE)

    @property
    def _delimiter(self) -> bytes:
        ending = b"(--" + _PADDING + LINE_BREAK + b"?|" + _PADDING + LINE_BREAK + b")"
        return re.escape(self._token) + ending

    @property
    def buffer(self) -> bytearray:
        """A copy of what was received and not yet told."""
        return bytearray(memoryview(self._data)[self._at :])

    def receive_data(self, data: bytes | None) -> None:
        """Take octets, or with None the end of the body.

        :raises RequestEntityTooLarge: more than ``max_form_memory_size`` octets would wait.
        """
        if data is None:
            self.complete = True
            return
        bound = self.max_form_memory_size
        if bound is not None and len(self._data) - self._at + len(data) > bound:
            raise RequestEntityTooLarge()
        self.receive_piece(data)

    def receive_piece(self, piece: bytes) -> None:
        """Take octets, however many.

        This is for a caller that chooses the size of the pieces. Then the bound is for what has
        to wait for the next one, and :meth:`next_event` watches it.
        """
        if type(piece) is not bytes:
            piece = bytes(memoryview(piece))
        waiting = len(self._data) - self._at
        if not waiting:
            self._data = piece
            self._at = self._searched = 0
            return
        if waiting <= len(piece):
            self._data = bytes(self._data[self._at :]) + piece
        else:
            # Small pieces behind much that waits: each must not copy it.
            if type(self._data) is bytes:
                self._data = bytearray(memoryview(self._data)[self._at :])
            elif self._at:
                del cast("bytearray", self._data)[: self._at]
            self._data += piece
        self._searched = max(0, self._searched - self._at)
        self._at = 0

    def next_event(self) -> Event:
        """Return the next event, :data:`NEED_DATA` if there is none yet.

        :raises ValueError: the body is no multipart body, or ends before its last delimiter.
        :raises RequestEntityTooLarge: there are more than ``max_parts`` parts, or what has to
            wait exceeds its bound.
        """
        state = self.state
        if state is _DATA:
            # PERF: every other call finds that all is told
            if self._at == len(self._data) and not self.complete:
                return NEED_DATA
            event = self._next_data_start() if self._fresh else self._next_data()
        elif state is State.DATA_START:
            event = self._next_data_start()
        elif state is State.PART:
            event = self._next_part()
        elif state is State.PREAMBLE:
            event = self._next_preamble()
        elif state is State.EPILOGUE:
            event = self._next_epilogue()
        else:
            event = NEED_DATA
        if event is NEED_DATA and self.complete:
            raise ValueError(f"The multipart body ends early or goes on late, in {self.state}.")
        return event

    def _wait(self, bound: int | None, undecided: int) -> Event:
        """Ask for more, unless more than ``bound`` octets wait already.

        :param undecided: of the octets that wait, so many may turn out to be something else.
        """
        if bound is not None and len(self._data) - self._at - undecided > bound:
            raise RequestEntityTooLarge()
        return NEED_DATA

    def _enter(self, ending: re.Match[bytes]) -> None:
        """Go on behind a delimiter."""
        self._at = self._searched = end = ending.end()
        if ending[1]:
            # The rest of the line is the epilogue's to skip: it may not be there yet.
            self.state = State.EPILOGUE
        else:
            self._cut_line_break = end == len(self._data) and self._data[end - 1] == _CR
            self.state = State.PART

    def _finish_line_break(self) -> None:
        """Skip the LF of a line break whose CR ended what had been received before."""
        if self._at < len(self._data):
            self._cut_line_break = False
            if self._data[self._at] == _LF:
                self._at += 1

    def _next_preamble(self) -> Event:
        start = max(self._at, self._searched)
        begin, ending = self._find(start, self._data.find(self._token, start))
        bound = self.max_form_memory_size
        if ending is None:
            self._searched = max(self._at, len(self._data) - self._reach)
            return self._wait(bound, self._reach)
        preamble = bytes(self._data[self._at : begin])
        if bound is not None and len(preamble) > bound:
            raise RequestEntityTooLarge()
        self._enter(ending)
        return Preamble(preamble)

    def _find(self, start: int, candidate: int) -> tuple[int, re.Match[bytes] | None]:
        """Return where the next delimiter begins, and how it ends; None if there is none.

        :param start: where it may begin.
        :param candidate: where the token stands first from there on, -1 if nowhere.
        """
        data = self._data
        size = len(self._token)
        # Only in front of all parts a delimiter needs no line break.
        in_line = self.state is State.PREAMBLE
        for _ in range(_CANDIDATES):
            if candidate < 0:
                return -1, None
            begin = candidate
            if begin > start and data[begin - 1] == _LF:
                begin -= 2 if begin - 1 > start and data[begin - 2] == _CR else 1
            elif begin > start and data[begin - 1] == _CR:
                begin -= 1
            if begin < candidate or in_line:
                ending = _ENDING.match(data, candidate + size)
                if ending is not None:
                    return begin, ending
            candidate = data.find(self._token, candidate + 1)
        return self._find_in_flood(start, candidate)

    def _find_in_flood(self, start: int, candidate: int) -> tuple[int, re.Match[bytes] | None]:
        """Find a delimiter among many candidates for one, none of them before ``candidate``."""
        data = self._data
        in_line = self.state is State.PREAMBLE
        if candidate >= 0 and not in_line:
            candidate = self._find_in_line_start(max(start, candidate - 1))
        if candidate < 0:
            return -1, None
        pattern = self.preamble_re if in_line else self.boundary_re
        found = pattern.search(data, max(start, candidate - 2))
        if found is None:
            return -1, None
        return found.start(), _ENDING.match(data, found.start(1))

    def _find_in_line_start(self, start: int) -> int:
        """Return where a line break and the token stand first, -1 if nowhere.

        PERF: past boundaries within lines at 950 MB/s, where the expression does 110. The window
        grows, because one of the two line breaks may not occur at all, and each part would be
        searched for it up to the end of the data.
        """
        data = self._data
        token = self._token
        size = 4096
        while start < len(data):
            end = start + size
            breaks = [data.find(octet + token, start, end) for octet in (b"\r", b"\n")]
            found = min((at for at in breaks if at >= 0), default=-1)
            if found >= 0 or end >= len(data):
                return found
            start = max(start + 1, end - len(token))
            size *= 2
        return -1

    def _next_part(self) -> Event:
        if self._cut_line_break:
            self._finish_line_break()
        at = self._at
        bound = self._headers_bound
        # Once only: the next try would begin anew, at each piece of an unfinished block.
        if self._searched <= at:
            usual = _USUAL_HEADERS.match(self._data, at)
            if usual is not None and usual.end() - at - len(b"\r\n\r\n") <= bound:
                return self._start_usual_part(usual)
        end = BLANK_LINE_RE.search(
            self._data, max(at, self._searched), at + bound + len(b"\r\n\r\n")
        )
        if end is None:
            self._searched = max(at, len(self._data) - 3)
            return self._wait(bound, 3)
        headers = _parse_headers(bytes(self._data[at : end.start()]))
        if "content-disposition" not in headers:
            raise ValueError("A part has no Content-Disposition header.")
        options = parse_options_header(headers["content-disposition"])[1]
        self._cut_line_break = end[0] == b"\r\r"
        # A part without a name is left to the application, as None.
        return self._start_part(
            end.end(), cast("str", options.get("name")), options.get("filename"), headers
        )

    def _start_usual_part(self, usual: re.Match[bytes]) -> Event:
        disposition, name, filename, content_type = usual.groups()
        pairs = [("Content-Disposition", disposition.decode())]
        if content_type is not None:
            pairs.append(("Content-Type", content_type.decode()))
        return self._start_part(
            usual.end(),
            name.decode(),
            None if filename is None else filename.decode(),
            Headers(pairs),
        )

    def _start_part(self, at: int, name: str, filename: str | None, headers: Headers) -> Event:
        self._at = self._searched = at
        self._fresh = True
        self.state = State.DATA_START
        self._parts += 1
        if self.max_parts is not None and self._parts > self.max_parts:
            raise RequestEntityTooLarge()
        if filename is None:
            return Field(name, headers)
        return File(name, filename, headers)

    def _next_data(self) -> Event:
        data = self._data
        at = self._at
        end = len(data)
        if at == end:
            return NEED_DATA
        if type(data) is not bytes:
            self._data = data = bytes(memoryview(data)[at:])
            self._at = at = 0
            end = len(data)
        # PERF: nearly always there is nothing to be found, at 10 GB/s, and the piece is passed on
        # without a copy.
        candidate = data.find(self._token, at)
        if candidate >= 0:
            begin, ending = self._find(at, candidate)
            if ending is not None:
                self._enter(ending)
                return Data(data[at:begin], False)
        end = self._undecided_from(data, at, candidate)
        if end == at:
            return NEED_DATA
        self._at = end
        return Data(data[at:end], True)

    def _next_data_start(self) -> Event:
        """Return the first event of a part's content.

        The empty line behind the headers may be the line break of the next delimiter, too.
        """
        if self._cut_line_break:
            self._finish_line_break()
        data = self._data
        at = self._at
        if data.startswith(self._token, at):
            ending = _ENDING.match(data, at + len(self._token))
            if ending is not None:
                self._fresh = False
                self._enter(ending)
                return Data(b"", False)
        starting = self.state is State.DATA_START
        self.state = State.DATA
        if len(data) - at < self._reach and self._may_become(data[at:]):
            event: Event = NEED_DATA
        else:
            self._fresh = False
            event = self._next_data()
        return Data(b"", True) if starting and event is NEED_DATA else event

    def _may_become(self, rest: bytes | bytearray) -> bool:
        """Whether ``rest`` is the beginning of a delimiter without its line break in front."""
        token = self._token
        if len(rest) <= len(token):
            return token.startswith(bytes(rest))
        if not rest.startswith(token):
            return False
        tail = rest[len(token) :]
        return tail == b"-" or (len(tail) <= _PADDING_BOUND and not tail.strip(_WHITE))

    def _undecided_from(self, data: bytes, at: int, candidate: int) -> int:
        """Return where what may still become a delimiter begins; the end of the data if nothing.

        :param candidate: where the token stands first, -1 if nowhere.
        """
        end = len(data)
        # Behind a token white space may stand; without one the delimiter is cut off in it.
        start = max(at, end - (self._reach if candidate >= 0 else len(self._token) + 2))
        last_lf = data.rfind(b"\n", start)
        last_cr = data.rfind(b"\r", start)
        last = last_lf if last_lf > last_cr else last_cr
        if last < 0:
            return end
        if self._may_become(data[last + 1 :]):
            return last - 1 if last > at and last_lf == last and data[last - 1] == _CR else last
        if end - at >= _LARGE or last < end - len(self._token) - 2:
            return end
        # Few octets wait with the line they are in: a short form gives few events.
        return min(last_cr, last_lf) if last_cr >= 0 and last_lf >= 0 else last

    def _next_epilogue(self) -> Event:
        bound = self.max_form_memory_size
        if not self.complete:
            return self._wait(bound, _PADDING_BOUND + 2)
        # The rest of the closing delimiter's line is no part of the epilogue.
        closed = cast("re.Match[bytes]", _CLOSED.match(self._data, self._at))
        epilogue = bytes(self._data[closed.end() :])
        if bound is not None and len(epilogue) > bound:
            raise RequestEntityTooLarge()
        self._data = b""
        self._at = 0
        self.state = State.COMPLETE
        return Epilogue(epilogue)


def _parse_headers(block: bytes) -> Headers:
    """Return the fields of a block of header lines, folded ones unfolded.

    :raises ValueError: a line is not UTF-8.
    """
    pairs = []
    for line in HEADER_CONTINUATION_RE.sub(b" ", block).splitlines():
        name, colon, value = line.partition(b":")
        # Not all that strip() takes for white space: VT and FF belong to a name or a value.
        name = name.strip(b" \t")
        if name or colon:
            pairs.append((name.decode(), value.strip(b" \t").decode()))
    return Headers(pairs)


class MultipartEncoder:
    """Makes octets of events: a :class:`Preamble`, parts with their data, an :class:`Epilogue`.

    :param boundary: must not occur in the contents; that is not looked at.
    """

    def __init__(self, boundary: bytes) -> None:
        self.boundary = boundary
        self.state = State.PREAMBLE

    def send_event(self, event: Event) -> bytes:
        """Return the octets of an event.

        Quotes and backslashes in names get a backslash, line breaks are percent-encoded as
        browsers do it (WHATWG HTML, multipart/form-data encoding algorithm).

        :raises ValueError: the event cannot come here.
        """
        state = self.state
        if isinstance(event, Data):
            if state is _DATA:
                return event.data
            if state is _DATA_START:
                return self._first_data(event)
        elif isinstance(event, (Field, File)):
            if state in _BEFORE_PART:
                head = self._part_head(event)
                self.state = _DATA_START
                return head
        elif isinstance(event, Epilogue):
            self.state = State.COMPLETE
            return b"\r\n--" + self.boundary + b"--\r\n" + event.data
        elif isinstance(event, Preamble) and state is _PREAMBLE:
            self.state = State.PART
            return event.data
        raise ValueError(f"{event} is out of order in {state}.")

    def _first_data(self, event: Data) -> bytes:
        """Return the first octets of a part, after the empty line that ends its head."""
        if event.data:
            self.state = _DATA
            return b"\r\n" + event.data
        if not event.more_data:
            # RFC 2046: a part without content needs no empty line either
            self.state = _DATA
        return b""

    def _part_head(self, event: Field | File) -> bytes:
        head = f'\r\nContent-Disposition: form-data; name="{_escape(event.name)}"'
        if isinstance(event, File):
            head += f'; filename="{_escape(event.filename)}"'
        lines = [head]
        for name, value in event.headers:
            if name.lower() != "content-disposition":
                lines.append(f"{name}: {value}")
        return b"\r\n--" + self.boundary + "\r\n".join([*lines, ""]).encode()


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\r": "%0D", "\n": "%0A"})


def _escape(name: str) -> str:
    # PERF: it tells in 30 ns of most names that there is nothing to escape.
    return name if name.isidentifier() else name.translate(_ESCAPES)
