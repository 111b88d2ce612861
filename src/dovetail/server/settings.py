"""The one table of settings: names, flags, types, defaults and help of everything that can be set.

The command line, the environment, the configuration files, ``--print-config`` and the reference
page are all made from the fields of :class:`Settings`.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from dovetail.http1.limits import Limits
from dovetail.server.addresses import DEFAULT_PORT, Address, TCPAddress
from dovetail.server.kinds import (
    AddressList,
    Choice,
    DirectoryList,
    Duration,
    Factory,
    FilePath,
    Flag,
    Integer,
    Kind,
    NameList,
    Output,
    Size,
    Text,
    Umask,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "KEYS",
    "SECTIONS",
    "SETTINGS",
    "Setting",
    "Settings",
    "SettingsError",
]

T = TypeVar("T")

ENVIRONMENT_PREFIX = "DOVETAIL_SERVE_"


class SettingsError(Exception):
    """A setting is wrong. The message is one line for the user, and says where it came from.

    ``status`` is the exit status it leads to.
    """

    status = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    ``flags`` are shown in the help, ``other_flags`` are Gunicorn's spellings of them, and so are
    ``other_keys`` in a file. ``variables`` are read from the environment besides
    ``DOVETAIL_SERVE_<NAME>`` and are weaker than that; each has a template of the text it means.
    """

    name: str
    kind: Kind[Any]
    default: Any
    section: str
    help: str
    flags: tuple[str, ...] = ()
    other_flags: tuple[str, ...] = ()
    other_keys: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def flag(self) -> str:
        """Its long flag; APP for the one that has none."""
        return next((flag for flag in self.flags if flag.startswith("--")), "APP")

    @property
    def off_flag(self) -> str:
        """The flag that switches it off."""
        return f"--no-{self.flag.removeprefix('--')}"

    @property
    def optional(self) -> bool:
        """Whether None is a value."""
        return self.default is None

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    def dump(self, value: Any) -> str:
        """Return ``value`` as people write it; None and an empty list are ``none``."""
        return "none" if value is None or value == () else self.kind.dump(value)


def _row(
    default: T,
    kind: Kind[Any],
    section: str,
    flags: str,
    help: str,  # noqa: A002
    *,
    also: str = "",
    keys: str = "",
    variables: tuple[tuple[str, str], ...] = (),
) -> T:
    row = {
        "kind": kind,
        "section": section,
        "help": " ".join(help.split()),
        "flags": tuple(flags.split()),
        "other_flags": tuple(also.split()),
        "other_keys": tuple(keys.split()),
        "variables": variables,
    }
    return field(default=default, metadata=row)


#: The sections in their order, each with what its settings are about.
SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "Application": "what is served",
        "Sockets": "where it listens",
        "Processes": "who does the work",
        "Deadlines": "how long a client may take",
        "Limits": "how much a client may send, and how much waits in memory",
        "TLS": "encryption",
        "Files": "how files are sent",
        "Logging": "what is written down",
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the server, checked. Durations are seconds, sizes are octets.

    Paths are absolute when they come from :func:`dovetail.server.sources.load_settings`.
    """

    app: str | None = _row(
        None,
        Text("APP"),
        "Application",
        "",
        """The application: MODULE:ATTR, or MODULE:FACTORY(ARGS) to call a factory with literal
        arguments, or MODULE, which means its attribute application or else app.""",
        keys="wsgi_app",
    )
    chdir: str = _row(
        ".",
        FilePath("DIR"),
        "Application",
        "--chdir",
        "Change to this directory first, and put it first on Python's module search path.",
    )
    pythonpath: tuple[str, ...] = _row(
        (),
        DirectoryList(),
        "Application",
        "--pythonpath",
        "More directories for Python's module search path, parted by commas.",
    )
    preload_app: bool = _row(
        False,
        Flag(),
        "Application",
        "--preload",
        """Import the application once, before the workers are forked: less memory, but a reload
        keeps the old code.""",
    )
    compat: bool = _row(
        False,
        Flag(),
        "Application",
        "--compat",
        """Stand in for Flask and Werkzeug, which must not be installed, for an application that was
        written for them. A reload can turn this on; only a restart turns it off.""",
        variables=(("DOVETAIL_COMPAT", "{}"),),
    )
    stream_input: bool = _row(
        False,
        Flag(),
        "Application",
        "--stream-input",
        """Give request bodies to the application as they arrive. Otherwise a body is received
        whole before the application is called, so that a slow client occupies no thread.""",
    )

    bind: tuple[Address, ...] = _row(
        (TCPAddress("127.0.0.1", DEFAULT_PORT),),
        AddressList(),
        "Sockets",
        "-b --bind",
        """Where to listen: HOST:PORT, [IPV6]:PORT, :PORT, HOST, unix:PATH or fd://N. May be given
        several times. PORT in the environment means 0.0.0.0:PORT.""",
        variables=(("PORT", "0.0.0.0:{}"),),
    )
    backlog: int = _row(
        2048,
        Integer(1),
        "Sockets",
        "--backlog",
        "How many connections may wait to be accepted; the kernel has a bound of its own.",
    )
    umask: int = _row(
        0,
        Umask(),
        "Sockets",
        "-m --umask",
        """The file mode mask under which Unix sockets are made. A leading 0 makes it octal; 007
        keeps others out.""",
    )

    workers: int = _row(
        1,
        Integer(1),
        "Processes",
        "-w --workers",
        "How many worker processes serve.",
        variables=(("WEB_CONCURRENCY", "{}"),),
    )
    threads: int = _row(
        4,
        Integer(1),
        "Processes",
        "--threads",
        "How many threads of each worker run the application.",
    )
    worker_class: str = _row(
        "threads",
        Choice("threads"),
        "Processes",
        "-k --worker-class",
        "The kind of the workers.",
    )
    worker_connections: int = _row(
        10_000,
        Integer(1),
        "Processes",
        "--worker-connections",
        "How many connections a worker holds at most.",
    )
    max_requests: int = _row(
        0,
        Integer(),
        "Processes",
        "--max-requests",
        "Replace a worker after this many requests; 0 never does.",
    )
    max_requests_jitter: int = _row(
        0,
        Integer(),
        "Processes",
        "--max-requests-jitter",
        """Add a random number up to this one to --max-requests, so that not all workers are
        replaced at once.""",
    )
    timeout: float = _row(
        30.0,
        Duration(zero=True),
        "Processes",
        "-t --timeout",
        "Kill and replace a worker whose main thread was silent for so long; 0 never does.",
    )
    graceful_timeout: float = _row(
        30.0,
        Duration(zero=True),
        "Processes",
        "--graceful-timeout",
        "How long a worker that was told to stop may take to finish its requests.",
    )
    pidfile: str | None = _row(
        None,
        FilePath(),
        "Processes",
        "-p --pid",
        "Write the process id of the arbiter to this file.",
    )
    user: str | None = _row(
        None,
        Text("USER", numbers=True),
        "Processes",
        "-u --user",
        "Run the workers as this user, a name or a number.",
    )
    group: str | None = _row(
        None,
        Text("GROUP", numbers=True),
        "Processes",
        "-g --group",
        "Run the workers as this group, a name or a number.",
    )

    keep_alive: float = _row(
        15.0,
        Duration(zero=True),
        "Deadlines",
        "--keep-alive",
        """How long an idle connection waits for its next request; 0 closes it after each
        response.""",
        keys="keepalive",
    )
    header_timeout: float = _row(
        10.0,
        Duration(),
        "Deadlines",
        "--header-timeout",
        "How long the head of a request may take to arrive.",
    )
    body_timeout: float = _row(
        15.0,
        Duration(),
        "Deadlines",
        "--body-timeout",
        "How long a request body may pause between two bytes.",
    )
    body_grace: float = _row(
        10.0,
        Duration(zero=True),
        "Deadlines",
        "--body-grace",
        """How long a request body has before --body-min-rate counts: it must have arrived after
        this time and what its bytes take at that rate.""",
    )
    body_min_rate: int = _row(
        500,
        Size(1),
        "Deadlines",
        "--body-min-rate",
        "The least rate of a request body, in bytes a second.",
    )
    write_timeout: float = _row(
        15.0,
        Duration(),
        "Deadlines",
        "--write-timeout",
        "How long a client may take nothing of its response.",
    )

    limit_request_line: int = _row(
        8190,
        Size(1),
        "Limits",
        "--limit-request-line",
        "The longest request line; RFC 9112 recommends at least 8000 bytes. 414 above it.",
    )
    limit_request_fields: int = _row(
        100,
        Integer(1),
        "Limits",
        "--limit-request-fields",
        "The largest number of header fields in a request. 431 above it.",
    )
    limit_request_field_size: int = _row(
        8190,
        Size(1),
        "Limits",
        "--limit-request-field-size",
        "The longest header field of a request. 431 above it.",
        also="--limit-request-field_size",
    )
    limit_request_head: int = _row(
        64 << 10,
        Size(1),
        "Limits",
        "--limit-request-head",
        "All header fields of a request together. 431 above it.",
    )
    limit_request_body: int = _row(
        1 << 30,
        Size(),
        "Limits",
        "--limit-request-body",
        "The largest request body; 0 is no bound. 413 above it.",
    )
    body_buffer: int = _row(
        1 << 20,
        Size(),
        "Limits",
        "--body-buffer",
        "How much of a request body is kept in memory; a larger one goes to a temporary file.",
    )
    tmp_upload_dir: str | None = _row(
        None,
        FilePath("DIR"),
        "Limits",
        "--tmp-upload-dir",
        "The directory of these temporary files; none means the system's.",
    )
    response_buffer: int = _row(
        8 << 20,
        Size(1),
        "Limits",
        "--response-buffer",
        "How much of a response waits in memory for its client.",
    )
    response_memory: int = _row(
        128 << 20,
        Size(1),
        "Limits",
        "--response-memory",
        "How much of all responses of a worker together waits in memory.",
    )

    certfile: str | None = _row(
        None,
        FilePath(),
        "TLS",
        "--certfile",
        "The server's certificate and those that lead from it to its root, in PEM; turns TLS on.",
    )
    keyfile: str | None = _row(
        None,
        FilePath(),
        "TLS",
        "--keyfile",
        "The certificate's private key in PEM, if it is not in --certfile.",
    )
    ca_certs: str | None = _row(
        None,
        FilePath(),
        "TLS",
        "--ca-certs",
        "The authorities that client certificates must come from, in PEM.",
    )
    cert_reqs: str = _row(
        "none",
        Choice("none", "optional", "required", numbers=(0, 1, 2)),
        "TLS",
        "--cert-reqs",
        "Whether clients are asked for a certificate, and refused without one.",
    )
    ciphers: str | None = _row(
        None,
        Text("CIPHERS"),
        "TLS",
        "--ciphers",
        "The ciphers up to TLS 1.2, as a list in OpenSSL's format.",
    )
    ssl_context: str | Callable[..., ssl.SSLContext] | None = _row(  # noqa: RUF009 (one row)
        None,
        Factory(),
        "TLS",
        "--ssl-context",
        """A function that is called without arguments and returns the ssl.SSLContext to use; in a
        Python file the function itself.""",
    )

    sendfile: bool = _row(
        True,
        Flag(),
        "Files",
        "--sendfile",
        "Let the kernel copy files to the client where the connection allows it.",
    )

    access_log: str | None = _row(
        None,
        Output(optional=True),
        "Logging",
        "--access-log",
        "Write a line for each request to this file; - is standard output, none is off.",
        also="--access-logfile",
        keys="accesslog",
    )
    access_log_format: str = _row(
        '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
        Text("FORMAT"),
        "Logging",
        "--access-log-format",
        "What such a line says, in Gunicorn's format language, or the word json.",
        also="--access-logformat",
    )
    error_log: str = _row(
        "-",
        Output(optional=False),
        "Logging",
        "--error-log",
        "Write what the server has to say to this file; - is standard error.",
        also="--error-logfile --log-file",
        keys="errorlog",
    )
    log_level: str = _row(
        "info",
        Choice("debug", "info", "warning", "error", "critical"),
        "Logging",
        "--log-level",
        "How important a message must be to be written.",
        keys="loglevel",
    )

    capture_errors: str | None = _row(
        None,
        FilePath("DIR"),
        "Logging",
        "--capture-errors",
        """Keep each request that ends in an exception or with status 500 in a file in this
        directory, for dovetail replay. It is made if need be, and must be the workers' user's and
        closed to all others: the files hold what clients have sent.""",
    )
    capture_content: int = _row(
        1 << 20,
        Size(),
        "Logging",
        "--capture-content",
        "How much of a request's body such a file has at most; 0 keeps none.",
    )
    capture_mask: tuple[str, ...] = _row(
        (),
        NameList(),
        "Logging",
        "--capture-mask",
        """Mask the values of header fields, query parameters, form fields and JSON keys whose names
        contain this one, too. May be given several times. Masked in any case is what contains
        api-key, authorization, cookie, credential, csrf, jwt, passphrase, passwd, password,
        private-key, pwd, secret, session-id, sessid, token or xsrf; case, dashes and underscores
        make no difference.""",
    )
    capture_files: int = _row(
        200,
        Integer(1),
        "Logging",
        "--capture-files",
        "How many such files are kept; the oldest one goes first.",
    )
    capture_space: int = _row(
        100 << 20,
        Size(1),
        "Logging",
        "--capture-space",
        "How large such files may be together; the newest one is kept in any case.",
    )

    def request_limits(self) -> Limits:
        """Return the bounds of one request in the engine's terms."""
        return Limits(
            request_line=self.limit_request_line,
            fields=self.limit_request_fields,
            field_size=self.limit_request_field_size,
            head_size=self.limit_request_head,
            body=self.limit_request_body or None,
        )


#: Every row of the table by its name, in the order of the fields.
SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        row.name: Setting(row.name, default=row.default, **row.metadata)
        for row in dataclasses.fields(Settings)
    }
)

#: The names that a file may use: those of the settings, and Gunicorn's where they differ.
KEYS: Mapping[str, Setting] = MappingProxyType(
    {key: row for row in SETTINGS.values() for key in (row.name, *row.other_keys)}
)
