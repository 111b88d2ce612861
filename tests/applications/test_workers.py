"""Two workers of four threads: all of them work, and none of their answers goes astray."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
import requests
from tests.applications.conftest import Site
from tests.applications.deployment import (
    PATIENCE_SECONDS,
    THREADS,
    WORKERS,
    Deployment,
    wait_until,
)

pytestmark = [pytest.mark.process, pytest.mark.network]

CLIENTS = 20
REQUESTS = 10


def converse(get: Callable[[str], httpx.Response | requests.Response]) -> set[str]:
    """Make requests of several kinds one after the other; return who answered them."""
    workers = set()
    for number in range(REQUESTS):
        token = f"{uuid4().hex}-{number}"
        answer = get(f"/echo/{token}?n={number}")
        assert answer.json() == {"token": token, "query": {"n": [str(number)]}}
        workers.add(answer.headers["X-Worker"])
        if number % 5 == 4:
            count = 100 * number
            assert len(get(f"/lines?count={count}").text.splitlines()) == count
    return workers


def in_parallel(work: Callable[[], set[str]]) -> set[str]:
    """Do the same in all clients at once; return which workers answered."""
    start = threading.Barrier(CLIENTS)

    def one(_number: int) -> set[str]:
        start.wait(PATIENCE_SECONDS)
        return work()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return set().union(*pool.map(one, range(CLIENTS)))


@pytest.mark.parametrize("board", ["direct", "nginx"], indirect=True)
def test_twenty_threads_share_a_pool_of_httpx(board: Site) -> None:
    # One connection for each thread: what its pool has too many of, it may close under a request
    # (httpcore issue 1110).
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    with httpx.Client(limits=limits, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        workers = in_parallel(lambda: converse(lambda path: client.get(board.url + path)))
    assert 1 <= len(workers) <= WORKERS


@pytest.mark.parametrize("board", ["direct", "nginx"], indirect=True)
def test_twenty_sessions_of_requests(board: Site) -> None:
    def work() -> set[str]:
        with requests.Session() as session:
            session.trust_env = False
            return converse(lambda path: session.get(board.url + path, timeout=PATIENCE_SECONDS))

    assert 1 <= len(in_parallel(work)) <= WORKERS


def test_every_request_is_logged_once(board_deployment: Deployment) -> None:
    mark = uuid4().hex
    with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:

        def work(number: int) -> None:
            client.get(f"{board_deployment.url}/echo/{mark}-{number}").raise_for_status()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(work, range(200)))

    def logged() -> Counter[str]:
        rows = [json.loads(line) for line in board_deployment.access_log.read_text().splitlines()]
        return Counter(row["path"] for row in rows if mark in row["path"])

    wait_until(lambda: len(logged()) == 200, "all requests are logged")
    assert logged() == {f"/echo/{mark}-{number}": 1 for number in range(200)}


class Hold:
    """More requests than there are threads; they stay in the application until they are let go."""

    def __init__(self, deployment: Deployment) -> None:
        self._state = deployment.state
        self._name = uuid4().hex
        self._pool = ThreadPoolExecutor(CLIENTS)
        url = f"{deployment.url}/hold/{self._name}"
        self.answers = [self._pool.submit(get, f"{url}/{number}") for number in range(CLIENTS)]

    def __enter__(self) -> Hold:
        try:
            wait_until(lambda: self.held() == [THREADS] * WORKERS, "all threads have a request")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.release(*self.workers())
        self._pool.shutdown()

    def workers(self) -> Counter[str]:
        """Return how many requests each worker has held so far, by its process id."""
        names = self._state.glob(f"{self._name}.*.held")
        return Counter(path.name.split(".")[1] for path in names)

    def held(self) -> list[int]:
        """Return the same without the ids."""
        return list(self.workers().values())

    def release(self, *workers: str) -> None:
        """Let go the requests that these workers hold, and those they get from now on."""
        for pid in workers:
            (self._state / f"{self._name}.{pid}.go").touch()


def get(url: str, patience: float = PATIENCE_SECONDS) -> str:
    """Make a request on a connection of its own."""
    # Without verify it would read all the certificates there are, each time.
    answer = httpx.get(url, timeout=patience, trust_env=False, verify=False)
    return answer.raise_for_status().text


def test_all_threads_of_both_workers_serve_at_once(board_deployment: Deployment) -> None:
    with Hold(board_deployment) as hold:
        hold.release(*hold.workers())
        assert Counter(answer.result() for answer in hold.answers) == hold.workers()


def test_stuck_worker_leaves_newcomers_to_the_other(board_deployment: Deployment) -> None:
    with Hold(board_deployment) as hold:
        stuck, other = hold.workers()
        hold.release(other)
        url = f"{board_deployment.url}/"

        def is_answered() -> bool:
            try:
                get(url, patience=2.0)
            except httpx.ReadTimeout:
                return False
            return True

        # At first both were stuck, and either may have taken a newcomer. The other one serves in
        # turn: whoever it answers comes after all that it had.
        wait_until(is_answered, "the other worker has room")
        for _ in range(60):
            get(url)
        hold.release(stuck)
        assert Counter(answer.result() for answer in hold.answers) == hold.workers()
