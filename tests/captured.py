"""A failed request that was kept."""

from __future__ import annotations

from dovetail.server.capture import Capture, Content

__all__ = ["CAPTURE"]

CAPTURE = Capture(
    id="0123456789abcdef",
    time="2026-10-26T07:33:20.250Z",
    application="shop:app",
    compat=False,
    route="/items/<int:id>",
    duration_ms=12.345,
    client="192.0.2.7",
    client_port="50000",
    scheme="https",
    server_name="192.0.2.1",
    server_port="443",
    method="POST",
    target="/items/5?x=1",
    version="HTTP/1.1",
    fields=[("host", "example.org"), ("x-a", ""), ("x-a", " b: c\xe9")],
    content=Content(5, b"a=\xc3\xa9"),
    status=500,
    response_fields=[("Content-Type", "text/html")],
    response_length=198,
    aborted=False,
    traceback="Traceback (most recent call last):\n  File\nValueError: \u2028 \x1b",
)
