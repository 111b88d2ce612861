"""Coroutines called from code that is not asynchronous, on the standard library alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from functools import update_wrapper
from inspect import iscoroutinefunction
from types import FunctionType, MethodType
from typing import Any, TypeVar

__all__ = ["async_to_sync", "is_asynchronous"]

T = TypeVar("T")

_CO_COROUTINE = 0x80
# What inspect.markcoroutinefunction() sets, since Python 3.12.
_MARK = "_is_coroutine_marker"


def is_asynchronous(func: Callable[..., Any]) -> bool:
    """Tell whether a function is made by ``async def``, or marked as if it were."""
    if type(func) is MethodType:
        func = func.__func__
    # PERF: 0.06 us for an ordinary function; inspect takes 1.1.
    if type(func) is FunctionType and not func.__code__.co_flags & _CO_COROUTINE:
        return _MARK in func.__dict__ and iscoroutinefunction(func)
    return iscoroutinefunction(func)


def async_to_sync(func: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Return a function that calls a coroutine function and waits for what it returns.

    The coroutine runs in an event loop of its own: in this thread, or in another one if a loop runs
    here already. Either way it sees the caller's context variables, and the caller sees those that
    it sets.
    """

    def call(*args: Any, **kwargs: Any) -> T:
        context = copy_context()
        # Not in an except block, which what the function raises would be said to come from.
        run = _run_elsewhere if _is_loop_running() else _run
        return run(func, args, kwargs, context)

    return update_wrapper(call, func)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(
    func: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    context: Context,
) -> T:
    async def main() -> T:
        return await func(*args, **kwargs)

    try:
        with asyncio.Runner() as runner:
            return runner.run(main(), context=context)
    finally:
        _take_over(context)


def _run_elsewhere(
    func: Callable[..., Coroutine[Any, Any, T]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    context: Context,
) -> T:
    """Run it in another thread: this one's loop cannot run a second one."""
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(_run(func, args, kwargs, context))
        except BaseException as error:  # handed to the caller, whatever it is
            errors.append(error)

    thread = threading.Thread(target=work, name="dovetail-coroutine")
    thread.start()
    thread.join()
    _take_over(context)
    if errors:
        raise errors[0]
    return results[0]


def _take_over(context: Context) -> None:
    """Set the variables here that have other values there."""
    for variable, value in context.items():
        if variable.get(_take_over) is not value:
            variable.set(value)
