"""Flask and its extensions as they come, with no Werkzeug anywhere: they rest on the toolkit.

``make test`` runs these in an environment of their own, from which Werkzeug was taken out. Where
there is a Werkzeug the same tests run on that, which tells whether a failure is ours.
"""

from __future__ import annotations

from importlib.util import find_spec

import dovetail.compat

collect_ignore_glob = [] if find_spec("flask") else ["test_*.py"]

if find_spec("flask") and not find_spec("werkzeug"):
    dovetail.compat.install()
