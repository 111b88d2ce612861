"""The real system underneath the arbiter: handlers that come and go, sleep, children."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import pytest

from dovetail.server.channel import Ready
from dovetail.server.system import PosixSystem

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("alone")]

BOUND = 60.0


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[PosixSystem]:
    # What is registered here to run at exit is the test runner's.
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: None)
    system = PosixSystem({})
    yield system
    system.release()


def sleep_for_good() -> NoReturn:
    while True:
        signal.pause()


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_signal_is_enqueued_and_ends_the_sleep(system: PosixSystem) -> None:
    got: list[int] = []
    system.catch([signal.SIGUSR1], got.append)
    signal.raise_signal(signal.SIGUSR1)
    before = time.monotonic()
    system.wait([], 10 * BOUND)
    assert time.monotonic() - before < BOUND
    assert got == [signal.SIGUSR1]


def test_a_wake_up_is_good_for_one_sleep(system: PosixSystem) -> None:
    system.catch([], lambda _: None)
    for _ in range(5_000):
        signal.raise_signal(signal.SIGCHLD)  # more than the pipe holds
    system.wait([], BOUND)
    slept: list[float] = []
    for _ in range(2):
        before = time.monotonic()
        system.wait([], 0.02)
        slept.append(time.monotonic() - before)
    assert min(slept) >= 0.015


def test_a_message_ends_the_sleep_and_a_closed_line_is_not_waited_for(system: PosixSystem) -> None:
    end, line = system.channel()
    end.ready()
    system.wait([line], 10 * BOUND)
    assert line.receive() == [Ready()]
    end.close()
    assert line.receive() == []
    before = time.monotonic()
    system.wait([line], 0.02)
    assert time.monotonic() - before >= 0.015
    line.close()


def test_releasing_puts_the_handlers_back() -> None:
    system = PosixSystem({})
    signals = (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD)
    before = [signal.getsignal(signum) for signum in signals]
    system.catch(signals[:2], lambda _: None)
    assert [signal.getsignal(signum) for signum in signals] != before
    system.release()
    assert [signal.getsignal(signum) for signum in signals] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_a_child_exits_with_its_result(system: PosixSystem) -> None:
    assert status_of(system.spawn(lambda: 7)) == 7


def test_a_child_never_returns_here_whatever_it_raises(system: PosixSystem) -> None:
    def fail() -> NoReturn:
        raise SystemExit(0)

    assert status_of(system.spawn(fail)) == 1


def test_a_child_has_the_default_handlers_and_nothing_blocked(system: PosixSystem) -> None:
    got: list[int] = []
    system.catch([signal.SIGTERM, signal.SIGHUP], got.append)

    def check() -> int:
        clear = not signal.pthread_sigmask(signal.SIG_BLOCK, [])
        default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.raise_signal(signal.SIGHUP)  # which it ignores, without ever telling the arbiter
        silent = signal.set_wakeup_fd(-1) == -1
        return 0 if clear and default and silent and not got else 1

    assert status_of(system.spawn(check)) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_programs_that_a_child_starts_ignore_nothing(system: PosixSystem) -> None:
    script = "import signal, sys; sys.exit(signal.getsignal(signal.SIGHUP) != signal.SIG_DFL)"

    def start() -> NoReturn:
        os.execv(sys.executable, [sys.executable, "-c", script])

    assert status_of(system.spawn(start)) == 0


def test_a_child_with_a_closed_output_still_leaves_with_its_status(system: PosixSystem) -> None:
    def child() -> int:
        sys.stdout.close()
        return 5

    assert status_of(system.spawn(child)) == 5


def test_the_dead_are_reaped_with_how_they_died(system: PosixSystem) -> None:
    first = system.spawn(lambda: 3)
    second = system.spawn(sleep_for_good)
    system.kill(second, signal.SIGKILL)
    dead: dict[int, int] = {}
    deadline = time.monotonic() + BOUND
    while len(dead) < 2 and time.monotonic() < deadline:
        # Other tests' programs may end meanwhile, too.
        dead.update((pid, code) for pid, code in system.reap() if pid in (first, second))
        time.sleep(0.001)
    assert dead == {first: 3, second: -signal.SIGKILL}
    assert not {pid for pid, _ in system.reap()} & {first, second}
    system.kill(second, signal.SIGTERM)  # gone, and that is no error
