"""What the policies of pages allow live reload to do."""

from __future__ import annotations

import pytest

from dovetail.dev.policies import find_nonce, missing_sources

SCRIPT, CONNECT = "script-src 'self'", "connect-src 'self'"


def fields(*policies: str) -> list[tuple[str, str]]:
    return [("Content-Type", "text/html"), *(("content-security-policy", it) for it in policies)]


@pytest.mark.parametrize(
    ("policies", "missing"),
    [
        ((), []),
        (("",), []),
        (("style-src 'none'; frame-ancestors 'none'",), []),
        (("default-src 'self'",), []),
        (("Default-Src 'SELF'",), []),
        (("default-src 'none'",), [SCRIPT, CONNECT]),
        (("default-src",), [SCRIPT, CONNECT]),
        (("default-src *; script-src 'unsafe-inline'",), [SCRIPT]),
        (("default-src 'none'; script-src 'self'",), [CONNECT]),
        (("default-src 'none'; script-src 'self'; connect-src 'self'",), []),
        (("script-src 'nonce-abc'",), []),
        (("script-src 'nonce-abc'; connect-src 'nonce-abc'",), [CONNECT]),
        (("script-src 'self' 'strict-dynamic'",), [SCRIPT]),
        (("script-src 'nonce-a' 'strict-dynamic'",), []),
        (("script-src 'none'; script-src-elem 'self'",), []),
        (("script-src 'self'; script-src 'none'",), []),
        # Nobody knows here whether this is among them.
        (("script-src https:; connect-src localhost:5000",), []),
        (("default-src 'self', script-src 'none'",), [SCRIPT]),
        (("default-src 'self'", "connect-src 'none'"), [CONNECT]),
    ],
)
def test_what_is_missing(policies: tuple[str, ...], missing: list[str]) -> None:
    assert missing_sources(fields(*policies)) == missing


@pytest.mark.parametrize(
    ("policies", "nonce"),
    [
        ((), ""),
        (("script-src 'self'",), ""),
        (("style-src 'nonce-a'; script-src 'self'",), ""),
        (("style-src 'nonce-a'; script-src 'nonce-b+/=='",), "b+/=="),
        (("default-src 'nonce-a'",), "a"),
        (("default-src 'self'", "script-src 'nonce-c'"), "c"),
        (("script-src 'nonce-<b>'",), ""),
    ],
)
def test_the_nonce(policies: tuple[str, ...], nonce: str) -> None:
    assert find_nonce(fields(*policies)) == nonce
