"""The one thing that server and application share about a request besides the environ."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence

__all__ = ["RequestRecord"]

# What a client may name its request: nothing that could forge a line of a log or a file's name.
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestRecord:
    """``environ["dovetail.request"]``: written by the application, read by the server's log.

    It is one mutable object, so that it survives middleware that copies the environ. Its times are
    seconds of the monotonic clock, 0.0 if they were not taken.

    :param route: the rule that matched.
    :param fields: the request's header fields, names in lower case.
    :param received: when the request's head had arrived.
    """

    __slots__ = (
        "_fields",
        "_id",
        "called",
        "complete",
        "error",
        "error_page",
        "marks",
        "received",
        "route",
    )

    def __init__(
        self, route: str = "", *, fields: Sequence[tuple[str, str]] = (), received: float = 0.0
    ) -> None:
        self._fields = fields
        self._id = ""
        #: The rule that matched, such as "/users/<int:id>"; empty if the application sets none.
        self.route = route
        self.received = received
        #: When its content had arrived, too. Taken only if the service has an observer.
        self.complete = 0.0
        #: When the application was called. Taken only if the service has an observer.
        self.called = 0.0
        #: What the application answered with a 500, or raised. The server lets go of it when the
        #: response is finished: it keeps all frames of its traceback.
        self.error: BaseException | None = None
        #: The path of the development server's page about ``error``.
        self.error_page = ""
        #: What has happened and when; None: nobody wants to know.
        self.marks: list[tuple[str, float]] | None = None

    @property
    def id(self) -> str:
        """What tells this request from all others: 1 to 128 of letters, digits, ".", "_", "-".

        The client's X-Request-ID if that is one, else 16 random hexadecimal digits.
        """
        if not self._id:
            offered = [value for name, value in self._fields if name == "x-request-id"]
            accepted = len(offered) == 1 and _ID.fullmatch(offered[0])
            # PERF: made only for those requests that are asked for it.
            self._id = offered[0] if accepted else secrets.token_hex(8)
        return self._id

    def mark(self, name: str) -> None:
        """Add ``name`` and the time to ``marks`` if somebody wants to know."""
        if self.marks is not None:
            self.marks.append((name, time.monotonic()))
