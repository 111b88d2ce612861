"""Forking a worker: what the child keeps, who it becomes, and how it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.server.stage import FakeLogs, Stage, can_connect

from dovetail.server import offspring
from dovetail.server.addresses import UnixAddress
from dovetail.server.channel import Failed, WorkerEnd
from dovetail.server.crew import Crew, Work
from dovetail.server.logs import Logs
from dovetail.server.offspring import BOOT_FAILED, ForkError, fork_worker
from dovetail.server.privileges import Identity, PrivilegeError
from dovetail.server.scoreboard import SharedSlot
from dovetail.server.sockets import bind_all


def crew_of(stage: Stage, work: Work, **changes: Any) -> Crew:
    """Return a crew whose children act in this process."""
    stage.system.acts = True
    return Crew(1, replace(stage.generation(), work=work, **changes), 1)


def fork(stage: Stage, crew: Crew, *others: Crew) -> int:
    """Fork one worker; return what its process would exit with."""
    fork_worker(stage.system, stage.board, crew, crews=[crew, *others])
    return stage.system.statuses[-1]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_child_works_with_its_own_end_and_slot_and_exits_with_the_status(stage: Stage) -> None:
    got: list[tuple[WorkerEnd, SharedSlot, int]] = []

    def work(end: WorkerEnd, slot: SharedSlot, most: int) -> int:
        got.append((end, slot, most))
        return 7

    crew = crew_of(stage, work)
    assert fork(stage, crew) == 7
    [member] = crew.members
    assert got == [(cast(WorkerEnd, stage.system.ends[0]), member.slot, 0)]
    assert member.pid == stage.system.forked[0]


def test_max_requests_has_its_jitter_already() -> None:
    stage = Stage(max_requests=100, max_requests_jitter=5)
    bounds: list[int] = []

    def work(_end: WorkerEnd, _slot: SharedSlot, most: int) -> int:
        bounds.append(most)
        return 0

    crew = crew_of(stage, work)
    for _ in range(40):
        fork(stage, crew)
    assert min(bounds) >= 100
    assert max(bounds) <= 105
    assert len(set(bounds)) > 1


def test_the_child_holds_no_line_to_any_worker(stage: Stage) -> None:
    first, second = crew_of(stage, lambda *_: 0), crew_of(stage, lambda *_: 0)
    fork(stage, first)
    for line in stage.system.lines.values():
        line.open = True
    fork(stage, second, first)
    assert not any(line.open for line in stage.system.lines.values())


def test_the_child_closes_the_listeners_and_logs_of_other_generations_only(
    stage: Stage, tmp_path: Path
) -> None:
    shared, old, new = (str(tmp_path / name) for name in ("shared", "old", "new"))
    first = bind_all([UnixAddress(shared), UnixAddress(old)], backlog=1)
    second = bind_all([UnixAddress(shared), UnixAddress(new)], backlog=1, keep=first)
    logs = FakeLogs()
    theirs = crew_of(stage, lambda *_: 0, listeners=first, logs=cast(Logs, logs))
    fork(stage, crew_of(stage, lambda *_: 0, listeners=second), theirs)
    assert [can_connect(path) for path in (shared, old, new)] == [True, False, True]
    assert (logs.closed, stage.logs.closed) == (True, False)
    for listener in second:
        listener.close()


@pytest.mark.parametrize("error", [ValueError("oh"), SystemExit(0), KeyboardInterrupt("oh")])
def test_whatever_the_worker_raises_before_it_has_spoken_is_a_boot_failure(
    stage: Stage, error: BaseException
) -> None:
    def work(*_: object) -> int:
        raise error

    assert fork(stage, crew_of(stage, work)) == BOOT_FAILED
    [said] = stage.system.ends[0].said
    assert isinstance(said, Failed)
    assert said.status == BOOT_FAILED
    assert said.message.startswith("Traceback")
    assert said.message.endswith(f"{type(error).__name__}: {error}")
    assert stage.log() == []


def test_what_it_raises_later_is_logged(stage: Stage) -> None:
    def work(end: WorkerEnd, *_: object) -> int:
        end.spoke = True
        raise ValueError("oh")

    assert fork(stage, crew_of(stage, work)) == 1
    [line] = stage.log()
    assert line.startswith("worker failed: Traceback")
    assert line.endswith("ValueError: oh")


def test_the_child_takes_on_its_identity_before_it_works(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[object] = []

    def work(*_: object) -> int:
        order.append("work")
        return 0

    monkeypatch.setattr(offspring, "drop_privileges", order.append)
    identity = Identity(1, 2, "daemon")
    assert fork(stage, crew_of(stage, work, identity=identity)) == 0
    assert order == [identity, "work"]


def test_an_identity_out_of_reach_is_a_boot_failure_in_one_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Identity) -> None:
        raise PrivilegeError("cannot switch to uid 1, gid 2: Operation not permitted")

    monkeypatch.setattr(offspring, "drop_privileges", refuse)
    crew = crew_of(stage, lambda *_: 0, identity=Identity(1, 2))
    assert fork(stage, crew) == BOOT_FAILED
    message = "cannot switch to uid 1, gid 2: Operation not permitted"
    assert stage.system.ends[0].said == [Failed(message, BOOT_FAILED)]


@pytest.mark.parametrize("what", ["channel_error", "fork_error"])
def test_a_fork_that_fails_gives_everything_back(stage: Stage, what: str) -> None:
    setattr(stage.system, what, OSError(11, "Try again"))
    crew = crew_of(stage, lambda *_: 0)
    with pytest.raises(ForkError, match="Try again"):
        fork_worker(stage.system, stage.board, crew, crews=[crew])
    assert (stage.board.reach, crew.members) == (0, [])
    assert all(end.closed for end in stage.system.ends)
