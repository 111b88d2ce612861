"""Readiness for a service manager: the sd_notify protocol (man sd_notify)."""

from __future__ import annotations

import socket
from collections.abc import MutableMapping

__all__ = ["Notifier"]


class Notifier:
    """Tells the service manager named by ``NOTIFY_SOCKET``, if there is one, what goes on.

    The variable is taken out of ``environ``, so that no worker's child speaks for the server.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        path = environ.pop("NOTIFY_SOCKET", "")
        # A path, or a name in the abstract namespace, which is written with an @ in front.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        if not path.startswith(("@", "/")):
            self._address = ""

    def send(self, *assignments: str) -> None:
        """Send lines such as ``READY=1``. A manager that does not listen is no error."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            return
