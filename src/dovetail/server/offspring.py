"""Forking a worker, and what the child does first."""

from __future__ import annotations

import random
import traceback
from collections.abc import Sequence

from dovetail.server.channel import WorkerEnd
from dovetail.server.crew import Crew, Member
from dovetail.server.privileges import PrivilegeError, drop_privileges
from dovetail.server.scoreboard import Scoreboard, ScoreboardFull, SharedSlot
from dovetail.server.system import Line, System

__all__ = ["BOOT_FAILED", "ForkError", "fork_worker"]

BOOT_FAILED = 3  # exit status: a worker could not boot


class ForkError(Exception):
    """No worker could be forked for want of a process, a descriptor or a slot."""


def fork_worker(
    system: System,
    scoreboard: Scoreboard,
    crew: Crew,
    *,
    crews: Sequence[Crew],
    spare_of: Member | None = None,
) -> Member:
    """Fork a worker of ``crew`` and enlist it there.

    The child closes what belongs to the others of ``crews``, takes on its identity and works.
    Raises :class:`ForkError`.
    """
    settings = crew.generation.settings
    max_requests = settings.max_requests
    if max_requests:
        max_requests += random.randint(0, settings.max_requests_jitter)
    try:
        slot = scoreboard.acquire(crew.number)
    except ScoreboardFull as error:
        raise ForkError(str(error)) from error
    try:
        pid, line = _spawn(system, crew, crews, slot, max_requests)
    except OSError as error:
        scoreboard.release(slot)
        raise ForkError(error.strerror or str(error)) from error
    member = Member(pid, crew, line, slot, system.monotonic(), spare_of=spare_of)
    crew.members.append(member)
    return member


def _spawn(
    system: System, crew: Crew, crews: Sequence[Crew], slot: SharedSlot, max_requests: int
) -> tuple[int, Line]:
    end, line = system.channel()

    def child() -> int:
        line.close()
        return _be_worker(crew, crews, end, slot, max_requests)

    try:
        pid = system.spawn(child)
    except BaseException:
        line.close()
        raise
    finally:
        end.close()
    return pid, line


def _be_worker(
    crew: Crew, crews: Sequence[Crew], end: WorkerEnd, slot: SharedSlot, max_requests: int
) -> int:
    """In the child: keep only what is its own, then work; return the exit status."""
    generation = crew.generation
    status = 1
    try:
        for other in crews:
            # As long as anybody holds a line's upper end, its worker cannot see the arbiter die.
            for member in other.members:
                member.line.close()
            if other is not crew:
                other.close_unshared([crew])
        if generation.identity is not None:
            drop_privileges(generation.identity)
        status = generation.work(end, slot, max_requests)
    except BaseException as error:  # above this frame lies the arbiter's stack
        known = isinstance(error, PrivilegeError)
        text = str(error) if known else traceback.format_exc().rstrip()
        if end.spoke:
            generation.logs.error.critical(f"worker failed: {text}")
        else:
            status = BOOT_FAILED
            end.failed(text, status)
    return status
