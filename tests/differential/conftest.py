"""Ours beside the installed Werkzeug; these tests run in an environment that has both.

``make test`` runs them there. In the environment of all other tests there is no Werkzeug, and
nothing here is collected.
"""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("werkzeug") else ["test_*.py"]
