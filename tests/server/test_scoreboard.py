"""The shared slots: heartbeats, states, and who has the fewest connections."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from dovetail.server.scoreboard import Scoreboard, ScoreboardFull, SharedSlot, State


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> int:
        return int(self.seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Iterator[Scoreboard]:
    board = Scoreboard(4, clock)
    yield board
    board.close()


def add(board: Scoreboard, connections: int, generation: int = 1) -> SharedSlot:
    slot = board.acquire(generation)
    slot.set_state(State.READY)
    slot.set_connections(connections)
    return slot


def test_a_new_slot_belongs_to_a_booting_worker_that_has_just_beaten(
    board: Scoreboard, clock: Clock
) -> None:
    slot = board.acquire(7)
    assert (slot.state, slot.generation, slot.connections) == (State.BOOTING, 7, 0)
    assert slot.age(clock.seconds) == 0


def test_a_beat_makes_the_slot_young_again(board: Scoreboard, clock: Clock) -> None:
    slot = board.acquire(1)
    clock.seconds += 5
    assert slot.age(clock.seconds) == 5
    slot.beat()
    assert slot.age(clock.seconds) == 0


def test_the_default_clock_is_the_one_that_ages_are_asked_by() -> None:
    board = Scoreboard(1)
    slot = board.acquire(1)
    assert 0 <= slot.age(time.monotonic()) < 60
    board.close()


def test_slots_do_not_share_their_fields(board: Scoreboard) -> None:
    slots = [add(board, number) for number in (1, 2, 3, 4)]
    assert [slot.connections for slot in slots] == [1, 2, 3, 4]


def test_a_full_board_says_so_and_a_released_slot_is_used_again(board: Scoreboard) -> None:
    slots = [add(board, 9) for _ in range(4)]
    with pytest.raises(ScoreboardFull, match="all 4 worker slots"):
        board.acquire(1)
    board.release(slots[1])
    assert slots[1].state is State.FREE
    again = board.acquire(2)
    assert again.index == slots[1].index
    assert (again.connections, again.state) == (0, State.BOOTING)


def test_readers_look_only_as_far_as_slots_are_used(board: Scoreboard) -> None:
    first, second, third = (board.acquire(1) for _ in range(3))
    assert board.reach == 3
    board.release(second)
    assert board.reach == 3
    board.release(third)
    assert board.reach == 1
    board.release(first)
    assert board.reach == 0


def test_least_is_the_smallest_count_of_the_other_workers(board: Scoreboard) -> None:
    busy, idle, middle = (add(board, count) for count in (9, 2, 5))
    assert [busy.least_connections(), idle.least_connections(), middle.least_connections()] == [
        2,
        5,
        2,
    ]


def test_a_worker_alone_has_nobody_to_leave_work_to(board: Scoreboard) -> None:
    assert add(board, 3).least_connections() is None


def test_a_full_worker_does_not_count(board: Scoreboard) -> None:
    mine, full = add(board, 8), add(board, 1)
    full.set_full(True)
    assert mine.least_connections() is None
    add(board, 6)
    assert mine.least_connections() == 6
    full.set_full(False)
    assert mine.least_connections() == 1


def test_a_new_worker_is_not_full(board: Scoreboard) -> None:
    mine, gone = add(board, 8), add(board, 1)
    gone.set_full(True)
    board.release(gone)
    assert add(board, 2).index == gone.index
    assert mine.least_connections() == 2


@pytest.mark.parametrize("state", [State.BOOTING, State.DRAINING, State.FREE])
def test_a_worker_that_does_not_accept_does_not_count(board: Scoreboard, state: State) -> None:
    mine = add(board, 8)
    add(board, 1).set_state(state)
    assert mine.least_connections() is None
    add(board, 6)
    assert mine.least_connections() == 6


def test_another_generation_does_not_count(board: Scoreboard) -> None:
    mine = add(board, 8)
    add(board, 1, generation=2)
    assert mine.least_connections() is None


def test_a_worker_that_has_stopped_beating_does_not_hold_the_others_back(
    board: Scoreboard, clock: Clock
) -> None:
    mine, hung = add(board, 8), add(board, 0)
    assert mine.least_connections() == 0
    clock.seconds += 4
    assert mine.least_connections() is None
    hung.beat()
    assert mine.least_connections() == 0


def test_a_board_needs_a_slot() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Scoreboard(0)


@pytest.mark.process
@pytest.mark.usefixtures("alone")
def test_a_forked_worker_writes_where_the_arbiter_reads() -> None:
    board = Scoreboard(2)
    slot = board.acquire(1)
    pid = os.fork()
    if pid == 0:
        slot.set_connections(42)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert slot.connections == 42
    board.close()
