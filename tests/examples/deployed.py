"""The example application as dovetail serve serves it: two workers of four threads."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.applications.deployment import Process
from tests.programs import unhurried

__all__ = ["Deployed"]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Deployed:
    """A server with a new board of demo data, below ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.instance = directory / "instance"
        self.access_log = directory / "access.log"
        self.process = Process(
            [
                Path(sys.prefix) / "bin/dovetail",
                "serve",
                *("--chdir", EXAMPLES, "--bind", "127.0.0.1:0"),
                *("--workers", "2", "--threads", "4"),
                *unhurried("5m"),
                *("--access-log", self.access_log, "--access-log-format", "%(p)s %(U)s"),
                f"magpie:create_app(instance_path={str(self.instance)!r}, demo_data=True)",
            ],
            output=directory / "output.log",
            directory=directory,
            environ={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            self.url = self.process.wait_for_line(r"listening on (http://127\.0\.0\.1:\d+)")[1]
            self.process.wait_for_line(r"(?s)worker \d+ ready.*worker \d+ ready")
        except BaseException:
            self.process.kill()
            raise

    def stop(self) -> None:
        """Stop it, and see that all went well."""
        status = self.process.stop()
        written = self.process.text()
        assert status == 0, written
        assert "Traceback" not in written
        assert "please report it" not in written
