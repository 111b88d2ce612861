"""Keeping the requests that fail, for ``dovetail replay``."""

from __future__ import annotations

import logging
import secrets
import shlex
import threading
import time
import traceback
from datetime import UTC, datetime
from typing import IO

from dovetail.gateway.environ import Environ
from dovetail.server.capture import Capture, Content, dump_capture
from dovetail.server.capture_directory import CaptureDirectory
from dovetail.server.masking import MASKED_REMARK, Mask
from dovetail.server.observation import Observation
from dovetail.server.settings import Settings

__all__ = ["ErrorCapture"]

# One request that always fails must not keep a worker and its disk busy with it.
_FILES_A_SECOND = 10
# How often it is said that nothing can be kept, in seconds.
_COMPLAINT_SECONDS = 10.0
_NOT_KEPT = "not kept: the application read it as it arrived, or no descriptor was left for it"
# What is kept of a traceback, in characters; messages of exceptions may be of any length.
_TRACEBACK = 256 << 10


class ErrorCapture:
    """A worker's observer (:class:`dovetail.server.observation.Observer`).

    It keeps each request that ended in an exception or with status 500. Any thread may call it.
    """

    def __init__(
        self, settings: Settings, directory: CaptureDirectory, log: logging.Logger
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._log = log
        self._lock = threading.Lock()  # guards everything below
        self._second = 0
        self._kept = 0  # in that second
        self._skipped = 0
        self._skipped_in = -2  # the second of the last one
        self._silent_until = 0.0

    def calling(self, environ: Environ) -> None:
        """Do nothing: which requests will fail is not known yet."""

    def answered(self, seen: Observation) -> None:
        """Keep the request if it failed."""
        if seen.status != 500 and seen.record.error is None:
            return
        try:
            if self._may_keep(seen.finished):
                self._keep(seen)
        except OSError as error:
            self._complain(seen, error.strerror or str(error))
        except Exception:
            self._log.exception("cannot keep a request (id %s); please report it", seen.record.id)

    def _may_keep(self, now: float) -> bool:
        with self._lock:
            skipped = 0
            if int(now) != self._second:
                self._second, self._kept = int(now), 0
                skipped, self._skipped = self._skipped, 0
            self._kept += 1
            accepted = self._kept <= _FILES_A_SECOND
            begins = False
            if not accepted:
                self._skipped += 1
                # Said at once: how many there were is not said before the next one fails.
                begins = self._second > self._skipped_in + 1
                self._skipped_in = self._second
        if skipped:
            self._log.warning("failed requests that were not kept, in one second: %d", skipped)
        if begins:
            self._log.warning(
                "more than %d requests a second fail: the others are not kept", _FILES_A_SECOND
            )
        return accepted

    def _complain(self, seen: Observation, reason: str) -> None:
        with self._lock:
            quiet = seen.finished < self._silent_until
            if not quiet:
                self._silent_until = seen.finished + _COMPLAINT_SECONDS
        if not quiet:
            self._log.error(
                "capture_errors: cannot keep the request with id %s in %s: %s",
                seen.record.id,
                self._settings.capture_errors,
                reason,
            )

    def _keep(self, seen: Observation) -> None:
        moment = time.time() - (time.monotonic() - seen.record.received)
        capture = self._capture(seen, moment)
        path = self._directory.keep(dump_capture(capture), moment=moment, token=_token(seen))
        words = ["dovetail", "replay", str(path)]
        if "(" in capture.application:
            # A file must not choose a call, so whoever replays it has to.
            words[2:2] = ["--app", capture.application]
        self._log.error("kept the request with id %s; run: %s", seen.record.id, shlex.join(words))

    def _capture(self, seen: Observation, moment: float) -> Capture:
        settings, request, environ = self._settings, seen.request, seen.environ
        mask = Mask(settings.capture_mask)
        started = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
        # Before the traceback: what is masked here is masked there, too.
        fields = mask.fields(request.fields)
        target = mask.target(request.target)
        content = _content(seen, settings.capture_content, mask)
        response_fields = mask.fields(seen.fields)
        return Capture(
            id=seen.record.id,
            time=started.replace("+00:00", "Z"),
            application=settings.app or "",
            compat=settings.compat,
            route=str(seen.record.route),
            duration_ms=round((seen.finished - seen.record.received) * 1000, 3),
            client=_text(environ, "REMOTE_ADDR"),
            client_port=_text(environ, "REMOTE_PORT"),
            scheme=_text(environ, "wsgi.url_scheme"),
            server_name=_text(environ, "SERVER_NAME"),
            server_port=_text(environ, "SERVER_PORT"),
            method=request.method,
            target=target,
            version=request.version,
            fields=fields,
            content=content,
            status=seen.status,
            response_fields=response_fields,
            response_length=seen.content_length,
            aborted=seen.aborted,
            traceback=mask.text(_traceback(seen.record.error)),
        )


def _text(environ: Environ, key: str) -> str:
    """Return a text of the environ, in which middleware may have put anything."""
    value = environ.get(key, "")
    return value if isinstance(value, str) else ""


def _token(seen: Observation) -> str:
    """Return the end of the file's name: the request's id, unless the client has chosen that."""
    chosen = any(name == "x-request-id" for name, _ in seen.request.fields)
    return secrets.token_hex(8) if chosen else seen.record.id


def _content(seen: Observation, limit: int, mask: Mask) -> Content:
    """Return what is kept of the request's content."""
    size = seen.content_size
    if seen.content is None:
        return Content(size, None, _NOT_KEPT)
    if size and not limit:
        return Content(size, None, "not kept: capture_content is 0")
    data = _read(seen.content, limit)
    cut = len(data) < size or not seen.content_complete
    masked = mask.content(data, _content_type(seen), cut=cut)
    if masked is None:
        return Content(size, None, "not kept: it may hold secrets, and cannot be read to mask them")
    if cut and not seen.content_complete and len(data) == size:
        return Content(size, masked, "not all: the application did not read the rest")
    if cut:
        return Content(size, masked, f"cut off after {len(data)} of {size} bytes")
    return Content(size, masked, "" if masked == data else MASKED_REMARK)


def _read(file: IO[bytes], limit: int) -> bytes:
    data = b""
    while len(data) < limit and (block := file.read(limit - len(data))):
        data += block
    return data


def _content_type(seen: Observation) -> str:
    return next((value for name, value in seen.request.fields if name == "content-type"), "")


def _traceback(error: BaseException | None) -> str:
    if error is None:
        return ""
    text = "".join(traceback.format_exception(error)).rstrip("\n")
    if len(text) <= _TRACEBACK:
        return text
    half = _TRACEBACK // 2
    return f"{text[:half]}\n[... cut off ...]\n{text[-half:]}"
