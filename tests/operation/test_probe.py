"""The black-box conformance probe, which lies beside the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.operation.server import Server, environment

PROBE = Path(__file__).resolve().parents[3] / "shared" / "probe"
SECONDS = 300.0

pytestmark = [
    pytest.mark.process,
    pytest.mark.network,
    pytest.mark.skipif(not (PROBE / "probe.py").is_file(), reason=f"there is no {PROBE}"),
]


@pytest.mark.parametrize(
    ("workers", "extra"),
    [(1, []), (1, ["--slow-wait", "20"]), (2, [])],
    ids=["plain", "slow", "two workers"],
)
def test_probe(tmp_path: Path, workers: int, extra: list[str]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    variables = {"WSGI_PROBE_STATE": str(state)}
    arguments = ["-b", "127.0.0.1:0", "-w", str(workers), "--threads", "32", "app:app"]
    server = Server(arguments, directory=PROBE, variables=variables)
    # Some cases take this number for what an application had no right to send, wherever it stands.
    while "666" in str(server.port):
        server.destroy()
        server = Server(arguments, directory=PROBE, variables=variables)
    try:
        server.wait_ready(workers)
        result = tmp_path / "result.json"
        command = [sys.executable, "probe.py", "--port", str(server.port), "--json", str(result)]
        probe = subprocess.run(
            [*command, *extra],
            cwd=PROBE,
            env=environment(variables),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.exists(), probe.stdout + probe.stderr
        verdicts = json.loads(result.read_text())
        failed = {case["id"]: case["why"] for case in verdicts["cases"] if not case["ok"]}
        assert failed == {}
        assert verdicts["passed"] == verdicts["total"] > 0
        assert not (extra and verdicts["skipped"])
        assert probe.returncode == 0
        assert server.stop() == 0
    finally:
        server.destroy()
