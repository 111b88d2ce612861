"""This very program: how it was started, and how it is started again."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Program"]

# The interpreter's options that take a value of their own, either attached or as the next word.
_WITH_VALUE = ("W", "X")
_LONG_WITH_VALUE = "--check-hash-based-pycs"
# Not by -m, which would look for modules where the program does not.
_CODE = """\
import sys
if not sys.flags.safe_path:
    sys.path[0] = {first!r}
try:
    from {module} import main
except ImportError:
    sys.exit(1)
main()
"""


@dataclass(frozen=True, slots=True)
class Program:
    """What a Python process runs.

    :ivar command: the words that start it.
    :ivar flags: the interpreter's own options.
    :ivar kind: ``script`` (a file, a directory, a zip archive), ``module`` (``-m``) or
        ``command`` (``-c``).
    :ivar target: the path, the module's name, or the code.
    :ivar arguments: those of the program.
    :ivar directory: the working directory it was started in.
    :ivar file: the absolute path of the main module; None for a command.
    """

    command: tuple[str, ...]
    flags: tuple[str, ...]
    kind: str
    target: str
    arguments: tuple[str, ...]
    directory: str
    file: str | None = None

    @classmethod
    def current(cls) -> Program:
        """Return the program of this process.

        :raises RuntimeError: it cannot be started again: Python is embedded in another program, or
            reads the code from its standard input.
        """
        words = sys.orig_argv
        if not sys.executable or not words:
            raise RuntimeError(
                "the reloader cannot start this program again, because it does not run in a Python"
                " interpreter of its own; switch the reloader off"
            )
        found = _parse(words[1:])
        if found is None:
            raise RuntimeError(
                "the reloader cannot start this program again, because its code came from the"
                " standard input; put it into a file, or switch the reloader off"
            )
        flags, kind, target, arguments = found
        directory = _starting_directory(target) if kind == "script" else os.getcwd()
        command = (sys.executable, *words[1:])
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        file = os.path.join(directory, main) if isinstance(main, str) else None
        return cls(command, flags, kind, target, arguments, directory, file)

    @property
    def is_code(self) -> bool:
        """Whether it is a file of code, and no directory or archive with ``__main__.py``."""
        target = os.path.join(self.directory, self.target)
        if self.kind != "script" or os.path.isdir(target):
            return False
        return not zipfile.is_zipfile(target)

    def command_under(self, module: str) -> list[str]:
        """Return the words that start :func:`main` of a module instead of the program.

        It finds modules where the program does, and gets :attr:`kind`, :attr:`target` and
        :attr:`arguments` as arguments.
        """
        code = _CODE.format(first=self._first_place(), module=module)
        return [
            *(self.command[0], *self.flags, "-c", code),
            *("code" if self.is_code else self.kind, self.target, *self.arguments),
        ]

    def _first_place(self) -> str:
        """Return what Python puts in front of ``sys.path`` for the program."""
        if self.kind == "module":
            return self.directory
        if self.kind == "command":
            return ""
        if self.is_code:
            return os.path.dirname(os.path.realpath(os.path.join(self.directory, self.target)))
        return os.path.join(self.directory, self.target)


def _parse(
    words: Sequence[str],
) -> tuple[tuple[str, ...], str, str, tuple[str, ...]] | None:
    """Take the interpreter's command line apart; None if it names no program."""
    number = 0
    while number < len(words):
        word = words[number]
        if word.startswith("--"):
            number += 2 if word == _LONG_WITH_VALUE else 1
            continue
        if not word.startswith("-") or word == "-":
            break
        letters, option = _split_flags(word)
        if option in ("c", "m"):
            flags = (*words[:number], *([f"-{letters}"] if letters else []))
            value = word[2 + len(letters) :]
            rest = [value, *words[number + 1 :]] if value else words[number + 1 :]
            kind = "module" if option == "m" else "command"
            return (flags, kind, rest[0], tuple(rest[1:])) if rest else None
        is_apart = option in _WITH_VALUE and len(word) == 2 + len(letters)
        number += 2 if is_apart else 1
    if number >= len(words) or words[number] == "-":
        return None
    return tuple(words[:number]), "script", words[number], tuple(words[number + 1 :])


def _split_flags(word: str) -> tuple[str, str]:
    """Return the letters of flags in ``-IBm``, and the first letter that takes a value, if any."""
    for position, letter in enumerate(word[1:]):
        if letter in ("c", "m", *_WITH_VALUE):
            return word[1 : 1 + position], letter
    return word[1:], ""


def _starting_directory(script: str) -> str:
    """Return where the program was started, even if it has changed its directory since."""
    here = os.getcwd()
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if os.path.isabs(script) or not isinstance(main, str) or not os.path.isabs(main):
        return here
    if os.path.exists(script) and os.path.realpath(script) == os.path.realpath(main):
        return here
    tail = os.sep + os.path.normpath(script)
    before = main.removesuffix(tail)
    return before if main.endswith(tail) and os.path.isdir(before) else here
