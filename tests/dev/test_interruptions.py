"""Signals that come where an exception would do harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from types import FrameType

import pytest
from tests.dev.live import PATIENCE

from dovetail.dev.interruptions import patient, postponed


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    stayed = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)
    assert stayed


def test_ctrl_c_waits_until_somebody_acts_on_it() -> None:
    woken: list[bool] = []
    with postponed(lambda: woken.append(True)) as postponement:
        postponement.act()
        signal.raise_signal(signal.SIGINT)
        assert woken == [True]
        with pytest.raises(KeyboardInterrupt):
            postponement.act()
        postponement.act()


def test_ctrl_c_waits_for_the_end_at_most() -> None:
    context = postponed()
    context.__enter__()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        context.__exit__(None, None, None)


def test_the_third_does_not_wait() -> None:
    with postponed() as postponement:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                postponement.act()


def test_the_innermost_counts() -> None:
    with postponed() as outer, postponed() as inner:
        signal.raise_signal(signal.SIGINT)
        outer.act()
        with pytest.raises(KeyboardInterrupt):
            inner.act()


def test_patient_handlers_of_others() -> None:
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGTERM, patient(note))
    try:
        signal.raise_signal(signal.SIGTERM)
        assert seen == [signal.SIGTERM]
        with postponed() as postponement:
            signal.raise_signal(signal.SIGTERM)
            assert len(seen) == 1
            postponement.act()
            assert len(seen) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_handlers_of_ctrl_c_are_left_alone() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: seen.append(number))
    with postponed():
        signal.raise_signal(signal.SIGINT)
        assert seen
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_handler_that_was_set_meanwhile_stays() -> None:
    with postponed():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_another_thread_changes_nothing() -> None:
    def serve() -> None:
        with postponed() as postponement:
            postponement.act()
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            done.append(True)

    done: list[bool] = []
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_waits_for_nobody() -> None:
    with postponed():
        pid = os.fork()
        if not pid:
            status = 1
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_leaves_by_an_exception() -> None:
    pid = 0
    try:
        with postponed():
            signal.raise_signal(signal.SIGINT)  # not for the forked one
            pid = os.fork()
            if not pid:
                raise RuntimeError
    except KeyboardInterrupt:
        assert pid
    except RuntimeError:
        os._exit(7)
    finally:
        if not pid:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


@pytest.mark.network
def test_the_only_application_thread_is_interrupted_at_once() -> None:
    program = """
    import http.client, signal, threading
    from dovetail.dev.server import make_server

    def app(environ, start_response):
        try:
            # As it always is, for who looks, such as asyncio.run().
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print("interrupted")
            raise
        print("undisturbed")

    def ask():
        client = http.client.HTTPConnection("127.0.0.1", server.port)
        client.request("GET", "/")
        try:
            client.getresponse()
        except OSError:
            pass
        client.close()

    with make_server("127.0.0.1", 0, app) as server:
        threading.Thread(target=ask, daemon=True).start()
        server.serve_forever()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True)
    assert ran.stdout == "interrupted\n"


@pytest.mark.network
@pytest.mark.parametrize("threaded", [False, True], ids=["one", "threads"])
def test_a_server_starts_its_threads_undisturbed(threaded: bool) -> None:
    program = f"""
    import signal, sys, threading
    from dovetail.dev.server import make_server

    def start(thread):
        if threading.current_thread() is threading.main_thread():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                print("interrupted")
            else:
                print("undisturbed")
        really_start(thread)

    really_start, threading.Thread.start = threading.Thread.start, start
    with make_server("127.0.0.1", 0, None, threaded={threaded}) as server:
        server.serve_forever()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True)
    # The third one is of somebody who does not want to wait.
    assert ran.stdout.split()[:2] == ["undisturbed"] * 2
