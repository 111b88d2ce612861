"""Dovetail: WSGI server, toolkit and framework, from ``accept()`` to the view function."""

__all__ = ["__version__"]

__version__ = "0.1.0"
