"""The curl command."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.applications.deployment import PATIENCE_SECONDS
from tests.programs import find_program

__all__ = ["Answer", "curl"]

#: What curl itself knows of a transfer, on a line of its own behind the content.
_SUMMARY = r"\n%{json}"


@dataclass(frozen=True)
class Answer:
    """What one call of curl got."""

    content: bytes
    #: Its ``--verbose`` text.
    dialogue: str
    #: Its ``%{json}`` of the last transfer.
    summary: dict[str, Any]
    #: curl's exit status.
    exit_status: int

    @property
    def status(self) -> int:
        """The last response's status code."""
        return int(self.summary["http_code"])

    def json(self) -> Any:
        """Return the content, read as JSON."""
        return json.loads(self.content)

    def field(self, name: str) -> str | None:
        """Return the value of the last response field of this name."""
        found = re.findall(rf"(?mi)^< {re.escape(name)}: (.*?)\r?$", self.dialogue)
        return found[-1] if found else None

    @property
    def sent(self) -> list[str]:
        """The lines that curl sent as heads."""
        return re.findall(r"(?m)^> (.*?)\r?$", self.dialogue)

    @property
    def received(self) -> list[str]:
        """The lines of the heads that came."""
        return re.findall(r"(?m)^< (.*?)\r?$", self.dialogue)


def curl(*arguments: str | os.PathLike[str], stdin: bytes | None = None) -> Answer:
    """Run curl; a failed transfer is an answer too."""
    program = find_program("curl", package="curl")
    options = ["--silent", "--verbose", "--noproxy", "*", "--max-time", str(PATIENCE_SECONDS)]
    done = subprocess.run(
        [program, "--disable", *options, "--write-out", _SUMMARY, *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )
    content, _, summary = done.stdout.rpartition(b"\n")
    dialogue = done.stderr.decode("utf-8", "replace")
    assert summary, dialogue
    return Answer(content, dialogue, json.loads(summary), done.returncode)
