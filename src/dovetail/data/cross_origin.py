"""The policies that keep a document apart from other origins, for two header fields."""

from __future__ import annotations

from enum import Enum

__all__ = ["COEP", "COOP"]


class COEP(Enum):
    """Cross-Origin-Embedder-Policy: whether embedded resources have to consent."""

    UNSAFE_NONE = "unsafe-none"
    REQUIRE_CORP = "require-corp"


class COOP(Enum):
    """Cross-Origin-Opener-Policy: which windows may hold a reference to this one."""

    UNSAFE_NONE = "unsafe-none"
    SAME_ORIGIN_ALLOW_POPUPS = "same-origin-allow-popups"
    SAME_ORIGIN = "same-origin"
