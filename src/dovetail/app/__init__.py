"""The framework: applications, blueprints, contexts, sessions, templates and their commands.

Its names are in :mod:`dovetail` itself: ``from dovetail import App, request``.
"""
