"""A client and its parts for testing WSGI applications; import from the modules."""
