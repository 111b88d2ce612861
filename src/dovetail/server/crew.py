"""What the arbiter knows about its workers: one by one, and by generation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from dovetail.server.channel import Failed, WorkerEnd
from dovetail.server.logs import Logs
from dovetail.server.privileges import Identity
from dovetail.server.scoreboard import SharedSlot
from dovetail.server.settings import Settings
from dovetail.server.sockets import Listener
from dovetail.server.system import Line

__all__ = ["Backoff", "Crew", "Generation", "Member", "Phase", "Work"]

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
LEAST_BOOT_SECONDS = 30.0
UNHURRIED_BOOT_SECONDS = 300.0
YOUNG_SECONDS = 2.0

#: Runs in the forked child, with its line to the arbiter, its slot and its ``max_requests`` (jitter
#: included, 0 is no bound); returns the exit status.
Work = Callable[[WorkerEnd, SharedSlot, int], int]


@dataclass(frozen=True, slots=True)
class Generation:
    """All that one start or one reload decides, and that every worker of it shares.

    ``identity`` is who the workers become before ``work`` is called; None changes nothing.
    """

    settings: Settings
    listeners: Sequence[Listener]
    work: Work
    logs: Logs
    identity: Identity | None = None


class Phase(Enum):
    """Where a worker is in its life."""

    BOOTING = "booting"
    READY = "ready"
    TIRED = "tired"  # serves, and waits for its spare to be ready
    STOPPING = "stopping"


@dataclass(eq=False, slots=True)
class Member:
    """One worker process as the arbiter sees it. Times are seconds of the system's clock."""

    pid: int
    crew: Crew
    line: Line
    slot: SharedSlot
    forked_at: float
    phase: Phase = Phase.BOOTING
    ready_at: float = math.inf
    kill_at: float = math.inf
    spare_of: Member | None = None
    reopen: bool = False  # USR1 came while it was booting
    failure: Failed | None = None

    @property
    def serves(self) -> bool:
        """Whether it accepts connections."""
        return self.phase in (Phase.READY, Phase.TIRED)

    def is_young(self, now: float) -> bool:
        """Whether it became ready only just now."""
        return now - self.ready_at < YOUNG_SECONDS


class Backoff:
    """When to fork again after workers that died at once: 1 s later, 2 s, 4 s, up to 30 s."""

    def __init__(self) -> None:
        self.until = -math.inf
        self._failures = 0
        self._stumbled_at = -math.inf

    def fail(self, now: float) -> None:
        """A worker died while it booted. Those that die during the delay belong to one wave."""
        if now < self.until:
            return
        if now - self.until > LONGEST_DELAY:
            self._failures = 0  # it went well for a while
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self.until = now + delay

    def stumble(self, now: float) -> None:
        """A worker died soon after it had booted: once is bad luck, twice is a failure."""
        if now - self._stumbled_at < LONGEST_DELAY:
            self.fail(now)
        self._stumbled_at = now

    def remaining(self, now: float) -> float:
        """Return the seconds left to wait, 0 if none."""
        return max(0.0, self.until - now)


@dataclass(eq=False, slots=True)
class Crew:
    """The workers of one generation.

    ``target`` is how many shall serve. A crew is ``proven`` once that many were ready together;
    from then on a worker that does not boot is an accident, before that it condemns the crew.
    """

    number: int
    generation: Generation
    target: int
    members: list[Member] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)
    proven: bool = False

    @property
    def boot_seconds(self) -> float:
        """How long a worker may take until it is ready."""
        timeout = self.generation.settings.timeout
        return max(timeout, LEAST_BOOT_SECONDS) if timeout else UNHURRIED_BOOT_SECONDS

    @property
    def complete(self) -> bool:
        """Whether all the workers that shall serve do."""
        return sum(member.serves for member in self.members) >= self.target

    def staff(self) -> list[Member]:
        """Return those that count towards ``target``, first those that can best be spared.

        A spare does not count until the worker it replaces is told to stop.
        """
        staff = [
            member
            for member in self.members
            if member.phase is not Phase.STOPPING and member.spare_of is None
        ]
        # The sort is stable and members are in the order of their forks: booting ones, then old.
        return sorted(staff, key=lambda member: member.serves)

    def waiting_for_spare(self) -> Iterator[Member]:
        """Yield the tired workers for which no spare has been forked."""
        replaced = {member.spare_of for member in self.members}
        for member in self.members:
            if member.phase is Phase.TIRED and member not in replaced:
                yield member

    def forget_spares_of(self, gone: Member) -> None:
        """Make the spares of ``gone`` ordinary members."""
        for member in self.members:
            if member.spare_of is gone:
                member.spare_of = None

    def close_unshared(self, others: Iterable[Crew]) -> None:
        """Close the listeners and logs of this crew that none of the ``others`` uses."""
        generations = [other.generation for other in others if other is not self]
        kept = {listener for generation in generations for listener in generation.listeners}
        for listener in self.generation.listeners:
            if listener not in kept:
                listener.close()
        if all(generation.logs is not self.generation.logs for generation in generations):
            self.generation.logs.close()
