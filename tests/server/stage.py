"""An arbiter among fakes: processes that are numbers, and a clock that the test moves."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from dovetail.server.arbiter import Arbiter, Generation
from dovetail.server.channel import Failed, Message, Ready, WorkerEnd
from dovetail.server.logs import Logs
from dovetail.server.scoreboard import Scoreboard, State
from dovetail.server.settings import Settings
from dovetail.server.sockets import Listener
from dovetail.server.system import Line

__all__ = [
    "PID",
    "FakeEnd",
    "FakeLine",
    "FakeLogs",
    "FakeSystem",
    "Stage",
    "can_connect",
    "running",
]

PID = 500


class FakeLogs:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.reopened = 0
        self.closed = False
        self.error = logging.Logger("test")
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        self.error.addHandler(handler)

    def reopen(self) -> None:
        self.reopened += 1

    def close(self) -> None:
        self.closed = True


class FakeEnd:
    """A worker's side of a line."""

    def __init__(self) -> None:
        self.closed = False
        self.spoke = False
        self.said: list[Message] = []

    def failed(self, message: str, status: int) -> None:
        self.spoke = True
        self.said.append(Failed(message, status))

    def close(self) -> None:
        self.closed = True


class FakeLine:
    """The arbiter's side of a line; a test puts messages into it."""

    def __init__(self) -> None:
        self.open = True
        self.inbox: list[Message] = []

    def fileno(self) -> int:
        return -1

    def receive(self) -> list[Message]:
        messages, self.inbox = self.inbox, []
        return messages

    def close(self) -> None:
        self.open = False


class FakeSystem:
    """Processes that are numbers, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.forked: list[int] = []
        self.lines: dict[int, FakeLine] = {}
        self.ends: list[FakeEnd] = []
        self.sent: list[tuple[int, int]] = []
        self.dead: list[tuple[int, int]] = []
        self.told: list[str] = []
        self.released = False
        self.fork_error: OSError | None = None
        self.channel_error: OSError | None = None
        self.on_wait: Callable[[], None] | None = None
        self.slept: list[float] = []
        self.acts = False  # whether what the child does is done, in this process
        self.statuses: list[int] = []
        self._enqueue: Callable[[int], None] | None = None

    def pid(self) -> int:
        return PID

    def monotonic(self) -> float:
        return self.now

    def catch(self, signals: Iterable[int], enqueue: Callable[[int], None]) -> None:
        self._enqueue = enqueue

    def release(self) -> None:
        self.released = True

    def channel(self) -> tuple[WorkerEnd, Line]:
        if self.channel_error is not None:
            raise self.channel_error
        self._line = FakeLine()
        self.ends.append(FakeEnd())
        return cast(WorkerEnd, self.ends[-1]), self._line

    def spawn(self, child: Callable[[], int]) -> int:
        if self.fork_error is not None:
            raise self.fork_error
        pid = 1001 + len(self.forked)
        self.forked.append(pid)
        self.lines[pid] = self._line
        if self.acts:
            self.statuses.append(child())
        return pid

    def kill(self, pid: int, signum: int) -> None:
        self.sent.append((pid, signum))

    def reap(self) -> Iterator[tuple[int, int]]:
        while self.dead:
            yield self.dead.pop(0)

    def wait(self, lines: Iterable[Line], timeout: float) -> None:
        self.slept.append(timeout)
        assert self.on_wait is not None
        self.on_wait()

    def notify(self, *assignments: str) -> None:
        self.told.append(assignments[0])


class Stage:
    """An arbiter among fakes, and a short language to play with it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**{"workers": 2, **settings})
        self.logs = FakeLogs()
        self.system = FakeSystem()
        self.plans: list[Generation | BaseException] = []
        self.held: list[Sequence[Listener]] = []
        self.board = Scoreboard(64, lambda: int(self.system.now * 1e9))
        self.arbiter = Arbiter(plan=self.plan, system=self.system, scoreboard=self.board)

    def generation(self, **settings: Any) -> Generation:
        return Generation(
            replace(self.settings, **settings), [], lambda *_: 0, cast(Logs, self.logs)
        )

    def plan(self, held: Sequence[Listener]) -> Generation:
        self.held.append(held)
        planned = self.plans.pop(0) if self.plans else self.generation()
        if isinstance(planned, BaseException):
            raise planned
        return planned

    # What happens

    def turn(self, seconds: float = 0.0) -> None:
        """Let some time pass, look by look, and do what is to be done."""
        until = self.system.now + seconds
        while self.system.now + 1 < until:
            self.system.now += 1
            self.arbiter.turn()
        self.system.now = until
        self.arbiter.turn()

    def boot(self) -> list[int]:
        """Start; return the first workers, all ready."""
        self.arbiter.start()
        self.turn()
        pids = list(self.system.forked)
        self.ready(*pids)
        return pids

    def ready(self, *pids: int) -> None:
        self.say(Ready(), *pids)

    def say(self, message: Message, *pids: int) -> None:
        for pid in pids:
            self.system.lines[pid].inbox.append(message)
        self.turn()

    def die(self, pid: int, code: int) -> None:
        self.system.dead.append((pid, code))
        self.turn()

    def signal(self, *signals: int) -> None:
        for signum in signals:
            self.arbiter.enqueue(signum)
        self.turn()

    def live_long(self, seconds: float = 60.0) -> None:
        """Let time pass in which everybody is well."""
        for _ in range(int(seconds)):
            self.beat()
            self.turn(1.0)
        self.beat()

    def beat(self, *, without: int = 0) -> None:
        """Let every worker beat, except one."""
        for member in self.arbiter._members():
            if member.pid != without:
                member.slot.beat()

    # What is to be seen

    def new(self) -> list[int]:
        """Return the workers forked since the last time."""
        forked = self.system.forked[self._seen :]
        self._seen = len(self.system.forked)
        return forked

    _seen = 0

    def sent(self) -> list[tuple[int, int]]:
        """Return the signals sent since the last time."""
        sent, self.system.sent = self.system.sent, []
        return sent

    def log(self) -> list[str]:
        """Return the lines logged since the last time."""
        lines, self.logs.lines[:] = list(self.logs.lines), []
        return lines

    def told(self) -> list[str]:
        """Return what the service manager was told since the last time."""
        told, self.system.told = self.system.told, []
        return told

    def states(self) -> dict[int, State]:
        crews = self.arbiter._crews()
        return {member.pid: member.slot.state for crew in crews for member in crew.members}

    def forget(self) -> None:
        """Begin looking from here."""
        self.new(), self.sent(), self.log(), self.told()


def running(**settings: Any) -> tuple[Stage, list[int]]:
    """Return a stage whose workers have been ready for a while, and those."""
    stage = Stage(**settings)
    pids = stage.boot()
    stage.live_long(10)
    stage.forget()
    return stage, pids


def can_connect(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True
