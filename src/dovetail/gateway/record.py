"""The one thing that server and application share about a request besides the environ."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RequestRecord"]


@dataclass(slots=True)
class RequestRecord:
    """``environ["dovetail.request"]``: written by the application, read by the server's log.

    It is one mutable object, so that it survives middleware that copies the environ.
    """

    #: The rule that matched, such as "/users/<int:id>"; empty if the application sets none.
    route: str = ""
