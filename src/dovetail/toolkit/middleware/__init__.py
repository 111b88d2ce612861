"""WSGI middleware; import from the modules."""
