from __future__ import annotations

import logging
import threading

import pytest

from dovetail.server.error_stream import ErrorStream


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.levels: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.levels.add(record.levelno)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def stream(lines: Lines) -> ErrorStream:
    log = logging.Logger("test")
    log.addHandler(lines)
    return ErrorStream(log)


def test_complete_lines_are_logged_at_once(stream: ErrorStream, lines: Lines) -> None:
    assert stream.write("one\ntwo\n") == 8
    assert lines.lines == ["one\ntwo"]
    assert lines.levels == {logging.ERROR}


def test_line_waits_for_its_end(stream: ErrorStream, lines: Lines) -> None:
    stream.write("be")
    stream.write("ginning")
    assert lines.lines == []
    stream.write(" and end\nnext")
    assert lines.lines == ["beginning and end"]
    stream.flush()
    assert lines.lines == ["beginning and end", "next"]


def test_flush_of_nothing_logs_nothing(stream: ErrorStream, lines: Lines) -> None:
    stream.flush()
    stream.write("")
    stream.flush()
    stream.write("one\n")
    stream.flush()
    assert lines.lines == ["one"]


def test_print_and_writelines(stream: ErrorStream, lines: Lines) -> None:
    print("one", 2, file=stream)
    stream.writelines(["three ", "four\n", "five\n"])
    assert lines.lines == ["one 2", "three four", "five"]


def test_percent_signs_are_text(stream: ErrorStream, lines: Lines) -> None:
    stream.write("100 % %s %(x)s\n")
    stream.write("%s\n\n%d\n")
    assert lines.lines == ["100 % %s %(x)s", "%s\n\n%d"]


def test_endless_line_is_logged_in_parts(stream: ErrorStream, lines: Lines) -> None:
    for _ in range(100):
        stream.write("x" * 1000)
    assert max(map(len, lines.lines)) == 8192
    stream.flush()
    assert "".join(lines.lines) == "x" * 100_000


def test_threads_do_not_mix_their_lines(stream: ErrorStream, lines: Lines) -> None:
    turns = [threading.Event() for _ in range(3)]

    def other() -> None:
        turns[0].wait(60)
        stream.write("theirs ")
        turns[1].set()
        turns[2].wait(60)
        stream.write("too\n")

    thread = threading.Thread(target=other)
    thread.start()
    stream.write("mine ")
    turns[0].set()
    assert turns[1].wait(60)
    stream.write("too\n")
    turns[2].set()
    thread.join(60)
    assert lines.lines == ["mine too", "theirs too"]


@pytest.mark.parametrize("junk", [b"octets", None, 5])
def test_only_text_is_taken(stream: ErrorStream, lines: Lines, junk: object) -> None:
    with pytest.raises(TypeError):
        stream.write(junk)  # type: ignore[arg-type]
    stream.write("fine\n")
    assert lines.lines == ["fine"]


def test_is_a_writable_stream(stream: ErrorStream) -> None:
    assert stream.writable()
    assert not stream.readable()
    assert not stream.seekable()


def test_application_that_closes_it_silences_nobody(stream: ErrorStream, lines: Lines) -> None:
    stream.write("half")
    stream.close()
    assert lines.lines == ["half"]
    stream.write("one\n")
    stream.writelines(["two\n"])
    print("three", file=stream, flush=True)
    with stream:
        stream.write("four\n")
    assert not stream.closed
    assert lines.lines == ["half", "one", "two", "three", "four"]


def test_messages_of_a_logger_keep_their_level(stream: ErrorStream, lines: Lines) -> None:
    stream.write("half")
    stream.log(logging.DEBUG, "100 %s\nof it")
    assert lines.lines == ["half", "100 %s\nof it"]
    assert lines.levels == {logging.ERROR, logging.DEBUG}


def test_messages_of_a_logger_are_not_for_the_servers_level_to_drop(lines: Lines) -> None:
    log = logging.Logger("test", logging.ERROR)
    log.addHandler(lines)
    ErrorStream(log).log(logging.INFO, "wanted")
    assert lines.lines == ["wanted"]
