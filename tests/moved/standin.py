"""A pytest plugin that puts the toolkit in Werkzeug's place, for ``-p tests.moved.standin``.

It comes before the plugins that are installed, because pytest-httpserver is one and imports
Werkzeug. Where Werkzeug is installed the tests run on that, which tells whether a failure is ours.
"""

from __future__ import annotations

from importlib.util import find_spec

import dovetail.compat

if not find_spec("werkzeug"):
    dovetail.compat.install()
