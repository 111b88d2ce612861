from __future__ import annotations

from dovetail.data.user_agent import UserAgent


def test_a_string() -> None:
    agent = UserAgent("Mozilla/5.0 (X11)")
    assert agent.string == agent.to_header() == str(agent) == "Mozilla/5.0 (X11)"
    assert (agent.platform, agent.browser, agent.version, agent.language) == (None,) * 4
    assert not agent
    assert repr(agent) == "<UserAgent None/None>"


class Parsed(UserAgent):
    def __init__(self, string: str) -> None:
        super().__init__(string)
        self.browser, _, self.version = string.partition("/")


def test_a_subclass_that_parses() -> None:
    agent = Parsed("fox/1.2")
    assert agent
    assert repr(agent) == "<Parsed fox/1.2>"
    assert str(agent) == "fox/1.2"
