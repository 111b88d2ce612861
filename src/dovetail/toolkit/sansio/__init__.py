"""Requests and responses as messages: header fields and URL, without environ, server or body."""
