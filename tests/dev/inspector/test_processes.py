"""One list of all processes, and over reloads."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.dev.inspector.inspected import PATIENCE, wait_for

from dovetail.dev.workshop import VARIABLE, Workshop

pytestmark = [pytest.mark.process, pytest.mark.network]

PROGRAM = Path(__file__).with_name("served.py")


@dataclass
class Client:
    port: int

    def ask(self, path: str, method: str = "GET", body: str = "") -> str:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        fields = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        try:
            client.request(method, path, body or None, fields)
            return client.getresponse().read().decode()
        finally:
            client.close()

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("/__dovetail__/requests.json"))[
            "requests"
        ]
        return found

    def replay(self, number: int) -> dict[str, Any]:
        secret = re.search(r'name="s" value="([^"]+)"', self.ask("/__dovetail__/"))
        assert secret is not None
        self.ask(f"/__dovetail__/requests/{number}/replay", "POST", urlencode({"s": secret[1]}))
        return wait_for(
            lambda: [row for row in self.rows() if row["origin"] == number], "the replay is listed"
        )[0]

    def pid_of(self, row: dict[str, Any]) -> int:
        page = self.ask(row["url"])
        found = re.search(r"<dt>Process</dt><dd>(\d+)</dd>", page)
        assert found is not None
        assert f"in process {found[1]}" in page
        return int(found[1])


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """What a supervisor shares with the servers that it starts."""
    # Set, and so put back in the end, whatever is there before.
    monkeypatch.setenv(VARIABLE, "")
    return Workshop.current()


@contextmanager
def program(processes: int, text: str) -> Iterator[Client]:
    with subprocess.Popen(
        [sys.executable, PROGRAM, str(processes), text],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            yield Client(int(process.stdout.readline()))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


@pytest.mark.usefixtures("workshop")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_the_requests_of_all_processes_are_in_one_list() -> None:
    with program(2, "one of two") as client:
        # Who serves a client is the kernel's choice.
        answers: set[str] = set()

        def ask() -> bool:
            answers.add(client.ask("/"))
            return len(answers) == 2

        wait_for(ask, "both answer")
        pids = {int(answer.rpartition(" ")[2]) for answer in answers}

        def look() -> list[dict[str, Any]]:
            rows = client.rows()
            return rows if {client.pid_of(row) for row in rows} == pids else []

        rows = wait_for(look, "requests of both are listed")
        numbers = [row["id"] for row in rows]
        assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
        assert client.replay(rows[-1]["id"])["status"] == 200


@pytest.mark.usefixtures("workshop")
def test_the_next_process_has_the_list_and_answers_the_replay() -> None:
    with program(1, "before") as client:
        client.ask("/reloaded")
        (row,) = wait_for(client.rows, "it is listed")
    with program(1, "after") as client:
        assert [old["id"] for old in client.rows()] == [row["id"]]
        again = client.replay(row["id"])
        assert client.pid_of(again) != client.pid_of(row)


@pytest.mark.usefixtures("workshop")
def test_a_page_from_before_a_reload_can_still_replay() -> None:
    with program(1, "before") as client:
        before = re.search(r'name="s" value="([^"]+)"', client.ask("/__dovetail__/"))
    with program(1, "after") as client:
        after = re.search(r'name="s" value="([^"]+)"', client.ask("/__dovetail__/"))
    assert before is not None
    assert after is not None
    assert before[1] == after[1]


def test_another_server_has_another_list_and_secret(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program(1, "ours") as client:
        assert workshop.secret not in client.ask("/__dovetail__/")
        client.ask("/")
        wait_for(client.rows, "it is listed")
        ours = client.ask("/__dovetail__/")
    monkeypatch.delenv(VARIABLE)
    with program(1, "another") as client:
        assert client.rows() == []
        theirs = client.ask("/__dovetail__/")
    found = [re.search(r'name="s" value="([^"]+)"', page) for page in (ours, theirs)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0][1] != found[1][1]
