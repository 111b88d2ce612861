"""Flask and its extensions as they come, with no Werkzeug anywhere: they rest on the toolkit.

``make test`` runs these in an environment of their own, from which Werkzeug was taken out.
"""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("flask") else ["test_*.py"]
