from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dev.inspector.entries import make_entry

from dovetail.dev.inspector.history import KEPT_REQUESTS, History
from dovetail.dev.inspector.log_lines import LogLine

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path / "requests.sqlite3")
    yield history
    history.close()


def test_an_entry_comes_back_as_it_was(history: History) -> None:
    entry = make_entry(
        "/a?b=1",
        content=b"\0\xff",
        log_lines=[LogLine(1.5, "INFO", "app", "lone \ud800", "Traceback")],
        lost_lines=3,
        route="/<x>",
        error_page="/__dovetail__/errors/1",
        request_fields=[("host", "a"), ("x-octets", "\xe4\xff")],
    )
    number = history.add(entry)
    entry.head.id = number
    assert history.find(number) == entry
    assert history.snapshot().heads == [entry.head]


def test_there_is_nothing_at_first(history: History) -> None:
    assert history.snapshot().heads == []
    assert history.find(1) is None


def test_the_last_hundred_are_kept_the_newest_first(history: History) -> None:
    for number in range(KEPT_REQUESTS + 5):
        history.add(make_entry(f"/{number}"))
    found = history.snapshot()
    assert [head.target for head in found.heads] == [f"/{n}" for n in range(104, 4, -1)]
    assert found.oldest == found.heads[-1].id == 6
    assert history.find(5) is None


def test_what_came_after_a_number(history: History) -> None:
    for number in range(5):
        history.add(make_entry(f"/{number}"))
    assert [head.target for head in history.snapshot(after=3).heads] == ["/4", "/3"]


def test_numbers_go_on_when_the_list_was_cleared(history: History) -> None:
    assert [history.add(make_entry()) for _ in range(3)] == [1, 2, 3]
    history.clear()
    assert history.snapshot().heads == []
    assert history.snapshot().oldest == 4
    assert history.add(make_entry()) == 4


def test_replays_are_found_by_what_they_replay(history: History) -> None:
    first = history.add(make_entry())
    history.add(make_entry("/other"))
    again = [history.add(make_entry(origin=first)) for _ in range(2)]
    assert [head.id for head in history.replays_of(first)] == again[::-1]


def test_old_content_is_given_up_for_new(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dovetail.dev.inspector.history._KEPT_CONTENTS", 250)
    numbers = [history.add(make_entry(content=b"x" * 100)) for _ in range(4)]
    found = [history.find(number) for number in numbers]
    assert [len(entry.content) for entry in found if entry] == [0, 0, 100, 100]
    assert found[0] is not None
    assert "given up" in found[0].obstacle


def test_the_file_is_private(history: History) -> None:
    before = os.umask(0)
    try:
        history.add(make_entry())
    finally:
        os.umask(before)
    for path in history.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_damaged_file_is_begun_anew_and_that_is_said(history: History) -> None:
    history.add(make_entry("/before"))
    history.close()
    history.path.write_bytes(b"no database at all" * 1000)
    assert history.add(make_entry("/lost")) == 0
    assert history.add(make_entry("/after")) == 1
    found = history.snapshot()
    assert [head.target for head in found.heads] == ["/after"]
    assert "damaged" in found.notes[0]
    assert "1 requests" in found.notes[1]


def test_rows_that_make_no_sense_are_damage_too(history: History) -> None:
    history.add(make_entry())
    with sqlite3.connect(history.path) as connection:
        connection.execute("UPDATE requests SET head = '[1]'")
    connection.close()
    assert history.snapshot().heads == []
    assert "damaged" in history.snapshot().notes[0]


def test_a_file_emptied_by_somebody_is_filled_again(history: History) -> None:
    history.add(make_entry())
    history.close()
    history.path.write_bytes(b"")
    history.add(make_entry())
    history.add(make_entry("/again"))
    assert "/again" in [head.target for head in history.snapshot().heads]


def test_a_file_taken_away_is_made_again(history: History) -> None:
    history.add(make_entry())
    for path in history.path.parent.iterdir():
        path.unlink()
    history.add(make_entry("/new"))
    assert [head.target for head in history.snapshot().heads] == ["/new"]


def test_a_locked_file_leaves_a_request_out(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dovetail.dev.inspector.history._PATIENCE", 0.01)
    history.add(make_entry())
    history.close()
    locker = sqlite3.connect(history.path)
    locker.execute("BEGIN IMMEDIATE")
    assert history.add(make_entry("/locked out")) == 0
    locker.rollback()
    locker.close()
    assert history.add(make_entry("/in")) == 2
    assert "could not keep 1 requests: database is locked" in history.snapshot().notes[0]


def test_a_directory_that_is_gone_breaks_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "gone" / "requests.sqlite3")
    assert history.add(make_entry()) == 0
    assert history.snapshot().heads == []
    assert history.find(1) is None
    assert "No such file" in history.snapshot().notes[0]
    history.clear()


def test_threads_write_at_the_same_time(history: History) -> None:
    def work() -> None:
        for _ in range(20):
            history.add(make_entry())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [head.id for head in history.snapshot().heads] == list(range(80, 0, -1))


@FORKS
@pytest.mark.process
def test_forked_processes_write_into_one_list(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dovetail.dev.inspector.history._PATIENCE", 60.0)
    history.add(make_entry("/parent"))
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            status = 1
            try:
                for _ in range(10):
                    history.add(make_entry(f"/{os.getpid()}"))
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    history.add(make_entry("/parent"))
    found = history.snapshot()
    assert not found.notes
    assert len(found.heads) == 32
    assert len({head.target for head in found.heads}) == 4


@pytest.mark.process
def test_the_next_program_finds_the_list(history: History) -> None:
    history.add(make_entry("/first"))
    code = (
        "import sys; from pathlib import Path;"
        "from dovetail.dev.inspector.history import History;"
        "from tests.dev.inspector.entries import make_entry;"
        "history = History(Path(sys.argv[1])); history.add(make_entry('/second')); history.close()"
    )
    subprocess.run([sys.executable, "-c", code, history.path], check=True, timeout=60)
    assert [head.target for head in history.snapshot().heads] == ["/second", "/first"]


def test_notes_are_about_an_entry_or_all(history: History) -> None:
    for number in range(30):
        history.note(number % 2, f"note {number}")
    assert history.notes_about(1)[-1] == "note 29"
    assert history.snapshot().notes[-1] == "note 28"
    assert len(history.notes_about(1)) + len(history.snapshot().notes) == 20
