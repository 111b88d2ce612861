"""Request, response, forms, files, middleware, locals and the test client.

The middleware is in ``dovetail.toolkit.middleware``, the clients for tests are in
``dovetail.toolkit.testing``.
"""

from __future__ import annotations

from dovetail.toolkit.content_types import get_content_type
from dovetail.toolkit.descriptors import cached_property, environ_property, header_property
from dovetail.toolkit.files import send_file, send_from_directory
from dovetail.toolkit.forms import FormDataParser, parse_form_data
from dovetail.toolkit.imports import ImportStringError, find_modules, import_string
from dovetail.toolkit.local import Local, LocalManager, LocalProxy, LocalStack, release_local
from dovetail.toolkit.redirects import append_slash_redirect, redirect
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.security import check_password_hash, gen_salt, generate_password_hash
from dovetail.toolkit.streams import LimitedStream, get_input_stream
from dovetail.toolkit.testing.environ_builder import EnvironBuilder
from dovetail.toolkit.wsgi import (
    ClosingIterator,
    FileWrapper,
    get_current_url,
    get_host,
    responder,
    wrap_file,
)

__all__ = [
    "ClosingIterator",
    "EnvironBuilder",
    "FileWrapper",
    "FormDataParser",
    "ImportStringError",
    "LimitedStream",
    "Local",
    "LocalManager",
    "LocalProxy",
    "LocalStack",
    "Request",
    "Response",
    "append_slash_redirect",
    "cached_property",
    "check_password_hash",
    "environ_property",
    "find_modules",
    "gen_salt",
    "generate_password_hash",
    "get_content_type",
    "get_current_url",
    "get_host",
    "get_input_stream",
    "header_property",
    "import_string",
    "parse_form_data",
    "redirect",
    "release_local",
    "responder",
    "send_file",
    "send_from_directory",
    "wrap_file",
]
