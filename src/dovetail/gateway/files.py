"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["FileRange", "FileRegion", "FileWrapper", "file_region"]


class FileWrapper:
    """Iterates over a file-like object in blocks.

    The server recognises it and has the kernel copy the file instead, where there is one.

    :param file: anything with ``read(size)``; its ``close`` is called if it has one.
    :param buffer_size: octets a block.
    """

    #: How many octets are still to be read; None if the file's end decides.
    remaining: int | None = None

    def __init__(self, file: Any, buffer_size: int = 8192) -> None:
        self.file = file
        self.buffer_size = buffer_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.file.read(self.buffer_size)
        if block:
            return block
        raise StopIteration

    def close(self) -> None:
        """Close the file."""
        close = getattr(self.file, "close", None)
        if close is not None:
            close()

    def seekable(self) -> bool:
        """Whether the file can be moved in; one without ``seekable`` can if it has ``seek``."""
        seekable = getattr(self.file, "seekable", None)
        if seekable is not None:
            return bool(seekable())
        return hasattr(self.file, "seek")

    def seek(self, *args: Any) -> None:
        """Move in the file, if it knows how to."""
        seek = getattr(self.file, "seek", None)
        if seek is not None:
            seek(*args)

    def tell(self) -> int | None:
        """Return the position in the file; None if it does not tell."""
        tell = getattr(self.file, "tell", None)
        return None if tell is None else tell()


class FileRange(FileWrapper):
    """A part of a file that can be moved in.

    :param start: where the part begins; the file is moved there.
    :param size: its length, in octets.
    :raises OSError: the file cannot be moved in.
    """

    def __init__(self, file: Any, start: int, size: int, buffer_size: int = 8192) -> None:
        super().__init__(file, buffer_size)
        self.remaining: int = size
        self.file.seek(start)

    def __next__(self) -> bytes:
        block: bytes = self.file.read(min(self.buffer_size, self.remaining))
        self.remaining -= len(block)
        if block:
            return block
        raise StopIteration


class FileRegion(NamedTuple):
    """Octets of an open file: ``size`` of them, from ``offset``."""

    fd: int
    offset: int
    size: int


def file_region(wrapper: FileWrapper) -> FileRegion | None:
    """Return what is left to read of a wrapped file, from its current position.

    None if it is not a regular file that the kernel can read by itself; it is iterated then.
    """
    file = wrapper.file
    try:
        fd = file.fileno()
        # tell() first: a buffered file object has read ahead of its descriptor
        offset = file.tell() if hasattr(file, "tell") else os.lseek(fd, 0, os.SEEK_CUR)
        status = os.fstat(fd)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or not isinstance(offset, int):
        return None
    size = max(0, status.st_size - offset)
    if wrapper.remaining is not None:
        size = min(size, wrapper.remaining)
    return FileRegion(fd, offset, size)
