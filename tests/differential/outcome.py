"""What a call came to, in a form in which the results of two packages can be compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["outcome"]


def outcome(
    call: Callable[..., Any],
    *args: Any,
    form: Callable[[Any], Any] = lambda value: value,
    **kwargs: Any,
) -> tuple[str, Any]:
    """Return ``("returned", form(value))`` or ``("raised", the exception's class name)``.

    :param form: turns the value into one that is equal for both packages: a str, a list, a dict.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "returned", form(call(*args, **kwargs))
        except Exception as error:
            return "raised", type(error).__name__
