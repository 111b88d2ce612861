"""Programs that tests run because users do: what happens where they are not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

__all__ = ["bounded", "find_program", "miss", "unhurried"]

# Debian keeps servers where ordinary users do not look.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def find_program(*names: str, package: str) -> str:
    """Return the path of the first of these programs that is installed.

    :param package: where Debian has it.
    """
    found = filter(None, (shutil.which(name, path=_PATH) for name in names))
    path = next(found, None)
    if path is None:
        miss(f"{names[0]} is not installed (on Debian: apt-get install {package})")
    return path


def miss(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything has to be there: .ci/run sets CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def unhurried(deadline: str) -> list[str]:
    """Return options of `dovetail serve` that give all that clients have to do so much time.

    On a busy machine they may stand still for a while, and are not to be given up then.
    """
    names = ("keep-alive", "header-timeout", "body-timeout", "body-grace", "write-timeout")
    return [f"--{name}={deadline}" for name in names]


@contextmanager
def bounded(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    """Kill a program that takes too long, which ends the wait for what it says."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
