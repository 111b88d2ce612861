"""Request bodies on their way in: in memory up to a limit, then in a temporary file."""

from __future__ import annotations

import io
import os
import tempfile
from typing import IO

__all__ = ["BodySpool"]


class BodySpool:
    """Receives a body piece by piece and becomes a file to read it from.

    :param memory: octets kept in memory; one more, and all of it goes to a file.
    :param directory: where that file is made; None for the system's place. It has no name, so it
        is gone with the process in any case.
    """

    __slots__ = ("_directory", "_file", "_memory", "_pieces", "size")

    def __init__(self, memory: int, directory: str | None) -> None:
        self._memory = memory
        self._directory = directory
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        #: Octets received.
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add octets.

        :raises OSError: there is no room for them, or no file can be made.
        """
        self.size += len(data)
        if self._file is None:
            self._pieces.append(data)
            if self.size <= self._memory:
                return
            # Unbuffered: what is written here is in large pieces already, and an error has to
            # show now and not when the file is closed.
            self._file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115
            data = b"".join(self._pieces)
            self._pieces.clear()
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def finish(self) -> IO[bytes]:
        """Return the whole body as a file, at its start. Closing it is the caller's business."""
        if self._file is None:
            body = io.BytesIO(b"".join(self._pieces))
            self._pieces.clear()
            return body
        raw, self._file = self._file, None
        raw.seek(0)
        return io.BufferedReader(raw)  # type: ignore[type-var]

    def again(self) -> IO[bytes] | None:
        """Return the whole body as one more file, before ``finish``; None without a descriptor.

        It stays open when the one of ``finish`` is closed, but may share its position.
        """
        if self._file is None:
            # PERF: both files have the same octets; none is copied.
            self._pieces = [b"".join(self._pieces)]
            return io.BytesIO(self._pieces[0])
        try:
            return os.fdopen(os.dup(self._file.fileno()), "rb")
        except OSError:
            return None

    def close(self) -> None:
        """Drop what was received."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
