"""CPU time per request of whole servers, side by side in one run.

    python bench/server.py [--seconds 4] [--connections 32] [--only dovetail,gunicorn-gthread]

Each server serves bench/applications.py with one worker process; the load comes from wrk (Debian's
package of that name). Peers are installed into .venv-bench. CPU time per request is the figure to
compare: requests a second also depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = ROOT / ".venv-bench"
PEERS = ["gunicorn", "gevent", "packaging", "waitress"]
TICKS = 100.0  # clock ticks a second in /proc/PID/stat

BROWSER = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Cookie: session=abcdef0123456789abcdef0123456789; theme=dark",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: none",
]


@dataclass(frozen=True)
class Server:
    """How to start one server; {bin}, {port} and {app} are filled in."""

    name: str
    command: str


SERVERS = [
    Server("dovetail, 1 thread", "{bin}/dovetail serve -b 127.0.0.1:{port} --threads 1 {app}"),
    Server("dovetail, 4 threads", "{bin}/dovetail serve -b 127.0.0.1:{port} --threads 4 {app}"),
    Server("gunicorn sync", "{bin}/gunicorn -b 127.0.0.1:{port} {app}"),
    Server("gunicorn gthread, 4", "{bin}/gunicorn -b 127.0.0.1:{port} --threads 4 {app}"),
    Server("gunicorn gevent", "{bin}/gunicorn -b 127.0.0.1:{port} -k gevent {app}"),
    Server("waitress, 4", "{bin}/waitress-serve --listen 127.0.0.1:{port} --threads 4 {app}"),
]


def install() -> Path:
    """Make the environment of the peers if it is not there; return its bin folder."""
    if not (VENV / "bin" / "dovetail").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(VENV / "bin" / "pip"), "install", "-q", "-e", str(ROOT), *PEERS]
        subprocess.run(pip, check=True)
    return VENV / "bin"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not come up")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its living children, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = (int(fields[11]) + int(fields[12])) / TICKS
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return total + sum(cpu_seconds(int(child)) for child in children)


def measure(server: Server, app: str, options: argparse.Namespace, bin_: Path) -> tuple[int, float]:
    """Return (requests, CPU seconds) of one load."""
    port = free_port()
    command = server.command.format(bin=bin_, port=port, app=f"applications:{app}").split()
    process = subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_up(port, process)
        load = ["wrk", "-t1", f"-c{options.connections}"]
        load += [part for line in BROWSER for part in ("-H", line)] if options.browser else []
        url = f"http://127.0.0.1:{port}/"
        subprocess.run([*load, "-d1s", url], check=True, capture_output=True)
        before = cpu_seconds(process.pid)
        output = subprocess.run(
            [*load, f"-d{options.seconds}s", url], check=True, capture_output=True, text=True
        ).stdout
        used = cpu_seconds(process.pid) - before
    finally:
        process.terminate()
        process.wait(30)
    found = re.search(r"(\d+) requests in", output)
    if found is None or "Non-2xx" in output:
        raise RuntimeError(f"{server.name}: {output}")
    return int(found[1]), used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--browser", action="store_true", help="send a browser's header fields")
    parser.add_argument("--app", default="hello", choices=["hello", "page", "stream"])
    parser.add_argument("--only", default="", help="parts of names, comma separated")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is not installed (Debian: apt-get install wrk)")
    bin_ = install()
    wanted = [part for part in options.only.split(",") if part]
    first = 0.0
    print(f"{'server':24}{'requests/s':>12}{'us CPU/request':>16}{'ratio':>8}")
    for server in SERVERS:
        if wanted and not any(part in server.name for part in wanted):
            continue
        requests, cpu = measure(server, options.app, options, bin_)
        each = cpu / requests * 1e6
        first = first or each
        rate = requests / options.seconds
        print(f"{server.name:24}{rate:12.0f}{each:16.1f}{each / first:8.2f}", flush=True)


if __name__ == "__main__":
    main()
