"""The service manager's socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dovetail.server.notify import Notifier

pytestmark = pytest.mark.network


def test_lines_go_to_the_socket_as_one_datagram(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        environ = {"NOTIFY_SOCKET": path, "OTHER": "1"}
        Notifier(environ).send("RELOADING=1", "MONOTONIC_USEC=5")
        assert manager.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=5"
    assert environ == {"OTHER": "1"}


@pytest.mark.parametrize("path", ["", "relative", "vsock:1:2", "/nowhere/at/all", "/" + "x" * 300])
def test_a_manager_that_is_not_there_is_no_error(path: str) -> None:
    environ = {"NOTIFY_SOCKET": path}
    Notifier(environ).send("READY=1")
    assert environ == {}


def test_without_the_variable_nothing_is_sent() -> None:
    Notifier({}).send("READY=1")
