from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from dovetail.dev.console import LOGGER
from dovetail.dev.inspector import log_lines
from dovetail.dev.inspector.log_lines import LogLines


@pytest.fixture
def lines() -> Iterator[LogLines]:
    log_lines.install()
    collected = LogLines()
    log_lines.collect(collected)
    yield collected
    log_lines.collect(None)
    log_lines.uninstall()


def logger_of(request: pytest.FixtureRequest, level: int = logging.DEBUG) -> logging.Logger:
    logger = logging.getLogger(request.node.name)
    logger.setLevel(level)
    return logger


def messages(lines: LogLines) -> list[str]:
    return [line.message for line in lines.lines]


def test_what_is_logged_is_collected(lines: LogLines, request: pytest.FixtureRequest) -> None:
    logger_of(request).warning("two %s", "words")
    (line,) = lines.lines
    assert (line.level, line.logger, line.message) == ("WARNING", request.node.name, "two words")
    assert line.offset >= 0
    assert not line.exception


def test_a_logger_that_keeps_its_records_to_itself(
    lines: LogLines, request: pytest.FixtureRequest
) -> None:
    logger = logger_of(request)
    logger.propagate = False
    logger.info("alone")
    assert messages(lines) == ["alone"]


def test_what_the_logger_does_not_take_is_not_there(
    lines: LogLines, request: pytest.FixtureRequest
) -> None:
    logger_of(request, logging.ERROR).warning("quiet")
    assert not lines.lines


def test_no_handler_is_added() -> None:
    """``basicConfig`` and ``has_level_handler`` would find it, and leave the application mute."""
    before = logging.getLogger().handlers[:]
    log_lines.install()
    assert logging.getLogger().handlers == before
    log_lines.uninstall()


def test_the_servers_request_lines_are_left_out(lines: LogLines) -> None:
    logging.getLogger(LOGGER).info('"GET / HTTP/1.1" 200 -')
    logging.getLogger(LOGGER).error("what else it says")
    assert messages(lines) == ["what else it says"]


def test_an_exception_comes_with_its_traceback(
    lines: LogLines, request: pytest.FixtureRequest
) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logger_of(request).exception("oh")
    assert lines.lines[0].exception.splitlines()[-1] == "ValueError: broken"


def test_arguments_count_as_they_were(lines: LogLines, request: pytest.FixtureRequest) -> None:
    numbers = [1]
    logger_of(request).info("%s", numbers)
    numbers.append(2)
    assert messages(lines) == ["[1]"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_message_that_cannot_be_formatted_is_no_error(
    lines: LogLines, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger = logger_of(request)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.info("%d", "no number")
    assert "cannot be formatted" in lines.lines[0].message


def test_all_is_bounded(lines: LogLines, request: pytest.FixtureRequest) -> None:
    logger = logger_of(request)
    for _ in range(1000):
        logger.info("x" * 100_000)
    assert len(lines.lines) + lines.lost == 1000
    assert sum(len(line.message) for line in lines.lines) < 300_000
    for _ in range(1000):
        logger.info("short")
    assert len(lines.lines) <= 200


def test_many_short_lines_are_bounded(lines: LogLines, request: pytest.FixtureRequest) -> None:
    logger = logger_of(request)
    for _ in range(300):
        logger.info("short")
    assert (len(lines.lines), lines.lost) == (200, 100)


def test_other_threads_are_other_requests(lines: LogLines, request: pytest.FixtureRequest) -> None:
    others = LogLines()

    def work() -> None:
        log_lines.collect(others)
        logger_of(request).info("there")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    logger_of(request).info("here")
    assert (messages(lines), messages(others)) == (["here"], ["there"])


def test_tasks_belong_to_the_request(lines: LogLines, request: pytest.FixtureRequest) -> None:
    async def work() -> None:
        await asyncio.to_thread(logger_of(request).info, "in a thread of the loop")

    asyncio.run(work())
    assert "in a thread of the loop" in messages(lines)


def test_nothing_is_taken_when_the_request_is_done(
    lines: LogLines, request: pytest.FixtureRequest
) -> None:
    lines.close()
    logger_of(request).info("late")
    assert not lines.lines


def test_somebody_elses_factory_goes_on(request: pytest.FixtureRequest) -> None:
    before = logging.getLogRecordFactory()

    class Special(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Special)
    try:
        log_lines.install()
        log_lines.install()
        made = logger_of(request).makeRecord("x", logging.INFO, "f", 1, "m", (), None)
        log_lines.uninstall()
        assert logging.getLogRecordFactory() is Special
    finally:
        logging.setLogRecordFactory(before)
    assert isinstance(made, Special)
