"""Middleware that changes the environment: ours beside the installed Werkzeug."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.middleware.dispatcher import DispatcherMiddleware as TheirDispatcher
from werkzeug.middleware.proxy_fix import ProxyFix as TheirProxyFix

from dovetail.toolkit.middleware.dispatcher import DispatcherMiddleware
from dovetail.toolkit.middleware.proxy_fix import ProxyFix

trusted = st.integers(0, 3)
settings_of = st.fixed_dictionaries(
    dict.fromkeys(("x_for", "x_proto", "x_host", "x_port", "x_prefix"), trusted)
)
item = st.sampled_from(
    [
        *("1.1.1.1", "[::1]:80", "h", "h:8", "h:", "::1", "[::1]", "https", "80", "x", "", '""'),
        *('"a,b"', "/p", "/p/", " /q ", "unknown"),
    ]
)
field = st.lists(item, max_size=3).map(",".join)
NAMES = [f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT", "PREFIX")]
base = st.fixed_dictionaries(
    {"wsgi.url_scheme": st.just("http")},
    optional={
        "REMOTE_ADDR": st.just("10.0.0.1"),
        "HTTP_HOST": st.sampled_from(["in", "in:8080", "[::2]:5", "", "in:"]),
        "SERVER_NAME": st.just("in"),
        "SERVER_PORT": st.just("8080"),
        "SCRIPT_NAME": st.sampled_from(["", "/s"]),
        **dict.fromkeys(NAMES, field),
    },
)


def echo(environ: dict[str, Any], start_response: Any) -> list[Any]:
    return [dict(environ)]


@settings(max_examples=500)
@given(settings_of, base)
@example({"x_for": 2}, {"HTTP_X_FORWARDED_FOR": "1.1.1.1, 2.2.2.2"})
def test_proxy_fix(arguments: dict[str, int], environ: dict[str, Any]) -> None:
    mine = outcome(ProxyFix(echo, **arguments), dict(environ), None)
    assert mine == outcome(TheirProxyFix(echo, **arguments), dict(environ), None)


path = st.lists(st.sampled_from(["/", "a", "b", "/a", "/a/b", "x" * 300, "/" * 300])).map("".join)


@given(
    st.sets(st.sampled_from(["/a", "/a/b", "/b", "", "/a/", "a", "/" + "x" * 300, "//"])),
    path,
    st.sampled_from(["", "/s"]),
)
def test_dispatcher(mounts: set[str], path_info: str, script_name: str) -> None:
    def named(name: str) -> Any:
        return lambda environ, start_response: [name, dict(environ)]

    apps = {mount: named(mount) for mount in mounts}
    environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path_info}
    dispatcher: Any = DispatcherMiddleware(named("root"), apps)
    mine = dispatcher(dict(environ), None)
    assert mine == TheirDispatcher(named("root"), apps)(dict(environ), None)
