from __future__ import annotations

from typing import Any

import pytest

from dovetail.routing.factories import (
    EndpointPrefix,
    RuleTemplate,
    RuleTemplateFactory,
    Subdomain,
    Submount,
)
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule, RuleFactory


def only(factory: RuleFactory) -> Rule:
    [rule] = factory.get_rules(Map())
    return rule


class Kept(Rule):
    pass


def test_subdomain() -> None:
    original = Rule("/a", endpoint="e", subdomain="own")
    factory = Subdomain("<user>", [original])
    rule = only(factory)
    assert (rule.subdomain, original.subdomain) == ("<user>", "own")
    assert (factory.subdomain, factory.rules) == ("<user>", [original])


def test_submount() -> None:
    rules = [Rule("/", endpoint="index"), Rule("/a", endpoint="a")]
    factory = Submount("/mount/", rules)
    assert [rule.rule for rule in factory.get_rules(Map())] == ["/mount/", "/mount/a"]
    assert (factory.path, factory.rules) == ("/mount", rules)
    assert only(Submount("/", [Rule("/a")])).rule == "/a"


def test_endpoint_prefix() -> None:
    rules = [Rule("/", endpoint="index")]
    factory = EndpointPrefix("blog/", rules)
    assert only(factory).endpoint == "blog/index"
    assert (factory.prefix, factory.rules) == ("blog/", rules)
    with pytest.raises(TypeError):
        only(EndpointPrefix("blog/", [Rule("/", endpoint=5)]))


def test_rule_template() -> None:
    template = RuleTemplate(
        [
            Rule("/$name/", endpoint="$name.list", defaults={"kind": "$name", "page": 1}),
            Rule("/${name}/<int:id>", endpoint="$name.show", subdomain="$name", host="$name.org"),
        ]
    )
    assert len(template.rules) == 2
    factory = template({"unused": 1}, name="user")
    assert isinstance(factory, RuleTemplateFactory)
    assert factory.context == {"unused": 1, "name": "user"}
    assert factory.rules == template.rules
    first, second = factory.get_rules(Map())
    assert (first.rule, first.endpoint) == ("/user/", "user.list")
    assert first.defaults == {"kind": "user", "page": 1}
    assert (second.rule, second.endpoint) == ("/user/<int:id>", "user.show")
    assert (second.subdomain, second.host) == ("user", "user.org")


@pytest.mark.parametrize(("string", "error"), [("/$nope", KeyError), ("/$1", ValueError)])
def test_template_with_a_wrong_gap(string: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        only(RuleTemplate([Rule(string)])())


def test_a_dollar_sign() -> None:
    assert only(RuleTemplate([Rule("/$$x", endpoint=5)])()).rule == "/$x"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rule: Subdomain("s", [rule]),
        lambda rule: Submount("/m", [rule]),
        lambda rule: EndpointPrefix("p", [rule]),
        lambda rule: RuleTemplate([rule])(),
    ],
)
def test_everything_else_is_kept(wrap: Any) -> None:
    rule = Kept(
        "/ws/",
        defaults={"a": 1},
        methods=["GET"],
        build_only=True,
        endpoint="e",
        strict_slashes=False,
        merge_slashes=False,
        redirect_to="/x",
        alias=True,
        host="h",
        websocket=True,
    )
    copy = only(wrap(rule))
    assert isinstance(copy, Kept)
    for name in (
        *("defaults", "methods", "build_only", "strict_slashes", "merge_slashes"),
        *("redirect_to", "alias", "host", "websocket"),
    ):
        assert getattr(copy, name) == getattr(rule, name)


def test_nested() -> None:
    url_map = Map(
        [
            EndpointPrefix(
                "api.", [Subdomain("api", [Submount("/v1", [Rule("/users", endpoint="users")])])]
            )
        ]
    )
    assert url_map.bind("h").build("api.users") == "http://api.h/v1/users"
