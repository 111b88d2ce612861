"""A shop whose pages fail, for the debugger to show: ``shop.py PROCESSES`` serves it."""

from __future__ import annotations

import json
import os
import sys

from dovetail import App
from dovetail.app.phases import mark_phases
from dovetail.dev import run_simple

__all__ = ["app"]

app = App(__name__)
# Failures are not answered, but go on to the debugger.
app.debug = True

PRICES = {"tea": 240, "scone": 180}


class OrderError(Exception):
    """An order cannot be taken."""


@app.get("/")
def front() -> str:
    return "<!doctype html><title>Shop</title><h1>The shop is open</h1>"


@app.get("/orders/<int:guests>")
def order(guests: int) -> str:
    basket = {"tea": 2, "scone": 3}
    try:
        share = split(basket, guests)
    except ZeroDivisionError as error:
        error.add_note(f"The basket was {basket}")
        raise OrderError(f"No bill for {guests} guests") from error
    return f"Everyone pays {share / 100:.2f}"


def split(basket: dict[str, int], guests: int) -> float:
    pieces = sorted(basket)
    total = sum(PRICES[piece] * basket[piece] for piece in pieces)
    return rounded(total, guests)


def rounded(total: int, parts: int) -> float:
    return round(total / parts, 1)


@app.post("/orders")
def take() -> str:
    from_kitchen = '{"ready": tru}'
    return str(json.loads(from_kitchen))


@app.get("/group")
def gather() -> str:
    failures: list[Exception] = []
    for guests in (0, 1):
        try:
            split({"tea": guests, "cake": 1 - guests}, guests)
        except (ArithmeticError, LookupError) as error:
            failures.append(error)
    inner = ExceptionGroup("the second table", [OrderError("No cake <b>left</b>")])
    raise ExceptionGroup("the evening", [*failures, inner])


@app.get("/hostile")
def hostile() -> str:
    name = "<img src=x onerror=\"document.title = 'taken over'\">"
    raise ValueError(f"{name} </script></style><script>document.title = 'taken over'</script>")


@app.get("/process")
def process() -> str:
    return str(os.getpid())


if __name__ == "__main__":
    mark_phases()
    run_simple("127.0.0.1", 0, app, use_debugger=True, processes=int(sys.argv[1]))
