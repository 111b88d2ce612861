"""Debian's nginx in front of a Unix socket."""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tests.applications.deployment import Process, wait_until
from tests.programs import find_program

__all__ = ["Nginx", "run_nginx"]

_TRIES = 5

# As the pages on deployment of Django, Flask and Gunicorn have it, with what differs between
# deployments side by side.
_CONFIGURATION = """
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    upstream application {{
        server unix:{upstream};
        keepalive 4;
    }}
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        ''      '';
    }}

    server {{
        listen 127.0.0.1:{port};

        # Connections to the application are kept.
        location / {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {forwarded}
            proxy_pass http://application;
        }}
        # Bodies go both ways as they come, chunked if they come chunked.
        location /unbuffered/ {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {forwarded}
            proxy_set_header X-Forwarded-Prefix /unbuffered;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_pass http://application/;
        }}
        # nginx's defaults: HTTP/1.0, one connection a request.
        location /plain/ {{
            {forwarded}
            proxy_set_header X-Forwarded-Prefix /plain;
            proxy_pass http://application/;
        }}
        location /socket {{
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            {forwarded}
            proxy_pass http://application;
        }}
    }}
}}
"""


_FORWARDED = """proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;"""


class Nginx:
    """A running nginx; what it serves at ``url`` comes from the Unix socket ``upstream``."""

    def __init__(self, directory: Path, upstream: Path) -> None:
        self.directory = directory
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""

        def configure(port: int) -> str:
            return _CONFIGURATION.format(
                user=user, upstream=upstream, port=port, forwarded=_FORWARDED
            )

        self.process, port = run_nginx(directory, configure)
        self.url = f"http://127.0.0.1:{port}"

    def text(self) -> str:
        """Return what it has written so far."""
        return _text(self.directory, self.process)

    def stop(self) -> None:
        """Stop it, finishing what is under way."""
        assert self.process.stop(signal.SIGQUIT) == 0, self.text()
        assert self.process.alone()
        assert "[alert]" not in self.text()
        assert "[emerg]" not in self.text()


def run_nginx(directory: Path, configure: Callable[[int], str]) -> tuple[Process, int]:
    """Start nginx; return it and its port.

    :param configure: returns the configuration for a port, with ``error.log`` and ``nginx.pid`` in
        ``directory``.
    """
    nginx = find_program("nginx", package="nginx-light")
    for _ in range(_TRIES):
        # It cannot be told to take any free port; one found free may be gone a moment later.
        port = _free_port()
        (directory / "nginx.conf").write_text(configure(port))
        process = _start(nginx, directory)
        if process.popen.poll() is None:
            return process, port
    raise AssertionError(f"nginx does not start:\n{_text(directory, process)}")


def _start(nginx: str, directory: Path) -> Process:
    process = Process(
        [nginx, "-p", directory, "-c", directory / "nginx.conf", "-g", "daemon off;"],
        output=directory / "output.log",
        directory=directory,
    )
    # It writes its process id down when it listens.
    listens = (directory / "nginx.pid").exists
    try:
        wait_until(lambda: process.popen.poll() is not None or listens(), "nginx listens")
    except BaseException:
        process.kill()
        raise
    return process


def _text(directory: Path, process: Process) -> str:
    log = directory / "error.log"
    return process.text() + (log.read_text() if log.exists() else "")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
