"""pypiserver, a package index: its factory named on the command line, and pip as its client."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from tests.applications.deployment import PATIENCE_SECONDS, Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]

NAME = "tongue_and_groove-1.5-py3-none-any.whl"
FILES = {
    "tongue_and_groove.py": "fits = True\n",
    "tongue_and_groove-1.5.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: tongue-and-groove\nVersion: 1.5\n"
    ),
    "tongue_and_groove-1.5.dist-info/WHEEL": (
        "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    ),
    "tongue_and_groove-1.5.dist-info/RECORD": "",
}


def make_wheel() -> bytes:
    """Return a package with a large file in it that does not get smaller."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        archive.writestr("tongue_and_groove.bin", os.urandom(3 << 20))
    return file.getvalue()


@pytest.fixture(scope="module")
def index(
    deploy: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    state = tmp_path_factory.mktemp("index")
    (state / "packages").mkdir()
    options = f"roots=[{str(state / 'packages')!r}], authenticate=[], password_file='.'"
    return deploy(f"pypiserver:app({options})", state)


def test_package_goes_up_and_comes_down(index: Deployment, tmp_path: Path) -> None:
    wheel = make_wheel()
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{index.url}/",
            data={":action": "file_upload", "name": "tongue-and-groove", "version": "1.5"},
            files={"content": (NAME, wheel)},
            timeout=PATIENCE_SECONDS,
        )
        assert answer.status_code == 200, answer.text
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    done = subprocess.run(
        [*pip, "download", "--no-deps", "--index-url", f"{index.url}/simple/", "tongue-and-groove"],
        cwd=tmp_path,
        # Only this index, whatever the machine is set to.
        env={"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / NAME).read_bytes() == wheel
