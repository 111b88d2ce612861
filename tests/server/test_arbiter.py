"""What the arbiter does about every signal, report, death and silence; nothing is forked here."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.server.stage import PID, Stage, can_connect, running

from dovetail.server.addresses import UnixAddress
from dovetail.server.arbiter import BOOT_FAILED, LOAD_FAILED, PlanError
from dovetail.server.channel import Failed, Ready, Retire
from dovetail.server.crew import Backoff
from dovetail.server.pidfile import PidFileError
from dovetail.server.scoreboard import State
from dovetail.server.sockets import bind_all

TERM, KILL, QUIT, ABRT = signal.SIGTERM, signal.SIGKILL, signal.SIGQUIT, signal.SIGABRT
HUP, INT, USR1, USR2 = signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2
TTIN, TTOU = signal.SIGTTIN, signal.SIGTTOU


@pytest.fixture
def stage() -> Stage:
    return Stage()


# Boot


def test_boot_forks_the_workers_and_is_ready_when_all_are(stage: Stage) -> None:
    stage.arbiter.start()
    stage.turn()
    assert stage.new() == [1001, 1002]
    assert stage.states() == {1001: State.BOOTING, 1002: State.BOOTING}
    stage.ready(1001)
    assert stage.told() == []
    stage.ready(1002)
    assert stage.told() == ["READY=1"]
    assert stage.states() == {1001: State.READY, 1002: State.READY}
    assert stage.log() == ["worker 1001 ready", "worker 1002 ready"]
    assert all(end.closed for end in stage.system.ends)
    assert stage.held == [()]


def test_an_application_that_does_not_load_ends_it_with_one_message_and_its_status() -> None:
    stage = Stage(workers=3)
    stage.arbiter.start()
    stage.turn()
    broken = Failed("no module named 'shop'\n  in line 1", LOAD_FAILED)
    for pid in (1002, 1003):
        stage.system.lines[pid].inbox.append(broken)
        stage.system.dead.append((pid, LOAD_FAILED))
    stage.turn()
    assert stage.log() == [
        "worker 1002 could not boot: no module named 'shop'\n  in line 1",
        "worker 1002 exited with status 4",
        "worker 1003 exited with status 4",
    ]
    assert (1001, TERM) in stage.sent()
    stage.die(1001, -TERM)
    assert stage.arbiter._finished()
    assert stage.arbiter.status == LOAD_FAILED
    assert stage.new() == [1001, 1002, 1003]


@pytest.mark.parametrize("code", [1, 0, -signal.SIGSEGV])
def test_a_worker_that_dies_silently_at_the_first_boot_ends_it_too(stage: Stage, code: int) -> None:
    stage.arbiter.start()
    stage.turn()
    stage.die(1001, code)
    [first, *_] = stage.log()
    how = "died by SIGSEGV" if code < 0 else f"exited with status {code} while it booted"
    assert first == f"worker 1001 {how}"
    stage.die(1002, -TERM)
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, BOOT_FAILED)


def test_a_worker_that_was_ready_before_another_failed_is_stopped(stage: Stage) -> None:
    stage.arbiter.start()
    stage.turn()
    stage.ready(1001)
    stage.say(Failed("broken", BOOT_FAILED), 1002)
    assert stage.sent() == [(1001, QUIT), (1002, TERM)]
    stage.turn(2.1)
    assert stage.sent() == [(1001, KILL), (1002, KILL)]


def test_a_fork_that_fails_at_the_first_boot_ends_it(stage: Stage) -> None:
    stage.arbiter.start()
    stage.system.fork_error = OSError(errno.EAGAIN, "Resource temporarily unavailable")
    stage.turn()
    assert stage.log() == ["cannot fork a worker: Resource temporarily unavailable"]
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, BOOT_FAILED)
    assert stage.board.reach == 0


def test_a_worker_that_hangs_at_the_first_boot_ends_it(stage: Stage) -> None:
    stage.arbiter.start()
    stage.turn()
    stage.ready(1001)
    for _ in range(31):
        stage.arbiter.current.members[0].slot.beat()
        stage.turn(1)
    assert (1002, ABRT) in stage.sent()
    stage.die(1002, -ABRT)
    text = "worker 1002 could not boot: not ready within 30 s; a longer timeout gives it more"
    assert text in stage.log()
    assert stage.arbiter.status == BOOT_FAILED


# Deaths


def test_a_dead_worker_is_replaced_at_once() -> None:
    stage, [first, _] = running()
    stage.die(first, -KILL)
    assert stage.log() == [f"worker {first} died by SIGKILL; starting another"]
    [new] = stage.new()
    stage.ready(new)
    assert stage.log() == [f"worker {new} ready"]
    assert len(stage.states()) == 2
    assert stage.board.reach == 2  # the slot is used again


def test_a_worker_that_leaves_by_itself_is_replaced() -> None:
    stage, [first, _] = running()
    stage.die(first, 0)
    assert stage.log() == [f"worker {first} exited with status 0; starting another"]
    assert len(stage.new()) == 1


def test_strangers_are_reaped_silently() -> None:
    stage, pids = running()
    stage.system.dead += [(77, 0), (78, -KILL)]
    stage.turn()
    assert stage.system.dead == []
    assert (stage.log(), stage.new(), sorted(stage.states())) == ([], [], pids)


def test_a_replacement_that_does_not_boot_is_tried_again_later_and_later() -> None:
    stage, [first, _] = running()
    stage.die(first, -KILL)
    delays = []
    for _ in range(7):
        [new] = stage.new()
        stage.log()
        stage.say(Failed("SyntaxError: never mind", LOAD_FAILED), new)
        assert stage.log() == []
        stage.die(new, LOAD_FAILED)
        [line] = stage.log()
        assert line.startswith(f"worker {new} could not boot: SyntaxError: never mind\ntrying")
        started = stage.system.now
        while not stage.system.forked[stage._seen :]:
            stage.arbiter.current.members[0].slot.beat()
            stage.turn(0.5)
        delays.append(stage.system.now - started)
        assert f"in {delays[-1]:.0f} s" in line
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    [new] = stage.new()
    stage.ready(new)
    assert not stage.arbiter.stopping
    assert len(stage.states()) == 2


def test_a_worker_that_dies_right_after_it_was_ready_is_replaced_later_the_second_time() -> None:
    stage, [first, _] = running()
    stage.die(first, -signal.SIGSEGV)
    for expected in ("starting another", "starting another in 1 s"):
        [new] = stage.new()
        stage.ready(new)
        stage.log()
        stage.die(new, -signal.SIGSEGV)
        assert stage.log() == [f"worker {new} died by SIGSEGV; {expected}"]
    assert stage.new() == []
    stage.turn(1)
    assert len(stage.new()) == 1


def test_a_fork_that_fails_later_is_tried_again() -> None:
    stage, [first, _] = running()
    stage.system.channel_error = OSError(errno.EMFILE, "Too many open files")
    stage.die(first, -KILL)
    assert stage.log()[1:] == ["cannot fork a worker: Too many open files; trying again in 1 s"]
    stage.system.channel_error = None
    stage.turn(1)
    assert len(stage.new()) == 1


def test_no_more_slots_is_a_fork_that_fails() -> None:
    stage = Stage(workers=65)
    stage.arbiter.start()
    stage.turn()
    assert stage.log()[0] == "cannot fork a worker: all 64 worker slots are in use"
    assert stage.arbiter.status == BOOT_FAILED


def test_backoff_counts_a_wave_of_deaths_once_and_forgets_after_a_quiet_time() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.fail(100.0)
    assert backoff.remaining(100.0) == 1
    backoff.fail(102.0)
    assert backoff.remaining(102.0) == 2
    backoff.fail(200.0)
    assert backoff.remaining(200.0) == 1
    assert backoff.remaining(300.0) == 0


# TERM, INT, QUIT


def test_term_lets_the_workers_finish() -> None:
    stage, pids = running()
    stage.signal(TERM)
    assert stage.sent() == [(pid, TERM) for pid in pids]
    assert stage.log() == ["stopping; workers have 30 s to finish"]
    assert stage.told() == ["STOPPING=1"]
    assert set(stage.states().values()) == {State.DRAINING}
    stage.die(pids[0], 0)
    stage.die(pids[1], -TERM)
    assert stage.log() == [f"worker {pid} stopped" for pid in pids]
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, 0)
    assert stage.new() == []


def test_a_worker_that_does_not_finish_in_time_is_killed() -> None:
    stage, pids = running(graceful_timeout=5.0)
    stage.signal(TERM)
    stage.forget()
    stage.turn(4.9)
    assert stage.sent() == []
    stage.turn(0.1)
    assert stage.sent() == [(pid, KILL) for pid in pids]
    assert stage.log() == [f"worker {pid} did not stop in time; killing it" for pid in pids]
    stage.turn(5)
    assert stage.sent() == []


def test_a_second_term_changes_nothing() -> None:
    stage, pids = running(graceful_timeout=5.0)
    stage.signal(TERM)
    stage.forget()
    stage.turn(4)
    stage.signal(TERM)
    assert (stage.sent(), stage.log(), stage.told()) == ([], [], [])
    stage.turn(1)
    assert stage.sent() == [(pid, KILL) for pid in pids]


@pytest.mark.parametrize("signum", [INT, QUIT])
@pytest.mark.parametrize("after_term", [False, True])
def test_int_and_quit_stop_quickly(signum: int, after_term: bool) -> None:
    stage, pids = running()
    if after_term:
        stage.signal(TERM)
    stage.forget()
    stage.signal(signum)
    assert stage.sent() == [(pid, QUIT) for pid in pids]
    stage.turn(2)
    assert stage.sent() == [(pid, KILL) for pid in pids]
    for pid in pids:
        stage.die(pid, -KILL)
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, 0)


def test_int_does_not_prolong_what_is_nearly_over() -> None:
    stage, pids = running(graceful_timeout=5.0)
    stage.signal(TERM)
    stage.turn(4)
    stage.forget()
    stage.signal(INT)
    stage.turn(1)
    assert stage.sent()[-2:] == [(pid, KILL) for pid in pids]


def test_workers_that_boot_are_stopped_as_well(stage: Stage) -> None:
    stage.arbiter.start()
    stage.turn()
    stage.signal(TERM)
    stage.ready(1001)  # its report crossed the order
    assert stage.states()[1001] is State.DRAINING
    stage.die(1001, 0)
    stage.die(1002, -TERM)
    assert (stage.arbiter._finished(), stage.arbiter.status) == (True, 0)


def test_nothing_else_is_obeyed_while_it_stops() -> None:
    stage, pids = running()
    stage.signal(TERM)
    stage.forget()
    stage.signal(HUP, TTIN, TTOU)
    stage.say(Retire("1000 requests"), pids[0])
    assert (stage.new(), stage.sent(), len(stage.held)) == ([], [], 1)


def test_a_graceful_timeout_of_nothing_kills_at_once() -> None:
    stage, [first, second] = running(graceful_timeout=0.0)
    stage.signal(TERM)
    assert stage.sent() == [(first, TERM), (second, TERM), (first, KILL), (second, KILL)]


# Retire


def test_a_worker_that_asks_for_a_spare_serves_until_the_spare_is_ready() -> None:
    stage, [first, second] = running()
    stage.say(Retire("1000 requests served"), first)
    assert stage.log() == [f"worker {first} asks for a spare: 1000 requests served"]
    [spare] = stage.new()
    assert stage.states()[first] is State.READY
    stage.live_long(5)
    assert (stage.sent(), stage.new()) == ([], [])
    stage.ready(spare)
    assert stage.sent() == [(first, TERM)]
    stage.die(first, 0)
    stage.live_long(5)
    assert (stage.new(), sorted(stage.states())) == ([], [second, spare])


def test_a_spare_that_fails_leaves_the_old_worker_and_is_tried_again() -> None:
    stage, [first, _] = running()
    stage.say(Retire("enough"), first)
    [spare] = stage.new()
    stage.say(Failed("broken", LOAD_FAILED), spare)
    stage.die(spare, LOAD_FAILED)
    assert (stage.sent(), stage.new()) == ([], [])
    assert stage.log()[-1] == f"worker {spare} could not boot: broken\ntrying again in 1 s"
    stage.turn(1)
    [spare] = stage.new()
    stage.ready(spare)
    assert stage.sent() == [(first, TERM)]


def test_a_tired_worker_that_dies_leaves_its_spare_in_its_place() -> None:
    stage, [first, second] = running()
    stage.say(Retire("enough"), first)
    [spare] = stage.new()
    stage.die(first, -KILL)
    stage.ready(spare)
    assert (stage.new(), stage.sent(), sorted(stage.states())) == ([], [], [second, spare])


def test_a_spare_that_dies_after_its_turn_is_replaced() -> None:
    stage, [first, _] = running()
    stage.say(Retire("enough"), first)
    [spare] = stage.new()
    stage.ready(spare)
    stage.live_long(5)
    stage.forget()
    stage.die(spare, -KILL)
    assert len(stage.new()) == 1
    assert stage.sent() == []


def test_all_may_retire_at_once() -> None:
    stage, pids = running()
    stage.say(Retire("enough"), *pids)
    spares = stage.new()
    assert len(spares) == 2
    stage.ready(*spares)
    assert sorted(stage.sent()) == [(pid, TERM) for pid in pids]


def test_asking_twice_is_asking_once() -> None:
    stage, [first, _] = running()
    stage.say(Retire("enough"), first)
    stage.say(Retire("enough"), first)
    assert len(stage.new()) == 1


# TTIN, TTOU


def test_ttin_and_ttou_change_the_number_of_workers() -> None:
    stage, [first, second] = running()
    stage.signal(TTIN, TTIN)
    assert len(stage.new()) == 2
    assert stage.log() == ["workers: 3", "workers: 4"]
    stage.ready(*stage.system.forked[2:])
    stage.signal(TTOU, TTOU)
    assert stage.sent() == [(first, TERM), (second, TERM)]
    stage.die(first, 0)
    stage.die(second, 0)
    assert stage.new() == []


def test_ttou_spares_those_that_serve() -> None:
    stage, _ = running()
    stage.signal(TTIN)
    [booting] = stage.new()
    stage.signal(TTOU)
    assert stage.sent() == [(booting, TERM)]


def test_one_worker_is_the_least() -> None:
    stage, _ = running(workers=1)
    stage.signal(TTOU)
    assert (stage.sent(), stage.log()) == ([], ["one worker is the least; TTOU changes nothing"])


# USR1, USR2


def test_usr1_reopens_the_logs_here_and_in_the_workers() -> None:
    stage, pids = running()
    stage.signal(USR1)
    assert stage.logs.reopened == 1
    assert stage.sent() == [(pid, USR1) for pid in pids]


def test_a_worker_that_boots_during_usr1_gets_it_when_it_is_ready() -> None:
    stage, [first, second] = running()
    stage.die(first, -KILL)
    [new] = stage.new()
    stage.signal(USR1)
    assert stage.sent() == [(second, USR1)]
    stage.ready(new)
    assert stage.sent() == [(new, USR1)]


def test_usr2_is_answered_and_harms_nothing() -> None:
    stage, _ = running()
    stage.signal(USR2)
    assert stage.log() == ["USR2 has no meaning here; send HUP to reload"]


def test_a_storm_of_signals_is_bounded_and_hides_nothing() -> None:
    stage, _ = running()
    for _ in range(1000):
        stage.arbiter.enqueue(TTIN)
        stage.arbiter.enqueue(USR1)
    stage.arbiter.enqueue(TERM)
    assert len(stage.arbiter._queue) < 100
    stage.turn()
    assert stage.logs.reopened == 1
    assert stage.arbiter.stopping


# Heartbeats


def silence(stage: Stage, hung: int, seconds: int) -> None:
    """Let time pass in which one worker does not beat."""
    for _ in range(seconds):
        stage.beat(without=hung)
        stage.turn(1)


def test_a_silent_worker_is_aborted_then_killed_then_replaced() -> None:
    stage, [first, _] = running(timeout=10.0)
    silence(stage, first, 10)
    assert stage.sent() == []
    silence(stage, first, 1)
    assert stage.sent() == [(first, ABRT)]
    assert stage.log() == [f"worker {first} silent for more than 10 s; aborting it"]
    assert stage.states()[first] is State.DRAINING
    silence(stage, first, 5)
    assert stage.sent() == [(first, KILL)]
    stage.die(first, -KILL)
    assert stage.log()[-1] == f"worker {first} died by SIGKILL; starting another"
    assert len(stage.new()) == 1


def test_a_kill_is_repeated_for_a_process_that_is_stuck() -> None:
    stage, [first, _] = running(timeout=10.0)
    silence(stage, first, 16)
    stage.forget()
    silence(stage, first, 29)
    assert stage.sent() == []
    silence(stage, first, 1)
    assert stage.sent() == [(first, KILL)]


def test_a_timeout_of_0_lets_workers_be_silent() -> None:
    stage, pids = running(timeout=0.0)
    stage.turn(10_000)
    assert stage.sent() == []
    assert set(stage.states()) == set(pids)


def test_after_a_pause_of_the_whole_machine_the_workers_get_their_time_anew() -> None:
    stage, _ = running(timeout=10.0)
    stage.system.now += 3600
    stage.turn()
    assert stage.sent() == []
    stage.turn(9)
    assert stage.sent() == []
    stage.turn(3)
    assert {signum for _, signum in stage.sent()} == {ABRT}


def test_a_short_pause_of_the_whole_machine_aborts_nobody() -> None:
    stage, [first, _] = running(timeout=2.0)
    stage.system.now += 4
    stage.turn()
    assert stage.sent() == []
    silence(stage, first, 2)
    assert stage.sent() == []
    silence(stage, first, 1)
    assert stage.sent() == [(first, ABRT)]


def test_a_hung_worker_does_not_stop_being_hung_by_saying_that_it_is_ready() -> None:
    stage, [first, _] = running()
    stage.die(first, -KILL)
    [new] = stage.new()
    silence(stage, new, 31)
    assert (new, ABRT) in stage.sent()
    stage.ready(new)
    assert stage.states()[new] is State.DRAINING


# The whole run


def play(stage: Stage, *scenes: Callable[[], None]) -> int:
    """Run the arbiter; one scene happens each time it sleeps."""
    script = iter(scenes)

    def on_wait() -> None:
        next(script)()

    stage.system.on_wait = on_wait
    return stage.arbiter.run()


def test_a_run_from_start_to_end(tmp_path: Path) -> None:
    pidfile, path = tmp_path / "server.pid", str(tmp_path / "socket")
    stage = Stage(pidfile=str(pidfile))
    listeners = bind_all([UnixAddress(path)], backlog=1)
    stage.plans = [replace(stage.generation(), listeners=listeners)]
    seen: list[object] = []

    def ready() -> None:
        for pid in stage.system.forked:
            stage.system.lines[pid].inbox.append(Ready())

    def stop() -> None:
        assert stage.system._enqueue is not None
        stage.system._enqueue(TERM)

    def look_and_end() -> None:
        # Workers have copies, to take what waits; with ours open too, others would go on coming.
        seen.extend((pidfile.read_text(), can_connect(path), stage.system.released))
        stage.system.dead = [(pid, 0) for pid in stage.system.forked]

    assert play(stage, ready, stop, look_and_end) == 0
    assert seen == [f"{PID}\n", False, False]
    assert list(tmp_path.iterdir()) == []
    assert stage.system.released


def test_a_first_plan_that_fails_is_the_callers_to_report() -> None:
    stage = Stage()
    stage.plans = [PlanError("no such file", 1)]
    with pytest.raises(PlanError, match="no such file"):
        stage.arbiter.run()
    assert stage.system.forked == []


def test_a_live_servers_pid_file_ends_it_before_anything_is_forked(tmp_path: Path) -> None:
    pidfile, path = tmp_path / "server.pid", tmp_path / "socket"
    pidfile.write_text(f"{os.getppid()}\n")
    stage = Stage(pidfile=str(pidfile))
    listeners = bind_all([UnixAddress(str(path))], backlog=1)
    stage.plans = [replace(stage.generation(), listeners=listeners)]
    with pytest.raises(PidFileError, match=f"names process {os.getppid()}"):
        stage.arbiter.run()
    assert stage.system.forked == []
    assert (pidfile.exists(), path.exists()) == (True, False)


def test_it_sleeps_until_the_next_deadline_and_never_more_than_a_second() -> None:
    stage, [first, _] = running(graceful_timeout=0.25)
    assert stage.arbiter._sleep() == 1
    stage.signal(TERM)
    assert stage.arbiter._sleep() == 0.25
    stage, [first, _] = running()
    stage.die(first, -KILL)
    stage.die(stage.new()[0], 1)
    stage.turn(0.5)
    assert stage.arbiter._sleep() == 0.5


def test_an_error_of_the_arbiter_itself_lets_go_of_everything(tmp_path: Path) -> None:
    pidfile = tmp_path / "server.pid"
    stage = Stage(pidfile=str(pidfile))

    def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        play(stage, fail)
    assert not pidfile.exists()
    assert stage.system.released
    # Its end of every line is closed, so the workers see that they are alone, and finish.
    assert not any(line.open for line in stage.system.lines.values())
