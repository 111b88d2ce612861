from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dovetail.data.multidict import MultiDict
from dovetail.routing.converters import BaseConverter, ValidationError
from dovetail.routing.map import Map
from dovetail.routing.parts import RulePart
from dovetail.routing.rules import Rule, RuleFactory


def bound(string: str, /, *, options: dict[str, Any] | None = None, **arguments: Any) -> Rule:
    rule = Rule(string, **{"endpoint": "e", **arguments})
    Map([rule], **(options or {}))
    return rule


class Refusing(BaseConverter):
    def to_url(self, value: Any) -> str:
        raise ValidationError


def test_factory_is_abstract() -> None:
    with pytest.raises(NotImplementedError):
        RuleFactory().get_rules(Map())


def test_attributes() -> None:
    rule = Rule(
        "/a/<x>",
        {"d": 1},
        subdomain="s",
        methods=["get", "POST"],
        build_only=True,
        endpoint="e",
        strict_slashes=False,
        merge_slashes=False,
        redirect_to="/b",
        alias=True,
        host="h",
    )
    assert rule.rule == str(rule) == "/a/<x>"
    assert rule.defaults == {"d": 1}
    assert rule.subdomain == "s"
    assert rule.methods == {"GET", "HEAD", "POST"}
    assert rule.endpoint == "e"
    assert rule.redirect_to == "/b"
    assert rule.host == "h"
    assert (rule.build_only, rule.alias, rule.websocket) == (True, True, False)
    assert (rule.strict_slashes, rule.merge_slashes) == (False, False)
    assert (rule.is_leaf, rule.is_branch) == (True, False)
    assert rule.map is None
    assert rule.arguments == {"d"}
    assert list(rule.get_rules(Map())) == [rule]


def test_what_the_map_gives() -> None:
    options = {"default_subdomain": "www", "strict_slashes": False, "merge_slashes": False}
    rule = bound("/a/<x>/", options=options)
    assert rule.map is not None
    assert (rule.subdomain, rule.strict_slashes, rule.merge_slashes) == ("www", False, False)
    assert rule.arguments == {"x"}
    assert rule.is_branch
    assert not rule.is_leaf


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="must start with a slash"):
        Rule("a")
    with pytest.raises(TypeError, match="list of strings"):
        Rule("/", methods="GET")
    with pytest.raises(ValueError, match="WebSocket rules can only use"):
        Rule("/", websocket=True, methods=["POST"])
    assert Rule("/", websocket=True, methods=["GET"]).methods == {"GET", "HEAD"}


def test_wrong_rules() -> None:
    with pytest.raises(ValueError, match="twice"):
        bound("/<x>/<int:x>")
    with pytest.raises(LookupError, match="'nope' does not exist"):
        bound("/<nope:x>")
    with pytest.raises(ValueError, match="malformed url rule"):
        bound("/<x")
    with pytest.raises(TypeError):
        bound("/<int(nope=1):x>")


def test_bind_once() -> None:
    rule = bound("/")
    assert rule.map is not None
    with pytest.raises(RuntimeError, match="already bound to map"):
        rule.bind(rule.map)
    rule.bind(rule.map, rebind=True)
    with pytest.raises(AssertionError):
        Rule("/").compile()


def test_refresh_takes_changes_over() -> None:
    rule = Rule("/a", endpoint="e")
    url_map = Map([rule, Rule("/<x>", endpoint="other", subdomain="s")])
    assert url_map.bind("h").match("/a") == ("e", {})
    rule.subdomain = "s"
    rule.rule = "/b"
    rule.refresh()
    assert url_map.bind("h").build("e") == "http://s.h/b"
    assert url_map.bind("h", subdomain="s").match("/b") == ("e", {})
    assert not url_map.bind("h").test("/a")


def test_empty_is_an_unbound_copy() -> None:
    rule = bound("/a/<x>", defaults={"d": 1}, methods=["POST"], redirect_to="/b", host="h")
    copy = rule.empty()
    assert copy.map is None
    assert (copy.rule, copy.defaults, copy.methods) == ("/a/<x>", {"d": 1}, {"POST"})
    assert copy.defaults is not rule.defaults
    assert (copy.endpoint, copy.redirect_to, copy.host) == ("e", "/b", "h")
    unbound = Rule("/x", {"a": 1}, "s", ["PUT"], True, "e", True, None)
    assert vars(unbound.empty()) == vars(unbound)
    socket = Rule("/ws", websocket=True, merge_slashes=False).empty()
    assert (socket.websocket, socket.merge_slashes) == (True, False)


def test_empty_of_a_subclass() -> None:
    class Titled(Rule):
        def __init__(self, string: str, title: str = "", **kwargs: Any) -> None:
            super().__init__(string, **kwargs)
            self.title = title

        def get_empty_kwargs(self) -> Mapping[str, Any]:
            return {**super().get_empty_kwargs(), "title": self.title}

    copy = Titled("/", title="Home", endpoint="e").empty()
    assert isinstance(copy, Titled)
    assert (copy.title, copy.endpoint) == ("Home", "e")


def test_get_converter_may_be_overridden() -> None:
    class Upper(BaseConverter):
        def to_python(self, value: str) -> str:
            return value.upper()

    class Shouting(Rule):
        def get_converter(
            self,
            variable_name: str,
            converter_name: str,
            args: tuple[Any, ...],
            kwargs: Mapping[str, Any],
        ) -> BaseConverter:
            assert (variable_name, converter_name, args, kwargs) == ("x", "any", ("a",), {"b": 1})
            assert self.map is not None
            return Upper(self.map)

    url_map = Map([Shouting("/<any(a, b=1):x>", endpoint="e")])
    assert url_map.bind("h").match("/a") == ("e", {"x": "A"})


def test_parts() -> None:
    rule = bound("/a/<int:x>-b/<path:y>/c/", subdomain="<s>.d")
    assert [(part.static, part.final, part.suffixed) for part in rule.parts] == [
        (False, False, False),
        (True, False, False),
        (False, False, False),
        (False, True, True),
        (True, False, False),
    ]
    assert all(isinstance(part, RulePart) for part in rule.parts)
    assert rule.parts[1].content == "a"


def test_rules_of_one_shape_have_the_same_parts() -> None:
    assert bound("/<int:a>/x-<b>").parts == bound("/<int:c>/x-<d>").parts


def test_build() -> None:
    rule = bound("/a/<int:x>/<y>", subdomain="<s>")
    values = {"x": 1, "y": "é b", "s": "www"}
    assert rule.build(values) == ("www", "/a/1/%C3%A9%20b")
    assert rule.build({**values, "q": [1, 2], "r": None}) == ("www", "/a/1/%C3%A9%20b?q=1&q=2")
    assert rule.build({**values, "q": 1}, append_unknown=False) == ("www", "/a/1/%C3%A9%20b")
    assert rule.build({"x": 1}) is None
    assert rule.try_build(values) == rule.build(values)
    assert rule.try_build({"x": 1, "q": "a b"}) is None


def test_build_with_defaults() -> None:
    rule = bound("/a/<int(3):x>", defaults={"x": 7, "y": 1})
    assert rule.build({}) == ("", "/a/007")
    assert rule.build({"y": 1, "z": "a b"}) == ("", "/a/007?z=a+b")
    assert rule.try_build({"x": 7}) == ("", "/a/007")
    assert rule.try_build({"x": 8}) is None


def test_build_refused_by_a_converter() -> None:
    for string, values in [("/<no:x>", {"x": 1}), ("/<y>/<no:x>", {"x": 1, "y": 2})]:
        rule = bound(string, options={"converters": {"no": Refusing}})
        assert rule.build(values) is None
        assert rule.try_build(values) is None


def test_query() -> None:
    rule = bound("/")
    assert rule.build({"a": "1", "b": 2}) == ("", "/?a=1&b=2")
    assert rule.build({"a": "é&", "b": True}) == ("", "/?a=%C3%A9%26&b=True")
    assert rule.build({"a": None}) == ("", "/")
    assert rule.build({"a": []}) == ("", "/")
    assert rule.build({"a b": "-._~"}) == ("", "/?a+b=-._~")


def test_sorted_query() -> None:
    rule = bound("/", options={"sort_parameters": True})
    assert rule.build({"b": 1, "a": [2, 1]}) == ("", "/?a=1&a=2&b=1")
    by_value = {"sort_parameters": True, "sort_key": lambda pair: pair[1]}
    rule = bound("/", options=by_value)
    assert rule.build({"b": 1, "a": 2}) == ("", "/?b=1&a=2")


def test_literals_are_quoted_in_urls() -> None:
    assert bound("/é %", subdomain="bü").build({}) == ("b%C3%BC", "/%C3%A9%20%25")


def test_slashes_in_a_rule_are_merged() -> None:
    assert bound("//a///<x>").build({"x": 1}) == ("", "/a/1")
    assert bound("//a///<x>", merge_slashes=False).build({"x": 1}) == ("", "//a///1")


def test_to_url() -> None:
    rule = bound("/<int(3):x>")
    assert rule.to_url("x", 5) == "005"
    with pytest.raises(KeyError):
        rule.to_url("y", 5)


def test_suitable_for() -> None:
    rule = bound("/<x>", defaults={"y": 1}, methods=["GET"])
    assert rule.suitable_for({"x": 1})
    assert rule.suitable_for({"x": 1, "y": 1}, "HEAD")
    assert rule.suitable_for(MultiDict([("x", 1)]))
    assert not rule.suitable_for({})
    assert not rule.suitable_for({"x": 1, "y": 2})
    assert not rule.suitable_for({"x": 1}, "POST")


def test_overridden_methods_are_used_for_building() -> None:
    class Never(Rule):
        def suitable_for(self, values: Mapping[str, Any], method: str | None = None) -> bool:
            return False

    class Elsewhere(Rule):
        def build(
            self, values: Mapping[str, Any], append_unknown: bool = True
        ) -> tuple[str, str] | None:
            return "", "/elsewhere"

    url_map = Map([Never("/a", endpoint="e"), Elsewhere("/b", endpoint="e")])
    assert url_map.bind("h").build("e") == "/elsewhere"


def test_provides_defaults_for() -> None:
    short = Rule("/a/", defaults={"page": 1}, endpoint="e")
    long = Rule("/a/<int:page>", endpoint="e")
    other = Rule("/b/<int:page>", endpoint="other")
    build_only = Rule("/c/", defaults={"page": 1}, endpoint="e", build_only=True)
    Map([short, long, other, build_only])
    assert short.provides_defaults_for(long)
    assert not long.provides_defaults_for(short)
    assert not short.provides_defaults_for(short)
    assert not short.provides_defaults_for(other)
    assert not build_only.provides_defaults_for(long)


def test_build_compare_key() -> None:
    assert bound("/<x>/<y>", defaults={"z": 1}).build_compare_key() == (0, -3, -1)
    assert bound("/", alias=True).build_compare_key() == (1, 0, 0)


def test_equality() -> None:
    assert bound("/a/<x>") == bound("/a/<int:x>")
    assert bound("/a/<x>") != bound("/a/<y>")
    assert bound("/a") != bound("/a", subdomain="s")
    assert Rule("/a") == Rule("/a")
    assert Rule("/a") != Rule("/b")
    assert Rule("/a") != "/a"
    with pytest.raises(TypeError):
        hash(Rule("/a"))


def test_repr() -> None:
    assert repr(Rule("/a")) == "<Rule (unbound)>"
    assert repr(bound("/a/<int:x>", methods=["GET"])) == "<Rule '/a/<x>' (GET, HEAD) -> e>"
    assert repr(bound("/<x>", subdomain="<s>.d")) == "<Rule '<s>.d|/<x>' -> e>"
    assert repr(bound("/", host="h", options={"host_matching": True})) == "<Rule 'h|/' -> e>"


def test_reading_of_the_values() -> None:
    rule = bound("/a/<int:x>/<y>.txt", defaults={"d": 1})
    assert rule.reading.read(["", "a", "5", "b.txt"]) == {"x": 5, "y": "b", "d": 1}
