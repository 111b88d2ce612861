from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest

from dovetail.routing.converters import BaseConverter, ValidationError
from dovetail.routing.exceptions import NoMatch, RequestAliasRedirect, RequestPath
from dovetail.routing.map import Map
from dovetail.routing.matcher import SlashRequired, State, StateMachineMatcher
from dovetail.routing.matches import AliasOf, Found, Moved, Unmatched
from dovetail.routing.parts import RulePart, Weighting
from dovetail.routing.rules import Rule


def matcher_of(
    *rules: Rule | str, merge_slashes: bool = True, **options: Any
) -> StateMachineMatcher:
    """A matcher whose rules have their strings as endpoints."""
    made = [Rule(rule, endpoint=rule) if isinstance(rule, str) else rule for rule in rules]
    url_map = Map(made, merge_slashes=merge_slashes, **options)
    matcher = StateMachineMatcher(merge_slashes)
    for rule in url_map.iter_rules():
        matcher.add(rule)
    matcher.update()
    return matcher


def found(matcher: StateMachineMatcher, path: str, method: str = "GET") -> Any:
    match = matcher.find("", path, method, False)
    return (match.rule.endpoint, match.values) if isinstance(match, Found) else match


def endpoints(rules: list[str], path: str) -> list[str]:
    """The order in which rules match a path: each that does is taken away."""
    order: list[str] = []
    rest = list(rules)
    while True:
        match = matcher_of(*rest).find("", path, "GET", False)
        if not isinstance(match, Found):
            return order
        order.append(match.rule.endpoint)
        rest.remove(match.rule.endpoint)


def test_match_raises() -> None:
    matcher = matcher_of(
        Rule("/a/<int:x>/", endpoint="a"),
        Rule("/b", endpoint="a", alias=True, defaults={"x": 1}),
        Rule("/c", endpoint="c", methods=["POST"]),
        Rule("/d", endpoint="d", websocket=True),
    )
    assert matcher.merge_slashes is True
    rule, values = matcher.match("", "/a/5/", "GET", False)
    assert (rule.endpoint, values) == ("a", {"x": 5})
    with pytest.raises(RequestPath) as moved:
        matcher.match("", "/a/5", "GET", False)
    assert moved.value.path_info == "/a/5/"
    assert isinstance(moved.value.__cause__, SlashRequired)
    with pytest.raises(RequestPath) as merged:
        matcher.match("", "/a//5/", "GET", False)
    assert merged.value.path_info == "/a/5/"
    assert merged.value.__cause__ is None
    with pytest.raises(RequestAliasRedirect) as alias:
        matcher.match("", "/b", "GET", False)
    assert (alias.value.endpoint, alias.value.matched_values) == ("a", {"x": 1})
    with pytest.raises(NoMatch) as none:
        matcher.match("", "/c", "GET", False)
    assert (none.value.have_match_for, none.value.websocket_mismatch) == ({"POST"}, False)
    with pytest.raises(NoMatch) as none:
        matcher.match("", "/d", "GET", False)
    assert (none.value.have_match_for, none.value.websocket_mismatch) == (set(), True)


def test_find_returns_values() -> None:
    matcher = matcher_of(
        "/a/", Rule("/x", endpoint="/a/", alias=True), Rule("/p", methods=["PUT"], endpoint="p")
    )
    match = matcher.find("", "/a/", "GET", False)
    assert isinstance(match, Found)
    assert (match.rule.endpoint, match.values) == ("/a/", {})
    moved = matcher.find("", "/a", "GET", False)
    assert isinstance(moved, Moved)
    assert (moved.path, moved.slash_required) == ("/a/", True)
    assert isinstance(matcher.find("", "/x", "GET", False), AliasOf)
    unmatched = matcher.find("", "/p", "GET", False)
    assert isinstance(unmatched, Unmatched)
    assert (unmatched.allowed, unmatched.websocket_mismatch) == ({"PUT"}, False)
    for domain, path in [("www", "/a/"), ("", "/no"), ("", "no"), ("", "")]:
        unmatched = matcher.find(domain, path, "GET", False)
        assert isinstance(unmatched, Unmatched)
        assert not unmatched.allowed


def test_rules_added_later() -> None:
    matcher = matcher_of("/a")
    rule = Rule("/b", endpoint="b")
    Map([rule])
    matcher.add(rule)
    assert found(matcher, "/b") == ("b", {})


def test_merge_slashes_can_be_switched() -> None:
    matcher = matcher_of("/a/b", "/files/<path:name>")
    assert isinstance(found(matcher, "/a//b"), Moved)
    matcher.merge_slashes = False
    assert isinstance(found(matcher, "/a//b"), Unmatched)
    assert found(matcher, "/files/a//b") == ("/files/<path:name>", {"name": "a//b"})


def test_states() -> None:
    assert State() == State(dynamic=[], rules=[], static={})
    assert repr(State()) == "State(dynamic=[], rules=[], static={})"
    matcher = matcher_of("/a/<x>", "/a/<y>/b", "/a/<int:z>")
    domain = matcher.machine().static[""]
    a = domain.static["a"]
    assert (domain.rules, domain.dynamic) == ([], [])
    # Numbers first, and the two texts share a state.
    (number, numbered), (text, named) = a.dynamic
    assert (number.weight, text.weight) == (Weighting(0, [], -1, [50]), Weighting(0, [], -1, [100]))
    assert isinstance(number, RulePart)
    assert [rule.endpoint for rule in numbered.rules] == ["/a/<int:z>"]
    assert [rule.endpoint for rule in named.rules] == ["/a/<x>"]
    assert [rule.endpoint for rule in named.static["b"].rules] == ["/a/<y>/b"]


def test_weights() -> None:
    assert endpoints(
        ["/<path:p>", "/<x>", "/<int:x>", "/a<x>", "/<x>2", "/12", "/<int:x><y>", "/<x>-<y>"], "/12"
    ) == ["/12", "/<x>2", "/<int:x><y>", "/<int:x>", "/<x>", "/<path:p>"]
    assert endpoints(
        [
            *("/<path:p>", "/<path:p>/<x>", "/<path:p>/1", "/<path:p>/b/1"),
            *("/<x>/<path:p>", "/a/<path:p>", "/<path:p>/<int:x>"),
        ],
        "/a/b/1",
    ) == [
        *("/a/<path:p>", "/<path:p>/b/1", "/<path:p>/1", "/<path:p>/<int:x>"),
        *("/<path:p>/<x>", "/<x>/<path:p>", "/<path:p>"),
    ]


def test_what_a_literal_leads_to_comes_first_even_if_it_needs_a_slash() -> None:
    matcher = matcher_of("/a/", "/<x>")
    assert isinstance(found(matcher, "/a"), Moved)
    assert found(matcher, "/b") == ("/<x>", {"x": "b"})


def test_the_search_comes_back() -> None:
    matcher = matcher_of("/a/<int:x>/c", "/<x>/<int:y>/<z>", "/<path:p>")
    assert found(matcher, "/a/1/c") == ("/a/<int:x>/c", {"x": 1})
    assert found(matcher, "/a/1/d") == ("/<x>/<int:y>/<z>", {"x": "a", "y": 1, "z": "d"})
    assert found(matcher, "/a/b/d") == ("/<path:p>", {"p": "a/b/d"})


def test_rules_of_one_path_by_method_and_kind() -> None:
    matcher = matcher_of(
        Rule("/a", endpoint="get", methods=["GET"]),
        Rule("/a", endpoint="post", methods=["POST"]),
        Rule("/a", endpoint="socket", websocket=True),
    )
    assert found(matcher, "/a", "HEAD") == ("get", {})
    assert found(matcher, "/a", "POST") == ("post", {})
    socket = matcher.find("", "/a", "GET", True)
    assert isinstance(socket, Found)
    assert socket.rule.endpoint == "socket"
    none = found(matcher, "/a", "PUT")
    assert none.allowed == {"GET", "HEAD", "POST"}
    assert none.websocket_mismatch


def test_lenient_slashes() -> None:
    matcher = matcher_of("/leaf", "/branch/", "/<int:x>", strict_slashes=False)
    assert found(matcher, "/leaf/") == ("/leaf", {})
    assert found(matcher, "/branch") == ("/branch/", {})
    assert found(matcher, "/5/") == ("/<int:x>", {"x": 5})
    # With both, each has its own.
    both = matcher_of("/a", "/a/", strict_slashes=False)
    assert found(both, "/a") == ("/a", {})
    assert found(both, "/a/") == ("/a/", {})


class Even(BaseConverter):
    regex = r"\d+"

    def to_python(self, value: str) -> int:
        if int(value) % 2:
            raise ValidationError
        return int(value)


def test_a_refused_value_leads_to_the_next_rule() -> None:
    matcher = matcher_of("/<even:x>", "/<x>", converters={"even": Even})
    assert found(matcher, "/4") == ("/<even:x>", {"x": 4})
    assert found(matcher, "/5") == ("/<x>", {"x": "5"})
    alone = matcher_of("/<even:x>", converters={"even": Even})
    assert isinstance(found(alone, "/5"), Unmatched)
    lenient = matcher_of("/<even:x>/", strict_slashes=False, converters={"even": Even})
    assert isinstance(found(lenient, "/5"), Unmatched)


def test_an_error_of_a_converter_is_not_hidden() -> None:
    class Broken(BaseConverter):
        def to_python(self, value: str) -> Any:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        found(matcher_of("/<broken:x>", converters={"broken": Broken}), "/a")


def test_many_dynamic_parts_in_one_segment() -> None:
    rules = [f"/{prefix}-{number}-<x>" for number in range(20) for prefix in ("a", "bb")]
    matcher = matcher_of(*rules, "/<x>", "/a<y>", "/bb-<path:p>", "/a-1-<int:x>")
    assert found(matcher, "/a-17-z") == ("/a-17-<x>", {"x": "z"})
    assert found(matcher, "/a-1-5") == ("/a-1-<int:x>", {"x": 5})
    assert found(matcher, "/bb-3-z") == ("/bb-3-<x>", {"x": "z"})
    assert found(matcher, "/bb-z/q") == ("/bb-<path:p>", {"p": "z/q"})
    assert found(matcher, "/az") == ("/a<y>", {"y": "z"})
    assert found(matcher, "/z") == ("/<x>", {"x": "z"})


def test_domains() -> None:
    matcher = matcher_of(
        Rule("/", endpoint="static", subdomain="www"),
        Rule("/", endpoint="dynamic", subdomain="<name>.eu"),
        Rule("/", endpoint="any", subdomain="<name>"),
        Rule("/only", endpoint="only", subdomain="<name>"),
    )
    for domain, path, expected in [
        ("www", "/", ("static", {})),
        ("a.eu", "/", ("dynamic", {"name": "a"})),
        ("a.b", "/", ("any", {"name": "a.b"})),
        ("www", "/only", ("only", {"name": "www"})),
    ]:
        match = matcher.find(domain, path, "GET", False)
        assert isinstance(match, Found)
        assert (match.rule.endpoint, match.values) == expected
    assert isinstance(matcher.find("", "/", "GET", False), Unmatched)


def lines_run(call: Any) -> int:
    """How many lines of Python a call runs: what it costs, whatever else the machine does."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_the_cost_does_not_grow_with_the_number_of_rules() -> None:
    def matcher_for(sections: int) -> StateMachineMatcher:
        rules = [
            rule
            for n in range(sections)
            for rule in (f"/s{n}/<int:x>/edit", f"/s{n}/<name>", f"/t{n}-<x>", f"/<int:x>/x{n}")
        ]
        return matcher_of(*rules)

    def cost(matcher: StateMachineMatcher, path: str) -> int:
        return lines_run(lambda: matcher.find("", path, "GET", False))

    few, many = matcher_for(10), matcher_for(200)
    for path in ("/s5/17/edit", "/s5/name", "/t5-x", "/17/x5", "/no", "/s5/17/no"):
        # The prefixes t1- and t100- differ in length, and each length is tried.
        assert cost(many, path) <= cost(few, path) + 10


HOSTILE = [
    "/" * 100_000,
    "/a" * 50_000,
    "/" + "-" * 100_000,
    "/" + "1" * 100_000,
    "/files/" + "x/" * 50_000,
    "/files/" + "/x" * 50_000 + "\n",
    "/%2f%00%ff",
    "/\udc80\ud800/\x00",
    "/\n",
    "\n",
    "/" + "a." * 50_000,
]


@pytest.mark.parametrize("path", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_paths(path: str) -> None:
    matcher = matcher_of(
        "/<a>-<b>-<c>-<d>.html",
        "/<int:x>",
        "/<path:a>/x/<path:b>/y/<path:c>/z",
        "/files/<path:name>.txt",
        "/a/<a>/b/<b>/",
    )
    started = time.process_time()
    match = matcher.find("", path, "GET", False)
    assert isinstance(match, Found | Moved | Unmatched)
    # A regular expression for the first rule would take days.
    assert time.process_time() - started < 5


def test_searches_while_rules_are_added() -> None:
    url_map = Map([Rule("/a", endpoint="a")])
    adapter = url_map.bind("h")
    wrong: list[object] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            if adapter.match("/a") != ("a", {}) or adapter.build("a") != "/a":
                wrong.append("a")

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(100):
            url_map.add(Rule(f"/{number}/<x>", endpoint=number))
            assert adapter.match(f"/{number}/y") == (number, {"x": "y"})
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
