"""What applications return, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.gateway.recorder import Outcome

__all__ = ["Result", "assert_is_500", "returning"]


class Result:
    """An iterable with ``close``; ``events`` says what was done with it."""

    def __init__(
        self,
        parts: Iterable[bytes],
        *,
        error: BaseException | None = None,
        close_error: BaseException | None = None,
    ) -> None:
        self.parts = iter(parts)
        self.error = error
        self.close_error = close_error
        self.events: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            yield part
            self.events.append("next")
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.events.append("close")
        if self.close_error is not None:
            raise self.close_error

    @property
    def closes(self) -> int:
        return self.events.count("close")


def returning(result: Any, *fields: tuple[str, str], status: str = "200 OK") -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(fields))
        return result

    return app


def assert_is_500(outcome: Outcome) -> None:
    assert outcome.reply.status == 500
    assert outcome.reply["content-type"].startswith("text/plain")
    assert outcome.exchange.status_code == 500
    assert len(outcome.reports) == 1
    # Nothing of the error itself is for the client.
    assert b"secret" not in outcome.octets
    assert b"Traceback" not in outcome.octets
