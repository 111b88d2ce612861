"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["FileRegion", "FileWrapper", "file_region"]


class FileWrapper:
    """Iterates over a file-like object in blocks.

    The server recognises it and has the kernel copy the file instead, where there is one.

    :param filelike: anything with ``read(size)``; its ``close`` is called if it has one.
    :param block_size: octets a block.
    """

    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        self.filelike = filelike
        self.block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.block_size):
            yield block

    def close(self) -> None:
        """Close the file."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


class FileRegion(NamedTuple):
    """Octets of an open file: ``size`` of them, from ``offset``."""

    fd: int
    offset: int
    size: int


def file_region(wrapper: FileWrapper) -> FileRegion | None:
    """Return what is left to read of a wrapped file, from its current position.

    None if it is not a regular file that the kernel can read by itself; it is iterated then.
    """
    filelike = wrapper.filelike
    try:
        fd = filelike.fileno()
        # tell() first: a buffered file object has read ahead of its descriptor
        offset = filelike.tell() if hasattr(filelike, "tell") else os.lseek(fd, 0, os.SEEK_CUR)
        status = os.fstat(fd)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or not isinstance(offset, int):
        return None
    return FileRegion(fd, offset, max(0, status.st_size - offset))
