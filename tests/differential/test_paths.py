"""Names of files: ours beside the installed Werkzeug."""

from __future__ import annotations

import os

import pytest
import werkzeug.security
import werkzeug.utils
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import paths as ours

pieces = st.lists(
    st.sampled_from(
        [
            *("/", "\\", ".", "..", " ", "_", "-", "~", "\x00", "\n", "\u3000"),
            *("a", "é", "ﬁ", "①", "İ", "con", "NUL", "COM1", "lpt¹", "COM0", "conin$", ".txt"),
        ]
    ),
    max_size=6,
).map("".join)
names = st.one_of(pieces, st.text(max_size=10))


@given(names)
@example("i contain cool \xfcml\xe4uts.txt")
def test_secure_filename(name: str) -> None:
    assert outcome(ours.secure_filename, name) == outcome(werkzeug.utils.secure_filename, name)


@given(
    st.sampled_from(["/a", "", "a", "/", "a/", ".", "..", "/a/../b"]), st.lists(names, max_size=3)
)
def test_safe_join(directory: str, parts: list[str]) -> None:
    assert outcome(ours.safe_join, directory, *parts) == outcome(
        werkzeug.security.safe_join, directory, *parts
    )


@given(names.filter(lambda name: ":" not in name))  # see the table of differences
@example("con.txt/a")
@example("nul .txt")
def test_windows(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "name", "nt")
        mine = outcome(ours.secure_filename, name), outcome(ours.safe_join, "/a", name)
        peer = (
            outcome(werkzeug.utils.secure_filename, name),
            outcome(werkzeug.security.safe_join, "/a", name),
        )
    assert mine == peer
