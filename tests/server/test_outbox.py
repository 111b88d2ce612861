from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.server.outbox import Budget, Outbox

MIB = 1 << 20


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(60)
    with ours, theirs:
        yield ours, theirs


def file_of(content: bytes) -> int:
    """A descriptor of a file with this content."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def transfer(outbox: Outbox, ours: socket.socket, theirs: socket.socket) -> bytes:
    """Flush and receive in turn until all of it has arrived."""
    received = bytearray()
    expected = outbox.left
    done = False
    while len(received) < expected:
        done = outbox.flush(ours)
        received += theirs.recv(1 << 18)
    assert done or outbox.flush(ours)
    assert not outbox
    assert outbox.left == outbox.size == 0
    return bytes(received)


def test_new_outbox_is_empty(ends: Any) -> None:
    outbox = Outbox(Budget(100))
    assert not outbox
    assert (outbox.size, outbox.left) == (0, 0)
    assert outbox.flush(ends[0])


def test_order_and_accounts(ends: Any) -> None:
    budget = Budget(100)
    outbox = Outbox(budget)
    outbox.put(memoryview(b"head "))
    outbox.put_file(file_of(b"0123456789"), 2, 5)
    outbox.put(memoryview(b" tail"))
    assert outbox
    assert (outbox.size, outbox.left, budget.used) == (10, 15, 10)
    assert transfer(outbox, *ends) == b"head 23456 tail"
    assert budget.used == 0


def test_sender_stops_when_the_receiver_does(ends: Any) -> None:
    ours, theirs = ends
    content = os.urandom(4 * MIB)
    budget = Budget(MIB)
    outbox = Outbox(budget)
    outbox.put(memoryview(content))
    assert not outbox.flush(ours)
    assert 0 < outbox.left < len(content)
    assert outbox.size == outbox.left == budget.used
    left = outbox.left
    assert not outbox.flush(ours)
    assert outbox.left == left
    received = b""
    while len(received) < len(content) - left:
        received += theirs.recv(len(content) - left - len(received))
    assert received + transfer(outbox, ours, theirs) == content


def test_many_pieces_and_empty_ones(ends: Any) -> None:
    outbox = Outbox(Budget(100))
    expected = b""
    for number in range(300):
        piece = str(number).encode() if number % 3 else b""
        outbox.put(memoryview(piece))
        expected += piece
    outbox.put(memoryview(b""))
    assert transfer(outbox, *ends) == expected


@pytest.mark.parametrize("pieces", [[b""], [b"", b""], [b"x", b""], [b"", b"x"]])
def test_empty_pieces_do_not_stay(ends: Any, pieces: list[bytes]) -> None:
    outbox = Outbox(Budget(100))
    for piece in pieces:
        outbox.put(memoryview(piece))
    assert outbox.flush(ends[0])
    assert not outbox


def test_file_is_closed_when_it_is_sent(ends: Any) -> None:
    outbox = Outbox(Budget(100))
    fd = file_of(b"x" * (3 * MIB))
    outbox.put_file(fd, 0, 3 * MIB)
    assert outbox.size == 0
    assert outbox.left == 3 * MIB
    assert transfer(outbox, *ends) == b"x" * (3 * MIB)
    assert not is_open(fd)


def test_file_that_became_shorter_is_an_error(ends: Any) -> None:
    outbox = Outbox(Budget(100))
    fd = file_of(b"short")
    outbox.put_file(fd, 0, 10)
    with pytest.raises(OSError, match="shorter"):
        outbox.flush(ends[0])
    outbox.clear()
    assert not is_open(fd)


def test_clear_drops_everything_and_closes_files(ends: Any) -> None:
    budget = Budget(100)
    others = Outbox(budget)
    others.put(memoryview(b"abc"))
    outbox = Outbox(budget)
    fds = [file_of(b"x" * MIB), file_of(b"y")]
    outbox.put(memoryview(b"head"))
    outbox.put_file(fds[0], 0, MIB)
    outbox.put(memoryview(b"middle"))
    outbox.put_file(fds[1], 0, 1)
    assert not outbox.flush(ends[0])
    outbox.clear()
    assert not outbox
    assert (outbox.size, outbox.left) == (0, 0)
    assert budget.used == 3
    assert [is_open(fd) for fd in fds] == [False, False]
    outbox.clear()
    assert budget.used == 3


def test_broken_connection_is_an_os_error(ends: Any) -> None:
    ours, theirs = ends
    theirs.close()
    outbox = Outbox(Budget(100))
    outbox.put(memoryview(b"x"))
    with pytest.raises(OSError, match=r"[Pp]ipe|reset"):
        outbox.flush(ours)


@settings(max_examples=30)
@given(
    items=st.lists(
        st.tuples(st.booleans(), st.binary(max_size=20), st.integers(0, 5), st.integers(1, 9)),
        max_size=8,
    )
)
def test_any_mixture_arrives_in_order(items: list[tuple[bool, bytes, int, int]]) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    expected = b""
    outbox = Outbox(Budget(100))
    with ours, theirs:
        for is_file, data, offset, size in items:
            if is_file:
                content = (data or b"-") * 20
                outbox.put_file(file_of(content), offset, size)
                expected += content[offset : offset + size]
            else:
                outbox.put(memoryview(data))
                expected += data
        assert outbox.left == len(expected)
        assert transfer(outbox, ours, theirs) == expected
