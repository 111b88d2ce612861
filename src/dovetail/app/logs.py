"""The logger of an application."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

from dovetail.app.proxies import _cv_request
from dovetail.toolkit.local import LocalProxy
from dovetail.toolkit.loggers import has_level_handler

if TYPE_CHECKING:
    from dovetail.app.setup import AppSetup

__all__ = ["create_logger", "default_handler", "has_level_handler", "wsgi_errors_stream"]


def _errors_stream() -> TextIO:
    context = _cv_request.get(None)
    if context is None:
        return sys.stderr
    return context.request.environ["wsgi.errors"]  # type: ignore[no-any-return]


#: Where the server of the current request wants errors, otherwise ``sys.stderr``. For handlers:
#: ``ext://dovetail.app.logs.wsgi_errors_stream`` in a configuration of :mod:`logging.config`.
wsgi_errors_stream: LocalProxy[TextIO] = LocalProxy(_errors_stream)

_FORMATTER = logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")


class _DefaultHandler(logging.StreamHandler[TextIO]):
    """Leaves time and level to a server that writes them itself, in front of each message."""

    def __init__(self) -> None:
        super().__init__(wsgi_errors_stream)  # type: ignore[call-overload]
        self.setFormatter(_FORMATTER)

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, in the form that was set."""
        log = getattr(self.stream, "log", None)  # see dovetail.server.error_stream
        if log is None or self.formatter is not _FORMATTER:
            super().emit(record)
            return
        try:
            text = f"{record.module}: {record.getMessage()}"
            log(record.levelno, text, record.exc_info, record.stack_info)
        except Exception:
            self.handleError(record)


#: Writes to :data:`wsgi_errors_stream`; the handler of an application's logger whose messages
#: nobody else would write.
default_handler: logging.StreamHandler[TextIO] = _DefaultHandler()


def create_logger(app: AppSetup) -> logging.Logger:
    """Return the logger of an application, which has its name.

    In debug mode its level is DEBUG unless it has one. :data:`default_handler` is added if no
    handler takes its messages, so what was configured before comes first.
    """
    logger = logging.getLogger(app.name)
    if app.debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger
