"""How the time of a request divides into phases."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.gateway.record import RequestRecord

__all__ = ["NAMES", "Timing", "divide"]

#: The phases, in the order they are shown in. ``application`` stands for routing, view and template
#: where the application says nothing about itself.
NAMES = ("body", "queue", "routing", "application", "view", "template", "error page", "write")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one phase took, in all."""

    name: str
    milliseconds: float


class _Stage:
    """Where the application is, by what it has marked so far."""

    def __init__(self, *, announced: bool) -> None:
        self._base = "routing" if announced else "application"
        self._templates = 0  # that are being rendered: one may render another

    @property
    def phase(self) -> str:
        return "template" if self._templates else self._base

    def pass_mark(self, name: str) -> None:
        if name == "matched":
            if self._base == "routing":
                self._base = "view"
        elif name == "rendering":
            self._templates += 1
        elif name == "rendered":
            self._templates = max(0, self._templates - 1)
        elif name == "failed":
            # Templates that an exception has left are not heard of again.
            self._base, self._templates = "error page", 0


def divide(record: RequestRecord, finished: float, *, content: bool = True) -> list[Timing]:
    """Return the phases that took time; together they are all the time since the head arrived.

    The marks that count are ``matched``, ``rendering`` and ``rendered`` (a template) and
    ``failed``, from the application, and ``responding`` (it called ``start_response``) and
    ``returned``, from around it.

    :param finished: when the response was out, in seconds of the monotonic clock.
    :param content: whether the request had content, so that it took time to arrive.
    """
    marks = sorted(record.marks or (), key=lambda mark: mark[1])
    called = min(record.called or finished, finished)
    received = min(record.received or called, called)
    complete = min(max(record.complete, received), called) if content else received
    seconds = dict.fromkeys(NAMES, 0.0)
    seconds["body"] = complete - received
    seconds["queue"] = called - complete
    writing = min(max(_writing(marks, finished), called), finished)
    stage = _Stage(announced=any(name == "matched" for name, _ in marks))
    clock = called
    for name, moment in marks:
        if moment > writing:
            break
        seconds[stage.phase] += max(0.0, moment - clock)
        clock = max(clock, moment)
        stage.pass_mark(name)
    seconds[stage.phase] += writing - clock
    seconds["write"] += finished - writing
    return [Timing(name, spent * 1000) for name, spent in seconds.items() if spent > 0]


def _writing(marks: list[tuple[str, float]], finished: float) -> float:
    """Return when the application had decided on its answer, and the rest was to send it.

    That is when it returned; but what it returned may be a generator that has done nothing yet, so
    it must have called ``start_response``, too.
    """
    ends = {name: moment for name, moment in marks if name in {"responding", "returned"}}
    return max(ends.values()) if len(ends) == 2 else finished
