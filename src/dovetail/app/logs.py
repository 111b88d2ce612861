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

#: Writes to :data:`wsgi_errors_stream`; the handler of an application's logger whose messages
#: nobody else would write.
default_handler: logging.StreamHandler[TextIO] = logging.StreamHandler(
    wsgi_errors_stream  # type: ignore[arg-type]
)
default_handler.setFormatter(
    logging.Formatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s")
)


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
