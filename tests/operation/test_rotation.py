"""USR1 after the log files were renamed: every request has its line in one of them."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest
from tests.operation.client import Address
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, ledger
from tests.operation.server import PATIENCE, Server

pytestmark = [pytest.mark.process, pytest.mark.network]

ROTATIONS = 3


def rotate(server: Server, *logs: Path, number: int) -> None:
    for log in logs:
        log.rename(log.with_suffix(f".{number}"))
    server.signal(signal.SIGUSR1)


@pytest.mark.parametrize("form", ['"%(r)s" %(s)s', "json"], ids=["line", "json"])
def test_no_line_is_lost(serve: Serve, site: Site, form: str) -> None:
    access = site.state / "access.log"
    server = serve("--access-log", str(access), "--access-log-format", form)
    with Load([Address(server.port)]) as load:
        for number in range(ROTATIONS):
            mark = server.mark()
            rotate(server, access, number=number)
            server.wait_for(r"log files reopened", since=mark)
            load.wait(30)
            # The workers reopen it when they come to it.
            wait_for_text(access, ".")
    assert server.stop() == 0
    load.check_nothing_lost(ledger(site.state))
    files = [access, *(access.with_suffix(f".{number}") for number in range(ROTATIONS))]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert all(file.stat().st_size for file in files)
    if form == "json":
        assert all(json.loads(line)["status"] == 200 for line in lines)
    logged = [match[1] for line in lines if (match := re.search(r"[?&]id=([\w-]+)", line))]
    assert len(logged) == len(lines)
    assert sorted(logged) == sorted(outcome.id for outcome in load.outcomes)


def test_error_log_is_reopened(serve: Serve, site: Site) -> None:
    errors = site.state / "error.log"
    server = serve("--error-log", str(errors), ready=False)
    wait_for_text(errors, r"(?s)ready.*ready")
    rotate(server, errors, number=0)
    wait_for_text(errors, r"log files reopened")
    assert server.stop() == 0
    assert re.search(r"(?s)stopping;.*stopped.*stopped", errors.read_text())
    assert "stopping" not in errors.with_suffix(".0").read_text()
    assert server.log == ""


def wait_for_text(path: Path, pattern: str) -> None:
    """Wait until the file is there and matches."""
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and re.search(pattern, path.read_text())):
        assert time.monotonic() < deadline, f"{pattern!r} is not in {path}"
        time.sleep(0.02)
