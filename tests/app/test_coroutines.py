"""Coroutines called from code that is not asynchronous."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

import pytest

from dovetail.app.coroutines import async_to_sync, is_asynchronous

variable: ContextVar[int] = ContextVar("variable")


async def add(a: int, b: int = 1) -> int:
    """Add."""
    await asyncio.sleep(0)
    return a + b


class Callable_:  # noqa: N801 - beside the name from typing
    async def method(self) -> int:
        return 1

    def plain(self) -> int:
        return 2


def test_result() -> None:
    call = async_to_sync(add)
    assert call(1) == 2
    assert call(1, b=5) == 6


def test_name_is_kept() -> None:
    call = async_to_sync(add)
    assert (call.__name__, call.__doc__) == ("add", "Add.")


def test_error() -> None:
    async def fail() -> None:
        raise ValueError("fail")

    with pytest.raises(ValueError, match="fail") as caught:
        async_to_sync(fail)()
    # A traceback is not to tell of an error that was handled on the way to it.
    assert caught.value.__context__ is None


def test_variables_go_in_and_out() -> None:
    async def work() -> int:
        before = variable.get()
        await asyncio.sleep(0)
        variable.set(before + 1)
        return before

    variable.set(1)
    assert async_to_sync(work)() == 1
    assert variable.get() == 2


def test_variables_come_out_of_one_that_fails() -> None:
    async def work() -> None:
        variable.set(7)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is what comes out of it that counts
        async_to_sync(work)()
    assert variable.get() == 7


def test_where_a_loop_runs() -> None:
    async def work() -> tuple[int, str]:
        variable.set(variable.get() + 1)
        return variable.get(), threading.current_thread().name

    async def outer() -> tuple[Any, int]:
        variable.set(10)
        return async_to_sync(work)(), variable.get()

    (inside, thread), outside = asyncio.run(outer())
    assert (inside, outside) == (11, 11)
    assert thread != threading.current_thread().name


def test_error_where_a_loop_runs() -> None:
    async def fail() -> None:
        raise ValueError("fail")

    async def outer() -> None:
        async_to_sync(fail)()

    with pytest.raises(ValueError, match="fail"):
        asyncio.run(outer())


def test_nested() -> None:
    async def inner() -> int:
        return 5

    async def outer() -> int:
        return async_to_sync(inner)() + 1

    assert async_to_sync(outer)() == 6


def test_in_a_thread() -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(async_to_sync(add)(3)))
    thread.start()
    thread.join()
    assert results == [4]


@wraps(add)
def wrapper(*args: Any) -> Any:
    return add(*args)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (add, True),
        (partial(add, 1), True),
        (Callable_().method, True),
        (Callable_().plain, False),
        (lambda: 1, False),
        (wrapper, False),
        (len, False),
        (Callable_, False),
    ],
)
def test_is_asynchronous(function: Callable[..., Any], expected: bool) -> None:
    assert is_asynchronous(function) is expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="functions are marked since Python 3.12")
def test_is_asynchronous_if_marked() -> None:
    import inspect  # noqa: PLC0415 - the name is there since 3.12

    def marked() -> Any:
        return add(1)

    getattr(inspect, "markcoroutinefunction")(marked)  # noqa: B009 - as above
    assert is_asynchronous(marked)
