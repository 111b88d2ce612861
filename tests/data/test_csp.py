from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.csp import (
    ContentSecurityPolicy,
    csp_property,
    dump_csp_header,
    parse_csp_header,
)

PROPERTIES = [
    *("base_uri", "child_src", "connect_src", "default_src", "font_src", "form_action"),
    *("frame_ancestors", "frame_src", "img_src", "manifest_src", "media_src", "navigate_to"),
    *("object_src", "plugin_types", "prefetch_src", "report_to", "report_uri", "sandbox"),
    *("script_src", "script_src_attr", "script_src_elem", "style_src", "style_src_attr"),
    *("style_src_elem", "worker_src"),
]


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property(name: str) -> None:
    policy = ContentSecurityPolicy()
    assert getattr(policy, name) is None
    setattr(policy, name, "'self'")
    assert policy == {name.replace("_", "-"): "'self'"}
    assert getattr(policy, name) == "'self'"
    setattr(policy, name, None)
    assert policy == {}
    delattr(policy, name)


def test_parse_csp_header() -> None:
    policy = parse_csp_header(" default-src 'self';; img-src  *  data: ; sandbox;x\ty")
    assert policy == {"default-src": "'self'", "img-src": "*  data:"}
    assert policy.provided is True
    assert type(policy) is ContentSecurityPolicy
    assert parse_csp_header(None) == parse_csp_header("") == {}


def test_dump_csp_header() -> None:
    policy = ContentSecurityPolicy([("default-src", "'self'"), ("img-src", "* data:")])
    expected = "default-src 'self'; img-src * data:"
    assert dump_csp_header(policy) == policy.to_header() == str(policy) == expected
    assert repr(policy) == "<ContentSecurityPolicy default-src=\"'self'\" img-src='* data:'>"
    assert dump_csp_header({}) == ""  # type: ignore[comparison-overlap, unused-ignore]


def test_changes_are_told() -> None:
    calls: list[dict[str, Any]] = []
    policy = parse_csp_header("img-src *", lambda changed: calls.append(dict(changed)))
    policy.font_src = "'none'"
    del policy.img_src
    del policy.img_src
    policy.font_src = None
    assert calls == [
        {"img-src": "*", "font-src": "'none'"},
        {"font-src": "'none'"},
        {},
    ]


def test_provided() -> None:
    assert ContentSecurityPolicy(None).provided is False
    assert ContentSecurityPolicy().provided is True


def test_properties_of_ones_own() -> None:
    class Own(ContentSecurityPolicy):
        fenced_frame_src = csp_property("fenced-frame-src")

    policy: Any = parse_csp_header("fenced-frame-src *", cls=Own)
    assert policy.fenced_frame_src == "*"
    assert type(copy.copy(policy)) is Own


words = st.text(st.sampled_from("abc-'*:."), min_size=1)


@given(st.dictionaries(words, st.lists(words, min_size=1).map(" ".join)))
def test_what_was_dumped_is_parsed(directives: dict[str, str]) -> None:
    assert parse_csp_header(dump_csp_header(directives)) == directives
