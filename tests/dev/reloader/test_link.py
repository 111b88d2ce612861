from __future__ import annotations

import os
import socket

import pytest

from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.link import Link

pytestmark = pytest.mark.skipif(not Link.is_possible(), reason="not on this system")


def test_connections_pass_with_their_message(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, end = Link.pair()
    monkeypatch.setenv(messages.VARIABLE, str(end.detach()))
    theirs = Link.of_child()
    assert theirs is not None
    assert messages.VARIABLE not in os.environ
    pairs = [socket.socketpair() for _ in range(130)]
    ours.say(messages.GO)
    ours.hand_over([one for one, _ in pairs])
    ours.say(messages.GO)
    assert theirs.listen() == (messages.GO, [])
    arrived: list[socket.socket] = []
    message = messages.CONNECTIONS
    while message == messages.CONNECTIONS:
        message, connections = theirs.listen()
        arrived += connections
    assert len(arrived) == 130
    assert not any(os.get_inheritable(each.fileno()) for each in arrived)
    pairs[-1][1].sendall(b"x")
    assert arrived[-1].recv(1) == b"x"
    for each in [*arrived, *(end for pair in pairs for end in pair)]:
        each.close()
    ours.say(messages.EARLY + b"0123456789abcdef")
    ours.close()
    assert theirs.listen() == (messages.EARLY, [])
    assert theirs.read(16) == b"0123456789abcdef"
    assert theirs.listen() == (b"", [])
    theirs.say(messages.SERVING)  # to nobody
    theirs.close()


@pytest.mark.parametrize("value", ["", "x", "-1", "99999", "\uff11"])
def test_no_link(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(messages.VARIABLE, value)
    assert Link.of_child() is None
