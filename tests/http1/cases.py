"""The corpus: plain message files, and beside each one what it means.

``corpus/accept/NAME.http`` holds octets, ``NAME.json`` the messages in them and the ``rest`` that
nobody may look at. ``corpus/reject/NAME.json`` has the status of the refusal, the number of
``heads`` and of ``complete`` messages in front of it, and ``eof`` where it is the end of the
connection that makes the message wrong. ``why`` says what the case is about and where the rule
stands; ``limits`` are those that differ from the defaults.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.http1.outcome import Message

from dovetail.http1.limits import Limits

__all__ = ["ACCEPT", "REJECT", "Case", "describe"]

_CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    """One file of the corpus."""

    name: str
    raw: bytes
    limits: Limits
    expected: dict[str, Any]

    @property
    def has_default_limits(self) -> bool:
        return self.limits == Limits()


@cache
def _load(folder: str) -> tuple[Case, ...]:
    return tuple(_load_case(path) for path in sorted((_CORPUS / folder).glob("*.http")))


def _load_case(path: Path) -> Case:
    expected = json.loads(path.with_suffix(".json").read_text("ascii"))
    limits = Limits(**expected.get("limits", {}))
    return Case(path.stem, path.read_bytes(), limits, expected)


def describe(message: Message, expected: dict[str, Any]) -> dict[str, Any]:
    """Return ``message`` in the form of the files; ``expected`` decides how content is shown."""
    head = message.head
    body: object = message.body.decode("latin-1")
    if isinstance(expected["body"], dict):
        digest = hashlib.sha256(message.body).hexdigest()
        body = {"length": len(message.body), "sha256": digest}
    return {
        "method": head.method,
        "target": head.target,
        "form": head.form.value,
        "path": head.path,
        "query": head.query,
        "authority": head.authority,
        "version": head.version,
        "fields": [list(pair) for pair in head.fields],
        "length": head.length,
        "keep_alive": head.keep_alive,
        "expects_continue": head.expects_continue,
        "upgrade": head.upgrade,
        "body": body,
        "trailers": [list(pair) for pair in message.trailers],
    }


ACCEPT = _load("accept")
REJECT = _load("reject")
