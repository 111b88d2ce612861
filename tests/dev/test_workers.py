"""Several processes: in programs of their own, because forking this one takes its threads along."""

from __future__ import annotations

import ast
import contextlib
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.dev.live import PATIENCE
from tests.programs import bounded

pytestmark = [pytest.mark.network, pytest.mark.process]

PROGRAM = """
import os, signal, socket, sys, threading, time
from dovetail.dev import workers
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import make_server

def app(environ, start_response):
    path = environ["PATH_INFO"]
    print("printed", path, flush=False)
    if path == "/exit":
        os._exit(9)
    if path == "/leave":
        sys.exit(4)
    if path == "/fail":
        raise ValueError("wrong")
    if path == "/sleep":
        time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", [])
    if path == "/insist":
        return insist()
    if path == "/hold":
        return hold(environ["QUERY_STRING"])
    main = threading.current_thread() is threading.main_thread()
    flags = environ["wsgi.multiprocess"], environ["wsgi.multithread"], main
    return [repr((os.getpid(), os.getppid(), *flags)).encode()]

def hold(released):
    yield b"%d\\n" % os.getpid()
    while not os.path.exists(released):
        time.sleep(0.01)

def insist():
    yield b"here"
    try:
        time.sleep(600)
    finally:
        print("interrupted")
        if "deaf" in sys.argv:
            time.sleep(600)

def fork():
    attempts.append(fork)
    if str(len(attempts)) in failing:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return really_fork()

attempts, really_fork, os.fork = [], os.fork, fork
failing = [word for word in sys.argv if word.isdigit()]

class PatientHandler(WSGIRequestHandler):
    timeout = 60.0

options = {"request_handler": PatientHandler}
if "deaf" in sys.argv:
    workers._INTERRUPTED_SECONDS = 0.1
if "passthrough" in sys.argv:
    options["passthrough_errors"] = True
if "fd" in sys.argv:
    options["fd"] = socket.create_server(("127.0.0.1", 0)).detach()
server = make_server("127.0.0.1", 0, app, processes=2, **options)
if "fd" in sys.argv:
    def succeed():
        sys.stdin.readline()
        sockets = server.retire(60.0, None, lambda: os.write(1, b"shut\\n"))
        os.write(1, b"retired %d\\n" % len(sockets))
        second.adopt(sockets)
        serving.wait()
    second = make_server("127.0.0.1", 0, app, processes=2, **options)
    serving = threading.Event()
    successor = threading.Thread(target=succeed)
    successor.start()
print(server.port, os.getpid(), flush=True)
server.serve_forever(poll_interval=0.01)
if "fd" in sys.argv:
    serving.set()
    successor.join()
    second.serve_forever(poll_interval=0.01)
print("stopped")
"""


class Program:
    """A program that serves in two processes, and what it said in the end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.port, self.pid = map(int, process.stdout.readline().split())
        self.out = self.err = ""

    def get(self, path: str = "/") -> Any:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            client.request("GET", path)
            return ast.literal_eval(client.getresponse().read().decode())
        finally:
            client.close()

    def pids(self) -> set[int]:
        """Return both processes' numbers."""
        found: set[int] = set()
        deadline = time.monotonic() + PATIENCE
        while len(found) < 2:
            assert time.monotonic() < deadline
            with contextlib.ExitStack() as stack:
                # Who has one is busy, so that both get some.
                socks = []
                for _ in range(4):
                    sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
                    socks.append(stack.enter_context(sock))
                    sock.sendall(b"GET /sleep?0.05 HTTP/1.0\r\n\r\n")
                found.update(ast.literal_eval(_content(sock))[0] for sock in socks)
        return found

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.out, self.err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


def _content(sock: socket.socket) -> str:
    reply = b""
    while part := sock.recv(65536):
        reply += part
    return reply.partition(b"\r\n\r\n")[2].decode()


@contextmanager
def program(*args: str) -> Iterator[Program]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM), *args]
    # What is printed is to be lost if nobody sees to it.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with bounded(process, 2 * PATIENCE):
                yield Program(process)
        finally:
            if process.poll() is None:
                process.kill()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def test_processes_that_stay() -> None:
    with program() as running:
        replies = [running.get() for _ in range(6)]
        pids = running.pids()
        assert running.end() == 0
    assert {reply[0] for reply in replies} <= pids
    assert {reply[1:] for reply in replies} == {(running.pid, True, False, True)}
    assert running.out.count("printed /\n") == 6
    assert running.out.endswith("stopped\n")
    assert running.err.count('"GET / HTTP/1.1" 200 -\n') == 6
    assert "Traceback" not in running.err
    assert not any(is_alive(pid) for pid in pids)


def test_a_connection_is_kept_alive() -> None:
    with program() as running:
        client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
        pids = set()
        for _ in range(3):
            client.request("GET", "/")
            pids.add(ast.literal_eval(client.getresponse().read().decode())[0])
        assert len(pids) == 1
        client.close()
        assert running.end() == 0


def test_both_work_at_the_same_time(tmp_path: Path) -> None:
    released = tmp_path / "released"
    with program() as running:
        pids = running.pids()
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as sock:
            sock.sendall(f"GET /hold?{released} HTTP/1.0\r\n\r\n".encode())
            reply = b""
            while b"\n" not in reply.partition(b"\r\n\r\n")[2]:
                part = sock.recv(4096)
                assert part, reply
                reply += part
            others = {running.get()[0] for _ in range(5)}
            assert not select.select([sock], [], [], 0)[0]
            held = int(reply.partition(b"\r\n\r\n")[2])
            assert others == pids - {held}
            released.touch()
            assert sock.recv(1) == b""


@pytest.mark.parametrize("path", ["/exit", "/leave"])
def test_one_that_ends_is_replaced(path: str) -> None:
    with program() as running:
        before = running.pids()
        with contextlib.suppress(http.client.HTTPException, OSError, SyntaxError, ValueError):
            running.get(path)
        wait_until(lambda: sum(map(is_alive, before)) == 1)
        after = running.pids()
        assert len(after & before) == 1
        assert running.end() == 0
    status = {"/exit": 9, "/leave": 4}[path]
    assert f"exited with status {status}; starting another" in running.err


def test_an_error_that_is_passed_ends_its_process() -> None:
    with program("passthrough") as running:
        before = running.pids()
        with contextlib.suppress(SyntaxError, ValueError):
            running.get("/fail")
        wait_until(lambda: sum(map(is_alive, before)) == 1)
        assert len(running.pids()) == 2
        assert running.end() == 0
    assert "ValueError: wrong" in running.err
    assert "exited with status 1; starting another" in running.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_one_that_forked_them(number: int) -> None:
    with program() as running:
        pids = running.pids()
        # In the middle of a view, too.
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as sock:
            sock.sendall(b"GET /sleep?600 HTTP/1.1\r\nHost: test\r\n\r\n")
            os.kill(running.pid, number)
            wait_until(lambda: not any(is_alive(pid) for pid in pids))
        status = running.process.wait(PATIENCE)
    assert status == (0 if number == signal.SIGINT else -number)


@pytest.mark.parametrize("kind", ["", "deaf"])
def test_who_is_in_the_middle_of_a_view_is_interrupted(kind: str) -> None:
    with program(kind) as running:
        pids = running.pids()
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as sock:
            sock.sendall(b"GET /insist HTTP/1.0\r\n\r\n")
            reply = b""
            while not reply.endswith(b"here"):
                part = sock.recv(4096)
                assert part, reply
                reply += part
            # Unlike at a terminal, where Ctrl-C comes to all processes.
            assert running.end() == 0
    assert running.out.count("interrupted\n") == (kind != "deaf")
    assert not any(map(is_alive, pids))
    assert "Traceback" not in running.err


def test_a_process_that_cannot_be_forked_is_tried_again() -> None:
    with program("1", "3", "4") as running:
        assert len(running.pids()) == 2
        assert running.end() == 0
    told = "Cannot start a process: [Errno 11] Resource temporarily unavailable; trying again soon"
    assert running.err.count(told) == 3
    assert "Traceback" not in running.err


# In the second case only one of the new processes is there in time.
@pytest.mark.parametrize(("failing", "count"), [([], 2), (["3", "5"], 1)])
def test_a_retirement_hands_over_the_clients_of_all(failing: list[str], count: int) -> None:
    with program("fd", *failing) as running, contextlib.ExitStack() as stack:
        clients = [
            http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
            for _ in range(10)
        ]
        before, after = [], []
        for client in clients:
            stack.callback(client.close)
            client.request("GET", "/")
            before.append(ast.literal_eval(client.getresponse().read().decode())[0])
            assert client.sock is not None
        assert running.process.stdin is not None
        assert running.process.stdout is not None
        running.process.stdin.write("\n")
        running.process.stdin.flush()
        lines = [running.process.stdout.readline() for _ in range(12)]
        lines.remove("shut\n")  # once, by all of them
        assert lines == ["printed /\n"] * 10 + ["retired 10\n"]
        for client in clients:
            client.request("GET", "/again")
            assert client.sock is not None  # the same connection
            after.append(ast.literal_eval(client.getresponse().read().decode())[0])
        assert not set(before) & set(after)
        assert len(set(after)) == count
        assert running.end() == 0
    assert "Traceback" not in running.err
