"""What an application may meet while it reads or writes."""

from __future__ import annotations

__all__ = ["ApplicationError", "ClientDisconnected"]


class ClientDisconnected(ConnectionError):
    """The client went away, or was too slow and has been cut off.

    Raised by reading ``wsgi.input`` when the content ends before its length, and by ``write()``.
    An :class:`OSError`, because that is what applications expect of a broken connection.
    """


class ApplicationError(Exception):
    """The application broke PEP 3333; the message says how."""
