from __future__ import annotations

import threading
from typing import Any

import pytest

from dovetail.data.exceptions import BadHost
from dovetail.data.immutable import ImmutableDict
from dovetail.routing.adapter import MapAdapter
from dovetail.routing.converters import BaseConverter, IntegerConverter
from dovetail.routing.map import Map
from dovetail.routing.matches import Found, Moved
from dovetail.routing.rules import Rule


def environ(**more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "server.org",
        "SERVER_PORT": "80",
        "HTTP_HOST": "example.org",
        "wsgi.url_scheme": "http",
        **more,
    }


class Upper(BaseConverter):
    pass


def test_defaults() -> None:
    url_map = Map()
    assert (url_map.default_subdomain, url_map.host_matching) == ("", False)
    assert (url_map.strict_slashes, url_map.merge_slashes) == (True, True)
    assert (url_map.redirect_defaults, url_map.sort_parameters) == (True, False)
    assert url_map.sort_key is None
    assert url_map.converters == Map.default_converters
    assert repr(url_map) == str(url_map) == "Map([])"


def test_converters() -> None:
    url_map = Map(converters={"upper": Upper, "int": Upper})
    assert url_map.converters["upper"] is Upper
    assert url_map.converters["int"] is Upper
    assert Map.default_converters["int"] is IntegerConverter
    with pytest.raises(TypeError):
        Map.default_converters["x"] = Upper  # type: ignore[index]
    later = Map()
    later.converters["upper"] = Upper
    later.add(Rule("/<upper:x>", endpoint="e"))


def test_default_converters_of_a_subclass() -> None:
    class Own(Map):
        default_converters = ImmutableDict({**Map.default_converters, "upper": Upper})

    assert Own([Rule("/<upper:x>", endpoint="e")]).bind("h").match("/a") == ("e", {"x": "a"})


def test_lock_class() -> None:
    made = []

    class Counting(Map):
        @staticmethod
        def lock_class() -> Any:
            made.append(1)
            return threading.Lock()

    Counting([Rule("/", endpoint="e")]).update()
    assert made == [1]
    assert Map.lock_class is threading.Lock


def test_iter_rules() -> None:
    url_map = Map(
        [
            Rule("/", endpoint="a", defaults={"x": 1}),
            Rule("/b", endpoint="b"),
            Rule("/<x>/<y>", endpoint="a"),
        ]
    )
    assert [rule.rule for rule in url_map.iter_rules()] == ["/<x>/<y>", "/", "/b"]
    assert [rule.rule for rule in url_map.iter_rules("b")] == ["/b"]
    assert next(url_map.iter_rules("b")).endpoint == "b"
    with pytest.raises(KeyError):
        url_map.iter_rules("no")
    assert url_map._rules == list(url_map.iter_rules())
    assert url_map._rules_by_endpoint is url_map.rules_by_endpoint
    assert repr(url_map) == "Map([<Rule '/<x>/<y>' -> a>, <Rule '/' -> a>, <Rule '/b' -> b>])"


def test_rules_may_have_a_key_of_their_own_for_building() -> None:
    class Plain(Rule):
        def build_compare_key(self) -> tuple[int, int, int]:
            return 0, len(self.arguments), 0

    longer, shorter = Plain("/<x>/<y>", endpoint="e"), Plain("/<x>", endpoint="e")
    assert list(Map([longer, shorter]).iter_rules()) == [shorter, longer]


def test_is_endpoint_expecting() -> None:
    url_map = Map([Rule("/", endpoint="a", defaults={"x": 1}), Rule("/<x>/<y>", endpoint="a")])
    assert url_map.is_endpoint_expecting("a", "x", "y")
    assert url_map.is_endpoint_expecting("a")
    assert not url_map.is_endpoint_expecting("a", "z")
    with pytest.raises(KeyError):
        url_map.is_endpoint_expecting("no")


def test_add() -> None:
    url_map = Map([Rule("/a", endpoint="a")])
    adapter = url_map.bind("h")
    assert not adapter.test("/b")
    rule = Rule("/b", endpoint="b")
    url_map.add(rule)
    assert adapter.match("/b") == ("b", {})
    assert adapter.build("b") == "/b"
    for again in (lambda: url_map.add(rule), lambda: Map([rule])):
        with pytest.raises(RuntimeError, match="already bound"):
            again()
    with pytest.raises(AttributeError):
        url_map.add("/c")  # type: ignore[arg-type]


def test_build_only_rules_do_not_match() -> None:
    url_map = Map([Rule("/a", endpoint="a", build_only=True)])
    assert not url_map.bind("h").test("/a")
    assert url_map.bind("h").build("a") == "/a"


def test_merge_slashes() -> None:
    url_map = Map([Rule("/a/b", endpoint="e")], merge_slashes=False)
    assert not url_map.bind("h").test("/a//b")
    url_map.merge_slashes = True
    assert url_map.merge_slashes
    # The rule keeps what the map said when it was added.
    url_map.add(Rule("/c/d", endpoint="f"))
    assert url_map.bind("h").test("/c//d")


def test_find() -> None:
    url_map = Map([Rule("/a/<int:x>/", endpoint="e")])
    match = url_map.find("", "/a/5/", "GET")
    assert isinstance(match, Found)
    assert (match.rule.endpoint, match.values) == ("e", {"x": 5})
    url_map.add(Rule("/b/", endpoint="f"))
    assert isinstance(url_map.find("", "/b", "GET"), Moved)


def test_bind() -> None:
    url_map = Map(default_subdomain="www")
    adapter = url_map.bind("EXAMPLE.org:81")
    assert adapter.map is url_map
    assert (adapter.server_name, adapter.script_name) == ("example.org:81", "/")
    assert (adapter.subdomain, adapter.url_scheme) == ("www", "http")
    assert (adapter.path_info, adapter.default_method) == ("/", "GET")
    assert (adapter.query_args, adapter.websocket) == (None, False)
    adapter = url_map.bind("h", "/app", "sub", "wss", "POST", "/p", {"q": "1"})
    assert (adapter.script_name, adapter.subdomain) == ("/app/", "sub")
    assert (adapter.url_scheme, adapter.websocket) == ("wss", True)
    assert (adapter.path_info, adapter.default_method) == ("/p", "POST")
    assert adapter.query_args == {"q": "1"}


def test_bind_encodes_the_host() -> None:
    assert Map().bind("bücher.de:80").server_name == "xn--bcher-kva.de:80"
    for host in ("a..b", "a" * 64, ".org"):
        with pytest.raises(BadHost):
            Map().bind(host)


def test_host_matching_takes_no_subdomain() -> None:
    url_map = Map([Rule("/", endpoint="e", host="<name>.org")], host_matching=True)
    assert url_map.bind("a.org").subdomain is None
    assert url_map.bind("a.org").match("/") == ("e", {"name": "a"})
    with pytest.raises(RuntimeError):
        url_map.bind("a.org", subdomain="b")
    assert url_map.bind_to_environ(environ()).match("/") == ("e", {"name": "example"})


def test_bind_to_environ() -> None:
    adapter = Map().bind_to_environ(
        environ(
            SCRIPT_NAME="/\xc3\xa9",
            PATH_INFO="/\xc3\xbc",
            QUERY_STRING="a=b",
            REQUEST_METHOD="PUT",
            HTTP_HOST="EXAMPLE.org:443",
            **{"wsgi.url_scheme": "https"},
        )
    )
    assert (adapter.server_name, adapter.script_name) == ("example.org", "/é/")
    assert (adapter.path_info, adapter.query_args) == ("/ü", "a=b")
    assert (adapter.default_method, adapter.url_scheme) == ("PUT", "https")
    assert adapter.subdomain == ""


def test_bind_to_a_request() -> None:
    class Request:
        def __init__(self, its_environ: dict[str, Any]) -> None:
            self.environ = its_environ

    assert Map().bind_to_environ(Request(environ())).server_name == "example.org"


@pytest.mark.parametrize("port", ["", "x"])
def test_bind_to_an_environ_whose_port_is_no_number(port: str) -> None:
    given = environ(HTTP_HOST="example.com", SERVER_NAME="unix:/run/app", SERVER_PORT=port)
    assert Map().bind_to_environ(given).server_name == "example.com"
    del given["HTTP_HOST"]
    assert Map().bind_to_environ(given).server_name == ""


def test_bind_of_a_subclass_may_use_bind_to_environ() -> None:
    class RequestMap(Map):
        def bind(self, request: Any) -> MapAdapter:  # type: ignore[override]
            return self.bind_to_environ(request)

    assert RequestMap().bind(environ()).server_name == "example.org"


def test_bind_to_an_environ_without_a_host() -> None:
    plain = environ(SERVER_PORT="8000")
    del plain["HTTP_HOST"]
    assert Map().bind_to_environ(plain).server_name == "server.org:8000"


@pytest.mark.parametrize(
    ("host", "server_name", "subdomain"),
    [
        ("example.org", "example.org", ""),
        ("www.example.org", "Example.ORG:80", "www"),
        ("a.b.example.org", "example.org", "a.b"),
        (".example.org", "example.org", ""),
    ],
)
def test_subdomain_of_the_environ(host: str, server_name: str, subdomain: str) -> None:
    adapter = Map().bind_to_environ(environ(HTTP_HOST=host), server_name)
    assert (adapter.server_name, adapter.subdomain) == ("example.org", subdomain)


@pytest.mark.parametrize("host", ["other.org", "org", "example.org:81", "myexample.org", "a b"])
def test_a_host_that_is_not_the_servers(host: str) -> None:
    with pytest.warns(UserWarning, match="doesn't match configured server name 'example.org'"):
        adapter = Map().bind_to_environ(environ(HTTP_HOST=host), "example.org")
    assert adapter.subdomain == "<invalid>"


def test_subdomain_given() -> None:
    adapter = Map().bind_to_environ(environ(HTTP_HOST="other.org"), "example.org", "sub")
    assert (adapter.server_name, adapter.subdomain) == ("example.org", "sub")


@pytest.mark.parametrize(
    ("upgrade", "connection", "scheme", "expected"),
    [
        ("websocket", "Upgrade", "http", "ws"),
        ("WebSocket", "keep-alive, upgrade", "https", "wss"),
        ("h2c", "Upgrade", "http", "http"),
        ("websocket", "keep-alive", "http", "http"),
        ("websocket", "upgrades", "http", "http"),
    ],
)
def test_websocket_handshake(upgrade: str, connection: str, scheme: str, expected: str) -> None:
    adapter = Map().bind_to_environ(
        environ(HTTP_UPGRADE=upgrade, HTTP_CONNECTION=connection, **{"wsgi.url_scheme": scheme})
    )
    assert adapter.url_scheme == expected
    assert adapter.websocket is (expected in {"ws", "wss"})


def test_a_missing_scheme() -> None:
    with pytest.raises(KeyError):
        Map().bind_to_environ({})


def test_a_rule_that_is_added_while_another_thread_takes_rules_over() -> None:
    asked = threading.Event()

    class Watched:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __enter__(self) -> None:
            asked.set()
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    class Watching(Map):
        lock_class = Watched

    class Slow(Rule):
        def build_compare_key(self) -> tuple[int, int, int]:
            asked.clear()
            threads.append(threading.Thread(target=url_map.add, args=(Rule("/b", endpoint="b"),)))
            threads[-1].start()
            assert asked.wait(60)
            return super().build_compare_key()

    threads: list[threading.Thread] = []
    url_map = Watching([Slow("/a", endpoint="a"), Rule("/c", endpoint="c")])
    url_map.update()
    for thread in threads:
        thread.join(60)
    assert len(threads) == 1
    assert url_map.stale
    assert url_map.bind("h").match("/b") == ("b", {})
