"""Handing a connection's socket to the application, for WebSocket libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["UpgradeSocket"]


class UpgradeSocket:
    """Stands for the connection's socket until somebody really uses it.

    It is offered as ``werkzeug.socket`` and ``gunicorn.socket`` with each request that asks for an
    upgrade. The first use of any attribute takes the connection away from the server's loop: the
    socket is blocking from then on, the server sends nothing any more, and it closes the socket
    when the application returns.

    :param detach: takes the connection out of the loop and returns its socket, or what is used as
        one, and the octets that were received behind the request.
    """

    def __init__(self, detach: Callable[[], tuple[Any, bytes]]) -> None:
        self._detach = detach
        self._socket: Any = None
        self._received = b""

    @property
    def is_taken(self) -> bool:
        """Whether the connection is the application's."""
        return self._socket is not None

    def _taken(self) -> Any:
        if self._socket is None:
            self._socket, self._received = self._detach()
        return self._socket

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return up to ``size`` octets, those that had arrived with the request first."""
        sock = self._taken()
        if self._received and not flags:
            data, self._received = self._received[:size], self._received[size:]
            return data
        octets: bytes = sock.recv(size, flags)
        return octets

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into ``buffer``; as :meth:`recv`."""
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._taken(), name)
