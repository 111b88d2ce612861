"""A server of its own process for the tests: the real arbiter, and workers that do next to nothing.

Its argument is a directory with ``settings.json``, read by every plan, and ``application``, read by
every worker: the text to answer every connection with. Some texts are words for how the worker
misbehaves: broken, crash, deaf, hang; and frozen and stopped, which only the first worker to read
them does. All that is said goes to the error log.

``abort_seconds`` among the settings is the arbiter's ``ABORT_SECONDS``, and a number in the file
``ahead`` is by how many seconds its clock is.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.server import arbiter
from dovetail.server.addresses import UnixAddress
from dovetail.server.arbiter import LOAD_FAILED, Arbiter, Generation, PlanError
from dovetail.server.channel import WorkerEnd
from dovetail.server.logs import Logs
from dovetail.server.scoreboard import SharedSlot
from dovetail.server.settings import Settings
from dovetail.server.sockets import Listener, bind_all
from dovetail.server.system import PosixSystem


class TinyWorker:
    """Accepts, answers with a text, closes; and misbehaves when it is told to."""

    def __init__(
        self, directory: Path, listeners: Sequence[Listener], logs: Logs, end: WorkerEnd
    ) -> None:
        self.answer = (directory / "application").read_text()
        if self.answer in ("frozen", "stopped"):
            (directory / "application").write_text("old")
        self.listeners = listeners
        self.logs = logs
        self.end = end
        self.stopping = False

    def run(self, slot: SharedSlot) -> int:
        atexit.register(self.say, "atexit")
        if self.answer == "broken":
            self.end.failed("no module named 'shop'\n  on line 1", LOAD_FAILED)
            return LOAD_FAILED
        if self.answer == "crash":
            raise ZeroDivisionError("at import")
        if self.answer == "hang":
            signal.pause()
        self.watch()
        self.end.ready()
        if self.answer == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        while not self.stopping:
            if self.answer != "frozen":
                slot.beat()
            self.serve()
        self.say("finished")
        return 0

    def watch(self) -> None:
        def stop(signum: int, _: Any) -> None:
            self.stopping = True
            self.say(f"got {signal.Signals(signum).name}")

        def reopen(*_: Any) -> None:
            self.logs.reopen()
            self.say("reopened")

        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(signum, stop)
        if self.answer == "deaf":
            signal.signal(signal.SIGTERM, lambda *_: self.say("ignores TERM"))
        signal.signal(signal.SIGUSR1, reopen)

    def serve(self) -> None:
        sockets = [listener.socket for listener in self.listeners]
        descriptors = [self.end.fileno(), *(listener.fileno() for listener in sockets)]
        ready, _, _ = select.select(descriptors, [], [], 0.1)
        if self.end.fileno() in ready:
            self.say("is alone")
            self.stopping = True
        for listener in sockets:
            if listener.fileno() in ready:
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    continue  # another worker took it
                with connection:
                    connection.sendall(f"{os.getpid()} {self.answer}".encode())

    def say(self, text: str) -> None:
        self.logs.error.info("tiny %d %s", os.getpid(), text)


class TinySystem(PosixSystem):
    """The real one, with a clock that a test can put forward."""

    def __init__(self, directory: Path) -> None:
        super().__init__(os.environ)
        self._ahead = directory / "ahead"

    def monotonic(self) -> float:
        ahead = float(self._ahead.read_text()) if self._ahead.exists() else 0.0
        return super().monotonic() + ahead


def plan_in(directory: Path, held: Sequence[Listener]) -> Generation:
    try:
        values = json.loads((directory / "settings.json").read_text())
        arbiter.ABORT_SECONDS = values.pop("abort_seconds", arbiter.ABORT_SECONDS)
        settings = Settings(**values)
    except ValueError as error:
        raise PlanError(f"settings.json: {error}") from error
    logs = Logs(settings)
    listeners = bind_all([UnixAddress(str(directory / "socket"))], backlog=64, keep=held)

    def work(end: WorkerEnd, slot: SharedSlot, _: int) -> int:
        return TinyWorker(directory, listeners, logs, end).run(slot)

    return Generation(settings, listeners, work, logs)


def main() -> int:
    directory = Path(sys.argv[1])
    return Arbiter(plan=lambda held: plan_in(directory, held), system=TinySystem(directory)).run()


if __name__ == "__main__":
    sys.exit(main())
