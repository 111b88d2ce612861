"""Asking another process: answers, processes that are gone or slow, and messages of any size."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from dovetail.dev.debugger import relay
from dovetail.dev.debugger.relay import Message, ProcessEnded, Relay, Seat, TooSlow
from dovetail.dev.workshop import Workshop

OWN = os.getpid()
PATIENCE = 60.0

#: Answers until its standard input ends; says when it listens.
ANSWERER = """
import os, sys
from dovetail.dev.debugger.relay import Relay
relay = Relay(lambda question: {"process": os.getpid(), **question})
relay.listen("test")
print("ready", flush=True)
sys.stdin.read()
"""


def nothing(question: Message) -> Message | None:
    return None


@contextmanager
def answering(answer: Callable[[Message], Message | None]) -> Iterator[Relay]:
    made = Relay(answer)
    made.listen("test")
    try:
        yield made
    finally:
        made.close()


@contextmanager
def another_process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", ANSWERER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_another_process_answers_until_it_ends() -> None:
    asker = Relay(nothing)
    with another_process() as process:
        assert asker.reaches(process.pid, "test")
        answer = asker.ask(process.pid, "test", {"what": "ä" * 100_000}, PATIENCE)
        assert answer == {"process": process.pid, "what": "ä" * 100_000}
        with pytest.raises(ProcessEnded):
            asker.ask(process.pid, "another", {}, PATIENCE)
        process.kill()
        process.wait()
        assert not asker.reaches(process.pid, "test")
        with pytest.raises(ProcessEnded, match=f"process {process.pid} cannot be asked"):
            asker.ask(process.pid, "test", {}, PATIENCE)


def test_the_socket_is_private(shop: Workshop) -> None:
    with answering(nothing) as made:
        path = shop.path / f"test-{OWN}.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        made.listen("test")  # a second time changes nothing
        assert made.ask(OWN, "test", {}, PATIENCE) == {}
    assert not path.exists()


def test_takes_the_place_of_an_earlier_process_with_its_id(shop: Workshop) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(shop.path / f"test-{OWN}.sock"))
    with answering(lambda question: question) as made:
        assert made.ask(OWN, "test", {"a": 1}, PATIENCE) == {"a": 1}


def test_an_answer_that_takes_long_keeps_no_other_waiting() -> None:
    gate = threading.Event()

    def answer(question: Message) -> Message:
        if question["wait"]:
            gate.wait(PATIENCE)
        return question

    with answering(answer) as made:
        with pytest.raises(TooSlow):
            made.ask(OWN, "test", {"wait": True}, 0.05)
        assert made.ask(OWN, "test", {"wait": False}, PATIENCE) == {"wait": False}
        gate.set()


def test_without_another_thread_it_goes_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    refused: list[threading.Thread] = []

    def refuse_once(thread: threading.Thread) -> None:
        if not refused and thread.name == "dovetail debugger":
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    with answering(lambda question: question) as made:
        monkeypatch.setattr(threading.Thread, "start", refuse_once)
        with pytest.raises(ProcessEnded):
            made.ask(OWN, "test", {"a": 1}, PATIENCE)
        assert made.ask(OWN, "test", {"a": 1}, PATIENCE) == {"a": 1}
    assert refused


def test_without_a_thread_it_listens_the_next_time(
    monkeypatch: pytest.MonkeyPatch, shop: Workshop
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made = Relay(lambda question: question)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            made.listen("test")
    assert not made.reaches(OWN, "test")
    made.listen("test")
    with closing(made):
        assert made.ask(OWN, "test", {"a": 1}, PATIENCE) == {"a": 1}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0\0",
        struct.pack("!I", 1 << 30) + b"{}",
        struct.pack("!I", 10) + b"{}",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 2) + b"\xff\xff",
        struct.pack("!I", 200_000) + b"[" * 200_000,
    ],
)
def test_what_is_no_question_is_not_answered(shop: Workshop, octets: bytes) -> None:
    asked: list[Message] = []

    def answer(question: Message) -> Message:
        asked.append(question)
        return question

    with answering(answer) as made:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(shop.path / f"test-{OWN}.sock"))
            sock.sendall(octets)
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == b""
        assert made.ask(OWN, "test", {"good": 1}, PATIENCE) == {"good": 1}
    assert asked == [{"good": 1}]


def test_a_question_that_is_not_understood_gets_an_empty_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("dovetail.dev.console.log", lambda _, text, **__: said.append(text))
    with answering(lambda question: {"name": question["name"]}) as made:
        assert made.ask(OWN, "test", {"other": 1}, PATIENCE) == {}
        assert made.ask(OWN, "test", {"name": 1}, PATIENCE) == {"name": 1}
    assert said == ["The debugger could not answer another process:"]


def read_to_end(sock: socket.socket) -> bytes:
    try:
        return sock.recv(100)
    except ConnectionResetError:
        return b""


def test_an_answer_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_LONGEST_ANSWER", 100)
    with (
        answering(lambda question: {"long": "x" * 200}) as made,
        pytest.raises(ProcessEnded, match="too long"),
    ):
        made.ask(OWN, "test", {}, PATIENCE)


def test_without_unix_sockets_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "af_unix", None)
    with answering(nothing) as made:
        assert not made.reaches(OWN, "test")
        with pytest.raises(ProcessEnded, match="no Unix sockets"):
            made.ask(OWN, "test", {}, PATIENCE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_leaves_the_socket_and_can_have_its_own() -> None:
    with answering(lambda question: {"process": os.getpid()}) as made:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                made.listen("test")
                os.write(writing, b"ready")
                gate = made.ask(OWN, "test", {}, PATIENCE)
                status = 0 if gate == {"process": OWN} else 2
                threading.Event().wait(PATIENCE)
            finally:
                os._exit(status)
        # Held open here, it would keep the end of a child that has failed from being seen.
        os.close(writing)
        try:
            assert os.read(reading, 5) == b"ready"
            assert made.ask(pid, "test", {}, PATIENCE) == {"process": pid}
            assert made.ask(OWN, "test", {}, PATIENCE) == {"process": OWN}
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(reading)
        # The child held no copy of the listening socket, so closing it here is felt.
        made.close()
        assert not made.reaches(OWN, "test")


# --- what one process has


def test_a_seat_is_of_the_first_until_that_ends() -> None:
    with another_process() as process, answering(nothing) as made:
        seat = Seat(made, "test", "place")
        assert seat.process() == 0
        seat._file().write_text(str(process.pid))
        assert not seat.take(pytest.fail)
        assert seat.process() == process.pid
        process.kill()
        process.wait()
        listened: list[bool] = []
        assert seat.take(lambda: listened.append(True))
        assert (seat.process(), listened) == (OWN, [True])
        assert seat.take(pytest.fail)


def test_a_seat_with_a_damaged_file(shop: Workshop) -> None:
    seat = Seat(Relay(nothing), "test", "place")
    (shop.path / "test-place").write_text("who?")
    assert seat.process() == 0
    assert seat.take(lambda: None)
    assert seat.process() == OWN


def test_a_seat_that_cannot_be_noted_is_taken_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    seat = Seat(Relay(nothing), "test", "place")
    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    assert seat.take(lambda: None)
    assert seat.process() == 0
