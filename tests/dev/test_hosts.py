from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dovetail.dev.hosts import af_unix, get_interface_ip, get_sockaddr, select_address_family


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("localhost", socket.AF_INET),
        ("", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("fe80::1%eth0", socket.AF_INET6),
        ("unix:///run/app.sock", socket.AF_UNIX),
        ("unix://app.sock", socket.AF_UNIX),
    ],
)
def test_select_address_family(host: str, family: socket.AddressFamily) -> None:
    assert select_address_family(host, 80) is family


def test_af_unix() -> None:
    assert af_unix is socket.AF_UNIX


def test_get_sockaddr() -> None:
    assert get_sockaddr("127.0.0.1", 80, socket.AF_INET) == ("127.0.0.1", 80)
    assert get_sockaddr("localhost", 80, socket.AF_INET) == ("127.0.0.1", 80)
    assert get_sockaddr("::1", 80, socket.AF_INET6) == ("::1", 80, 0, 0)
    assert get_sockaddr("unix:///run/app.sock", 80, socket.AF_UNIX) == "/run/app.sock"


def test_a_relative_path_of_a_unix_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = os.path.join(os.getcwd(), "run/app.sock")
    assert get_sockaddr("unix://run/app.sock", 80, socket.AF_UNIX) == expected


def test_a_name_that_cannot_be_looked_up() -> None:
    assert get_sockaddr("127.0.0.1", 80, socket.AF_INET6) == ("127.0.0.1", 80)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_get_interface_ip(family: socket.AddressFamily) -> None:
    assert socket.inet_pton(family, get_interface_ip(family))


def test_get_interface_ip_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: object) -> None:
        raise OSError("Network is unreachable")

    class Alone(socket.socket):
        pass

    Alone.connect = connect  # type: ignore[method-assign,assignment]
    monkeypatch.setattr(socket, "socket", Alone)
    assert get_interface_ip(socket.AF_INET) == "127.0.0.1"
    assert get_interface_ip(socket.AF_INET6) == "::1"
