"""A worker's line to its arbiter: what is said, what is garbled, and its ends."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest

from dovetail.server.channel import (
    MAX_LINE,
    MAX_TEXT,
    ArbiterEnd,
    Failed,
    Message,
    Ready,
    Retire,
    WorkerEnd,
    open_channel,
    shorten,
)

BOUND = 60.0


@pytest.fixture
def ends() -> Iterator[tuple[WorkerEnd, ArbiterEnd]]:
    worker, arbiter = open_channel()
    yield worker, arbiter
    worker.close()
    arbiter.close()


@pytest.fixture
def raw() -> Iterator[tuple[socket.socket, ArbiterEnd]]:
    worker, arbiter = socket.socketpair()
    end = ArbiterEnd(arbiter)
    yield worker, end
    worker.close()
    end.close()


def hear(arbiter: ArbiterEnd, count: int) -> list[Message]:
    """Receive until ``count`` messages are there."""
    messages: list[Message] = []
    while len(messages) < count and arbiter.open:
        assert select.select([arbiter], [], [], BOUND)[0], f"only {messages}"
        messages += arbiter.receive()
    return messages


def readable(end: WorkerEnd) -> bool:
    return bool(select.select([end], [], [], 0)[0])


def test_messages_arrive_whole_and_in_order(ends: tuple[WorkerEnd, ArbiterEnd]) -> None:
    worker, arbiter = ends
    worker.ready()
    worker.retire("1000 requests")
    worker.failed("no module named shop\n  line two", 4)
    assert arbiter.receive() == [
        Ready(),
        Retire("1000 requests"),
        Failed("no module named shop\n  line two", 4),
    ]
    assert arbiter.open


def test_receiving_does_not_wait(ends: tuple[WorkerEnd, ArbiterEnd]) -> None:
    assert ends[1].receive() == []


def test_the_end_says_whether_anything_was_said(ends: tuple[WorkerEnd, ArbiterEnd]) -> None:
    assert not ends[0].spoke
    ends[0].ready()
    assert ends[0].spoke


def test_the_last_words_of_a_worker_are_heard_after_its_end(
    ends: tuple[WorkerEnd, ArbiterEnd],
) -> None:
    worker, arbiter = ends
    worker.failed("broken", 3)
    worker.close()
    assert arbiter.receive() == [Failed("broken", 3)]
    assert not arbiter.open
    assert arbiter.receive() == []


def test_a_worker_sees_the_end_of_its_arbiter_and_may_still_speak(
    ends: tuple[WorkerEnd, ArbiterEnd],
) -> None:
    worker, arbiter = ends
    assert not readable(worker)
    arbiter.close()
    assert readable(worker)
    worker.ready()
    worker.retire("nobody hears this")


def test_lines_of_several_threads_do_not_mix(ends: tuple[WorkerEnd, ArbiterEnd]) -> None:
    worker, arbiter = ends
    text = "x" * 3000

    def speak() -> None:
        for _ in range(50):
            worker.retire(text)

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    heard = hear(arbiter, 200)
    for thread in threads:
        thread.join(BOUND)
    assert heard == [Retire(text)] * 200


@pytest.mark.parametrize("character", ["x", "\0", "\u20ac", "\U0001f600", "\udcff"])
def test_a_long_traceback_keeps_its_beginning_and_its_end(
    ends: tuple[WorkerEnd, ArbiterEnd], character: str
) -> None:
    worker, arbiter = ends
    long = "Traceback:" + character * 3 * MAX_TEXT + "ValueError: the reason"
    sender = threading.Thread(target=worker.failed, args=(long, 3))
    sender.start()
    [message] = hear(arbiter, 1)
    sender.join(BOUND)
    assert isinstance(message, Failed)
    assert message.message.startswith("Traceback:")
    assert message.message.endswith("ValueError: the reason")
    assert "shortened" in message.message
    assert len(message.message.encode()) <= MAX_TEXT


def test_a_short_text_is_left_as_it_is() -> None:
    assert shorten("gr\u00fc\u00dfe\n\0") == "gr\u00fc\u00dfe\n\0"
    assert shorten("\udcff") == "\\udcff"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'"ready"',
        b'{"kind": "unknown"}',
        b'{"kind": "failed"}',
        b'{"kind": "failed", "message": 1, "status": 3}',
        b'{"kind": "failed", "message": "x", "status": "3"}',
        b'{"kind": "retire", "reason": null}',
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_line_that_is_no_message_is_dropped(
    raw: tuple[socket.socket, ArbiterEnd], line: bytes
) -> None:
    worker, arbiter = raw
    worker.sendall(line + b'\n{"kind": "ready"}\n')
    assert arbiter.receive() == [Ready()]


@pytest.mark.parametrize("status", [0, -1, 256, 10**30])
def test_a_status_that_no_process_can_have_becomes_1(
    raw: tuple[socket.socket, ArbiterEnd], status: int
) -> None:
    message = {"kind": "failed", "message": "x", "status": status}
    raw[0].sendall(json.dumps(message).encode() + b"\n")
    assert raw[1].receive() == [Failed("x", 1)]


def test_a_line_in_pieces_is_put_together(raw: tuple[socket.socket, ArbiterEnd]) -> None:
    worker, arbiter = raw
    for octet in b'{"kind": "ready"}':
        worker.sendall(bytes([octet]))
        assert arbiter.receive() == []
    worker.sendall(b"\n")
    assert arbiter.receive() == [Ready()]


def test_an_endless_line_takes_no_memory_and_the_next_one_is_heard(
    raw: tuple[socket.socket, ArbiterEnd],
) -> None:
    worker, arbiter = raw
    for _ in range(3 * MAX_LINE // 65536):
        worker.sendall(b"x" * 65536)
        assert arbiter.receive() == []
        assert len(arbiter._buffer) <= MAX_LINE
    worker.sendall(b'x"}\n{"kind": "ready"}\n')
    assert arbiter.receive() == [Ready()]


def test_neither_end_survives_an_exec(ends: tuple[WorkerEnd, ArbiterEnd]) -> None:
    assert not os.get_inheritable(ends[0].fileno())
    assert not os.get_inheritable(ends[1].fileno())
