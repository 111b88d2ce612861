"""The corpus: multipart bodies as Chromium and curl sent them, and beside each what it means.

``corpus/multipart/NAME.body`` holds octets, ``NAME.json`` the content type, and the ``fields`` and
``files`` in them (name, file name, type, size, SHA-256) or the ``error``. The forms are those of
``test_uploads.py``, with a small file in place of the big one; ``submit-latin-1`` is a form with
``accept-charset="iso-8859-1"``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from dovetail.data.header_values import parse_options_header

__all__ = ["BODIES", "Body", "describe", "pieces", "split"]

_CORPUS = Path(__file__).parent / "corpus" / "multipart"


@dataclass(frozen=True)
class Body:
    """One body, and what it means."""

    name: str
    raw: bytes
    expected: dict[str, Any]

    @property
    def content_type(self) -> str:
        return str(self.expected["content_type"])

    @cached_property
    def boundary(self) -> str:
        return parse_options_header(self.content_type)[1]["boundary"]

    @property
    def meaning(self) -> Any:
        """What :func:`describe` has to return, or the name of the error."""
        expected = self.expected
        return expected.get("error") or [expected["fields"], expected["files"]]


def _load() -> list[Body]:
    return [
        Body(path.stem, path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
        for path in sorted(_CORPUS.glob("*.body"))
    ]


BODIES = _load()


def describe(parse: Callable[[], Any]) -> Any:
    """Return fields and files that ``parse`` returns, in the form in which the corpus has them."""
    try:
        *_, fields, files = parse()
    except ValueError:
        return "ValueError"
    described = []
    for name, file in files.items(multi=True):
        content = file.stream.read()
        file.close()
        digest = hashlib.sha256(content).hexdigest()
        described.append([name, file.filename, file.content_type, len(content), digest])
    return [[list(pair) for pair in fields.items(multi=True)], described]


def pieces(raw: bytes, size: int) -> list[bytes]:
    """Return ``raw`` cut into pieces of one size."""
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def split(raw: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return ``raw`` cut at these places, taken modulo its length."""
    places = sorted({cut % (len(raw) + 1) for cut in cuts} | {0, len(raw)})
    return [raw[a:b] for a, b in pairwise(places)]
