from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from tests.server.inprocess import PATIENCE, open_test_poller

from dovetail.server.poller import (
    HANGUP,
    READABLE,
    WRITABLE,
    EpollPoller,
    Poller,
    SelectorPoller,
    open_poller,
    wait_for,
    wait_for_any,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def poller(poller_name: str) -> Iterator[Poller]:
    with open_test_poller(poller_name) as poller:
        yield poller


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def news_of(poller: Poller, sock: socket.socket) -> int:
    """All the news there is of one socket; 0 if there is none."""
    news = 0
    for fd, what in poller.fetch():
        assert fd == sock.fileno()
        news |= what
    return news


def settle(poller: Poller, sock: socket.socket) -> None:
    """Take the first news, which an edge-triggered poller has of any new socket."""
    poller.fetch()
    poller.rearm(sock.fileno(), writable=False)


def fill(sock: socket.socket) -> None:
    """Send until the kernel takes no more."""
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


class Waiter:
    """A thread in ``wait``."""

    def __init__(self, poller: Poller, timeout: float | None = None) -> None:
        self.returned = threading.Event()
        self._began = threading.Event()
        # One that is never woken fails its test, and must not keep the tests from ending.
        self._thread = threading.Thread(target=self._run, args=(poller, timeout), daemon=True)
        self._thread.start()
        assert self._began.wait(PATIENCE)

    def _run(self, poller: Poller, timeout: float | None) -> None:
        self._began.set()
        poller.wait(timeout)
        self.returned.set()

    def join(self) -> None:
        assert self.returned.wait(PATIENCE)
        self._thread.join(PATIENCE)


def test_nothing_to_fetch(poller: Poller) -> None:
    assert poller.fetch() == []


def test_octets_are_reported_once(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    assert news_of(poller, ours) == 0
    theirs.send(b"x")
    assert news_of(poller, ours) & READABLE
    assert news_of(poller, ours) == 0  # although nobody has received them


def test_news_that_was_there_before_is_reported(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    poller.add(ours.fileno())
    assert news_of(poller, ours) & READABLE


def test_more_octets_are_more_news(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    for _ in range(3):
        theirs.send(b"x")
        assert news_of(poller, ours) & READABLE
        ours.recv(10)
        poller.rearm(ours.fileno(), writable=False)
        assert news_of(poller, ours) == 0


def test_news_while_the_owner_is_at_work_is_not_lost(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    theirs.send(b"x")
    assert news_of(poller, ours) & READABLE
    assert ours.recv(10) == b"x"
    theirs.send(b"y")  # before it is asked for again
    if poller.reports_owned:
        assert news_of(poller, ours) & READABLE
    poller.rearm(ours.fileno(), writable=False)
    if not poller.reports_owned:
        assert news_of(poller, ours) & READABLE


def test_room_to_send_is_news(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    fill(ours)
    poller.rearm(ours.fileno(), writable=True)
    assert news_of(poller, ours) & WRITABLE == 0
    while select.select([theirs], [], [], 0)[0]:
        theirs.recv(1 << 20)
    assert news_of(poller, ours) & WRITABLE


@pytest.mark.parametrize("how", [socket.socket.close, lambda one: one.shutdown(socket.SHUT_WR)])
def test_end_of_the_connection_is_news(
    poller: Poller, pair: Pair, how: Callable[[socket.socket], None]
) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    how(theirs)
    assert news_of(poller, ours) & (READABLE | HANGUP)


def test_removed_connection_is_silent(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    theirs.send(b"x")
    poller.remove(ours.fileno())
    poller.remove(ours.fileno())
    assert poller.fetch() == []


def test_number_is_used_again(poller: Poller) -> None:
    first, first_peer = socket.socketpair()
    second, second_peer = socket.socketpair()
    number = first.fileno()
    poller.add(number)
    first_peer.send(b"x")
    poller.remove(number)
    os.dup2(second.fileno(), first.detach())  # closes the first one
    with first_peer, second_peer, second, socket.socket(fileno=number) as again:
        again.setblocking(False)
        poller.add(number)
        settle(poller, again)
        assert poller.fetch() == []
        second_peer.send(b"y")
        assert news_of(poller, again) & READABLE
        assert again.recv(10) == b"y"
        poller.remove(number)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def test_listener_is_reported_as_long_as_somebody_waits(
    poller: Poller, listener: socket.socket
) -> None:
    poller.listen(listener.fileno())
    assert poller.fetch() == []
    with (
        socket.create_connection(listener.getsockname()),
        socket.create_connection(listener.getsockname()),
    ):
        for _ in range(2):
            poller.wait(PATIENCE)
            assert news_of(poller, listener) & READABLE
            assert news_of(poller, listener) & READABLE
            listener.accept()[0].close()
        assert poller.fetch() == []


def test_paused_listener(poller: Poller, listener: socket.socket) -> None:
    poller.listen(listener.fileno())
    poller.remove(listener.fileno())
    with socket.create_connection(listener.getsockname()):
        assert poller.fetch() == []
        poller.listen(listener.fileno())
        poller.wait(PATIENCE)
        assert news_of(poller, listener) & READABLE


def test_waiting_takes_nothing(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    poller.fetch()
    waiter = Waiter(poller)
    theirs.send(b"x")
    waiter.join()
    assert news_of(poller, ours) & READABLE


def test_waiting_ends_after_its_time(poller: Poller) -> None:
    poller.wait(0.0)
    Waiter(poller, 0.001).join()


def test_wake(poller: Poller) -> None:
    for _ in range(3):
        waiter = Waiter(poller)
        poller.wake()
        waiter.join()
        assert poller.fetch() == []


def test_wake_is_kept_for_the_next_one(poller: Poller) -> None:
    for _ in range(3):
        poller.wake()
    Waiter(poller).join()


def test_many_wakes_are_one(poller: Poller) -> None:
    for _ in range(100_000):
        poller.wake()
    Waiter(poller).join()
    assert poller.fetch() == []
    waiter = Waiter(poller)
    poller.wake()
    waiter.join()


def test_change_reaches_a_thread_that_waits(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    waiter = Waiter(poller)
    poller.add(ours.fileno())
    waiter.join()
    assert news_of(poller, ours) & READABLE


def test_removal_does_not_wait_for_a_thread_that_waits(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    poller.fetch()
    waiter = Waiter(poller)
    removed = threading.Event()

    def remove() -> None:
        poller.remove(ours.fileno())
        removed.set()

    thread = threading.Thread(target=remove)
    thread.start()
    assert removed.wait(PATIENCE)
    thread.join(PATIENCE)
    theirs.send(b"x")
    poller.wake()
    waiter.join()
    assert poller.fetch() == []


def test_descriptor_for_the_steward(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.add(ours.fileno())
    settle(poller, ours)
    if poller.fileno() < 0:
        return  # it looks again and again
    assert not select.select([poller.fileno()], [], [], 0)[0]
    theirs.send(b"x")
    assert select.select([poller.fileno()], [], [], 0)[0]
    poller.fetch()
    assert not select.select([poller.fileno()], [], [], 0)[0]


class Crowd:
    """Threads that fetch, wait and receive as application threads do."""

    def __init__(self, poller: Poller, socks: list[socket.socket], expected: int) -> None:
        self.poller = poller
        self.socks = {sock.fileno(): sock for sock in socks}
        self.received = dict.fromkeys(self.socks, 0)
        self.expected = expected
        self.done = threading.Event()
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._owned: set[int] = set()
        self._again: set[int] = set()

    def work(self) -> None:
        while not self.done.is_set():
            for fd, _ in self.poller.fetch():
                if self._own(fd):
                    self._receive(fd)
            if sum(self.received.values()) == self.expected:
                self.done.set()
            with self._turn:
                self.poller.wait(0.01)

    def _own(self, fd: int) -> bool:
        with self._lock:
            owned = fd in self._owned
            (self._again if owned else self._owned).add(fd)
            return not owned

    def _receive(self, fd: int) -> None:
        released = False
        while not released:
            try:
                self.received[fd] += len(self.socks[fd].recv(3))
                continue
            except BlockingIOError:
                self.poller.rearm(fd, writable=False)
            with self._lock:
                released = fd not in self._again
                (self._owned if released else self._again).discard(fd)


def test_many_threads_lose_nothing(poller: Poller) -> None:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(20)]
        for one in (end for pair in pairs for end in pair):
            stack.enter_context(one).setblocking(False)
        crowd = Crowd(poller, [ours for ours, _ in pairs], 20 * 50)
        for fd in crowd.socks:
            poller.add(fd)
            stack.callback(poller.remove, fd)
        threads = [threading.Thread(target=crowd.work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            for _, theirs in pairs:
                theirs.send(b"x")
        complete = crowd.done.wait(PATIENCE)
        crowd.done.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert complete
        assert set(crowd.received.values()) == {50}


def test_best_poller_of_this_system() -> None:
    poller = open_poller()
    poller.close()
    assert isinstance(poller, EpollPoller if hasattr(select, "epoll") else SelectorPoller)


@pytest.fixture(params=[True, False], ids=["poll", "select"])
def _each_way_to_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.delattr(select, "poll", raising=False)


@pytest.mark.usefixtures("_each_way_to_wait")
def test_wait_for_one_descriptor(pair: Pair) -> None:
    ours, theirs = pair
    assert not wait_for(ours.fileno(), READABLE, 0.01)
    assert wait_for(ours.fileno(), WRITABLE, PATIENCE)
    theirs.send(b"x")
    assert wait_for(ours.fileno(), READABLE, PATIENCE)
    fill(ours)
    assert not wait_for(ours.fileno(), WRITABLE, 0.01)


@pytest.mark.usefixtures("_each_way_to_wait")
def test_wait_for_any_descriptor(pair: Pair) -> None:
    ours, theirs = pair
    fds = [ours.fileno(), theirs.fileno()]
    assert wait_for_any(fds, 0.01) == set()
    theirs.send(b"x")
    assert wait_for_any(fds, None) == {ours.fileno()}
