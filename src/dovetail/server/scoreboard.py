"""The memory that all processes of the server share: one slot a worker.

An anonymous mapping made before the first fork, so there is no file to clean up and nothing that a
full or slow disk could delay.

Nothing here is locked. Every field has exactly one writer: the worker writes its heartbeat, its
connection count and whether it is full, the arbiter writes state and generation. A field is eight
bytes on an eight-byte boundary, copied in one piece, which 64-bit processors do with a single
store; and where a processor would tear it, the reader gets one odd number once. An odd heartbeat is
off by at most 4.3 seconds (the lower half of a count of nanoseconds), an odd connection count
misplaces one accept, and both are right again at the next look.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable
from enum import IntEnum

__all__ = ["Scoreboard", "ScoreboardFull", "SharedSlot", "State"]

FIELD = 8
FIELDS = 8  # Five are used; a slot fills a cache line, so that workers do not slow each other down.
STATE, GENERATION, HEARTBEAT, CONNECTIONS, FULL = range(5)

# A worker beats at least once a second. One that has missed several beats (stopped, or stuck with
# the interpreter's lock held) must not hold the others back from accepting.
FRESH_SECONDS = 3.0


class State(IntEnum):
    """What a slot says about its worker; the arbiter writes it."""

    FREE = 0
    BOOTING = 1
    READY = 2
    DRAINING = 3


class ScoreboardFull(Exception):
    """Every slot is taken."""


class Scoreboard:
    """A fixed number of slots in shared memory.

    ``slots`` bounds the workers that can exist at one time, those of an old and of a new
    generation together. Pages that no slot has used cost no memory. ``clock`` gives nanoseconds on
    a clock that all processes share.
    """

    def __init__(self, slots: int = 4096, clock: Callable[[], int] = time.monotonic_ns) -> None:
        if slots < 1:
            raise ValueError("a scoreboard needs at least one slot")
        # The first line is the header. Its first field is the number of slots from the left that
        # may be in use, so that readers need not look at thousands of free ones.
        self._memory = mmap.mmap(-1, (slots + 1) * FIELDS * FIELD)
        self.words = memoryview(self._memory).cast("q")
        self.clock = clock
        self._taken = [False] * slots

    @property
    def reach(self) -> int:
        """How many slots, from the first one, a reader has to look at."""
        return self.words[0]

    def acquire(self, generation: int) -> SharedSlot:
        """Take the first free slot for a worker about to be forked; its heartbeat starts now.

        Raises :class:`ScoreboardFull`. Only the arbiter calls this.
        """
        try:
            index = self._taken.index(False)
        except ValueError:
            raise ScoreboardFull(f"all {len(self._taken)} worker slots are in use") from None
        self._taken[index] = True
        slot = SharedSlot(self, index)
        slot.reset(generation)
        self.words[0] = max(self.reach, index + 1)
        return slot

    def release(self, slot: SharedSlot) -> None:
        """Give back the slot of a worker that is gone. Only the arbiter calls this."""
        slot.set_state(State.FREE)
        self._taken[slot.index] = False
        reach = self.reach
        while reach and not self._taken[reach - 1]:
            reach -= 1
        self.words[0] = reach

    def close(self) -> None:
        """Unmap the memory from this process; no slot may be used afterwards."""
        self.words.release()
        self._memory.close()


class SharedSlot:
    """One worker's slot, the same memory on both sides of the fork."""

    __slots__ = ("_base", "_board", "index")

    def __init__(self, board: Scoreboard, index: int) -> None:
        self.index = index
        self._board = board
        self._base = (index + 1) * FIELDS

    def reset(self, generation: int) -> None:
        """Start the slot's life with a new worker, which is booting."""
        words = self._board.words
        words[self._base + GENERATION] = generation
        words[self._base + CONNECTIONS] = 0
        words[self._base + FULL] = 0
        self.beat()
        self.set_state(State.BOOTING)

    def beat(self) -> None:
        """Record that the worker's main thread is alive now."""
        self._board.words[self._base + HEARTBEAT] = self._board.clock()

    def age(self, now: float) -> float:
        """Return how many seconds before ``now`` (``time.monotonic()``) the last beat was."""
        return now - self._board.words[self._base + HEARTBEAT] / 1e9

    def set_connections(self, count: int) -> None:
        """Publish how many connections the worker has open."""
        self._board.words[self._base + CONNECTIONS] = count

    @property
    def connections(self) -> int:
        """The number of connections the worker published last."""
        return self._board.words[self._base + CONNECTIONS]

    def set_full(self, full: bool) -> None:
        """Publish whether a newcomer would wait here: for stuck threads, or a descriptor."""
        self._board.words[self._base + FULL] = full

    def set_state(self, state: State) -> None:
        """Say what the worker is up to. Only the arbiter calls this."""
        self._board.words[self._base + STATE] = state

    @property
    def state(self) -> State:
        """What the arbiter said last about this worker."""
        return State(self._board.words[self._base + STATE])

    @property
    def generation(self) -> int:
        """The number of the worker's generation."""
        return self._board.words[self._base + GENERATION]

    def least_connections(self) -> int | None:
        """Return the smallest count among the other ready workers of this generation.

        Those that are full, or have not beaten for three seconds, do not count. None without any
        other worker.
        """
        words = self._board.words
        mine = self._base
        generation = words[mine + GENERATION]
        stale = self._board.clock() - int(FRESH_SECONDS * 1e9)
        least = None
        for base in range(FIELDS, (self._board.reach + 1) * FIELDS, FIELDS):
            if base == mine or words[base + STATE] != State.READY or words[base + FULL]:
                continue
            if words[base + GENERATION] != generation or words[base + HEARTBEAT] < stale:
                continue
            count = words[base + CONNECTIONS]
            if least is None or count < least:
                least = count
        return least
