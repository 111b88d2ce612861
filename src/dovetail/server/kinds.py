"""The types a setting can have: how its value is read, checked and written down."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from dovetail.server.addresses import ADDRESS_FORMS, Address, UnixAddress, parse_address
from dovetail.server.quantities import (
    DURATION_FORMS,
    SIZE_FORMS,
    dump_duration,
    dump_size,
    parse_duration,
    parse_size,
)

__all__ = [
    "AddressList",
    "Choice",
    "DirectoryList",
    "Duration",
    "Factory",
    "FilePath",
    "Flag",
    "Integer",
    "Kind",
    "NameList",
    "Output",
    "Size",
    "Text",
    "Umask",
]

T = TypeVar("T")

_INTEGER = re.compile(r"[0-9]{1,18}")
_INT_MAX = 2**31 - 1
_SIZE_MAX = 2**50
#: A week. poll(2) takes milliseconds in a C int, so any longer wait could not be asked for.
_DURATION_MAX = 7 * 24 * 3600.0


class Kind(Generic[T]):
    """The type of a setting's value.

    ``metavar`` is the type's name in the help, ``forms`` says what is allowed. All methods raise
    :class:`ValueError` with a message for the user.
    """

    metavar: str = ""
    forms: str = ""
    #: The flag may be given several times; each adds to the value.
    repeatable: bool = False

    @abstractmethod
    def parse(self, text: str) -> T:
        """Return the value that ``text`` from the command line or the environment means."""
        raise NotImplementedError

    @abstractmethod
    def check(self, value: object) -> T:
        """Return the value that the typed ``value`` of a configuration file means."""
        raise NotImplementedError

    def dump(self, value: T) -> str:
        """Return ``value`` as people write it; :meth:`parse` reads it."""
        return str(value)

    def anchor(self, value: T, directory: Path) -> T:
        """Return ``value`` with relative paths taken from ``directory``."""
        del directory
        return value


def _wrong_type(value: object, wanted: str) -> ValueError:
    return ValueError(f"{_excerpt(value)} is a {type(value).__name__}; allowed is {wanted}")


def _excerpt(value: object) -> str:
    """``repr`` keeps control characters off the terminal; a long value is cut."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Integer(Kind[int]):
    """A whole number of at least ``minimum``."""

    metavar = "INT"

    def __init__(self, minimum: int = 0) -> None:
        self.minimum = minimum
        self.forms = f"a whole number of at least {minimum}"

    def parse(self, text: str) -> int:
        """Read decimal digits, and nothing else that ``int()`` would take."""
        if not _INTEGER.fullmatch(text):
            raise ValueError(f"{_excerpt(text)} is not {self.forms}")
        return self.check(int(text))

    def check(self, value: object) -> int:
        """Accept an ``int`` within bounds; True and False are none."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(value, self.forms)
        if not self.minimum <= value <= _INT_MAX:
            raise ValueError(f"{_excerpt(value)} is not {self.forms} and at most {_INT_MAX}")
        return value


class Flag(Kind[bool]):
    """Yes or no."""

    metavar = "BOOL"
    forms = "true or false (in the environment also 1, yes, on, 0, no, off)"
    _words: Mapping[str, bool] = {
        **dict.fromkeys(("1", "true", "yes", "on"), True),
        **dict.fromkeys(("0", "false", "no", "off"), False),
    }

    def parse(self, text: str) -> bool:
        """Read one of the words, in any case."""
        try:
            return self._words[text.lower()]
        except KeyError:
            raise ValueError(f"{_excerpt(text)} is not one of {', '.join(self._words)}") from None

    def check(self, value: object) -> bool:
        """Accept a ``bool``."""
        if not isinstance(value, bool):
            raise _wrong_type(value, "true or false")
        return value

    def dump(self, value: bool) -> str:
        """Write ``true`` or ``false``."""
        return "true" if value else "false"


class Duration(Kind[float]):
    """Seconds; ``zero`` says whether 0 means something."""

    metavar = "DURATION"

    def __init__(self, zero: bool = False) -> None:
        self.zero = zero
        self.forms = DURATION_FORMS

    def parse(self, text: str) -> float:
        """Read a duration with or without units."""
        return self._bound(parse_duration(text), text)

    def check(self, value: object) -> float:
        """Accept a number of seconds, or text with units."""
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(value, self.forms)
        return self._bound(value, value)

    def _bound(self, seconds: float, source: object) -> float:
        # A shorter time than this would be shown as 0.
        if (seconds != 0 or not self.zero) and not 0.001 <= seconds <= _DURATION_MAX:
            least = "0 or at least 1ms" if self.zero else "at least 1ms"
            raise ValueError(
                f"{_excerpt(source)} is out of range; allowed is {least}, at most 168h"
            )
        return float(seconds)

    def dump(self, value: float) -> str:
        """Write hours, minutes, seconds and milliseconds."""
        return dump_duration(value)


class Size(Kind[int]):
    """A number of octets, at least ``minimum``."""

    metavar = "SIZE"

    def __init__(self, minimum: int = 0) -> None:
        self.minimum = minimum
        self.forms = SIZE_FORMS

    def parse(self, text: str) -> int:
        """Read a size with or without a unit."""
        return self._bound(parse_size(text), text)

    def check(self, value: object) -> int:
        """Accept a number of octets, or text with a unit."""
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(value, self.forms)
        return self._bound(value, value)

    def _bound(self, octets: int, source: object) -> int:
        if not self.minimum <= octets <= _SIZE_MAX:
            raise ValueError(
                f"{_excerpt(source)} is out of range; allowed is at least {self.minimum} "
                f"and at most {dump_size(_SIZE_MAX)}"
            )
        return octets

    def dump(self, value: int) -> str:
        """Write the largest unit that needs no fraction."""
        return dump_size(value)


class Text(Kind[str | None]):
    """Any text but the empty one; a number is accepted where ``numbers`` says so."""

    forms = "text"

    def __init__(self, metavar: str = "TEXT", *, numbers: bool = False) -> None:
        self.metavar = metavar
        self.numbers = numbers

    def parse(self, text: str) -> str:
        """Return the text; it must not be empty or hold a NUL."""
        if not text or "\0" in text:
            raise ValueError(f"{_excerpt(text)} is not allowed; give some text")
        return text

    def check(self, value: object) -> str:
        """Accept ``str``."""
        if self.numbers and isinstance(value, int) and not isinstance(value, bool):
            return str(Integer().check(value))
        if not isinstance(value, str):
            raise _wrong_type(value, "text")
        return self.parse(value)

    def dump(self, value: str | None) -> str:
        """Return the text itself."""
        return "none" if value is None else value


class FilePath(Text):
    """A path; a relative one starts at the directory the server is started in."""

    forms = "a path"

    def __init__(self, metavar: str = "FILE") -> None:
        super().__init__(metavar)

    def check(self, value: object) -> str:
        """Accept ``str`` and, from a Python file, path objects."""
        return super().check(os.fspath(value) if isinstance(value, Path) else value)

    def anchor(self, value: str | None, directory: Path) -> str | None:
        """Make the path absolute."""
        return value if value is None else _absolute(value, directory)


class Output(FilePath):
    """A file to append to, or ``-`` for a standard stream; ``none`` where it may be off."""

    def __init__(self, *, optional: bool) -> None:
        super().__init__()
        self.optional = optional
        self.forms = "a path, - or none" if optional else "a path or -"

    def parse(self, text: str) -> str | None:  # type: ignore[override]
        """Return the text, or None for the word ``none``."""
        return None if self.optional and text == "none" else super().parse(text)

    def anchor(self, value: str | None, directory: Path) -> str | None:
        """Make the path absolute and leave ``-`` alone."""
        return value if value == "-" else super().anchor(value, directory)


class Choice(Kind[str]):
    """One of a few words; ``numbers`` are other spellings of them."""

    metavar = "WORD"

    def __init__(self, *words: str, numbers: Sequence[int] = ()) -> None:
        self.words = words
        self.numbers = dict(zip(numbers, words, strict=False))
        self.forms = " or ".join(words) if len(words) < 3 else ", ".join(words)
        self.metavar = "|".join(words)

    def parse(self, text: str) -> str:
        """Read a word in any case, or its number."""
        if text.isascii() and text.isdigit() and int(text[:9]) in self.numbers:
            return self.numbers[int(text[:9])]
        if text.lower() not in self.words:
            raise ValueError(f"{_excerpt(text)} is not known; there is {self.forms}")
        return text.lower()

    def check(self, value: object) -> str:
        """Accept one of the words, or its number."""
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in self.numbers:
            return self.numbers[value]
        raise _wrong_type(value, self.forms)


class Umask(Kind[int]):
    """A file mode mask."""

    metavar = "INT"
    forms = "0 to 0o777; a leading 0 or 0o makes it octal, 0x hexadecimal"
    _digits = re.compile(
        r"0[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})|0[oO]?(?P<octal>[0-7]{1,6})"
        r"|(?P<decimal>0|[1-9][0-9]{0,6})"
    )

    def parse(self, text: str) -> int:
        """Read octal, hexadecimal or decimal digits, by their prefix."""
        match = self._digits.fullmatch(text)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{_excerpt(text)} is not a umask; allowed is {self.forms}")
        base = {"octal": 8, "hexadecimal": 16, "decimal": 10}[match.lastgroup]
        return self.check(int(match[match.lastgroup], base))

    def check(self, value: object) -> int:
        """Accept an ``int`` within bounds."""
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(value, self.forms)
        if not 0 <= value <= 0o777:
            raise ValueError(f"{_excerpt(value)} is not a umask; allowed is {self.forms}")
        return value

    def dump(self, value: int) -> str:
        """Write octal digits."""
        return f"0o{value:03o}" if value else "0"


class _List(Kind[tuple[T, ...]]):
    """Several values: commas part them in the environment, in a file they are a list."""

    repeatable = True

    @abstractmethod
    def item(self, text: str) -> T:
        """Return one value."""
        raise NotImplementedError

    def parse(self, text: str) -> tuple[T, ...]:
        """Read values parted by commas."""
        return tuple(self.item(part.strip()) for part in text.split(","))

    def check(self, value: object) -> tuple[T, ...]:
        """Accept text as :meth:`parse` does, or a list of texts."""
        if isinstance(value, str):
            return self.parse(value)
        if not isinstance(value, list | tuple) or not value:
            raise _wrong_type(value, "text, or a list of texts that is not empty")
        wrong = next((part for part in value if not isinstance(part, str)), None)
        if wrong is not None:
            raise _wrong_type(wrong, "text")
        return tuple(self.item(part) for part in value)

    def dump(self, value: tuple[T, ...]) -> str:
        """Write the values with commas between them."""
        return ",".join(map(str, value))


class AddressList(_List[Address]):
    """Where to listen."""

    metavar = "ADDRESS"
    forms = ADDRESS_FORMS

    def item(self, text: str) -> Address:
        """Return one address."""
        return parse_address(text)

    def anchor(self, value: tuple[Address, ...], directory: Path) -> tuple[Address, ...]:
        """Make the paths of Unix sockets absolute, and check their length again."""
        return tuple(
            parse_address(f"unix:{_absolute(address.path, directory)}")
            if isinstance(address, UnixAddress)
            else address
            for address in value
        )


class DirectoryList(_List[str]):
    """Directories."""

    metavar = "DIR,..."
    forms = "paths, parted by commas"

    def item(self, text: str) -> str:
        """Return one directory."""
        return Text().parse(text)

    def anchor(self, value: tuple[str, ...], directory: Path) -> tuple[str, ...]:
        """Make every path absolute."""
        return tuple(_absolute(path, directory) for path in value)


class NameList(_List[str]):
    """Names of header fields and parameters."""

    metavar = "NAME,..."
    forms = "names of letters, digits, dashes and underscores, parted by commas"
    _name = re.compile(r"[-_]*[A-Za-z0-9][A-Za-z0-9_-]*")

    def item(self, text: str) -> str:
        """Return one name."""
        if not self._name.fullmatch(text):
            raise ValueError(f"{_excerpt(text)} is not a name; allowed are {self.forms}")
        return text


class Factory(Kind[str | Callable[..., object] | None]):
    """``MODULE:ATTR`` of a function or, in a Python file, the function itself."""

    metavar = "MODULE:ATTR"
    forms = "MODULE:ATTR of a function, or in a Python file the function itself"
    _reference = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")

    def parse(self, text: str) -> str:
        """Return a well-formed reference."""
        if not self._reference.fullmatch(text):
            raise ValueError(f"{_excerpt(text)} is not of the form MODULE:ATTR")
        return text

    def check(self, value: object) -> str | Callable[..., object]:
        """Accept a reference or a callable."""
        if isinstance(value, str):
            return self.parse(value)
        if not callable(value):
            raise _wrong_type(value, self.forms)
        return value

    def dump(self, value: str | Callable[..., object] | None) -> str:
        """Write the reference, or where the function is defined."""
        if value is None:
            return "none"
        if isinstance(value, str):
            return value
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', '?')}"


def _absolute(path: str, directory: Path) -> str:
    # Unlike normpath this keeps "..", which behind a symbolic link leads elsewhere; and unlike
    # Path.expanduser it has no error for the home of an unknown user.
    return str(directory / os.path.expanduser(path))
