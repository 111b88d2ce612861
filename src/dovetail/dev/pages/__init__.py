"""The pages of the development server: one look, one policy, nothing fetched from elsewhere."""

from __future__ import annotations

from dovetail.dev.pages.page import Pages, content_security_policy, make_private

__all__ = ["Pages", "content_security_policy", "make_private"]
