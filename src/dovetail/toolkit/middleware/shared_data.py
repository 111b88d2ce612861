"""Static files beside an application, without a web server in front."""

from __future__ import annotations

import importlib.util
import io
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import lru_cache
from importlib.resources import files as package_files
from typing import IO, TYPE_CHECKING, NamedTuple, cast
from zlib import adler32

from dovetail.data.accept import parse_accept_header
from dovetail.data.conditional import is_resource_modified
from dovetail.data.dates import http_date
from dovetail.data.etags import parse_etags
from dovetail.data.media_types import guess_media_type
from dovetail.data.paths import safe_join
from dovetail.data.ranges import parse_range_header
from dovetail.toolkit.content_types import get_content_type
from dovetail.toolkit.wsgi import get_path_info, wrap_file, wrap_range

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SharedDataMiddleware"]

# Opens a file: the file, when it was modified, its size in octets.
Opener = Callable[[], tuple[IO[bytes], datetime, int]]
# Takes a path below the export, or None for the export itself; returns the file's name and its
# opener, or twice None.
Loader = Callable[[str | None], tuple[str, Opener] | tuple[None, None]]
Export = str | os.PathLike[str] | tuple[str, str]

_NOTHING: tuple[None, None] = (None, None)
_BLOCK = 65536
# Codings of neighbour files, the one that usually packs best first, and how their names end.
_CODINGS = (("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz"))
_SUFFIXES = dict(_CODINGS)
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH")


class _File:
    """The opener of a regular file; what is known of it needs no opening."""

    __slots__ = ("mtime", "path", "size")

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self.mtime = status.st_mtime
        self.size = status.st_size

    def __call__(self) -> tuple[IO[bytes], datetime, int]:
        file = self.open()
        status = os.fstat(file.fileno())
        return file, _moment(status.st_mtime), status.st_size

    def open(self) -> IO[bytes]:
        """Open the file."""
        # PERF: without a buffer, because the server reads large blocks or has the kernel send it:
        # 6.5 us with closing, a buffered file takes 10.
        return cast(IO[bytes], io.FileIO(self.path))


class _Content:
    """What is sent for a file: the file itself, or a neighbour that packs it."""

    __slots__ = ("coding", "etag", "last_modified", "moment", "name", "size", "source", "varies")

    def __init__(self, name: str, opener: Opener, accept_encoding: str) -> None:
        #: The name that is tagged; where the file is, is nobody's business.
        self.name = name
        #: The content coding; None for the file itself.
        self.coding: str | None = None
        #: Whether another client may be sent something else.
        self.varies = False
        if isinstance(opener, _File):
            variants = _variants(opener)
            if variants:
                self.varies = True
                self.coding, opener = _choose(accept_encoding, opener, variants)
                if self.coding is not None:
                    self.name += _SUFFIXES[self.coding]
            # Nothing is opened for a client that has the file already.
            self.size = opener.size
            self.moment = _moment(opener.mtime)
            self.source: _File | _Opened = opener
        else:
            file, self.moment, self.size = opener()
            self.source = _Opened(file)
        self.last_modified = _date(int(self.moment.timestamp()))
        self.etag: str | None = None

    def drop(self) -> None:
        """Close the file, if it is open without being sent."""
        if isinstance(self.source, _Opened):
            self.source.file.close()


class _Opened:
    """A file that its loader has opened already."""

    __slots__ = ("file",)

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def open(self) -> IO[bytes]:
        """Return the file."""
        return self.file


class _Part(NamedTuple):
    """Octets of a file: ``size`` of them, from ``start``; ``asked`` if a range was asked for."""

    start: int
    size: int
    asked: bool = False


class SharedDataMiddleware:
    """Answers requests below certain paths with files, and hands all others on.

    Conditional and range requests are answered as RFC 9110 sections 13 and 14 have it. Of a file
    that has neighbours such as ``app.js.br``, ``app.js.zst`` or ``app.js.gz``, one is sent in its
    place if the client accepts its coding and it is not older than the file.

    :param app: what is called if there is no file.
    :param exports: for the beginning of a path, a directory, a file, or package and directory in
        the package. The first one that has the file wins.
    :param disallow: files whose name matches this pattern (see :mod:`fnmatch`) are not there.
    :param cache: send entity tags, and let clients keep what they have.
    :param cache_timeout: for how many seconds.
    :param fallback_mimetype: the type of files whose name tells none.
    """

    def __init__(  # noqa: PLR0917 -- the documented signature
        self,
        app: WSGIApplication,
        exports: Mapping[str, Export] | Iterable[tuple[str, Export]],
        disallow: str | None = None,
        cache: bool = True,
        cache_timeout: int = 60 * 60 * 12,
        fallback_mimetype: str = "application/octet-stream",
    ) -> None:
        self.app = app
        #: The beginnings of paths, each with its loader.
        self.exports: list[tuple[str, Loader]] = []
        self.cache = cache
        self.cache_timeout = cache_timeout
        self.fallback_mimetype = fallback_mimetype
        self._disallow = disallow
        pairs = exports.items() if isinstance(exports, Mapping) else exports
        for prefix, export in pairs:
            self.exports.append((prefix, self._loader(export)))

    def _loader(self, export: Export) -> Loader:
        if isinstance(export, tuple):
            return self.get_package_loader(*export)
        if isinstance(export, str | os.PathLike):
            path = os.fspath(export)
            if os.path.isfile(path):
                return self.get_file_loader(path)
            return self.get_directory_loader(path)
        raise TypeError(f"an export is a path, or package and path, not {export!r}")

    def is_allowed(self, filename: str) -> bool:
        """Tell whether a file may be sent; to be overridden.

        :param filename: its name, without directories.
        """
        return self._disallow is None or not fnmatch(filename, self._disallow)

    def get_file_loader(self, filename: str) -> Loader:
        """Return the loader of one file, whatever the rest of the path."""

        def load(path: str | None) -> tuple[str, Opener] | tuple[None, None]:  # noqa: ARG001
            return _find(filename)

        return load

    def get_directory_loader(self, directory: str) -> Loader:
        """Return the loader of the files below a directory; links are followed."""

        def load(path: str | None) -> tuple[str, Opener] | tuple[None, None]:
            joined = directory if path is None else safe_join(directory, path)
            return _NOTHING if joined is None else _find(joined)

        return load

    def get_package_loader(self, package: str, package_path: str) -> Loader:
        """Return the loader of the files below a directory in a package.

        :raises ModuleNotFoundError: there is no such package.
        """
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise ModuleNotFoundError(f"there is no package {package!r}", name=package)
        roots = [root for root in spec.submodule_search_locations or () if os.path.isdir(root)]
        if not roots:
            return _archive_loader(package, package_path)
        loaders = [self.get_directory_loader(os.path.join(root, package_path)) for root in roots]

        def load(path: str | None) -> tuple[str, Opener] | tuple[None, None]:
            for loader in loaders if path is not None else ():
                found = loader(path)
                if found[1] is not None:
                    return found
            return _NOTHING

        return load

    def generate_etag(self, mtime: datetime, file_size: int, real_filename: str) -> str:
        """Return an entity tag, without quotes; to be overridden.

        It is the tag that Werkzeug would make, so that what clients have stays good after a move.

        :param real_filename: the name of what is sent.
        """
        check = adler32(os.fsencode(real_filename))
        return f"wzsdm-{mtime.timestamp()}-{file_size}-{check}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with a file, or call the application."""
        path = get_path_info(environ)
        for prefix, loader in self.exports:
            if path == prefix:
                name, opener = loader(None)
                if name is not None and opener is not None:
                    break
            below = prefix if prefix.endswith("/") else prefix + "/"
            if path.startswith(below):
                name, opener = loader(path[len(below) :])
                if name is not None and opener is not None:
                    break
        else:
            return self.app(environ, start_response)
        if not self.is_allowed(name):
            return self.app(environ, start_response)
        return self._send(name, opener, environ, start_response)

    def _send(
        self, name: str, opener: Opener, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        content = _Content(name, opener, environ.get("HTTP_ACCEPT_ENCODING", ""))
        method = environ["REQUEST_METHOD"]
        fields = self._cache_fields(content)
        if method in ("GET", "HEAD"):
            refusal = _judge_conditions(environ, content)
            if refusal is not None:
                content.drop()
                start_response(refusal, fields)
                return []
        if self.cache:
            fields.append(("Expires", _date(int(time.time()) + self.cache_timeout)))
        status, part = "200 OK", _Part(0, content.size)
        if method == "GET" and "HTTP_RANGE" in environ:
            wanted = _wanted_part(environ, content)
            if wanted is None:
                content.drop()
                fields.append(("Content-Range", f"bytes */{content.size}"))
                start_response("416 Range Not Satisfiable", fields)
                return []
            if wanted.asked:
                status, part = "206 Partial Content", wanted
        fields += (
            ("Content-Type", self._content_type(name)),
            ("Content-Length", str(part.size)),
            ("Last-Modified", content.last_modified),
            ("Accept-Ranges", "bytes"),
        )
        if content.coding is not None:
            fields.append(("Content-Encoding", content.coding))
        if part.asked:
            fields.append(
                ("Content-Range", f"bytes {part.start}-{part.start + part.size - 1}/{content.size}")
            )
        if method == "HEAD":
            content.drop()
            start_response(status, fields)
            return []
        wrapped = wrap_file(environ, content.source.open(), _BLOCK)
        start_response(status, fields)
        return wrap_range(wrapped, part.start, part.size) if part.asked else wrapped

    def _cache_fields(self, content: _Content) -> list[tuple[str, str]]:
        """Return the fields that a 304 has as well; set the content's entity tag."""
        fields = [("Date", _date(int(time.time())))]
        if self.cache:
            tag = self.generate_etag(content.moment, content.size, content.name)
            content.etag = f'"{tag}"'
            fields.append(("Etag", content.etag))
            fields.append(("Cache-Control", f"max-age={self.cache_timeout}, public"))
        else:
            fields.append(("Cache-Control", "public"))
        if content.varies:
            fields.append(("Vary", "Accept-Encoding"))
        return fields

    def _content_type(self, name: str) -> str:
        return get_content_type(guess_media_type(name) or self.fallback_mimetype, "utf-8")


def _find(path: str) -> tuple[str, Opener] | tuple[None, None]:
    """Return name and opener of a regular file."""
    status = _stat(path)
    return _NOTHING if status is None else (os.path.basename(path), _File(path, status))


def _stat(path: str) -> os.stat_result | None:
    """Return the status of a regular file, None for anything else."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # a NUL, or what the file system's encoding does not know
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _archive_loader(package: str, package_path: str) -> Loader:
    """Return the loader of files in a package that is not on disk, such as in a zip archive."""
    moment = datetime.now(UTC)

    def load(path: str | None) -> tuple[str, Opener] | tuple[None, None]:
        joined = None if path is None else safe_join(package_path, path)
        if joined is None:
            return _NOTHING
        resource = package_files(package).joinpath(*joined.split("/"))
        if not resource.is_file():
            return _NOTHING
        data = resource.read_bytes()
        return resource.name, lambda: (io.BytesIO(data), moment, len(data))

    return load


def _variants(file: _File) -> list[tuple[str, _File]]:
    """Return the neighbours that pack a file, none that is older than it."""
    found = []
    for coding, suffix in _CODINGS:
        path = file.path + suffix
        # PERF: a stat that fails costs 2 us for its exception, this 0.9.
        if os.access(path, os.R_OK):
            status = _stat(path)
            if status is not None and status.st_mtime >= file.mtime:
                found.append((coding, _File(path, status)))
    return found


def _choose(
    accept_encoding: str, file: _File, variants: list[tuple[str, _File]]
) -> tuple[str | None, _File]:
    """Return what a client likes best, and its coding (RFC 9110 section 12.5.3)."""
    available = dict(variants)
    for coding in _preferences(accept_encoding):
        if coding == "identity":
            break
        if coding in available:
            return coding, available[coding]
    return None, file


@lru_cache(256)
def _preferences(accept_encoding: str) -> tuple[str, ...]:
    """Return the codings that a client accepts, the best first; of equals, ours is the order."""
    accept = parse_accept_header(accept_encoding)
    qualities = [(accept.quality(coding), coding) for coding, _ in _CODINGS]
    if "identity" in accept.values():
        qualities.append((accept.quality("identity"), "identity"))
    qualities.sort(key=lambda pair: -pair[0])
    return tuple(coding for quality, coding in qualities if quality > 0)


def _judge_conditions(environ: WSGIEnvironment, content: _Content) -> str | None:
    """Return the status if the conditions of a request say that nothing is to be sent."""
    if content.etag is None or not any(key in environ for key in _CONDITIONS):
        return None
    if is_resource_modified(environ, content.etag, last_modified=content.last_modified):
        return None
    if parse_etags(environ.get("HTTP_IF_MATCH")):
        return "412 Precondition Failed"
    return "304 Not Modified"


def _wanted_part(environ: WSGIEnvironment, content: _Content) -> _Part | None:
    """Return the part that a request is for, None if there is no such part.

    It is all if the range is none that can be served at once, or If-Range does not hold (RFC 9110
    sections 13.1.5 and 14.2).
    """
    everything = _Part(0, content.size)
    wanted = parse_range_header(environ["HTTP_RANGE"])
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return everything
    if "HTTP_IF_RANGE" in environ and is_resource_modified(
        environ, content.etag, last_modified=content.last_modified, ignore_if_range=False
    ):
        return everything
    bounds = wanted.range_for_length(content.size)
    return None if bounds is None else _Part(bounds[0], bounds[1] - bounds[0], True)


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


@lru_cache(1024)
def _date(timestamp: int) -> str:
    return http_date(timestamp)
