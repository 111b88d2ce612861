"""What a connection is doing, who may touch it, and what its owner has to do next."""

from __future__ import annotations

import enum

__all__ = ["Ownership", "Phase", "Step"]


class Ownership(enum.Enum):
    """Who may touch a connection; changed by the loop only, under its lock."""

    IDLE = enum.auto()  # nobody: the next news makes somebody its owner
    OWNED = enum.auto()  # one thread, or the queue to one
    AGAIN = enum.auto()  # the same, and there was news meanwhile


class Phase(enum.Enum):
    """What a connection is doing."""

    HANDSHAKE = enum.auto()
    READING = enum.auto()
    QUEUED = enum.auto()  # a complete request waits for an application thread
    RUNNING = enum.auto()
    FLUSHING = enum.auto()  # the application is done, its response is still going out
    LINGERING = enum.auto()  # our side is closed; the client's octets are dropped
    CLOSED = enum.auto()


class Step(enum.Enum):
    """What an owner has to do next with a connection."""

    WAIT = enum.auto()  # release it
    MORE = enum.auto()  # let others have their turn, then go on
    RUN = enum.auto()  # call ``run``, in an application thread
    CLOSED = enum.auto()  # forget it
