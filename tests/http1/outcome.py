"""What a reader makes of a stream of octets, as one value that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from dovetail.http1.errors import ProtocolError
from dovetail.http1.events import Data, EndOfMessage, Request, Signal
from dovetail.http1.limits import Limits
from dovetail.http1.reader import RequestReader

__all__ = ["Message", "Outcome", "drain", "octet_by_octet", "random_pieces", "read"]


@dataclass
class Message:
    """One request with its content put together."""

    head: Request
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False


@dataclass
class Outcome:
    """Everything a reader said about a stream.

    ``end`` is the last signal, or None after ``error``. ``rest`` is what nobody looked at.
    """

    messages: list[Message] = field(default_factory=list)
    error: ProtocolError | None = None
    end: Signal | None = None
    rest: bytes = b""

    @property
    def status(self) -> int | None:
        """The status of the refusal, None if nothing was refused."""
        return self.error.status if self.error else None

    @property
    def complete(self) -> list[Message]:
        """The messages that arrived to their end."""
        return [message for message in self.messages if message.complete]

    def summary(self) -> tuple[object, ...]:
        """What may not depend on how the stream was cut.

        How much content came out in front of an error may: it is thrown away with the request.
        """
        heads = [message.head for message in self.messages]
        content = [(message.body, message.trailers) for message in self.complete]
        if self.error is None and len(self.complete) < len(heads):
            content.append((self.messages[-1].body, []))
        return heads, content, type(self.error), self.end, self.rest


def drain(reader: RequestReader, outcome: Outcome) -> None:
    """Take all events there are and note them; go on to the next request where one may follow."""
    while outcome.error is None:
        try:
            event = reader.next_event()
        except ProtocolError as error:
            outcome.error, outcome.end = error, None
            return
        match event:
            case Request():
                outcome.messages.append(Message(event))
            case Data(data):
                assert data
                outcome.messages[-1].body += data
            case EndOfMessage(trailers):
                outcome.messages[-1].trailers = trailers
                outcome.messages[-1].complete = True
            case Signal.PAUSED:
                reader.next_request()
            case Signal():
                outcome.end = event
                return


def read(pieces: Iterable[bytes], limits: Limits | None = None, *, eof: bool = False) -> Outcome:
    """Feed ``pieces`` to a new reader, taking its events after each of them."""
    reader = RequestReader(limits or Limits())
    outcome = Outcome()
    for piece in pieces:
        reader.receive(piece)
        drain(reader, outcome)
    if eof:
        reader.receive_eof()
    drain(reader, outcome)
    outcome.rest = reader.take_buffer()
    return outcome


def octet_by_octet(raw: bytes) -> Iterator[bytes]:
    """Cut ``raw`` into single octets."""
    return (raw[index : index + 1] for index in range(len(raw)))


def random_pieces(raw: bytes, random: Random) -> list[bytes]:
    """Cut ``raw`` at random places, often next to each other and sometimes twice in one place."""
    cuts = sorted(random.randrange(len(raw) + 1) for _ in range(random.randrange(1, 12)))
    near = [min(cut + 1, len(raw)) for cut in cuts if random.random() < 0.5]
    cuts = sorted([0, *cuts, *near, len(raw)])
    return [raw[start:stop] for start, stop in pairwise(cuts)]
