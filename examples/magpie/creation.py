"""Files that the first start makes, though several workers start at once."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def created_once(path: Path) -> Iterator[Path]:
    """Have a file made under a name of its own, then link it under ``path``.

    Linking fails if ``path`` exists: the worker that was first has made the file, and nobody ever
    sees half of one.
    """
    mine = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        yield mine
        with contextlib.suppress(FileExistsError):
            os.link(mine, path)
    finally:
        mine.unlink(missing_ok=True)
