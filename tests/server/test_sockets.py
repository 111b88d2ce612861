"""Listening sockets: what is bound, what is kept, what is inherited, and what the errors say."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dovetail.server import sockets
from dovetail.server.addresses import Address, DescriptorAddress, TCPAddress, UnixAddress
from dovetail.server.sockets import BindError, Listener, bind_all, describe, systemd_listeners

pytestmark = pytest.mark.network

BOUND = 60.0
LOCAL = TCPAddress("127.0.0.1", 0)


@pytest.fixture
def bind() -> Iterator[Any]:
    """``bind_all`` whose listeners are closed when the test is over."""
    made: list[Listener] = []

    def bind(*addresses: Address, **options: Any) -> list[Listener]:
        listeners = bind_all(addresses, **{"backlog": 8, **options})
        made.extend(listeners)
        return listeners

    yield bind
    for listener in made:
        listener.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")


def connect(listener: Listener) -> None:
    """Check that a client gets through."""
    with socket.socket(listener.socket.family) as client:
        client.settimeout(BOUND)
        client.connect(listener.socket.getsockname())


def port_of(listener: Listener) -> int:
    port: int = listener.socket.getsockname()[1]
    return port


def resolving_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET6, 1, 6, "", (name, port, 0, 0))
            if ":" in name
            else (socket.AF_INET, 1, 6, "", (name, port))
            for name in hosts
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# TCP


def test_a_tcp_listener_accepts_does_not_block_and_is_closed_on_exec(bind: Any) -> None:
    [listener] = bind(LOCAL)
    assert listener.address == LOCAL
    assert not listener.socket.getblocking()
    assert not listener.socket.get_inheritable()
    with pytest.raises(BlockingIOError):
        listener.socket.accept()
    connect(listener)
    assert describe(listener.socket, False) == f"http://127.0.0.1:{port_of(listener)}"
    assert describe(listener.socket, True) == f"https://127.0.0.1:{port_of(listener)}"


def test_several_at_once_and_one_given_twice_is_one(bind: Any, path: Path) -> None:
    listeners = bind(LOCAL, UnixAddress(str(path)), LOCAL)
    assert [listener.socket.family for listener in listeners] == [socket.AF_INET, socket.AF_UNIX]
    for listener in listeners:
        connect(listener)


def test_a_port_just_left_can_be_bound_again(bind: Any) -> None:
    [listener] = bind(LOCAL)
    with socket.create_connection(listener.socket.getsockname(), BOUND):
        server, _ = listener.socket.accept()
        server.close()  # the side that closes first keeps the port in TIME_WAIT
    address = TCPAddress("127.0.0.1", port_of(listener))
    listener.close()
    connect(bind(address)[0])


@needs_ipv6
def test_ipv6(bind: Any) -> None:
    [listener] = bind(TCPAddress("::1", 0))
    connect(listener)
    assert describe(listener.socket, False) == f"http://[::1]:{port_of(listener)}"


@needs_ipv6
def test_a_name_with_several_addresses_gets_a_listener_each_on_the_same_port(
    bind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, "127.0.0.1", "::1", "127.0.0.1")
    listeners = bind(TCPAddress("example.test", 0))
    assert len(listeners) == 2
    assert len({port_of(listener) for listener in listeners}) == 1
    for listener in listeners:
        connect(listener)


def test_an_address_of_a_name_that_the_machine_does_not_have_is_left_out(
    bind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, "192.0.2.1", "127.0.0.1")  # TEST-NET-1, RFC 5737
    [listener] = bind(TCPAddress("example.test", 0))
    assert listener.socket.getsockname()[0] == "127.0.0.1"


@needs_ipv6
def test_both_wildcards_can_be_had_on_one_port(bind: Any) -> None:
    [probe] = bind(TCPAddress("0.0.0.0", 0))
    port = port_of(probe)
    probe.close()
    listeners = bind(TCPAddress("::", port), TCPAddress("0.0.0.0", port))
    assert [listener.socket.family for listener in listeners] == [socket.AF_INET6, socket.AF_INET]


@needs_ipv6
def test_the_ipv6_wildcard_alone_serves_ipv4_too(bind: Any) -> None:
    if Path("/proc/sys/net/ipv6/bindv6only").read_text().strip() != "0":
        pytest.skip("this machine parts the two")
    [listener] = bind(TCPAddress("::", 0))
    socket.create_connection(("127.0.0.1", port_of(listener)), BOUND).close()


def test_an_address_in_use_is_one_line_that_says_what_to_do(bind: Any) -> None:
    [first] = bind(LOCAL)
    address = TCPAddress("127.0.0.1", port_of(first))
    with pytest.raises(BindError) as caught:
        bind(address)
    assert str(caught.value) == (
        f"cannot listen on {address}: address in use; "
        "stop the other server or choose another address"
    )


def test_reuse_port_lets_two_have_one_port(bind: Any) -> None:
    [first] = bind(LOCAL, reuse_port=True)
    bind(TCPAddress("127.0.0.1", port_of(first)), reuse_port=True)


def test_a_failure_closes_what_was_opened_before(bind: Any, path: Path) -> None:
    [busy] = bind(LOCAL)
    with pytest.raises(BindError):
        bind(UnixAddress(str(path)), TCPAddress("127.0.0.1", port_of(busy)))
    assert not path.exists()


def test_an_unknown_host(bind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(BindError, match=r"unknown host 'no\.such\.host' .*use an address of this"):
        bind(TCPAddress("no.such.host", 0))


def test_a_name_that_cannot_be_encoded_is_an_unknown_host(bind: Any) -> None:
    with pytest.raises(BindError, match="unknown host"):
        bind(TCPAddress("a" * 70 + ".test", 0))


def test_an_address_of_another_machine(bind: Any) -> None:
    with pytest.raises(BindError, match="not an address of this machine"):
        bind(TCPAddress("192.0.2.1", 0))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "permission denied; ports below 1024 need root"),
        (errno.EPERM, "permission denied; ports below 1024 need root"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
def test_what_the_system_refuses(
    bind: Any, monkeypatch: pytest.MonkeyPatch, number: int, text: str
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sockets, "_bind_port", refuse)
    with pytest.raises(BindError, match=text) as caught:
        bind(TCPAddress("127.0.0.1", 80))
    assert "\n" not in str(caught.value)


# Unix sockets


def test_a_unix_listener_is_a_file_that_goes_with_it(bind: Any, path: Path) -> None:
    [listener] = bind(UnixAddress(str(path)))
    connect(listener)
    assert describe(listener.socket, True) == f"unix:{path}"
    listener.close()
    listener.close()
    assert not path.exists()


@pytest.mark.parametrize(("umask", "mode"), [(0o007, 0o770), (0, 0o777), (0o077, 0o700)])
def test_the_umask_makes_the_files_mode(bind: Any, path: Path, umask: int, mode: int) -> None:
    before = os.umask(0o022)
    try:
        bind(UnixAddress(str(path)), umask=umask)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_file_is_given_to_the_workers_user(bind: Any, path: Path) -> None:
    bind(UnixAddress(str(path)), owner=(12345, 23456))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_a_file_that_cannot_be_given_away_does_not_stay(
    bind: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(BindError, match="permission denied"):
        bind(UnixAddress(str(path)), owner=(1, 1))
    assert not path.exists()


def test_a_dead_servers_socket_is_replaced(bind: Any, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    connect(bind(UnixAddress(str(path)))[0])


def test_a_live_servers_socket_is_an_address_in_use(bind: Any, path: Path) -> None:
    [live] = bind(UnixAddress(str(path)))
    with pytest.raises(BindError, match=f"cannot listen on unix:{path}: address in use"):
        bind(UnixAddress(str(path)))
    connect(live)


def test_a_live_server_with_a_full_backlog_is_still_alive(bind: Any, path: Path) -> None:
    bind(UnixAddress(str(path)), backlog=1)
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(str(path))
        with pytest.raises(BindError, match="address in use"):
            bind(UnixAddress(str(path)))


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_a_file_that_is_no_socket_is_left_alone(bind: Any, path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/null")
    with pytest.raises(BindError, match="the file exists and is not a socket; remove it"):
        bind(UnixAddress(str(path)))
    assert path.is_symlink() or path.exists()


def test_a_directory_that_is_missing(bind: Any, tmp_path: Path) -> None:
    with pytest.raises(BindError, match="its directory does not exist; create it"):
        bind(UnixAddress(str(tmp_path / "missing" / "s")))


def test_a_file_that_another_server_has_put_there_since_stays(bind: Any, path: Path) -> None:
    [old] = bind(UnixAddress(str(path)))
    path.unlink()
    [new] = bind(UnixAddress(str(path)))
    old.close()
    connect(new)


@pytest.mark.process
@pytest.mark.usefixtures("alone")
def test_a_forked_process_does_not_remove_the_file(bind: Any, path: Path) -> None:
    [listener] = bind(UnixAddress(str(path)))
    pid = os.fork()
    if pid == 0:
        listener.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    connect(listener)


# Reload


def test_unchanged_addresses_keep_their_sockets(bind: Any, path: Path) -> None:
    held = bind(LOCAL, UnixAddress(str(path)))
    other = UnixAddress(str(path) + "2")
    listeners = bind(UnixAddress(str(path)), other, keep=held)
    assert listeners[0] is held[1]
    assert listeners[1].address == other
    for listener in [*held, *listeners]:
        connect(listener)  # nothing was closed: the old workers still use it


def test_a_failed_rebinding_harms_nothing_that_is_held(bind: Any, path: Path) -> None:
    held = bind(LOCAL)
    [busy] = bind(LOCAL)
    new = UnixAddress(str(path))
    with pytest.raises(BindError):
        bind(LOCAL, new, TCPAddress("127.0.0.1", port_of(busy)), keep=held)
    connect(held[0])
    assert not path.exists()


# Inherited descriptors


def test_a_descriptor_is_taken_over(bind: Any) -> None:
    [made] = bind(LOCAL)
    fd = os.dup(made.socket.fileno())
    os.set_inheritable(fd, True)
    os.set_blocking(fd, True)
    [listener] = bind(DescriptorAddress(fd))
    assert listener.socket.fileno() == fd
    assert not listener.socket.get_inheritable()
    assert not listener.socket.getblocking()
    connect(listener)
    assert describe(listener.socket, False) == f"http://127.0.0.1:{port_of(made)}"


def test_an_inherited_unix_sockets_file_is_not_ours_to_remove(bind: Any, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as parents:
        parents.bind(str(path))
        [listener] = bind(DescriptorAddress(os.dup(parents.fileno())))
        connect(listener)
        listener.close()
    assert path.exists()


def test_a_bound_socket_that_does_not_listen_yet_is_made_to(bind: Any) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        [listener] = bind(DescriptorAddress(os.dup(bound.fileno())))
    connect(listener)


def test_a_descriptor_that_is_not_open(bind: Any) -> None:
    with pytest.raises(BindError, match="cannot listen on fd://987654: it is not open"):
        bind(DescriptorAddress(987654))


def test_a_descriptor_that_is_a_file_stays_open(bind: Any, path: Path) -> None:
    with path.open("wb") as file:
        with pytest.raises(BindError, match="it is not a socket; the parent process must"):
            bind(DescriptorAddress(file.fileno()))
        os.fstat(file.fileno())


def test_a_descriptor_that_is_a_datagram_socket_stays_open(bind: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        with pytest.raises(BindError, match="not a TCP or Unix stream socket"):
            bind(DescriptorAddress(other.fileno()))
        os.fstat(other.fileno())


def test_a_descriptor_that_is_a_connection_stays_open(bind: Any) -> None:
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(BindError, match="it is a connection; pass on a listening socket"):
            bind(DescriptorAddress(here.fileno()))
        os.fstat(here.fileno())


def test_systemds_variables_for_another_process_are_left_alone() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert systemd_listeners(environ, 2) == []
    assert environ == {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert systemd_listeners({}, 2) == []


@pytest.mark.parametrize("number", ["", "x", "-1", "1e3", "9999999999", "\u0663"])
def test_systemds_number_must_be_one(number: str) -> None:
    environ = {"LISTEN_PID": "2", "LISTEN_FDS": number, "LISTEN_FDNAMES": "a:b"}
    with pytest.raises(BindError, match="is not a number of descriptors"):
        systemd_listeners(environ, 2)
    assert environ == {}


def test_systemds_sockets_start_at_3_and_no_child_inherits_them() -> None:
    script = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[1]), 4)
from dovetail.server.sockets import systemd_listeners, describe
os.environ["LISTEN_PID"] = str(os.getpid())
listeners = systemd_listeners(os.environ, os.getpid())
print([describe(listener.socket, False) for listener in listeners])
print([os.get_inheritable(listener.socket.fileno()) for listener in listeners])
print([name for name in os.environ if name.startswith("LISTEN")])
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, str(server.fileno())],
            pass_fds=[server.fileno()],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:web"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert done.stdout.splitlines() == [str([url, url]), "[False, False]", "[]"]
