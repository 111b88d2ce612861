"""What a page's policy (Content-Security-Policy) says about a script of live reload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

__all__ = ["find_nonce", "missing_sources"]

# A nonce (section 2.3.1): a base64 value.
_nonce = re.compile(r"'nonce-([A-Za-z0-9+/_=-]+)'").fullmatch
_SCRIPTS = ("script-src-elem", "script-src", "default-src")
_CONNECTIONS = ("connect-src", "default-src")


def find_nonce(headers: Iterable[tuple[str, str]]) -> str:
    """Return the nonce that the page's policy demands of scripts; empty if there is none."""
    for policy in _policies(headers):
        for source in _sources(policy, _SCRIPTS) or ():
            if match := _nonce(source):
                return match[1]
    return ""


def missing_sources(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the directives without which the script and its connection are kept out.

    A policy that names hosts or schemes is taken to allow them.
    """
    missing: dict[str, None] = {}
    for policy in _policies(headers):
        scripts = _sources(policy, _SCRIPTS)
        if scripts is not None and not _allows(scripts) and not any(map(_nonce, scripts)):
            missing["script-src 'self'"] = None
        connections = _sources(policy, _CONNECTIONS)
        if connections is not None and not _allows(connections):
            missing["connect-src 'self'"] = None
    return list(missing)


def _policies(headers: Iterable[tuple[str, str]]) -> Iterator[dict[str, list[str]]]:
    for name, value in headers:
        if name.lower() == "content-security-policy":
            for policy in value.split(","):
                yield _parse(policy)


def _parse(policy: str) -> dict[str, list[str]]:
    directives: dict[str, list[str]] = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        directives.setdefault(name.lower(), sources)  # the first one counts
    return directives


def _sources(policy: dict[str, list[str]], names: Iterable[str]) -> list[str] | None:
    return next((policy[name] for name in names if name in policy), None)


def _allows(sources: list[str]) -> bool:
    if "'strict-dynamic'" in sources:
        return False  # then the others do not count
    return any(source.lower() == "'self'" or not source.startswith("'") for source in sources)
