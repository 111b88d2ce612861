"""Flask itself, and frameworks that rest on it, with our toolkit in Werkzeug's place.

Where Flask is not installed its name leads to ours, and nothing here is collected. ``make test``
keeps a copy of it aside and runs these with that on the path.
"""

from __future__ import annotations

from importlib.util import find_spec

from dovetail.compat.finder import InterfaceFinder

spec = find_spec("flask")
is_stock = spec is not None and not isinstance(spec.loader, InterfaceFinder)
collect_ignore_glob = [] if is_stock else ["test_*.py"]
