"""A process that has Python and Dovetail ready, and waits to be the next one that serves.

The process that keeps the socket starts this while nothing else is to be done. What is to be
imported, and how the program would have been started, is in the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from importlib import import_module

from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.imports import module_files
from dovetail.dev.reloader.launch import launch
from dovetail.dev.reloader.link import Link
from dovetail.dev.reloader.paths import DIGEST_SIZE, file_clock, is_library, signature
from dovetail.dev.reloader.supervisor import KNOWN, SPARE, STARTED

__all__ = ["main"]


def main() -> None:
    """Get ready, wait, and then be the program of the arguments."""
    begun = file_clock()
    given = json.loads(os.environ.pop(SPARE))
    kind, target, *arguments = sys.argv[1:]
    # Ctrl-C ends this without a word, as nobody knows of it.
    is_interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see Supervisor
    for name in given["modules"]:
        with contextlib.suppress(Exception):
            import_module(name)
    link = Link.of_child()
    if link is None or link.listen()[0] != messages.BEGIN:
        os._exit(0)
    os.environ[STARTED] = str(int.from_bytes(link.read(messages.TIME_SIZE), "big"))
    os.environ[KNOWN] = link.read(DIGEST_SIZE).hex()
    os.environ[messages.VARIABLE] = str(link.detach())
    if is_interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command = given["command"]
    if _has_changed(begun):
        os.set_inheritable(int(os.environ[messages.VARIABLE]), True)
        os.execv(command[0], command)
    sys.orig_argv[:] = given["words"]
    launch(kind, target, arguments, shows=True)


def _has_changed(begun: int) -> bool:
    """Tell whether a module that is imported already has changed since."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and not is_library(file):
            states = map(signature, module_files(module))
            if any(state is None or state[0] >= begun for state in states):
                return True
    return False
