"""What the development server does not have yet: whoever uses it is refused, not served without.

The names exist because packages import them at their top and use them only if they are asked to.
"""

from __future__ import annotations

__all__ = ["DebuggedApplication", "run_with_reloader"]


class DebuggedApplication:
    """An application with a debugger around it.

    :raises NotImplementedError: always; there is no debugger yet.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        raise NotImplementedError("there is no debugger yet; serve the application without it")


def run_with_reloader(*arguments: object, **options: object) -> None:
    """Run a function in a process that is started anew when files change.

    :raises NotImplementedError: always; there is no reloader yet.
    """
    raise NotImplementedError("there is no reloader yet; call the function itself")
