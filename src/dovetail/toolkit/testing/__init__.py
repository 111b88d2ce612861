"""Clients for tests of WSGI applications, and what they are made of."""

from __future__ import annotations

from dovetail.toolkit.runner import run_wsgi_app
from dovetail.toolkit.testing.client import Client, ClientRedirectError, TestResponse
from dovetail.toolkit.testing.cookies import Cookie
from dovetail.toolkit.testing.engine import EngineClient, EngineConnection, EngineResponse, Report
from dovetail.toolkit.testing.environ_builder import EnvironBuilder, create_environ
from dovetail.toolkit.testing.multipart_body import encode_multipart, stream_encode_multipart
from dovetail.toolkit.testing.response_reader import BadResponse, ResponseAborted

__all__ = [
    "BadResponse",
    "Client",
    "ClientRedirectError",
    "Cookie",
    "EngineClient",
    "EngineConnection",
    "EngineResponse",
    "EnvironBuilder",
    "Report",
    "ResponseAborted",
    "TestResponse",
    "create_environ",
    "encode_multipart",
    "run_wsgi_app",
    "stream_encode_multipart",
]
