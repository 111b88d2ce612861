"""Mixed requests, each with a unique id that must be answered exactly once.

A crowd of users in a thread of their own asks and asks, while the test does to the server what it
is about. Every request is written down with what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.operation.client import Address, Answer, Link, Lost
from tests.operation.server import PATIENCE

__all__ = ["Load", "Outcome", "called", "ledger"]

#: The users of each address.
CROWD = ("quick", "quick", "slow", "slow", "upload", "upload", "chunked", "stream", "stream") + (
    ("idle",) * 4 + ("fresh",) * 3 + ("pair", "pair")
)
# What slow requests take: most are over soon, so that the tests are.
SLOW_SECONDS = (0.1, 0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 1.0, 1.5, 2.0)


@dataclass(slots=True)
class Outcome:
    """One request: ``pid`` is the worker behind its connection, as far as that was known."""

    id: str
    connecting_at: float
    opened_at: float
    sent_at: float
    pid: int | None
    answer: Answer | None = None
    error: str = ""

    @property
    def release(self) -> int:
        """The release that answered."""
        assert self.answer is not None
        return int(self.answer.facts["release"])


@dataclass(slots=True)
class Load:
    """The users of some addresses, at work inside of ``with``, or from start to stop."""

    addresses: Sequence[Address]
    outcomes: list[Outcome] = field(default_factory=list)
    #: Connections that ended without a word, each by its worker if that is known.
    untold: list[int | None] = field(default_factory=list)
    #: What else was wrong.
    complaints: list[str] = field(default_factory=list)
    _number: int = field(default_factory=itertools.count().__next__)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _answered: int = 0
    _stopping: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> Load:
        self.start()
        return self

    def start(self) -> None:
        """Let the users begin; return when there are answers."""
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        try:
            self.wait(2 * len(CROWD))
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every user finish the request it is at."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()

    def wait(self, answers: int) -> None:
        """Wait until there are so many more answers."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            wanted = self._answered + answers
            while self._answered < wanted:
                remaining = deadline - time.monotonic()
                assert self._news.wait(remaining), f"no answers any more: {self.complaints}"

    def wait_for_release(self, number: int) -> None:
        """Wait until a release has answered, the latest time or from now on."""
        with self._news:
            start = len(self.outcomes) - 1

            def answered() -> bool:
                return any(one.answer and one.release == number for one in self.outcomes[start:])

            assert self._news.wait_for(answered, PATIENCE), self.outcomes[-1]

    @property
    def lost(self) -> list[Outcome]:
        """The requests without a complete answer."""
        return [outcome for outcome in self.outcomes if outcome.answer is None]

    def since(self, moment: float) -> list[Outcome]:
        """Return the requests begun after a moment (``time.monotonic()``)."""
        return [outcome for outcome in self.outcomes if outcome.sent_at > moment]

    def check_nothing_lost(self, called: Counter[str]) -> None:
        """Check that all were answered, called exactly once, and told before every goodbye."""
        assert not self.lost, self.lost
        assert self.untold == []
        self.check_answered_once(called)
        sent = {outcome.id for outcome in self.outcomes}
        assert called.keys() >= sent

    def check_answered_once(self, called: Counter[str]) -> None:
        """Check that no request was called twice, and none answered that was not called."""
        assert not self.complaints, self.complaints
        ids = [outcome.id for outcome in self.outcomes]
        assert len(set(ids)) == len(ids)
        assert {name: called[name] for name in ids if called[name] > 1} == {}
        assert [one.id for one in self.outcomes if one.answer and not called[one.id]] == []

    # The users

    def _work(self) -> None:
        try:
            asyncio.run(self._work_all())
        except Exception as error:
            self.complaints.append(f"a user broke down: {error!r}")
            raise

    async def _work_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for place, address in enumerate(self.addresses):
                for number, kind in enumerate(CROWD):
                    user = _User(self, address, kind, f"{kind}-{self._number}-{place}-{number}")
                    group.create_task(user.work())

    @property
    def stopping(self) -> bool:
        """Whether the users shall go."""
        return self._stopping

    def record(self, outcome: Outcome) -> None:
        """Take down what became of a request."""
        with self._news:
            self.outcomes.append(outcome)
            if outcome.answer is not None:
                self._answered += 1
                self._news.notify_all()


class _User:
    """Asks one kind of request again and again."""

    def __init__(self, load: Load, address: Address, kind: str, name: str) -> None:
        self._load = load
        self._address = address
        self._kind = kind
        self._name = name
        self._random = random.Random(name)
        self._number = 0
        self._link: Link | None = None
        self._connecting_at = self._opened_at = 0.0

    async def work(self) -> None:
        while not self._load.stopping:
            await self._connect()
            if self._link is not None:
                await self._ask(self._link)
            pause = 0.01
            if self._kind == "idle":
                pause = self._random.uniform(0.2, 1.0)
            await asyncio.sleep(pause)
        if self._link is not None:
            await self._link.close()

    async def _connect(self) -> None:
        if self._link is not None and self._link.ended:
            self._load.untold.append(self._link.pid)
            await self._drop()
        if self._link is None:
            self._connecting_at = time.monotonic()
            try:
                self._link = await Link.open(self._address)
                self._opened_at = time.monotonic()
            except Lost as error:
                now = time.monotonic()
                times = self._connecting_at, now, now
                self._load.record(Outcome(self._next_id(), *times, None, error=str(error)))

    async def _drop(self) -> None:
        if self._link is not None:
            await self._link.close()
        self._link = None

    def _next_id(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"

    async def _ask(self, link: Link) -> None:
        names = [self._next_id() for _ in range(2 if self._kind == "pair" else 1)]
        now = time.monotonic()
        times = self._connecting_at, self._opened_at, now
        outcomes = [Outcome(name, *times, link.pid) for name in names]
        try:
            answers = await self._exchange(link, names)
            for outcome, answer in zip(outcomes, answers, strict=True):
                self._check(outcome, answer)
        except Lost as error:
            for outcome in outcomes:
                outcome.error = str(error)
            await self._drop()
        else:
            await self._leave(link, outcomes)
        for outcome in outcomes:
            self._load.record(outcome)

    def _check(self, outcome: Outcome, answer: Answer) -> None:
        if answer.status != 200:
            raise Lost(f"status {answer.status}: {answer.content!r}")
        if answer.facts["id"] != outcome.id:
            raise Lost(f"the answer to {answer.facts['id']}")
        outcome.answer = answer

    async def _leave(self, link: Link, outcomes: list[Outcome]) -> None:
        """Keep the connection or not, as the last answer says."""
        assert outcomes[-1].answer is not None
        link.pid = outcomes[-1].answer.facts["pid"]
        if outcomes[-1].answer.closes:
            if not await link.read_end():
                self._load.complaints.append(f"{outcomes[-1].id}: not closed as announced")
            await self._drop()
        elif self._kind == "fresh":
            await self._drop()

    async def _exchange(self, link: Link, names: list[str]) -> list[Answer]:
        name = names[0]
        if self._kind == "pair":
            return await link.ask_all([f"/work?id={one}" for one in names])
        if self._kind in {"upload", "chunked"}:
            return [await self._upload(link, name)]
        if self._kind == "stream":
            pieces = self._random.randint(2, 20)
            target = f"/stream?id={name}&pieces={pieces}&seconds=0.2"
        elif self._kind == "slow":
            target = f"/work?id={name}&seconds={self._random.choice(SLOW_SECONDS)}"
        else:
            target = f"/work?id={name}&seconds={self._random.uniform(0, 0.05):.3f}"
        return [await link.ask("GET", target)]

    async def _upload(self, link: Link, name: str) -> Answer:
        """Send content in pieces, with pauses between them; now and then more than fits memory."""
        size = 600_000 if self._random.random() < 0.1 else self._random.randint(1, 20_000)
        pieces = [self._random.randbytes(size) for _ in range(self._random.randint(2, 5))]
        content = b"".join(pieces)
        framing = ("Transfer-Encoding", "chunked")
        if self._kind == "upload":
            framing = ("Content-Length", str(len(content)))
        answer = await link.ask("POST", f"/work?id={name}", [framing], self._slowly(pieces))
        facts = answer.facts if answer.status == 200 else {}
        if facts.get("digest") != hashlib.sha256(content).hexdigest():
            raise Lost(f"the content arrived as {facts.get('octets')} octets, not {len(content)}")
        return answer

    async def _slowly(self, pieces: list[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(self._random.uniform(0, 0.1))


def ledger(state: Path) -> Counter[str]:
    """Return how often the application was called with each id."""
    called: Counter[str] = Counter()
    with contextlib.suppress(FileNotFoundError):
        called.update(line.split()[0] for line in (state / "ledger").read_text().splitlines())
    return called


async def called(state: Path, *names: str) -> None:
    """Wait until the application has been called with each of these ids."""
    async with asyncio.timeout(PATIENCE):
        while not ledger(state).keys() >= set(names):
            await asyncio.sleep(0.01)
