"""A pytest plugin that puts ours in the place of Flask and Werkzeug: ``-p tests.moved.standin``.

It comes before the plugins that are installed, because pytest-httpserver is one and imports
Werkzeug. What of the two is installed stays: the tests are run on Flask and Werkzeug themselves
too, and ``tests/moved/in_process`` on Flask resting on our toolkit.
"""

from __future__ import annotations

from importlib.util import find_spec

import dovetail.compat

absent = [package for package in dovetail.compat.INTERFACES if not find_spec(package)]
if absent:
    dovetail.compat.install(*absent)
