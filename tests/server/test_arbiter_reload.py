"""A reload: the new generation beside the old one, the change of guard, and every way to fail."""

from __future__ import annotations

import errno
import signal
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.server.stage import PID, FakeLogs, Stage, can_connect, running

from dovetail.server.addresses import UnixAddress
from dovetail.server.arbiter import BOOT_FAILED, LOAD_FAILED, PlanError
from dovetail.server.channel import Failed
from dovetail.server.logs import Logs
from dovetail.server.scoreboard import State
from dovetail.server.sockets import bind_all

TERM, KILL, QUIT, ABRT = signal.SIGTERM, signal.SIGKILL, signal.SIGQUIT, signal.SIGABRT
HUP, INT, USR1, USR2 = signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2
TTIN, TTOU = signal.SIGTTIN, signal.SIGTTOU


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_reload_waits_until_the_whole_new_generation_is_ready() -> None:
    stage, old = running()
    stage.plans = [stage.generation(workers=3)]
    stage.signal(HUP)
    assert stage.told() == ["RELOADING=1"]
    new = stage.new()
    assert len(new) == 3
    stage.ready(*new[:2])
    assert stage.sent() == []
    stage.ready(new[2])
    assert stage.sent() == [(pid, TERM) for pid in old]
    assert stage.told() == ["READY=1"]
    assert stage.log() == [
        "reloading",
        *(f"worker {pid} ready" for pid in new),
        "reloaded; the old workers finish what they have",
    ]
    for pid in old:
        stage.die(pid, 0)
    assert sorted(stage.states()) == new
    assert stage.arbiter.retired == []
    assert stage.new() == []


def test_old_workers_that_do_not_finish_are_killed() -> None:
    stage, old = running(graceful_timeout=5.0)
    stage.plans = [stage.generation(graceful_timeout=100.0)]
    stage.signal(HUP)
    stage.ready(*stage.new())
    stage.forget()
    stage.turn(5)
    assert stage.sent() == [(pid, KILL) for pid in old]
    assert stage.log() == [f"worker {pid} did not stop in time; killing it" for pid in old]


def check_kept(stage: Stage, old: list[int], reason: str) -> None:
    """Check that the old generation serves, alone, and that the log says why."""
    lines = [line for line in stage.log() if line.startswith("reload failed")]
    assert lines == [f"reload failed: {reason}\nthe old generation keeps serving"]
    assert stage.arbiter.candidate is None
    assert [member.pid for member in stage.arbiter.current.members] == old
    assert not any(pid in old for pid, _ in stage.sent())
    assert [stage.states()[pid] for pid in old] == [State.READY] * len(old)
    assert stage.told()[-1] == "READY=1"


def test_a_new_generation_that_reports_failure_is_let_go() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.say(Failed("SyntaxError in shop.py", LOAD_FAILED), new[1])
    assert [sent for sent in stage.sent() if sent[0] in new] == [(pid, TERM) for pid in new]
    check_kept(stage, old, f"worker {new[1]} could not boot: SyntaxError in shop.py")
    stage.die(new[1], LOAD_FAILED)
    stage.die(new[0], -TERM)
    assert sorted(stage.states()) == old
    assert stage.new() == []
    assert not any("reload failed" in line for line in stage.log())
    stage.signal(HUP)
    stage.ready(*stage.new())
    assert [pid for pid, signum in stage.sent() if signum == TERM] == old


def test_a_new_worker_that_serves_already_may_finish_when_its_generation_is_let_go() -> None:
    stage, old = running(graceful_timeout=5.0)
    stage.signal(HUP)
    new = stage.new()
    stage.ready(new[0])
    stage.say(Failed("broken", BOOT_FAILED), new[1])
    assert (new[0], TERM) in stage.sent()
    check_kept(stage, old, f"worker {new[1]} could not boot: broken")
    stage.turn(5)
    assert (new[0], KILL) in stage.sent()


def test_a_new_generation_that_dies_is_let_go() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.die(new[0], -signal.SIGSEGV)
    check_kept(stage, old, f"worker {new[0]} died by SIGSEGV")


def test_a_new_generation_is_let_go_even_if_one_dies_after_it_was_ready() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.ready(new[0])
    stage.die(new[0], -KILL)
    [another] = stage.new()
    stage.ready(new[1], another)
    assert [pid for pid, signum in stage.sent() if signum == TERM] == old


@pytest.mark.parametrize(("timeout", "bound"), [(10.0, 30), (60.0, 60), (0.0, 300)])
def test_a_new_generation_that_hangs_is_let_go(timeout: float, bound: int) -> None:
    stage, old = running(timeout=timeout)
    stage.signal(HUP)
    new = stage.new()
    stage.ready(new[0])
    members = [*stage.arbiter.current.members, stage.arbiter._crews()[1].members[0]]
    for _ in range(bound + 1):
        assert stage.sent() == []
        for member in members:
            member.slot.beat()
        stage.turn(1)
    assert stage.sent() == [(new[1], ABRT)]
    stage.die(new[1], -ABRT)
    text = f"could not boot: not ready within {bound} s; a longer timeout gives it more"
    check_kept(stage, old, f"worker {new[1]} {text}")


def test_a_fork_that_fails_lets_the_new_generation_go() -> None:
    stage, old = running()
    stage.system.fork_error = OSError(errno.ENOMEM, "Cannot allocate memory")
    stage.signal(HUP)
    check_kept(stage, old, "cannot fork a worker: Cannot allocate memory")


def test_a_plan_that_fails_changes_nothing() -> None:
    stage, old = running()
    stage.plans = [PlanError("server.toml: unknown setting 'wrokers'; did you mean 'workers'?")]
    stage.signal(HUP)
    assert stage.new() == []
    check_kept(stage, old, "server.toml: unknown setting 'wrokers'; did you mean 'workers'?")


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), SystemExit("oh")])
def test_a_configuration_file_that_raises_anything_does_not_stop_the_server(
    error: BaseException,
) -> None:
    stage, old = running()
    stage.plans = [error]
    stage.signal(HUP)
    [_, line] = stage.log()
    assert line.startswith("reload failed: Traceback")
    assert f"{type(error).__name__}: oh\nthe old generation keeps serving" in line
    assert sorted(stage.states()) == old


def test_the_plan_gets_the_listeners_of_the_generation_that_serves() -> None:
    stage, _ = running()
    stage.signal(HUP)
    assert stage.held[1] is stage.arbiter.current.generation.listeners


def test_old_workers_that_die_during_a_reload_are_replaced_by_their_own_generation() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.die(old[0], -KILL)
    [spare] = stage.new()
    assert stage.arbiter.current.members[-1].pid == spare
    stage.ready(*new)
    assert stage.sent() == [(old[1], TERM), (spare, TERM)]


def test_a_hup_during_a_reload_is_one_more_reload() -> None:
    stage, _ = running()
    stage.signal(HUP)
    first = stage.new()
    stage.signal(HUP)
    stage.signal(HUP)
    assert stage.new() == []
    stage.ready(*first)
    second = stage.new()
    assert len(second) == 2
    stage.ready(*second)
    assert stage.new() == []
    assert sorted(member.pid for member in stage.arbiter.current.members) == second


def test_a_hup_during_a_reload_that_fails_tries_the_repaired_code() -> None:
    stage, _ = running()
    stage.signal(HUP)
    first = stage.new()
    stage.signal(HUP)
    stage.say(Failed("broken", LOAD_FAILED), first[0])
    second = stage.new()
    assert len(second) == 2
    stage.ready(*second)
    assert sorted(member.pid for member in stage.arbiter.current.members) == second


def test_a_hup_during_the_first_boot_waits_for_it(stage: Stage) -> None:
    stage.arbiter.start()
    stage.turn()
    first = stage.new()
    stage.signal(HUP)
    assert stage.new() == []
    stage.ready(*first)
    assert len(stage.new()) == 2


def test_term_during_a_reload_stops_both_generations() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.signal(TERM)
    assert stage.sent() == [(pid, TERM) for pid in [*old, *new]]
    for pid in [*old, *new]:
        stage.die(pid, -TERM)
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, 0)


def test_preloaded_code_stays_and_the_log_says_what_renews_it() -> None:
    stage, _ = running(preload_app=True)
    stage.signal(HUP)
    [_, line] = stage.log()
    assert line == "the application is preloaded: its code stays, and only a restart renews it"
    assert len(stage.new()) == 2


def test_listeners_of_the_old_generation_stay_open_until_its_last_worker_is_gone(
    tmp_path: Path,
) -> None:
    kept_path, left_path, new_path = (str(tmp_path / name) for name in ("kept", "left", "new"))
    stage = Stage(workers=1)
    first = bind_all([UnixAddress(kept_path), UnixAddress(left_path)], backlog=1)
    stage.plans = [replace(stage.generation(), listeners=first)]
    [old] = stage.boot()
    second = bind_all([UnixAddress(kept_path), UnixAddress(new_path)], backlog=1, keep=first)
    stage.plans = [replace(stage.generation(), listeners=second)]
    stage.forget()
    stage.signal(HUP)
    stage.ready(*stage.new())
    assert all(can_connect(path) for path in (kept_path, left_path, new_path))
    stage.die(old, 0)
    assert [can_connect(path) for path in (kept_path, left_path, new_path)] == [True, False, True]
    stage.arbiter._clean_up()
    assert list(tmp_path.iterdir()) == []


def test_listeners_of_a_generation_let_go_are_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "new")
    stage, _ = running()
    listeners = bind_all([UnixAddress(path)], backlog=1)
    stage.plans = [replace(stage.generation(), listeners=listeners)]
    stage.signal(HUP)
    new = stage.new()
    stage.say(Failed("broken", BOOT_FAILED), new[0])
    assert can_connect(path)
    for pid in new:
        stage.die(pid, BOOT_FAILED)
    assert not can_connect(path)


def test_the_new_generations_logs_take_over_and_the_old_ones_are_closed() -> None:
    stage, old = running()
    logs = FakeLogs()
    stage.plans = [replace(stage.generation(), logs=cast(Logs, logs))]
    stage.signal(HUP)
    new = stage.new()
    stage.ready(*new)
    assert not stage.logs.closed
    for pid in old:
        stage.die(pid, 0)
    assert (stage.logs.closed, logs.closed) == (True, False)
    assert logs.lines[-1] == f"worker {old[1]} stopped"


def test_a_reload_moves_the_pid_file(tmp_path: Path) -> None:
    old, new = tmp_path / "old.pid", tmp_path / "new.pid"
    stage, _ = running(pidfile=str(old))
    stage.plans = [stage.generation(pidfile=str(new))]
    stage.signal(HUP)
    assert not new.exists()
    stage.ready(*stage.new())
    assert new.read_text() == f"{PID}\n"


def test_a_pid_file_that_cannot_be_moved_is_logged(tmp_path: Path) -> None:
    stage, _ = running()
    stage.plans = [stage.generation(pidfile=str(tmp_path / "missing" / "new.pid"))]
    stage.signal(HUP)
    stage.ready(*stage.new())
    assert "cannot write pid file" in stage.log()[-1]
    assert stage.arbiter.candidate is None


def test_a_reload_goes_back_to_the_setting() -> None:
    stage, _ = running()
    stage.signal(TTIN)
    stage.ready(*stage.new())
    stage.signal(HUP)
    assert len(stage.new()) == 2


def test_the_number_changes_for_both_generations_during_a_reload() -> None:
    stage, old = running()
    stage.signal(HUP)
    new = stage.new()
    stage.signal(TTIN)
    more = stage.new()
    assert len(more) == 2
    stage.ready(*new)
    assert stage.sent() == []
    stage.ready(more[1])
    assert [pid for pid, _ in stage.sent()] == [*old, more[0]]
