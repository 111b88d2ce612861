"""Users and groups: who is meant, and that there is no way back."""

from __future__ import annotations

import grp
import os
import pwd
import traceback
from collections.abc import Callable

import pytest

from dovetail.server.privileges import (
    Identity,
    PrivilegeError,
    drop_privileges,
    resolve_identity,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
NO_SUCH_ID = 3_999_999_999


def another_user() -> pwd.struct_passwd:
    """Return a user that is not this one."""
    return next(user for user in pwd.getpwall() if user.pw_uid and user.pw_gid)


def test_nobody_else_is_meant_by_nothing_and_by_oneself() -> None:
    assert resolve_identity(None, None) is None
    assert resolve_identity("", "") is None
    assert resolve_identity(str(os.geteuid()), str(os.getegid())) is None


@needs_root
def test_a_user_brings_its_group_along_by_name_and_by_number() -> None:
    user = another_user()
    identity = Identity(user.pw_uid, user.pw_gid, user.pw_name)
    assert resolve_identity(user.pw_name, None) == identity
    assert resolve_identity(str(user.pw_uid), None) == identity
    assert resolve_identity(user.pw_uid, "") == identity


@needs_root
def test_a_group_may_be_named_too_or_alone() -> None:
    user = another_user()
    group = next(group for group in grp.getgrall() if group.gr_gid not in (0, user.pw_gid))
    expected = Identity(user.pw_uid, group.gr_gid, user.pw_name)
    assert resolve_identity(user.pw_name, group.gr_name) == expected
    assert resolve_identity(None, str(group.gr_gid)) == Identity(os.geteuid(), group.gr_gid)


@needs_root
def test_a_number_without_an_entry_needs_a_group() -> None:
    assert resolve_identity(NO_SUCH_ID, "12") == Identity(NO_SUCH_ID, 12)
    with pytest.raises(PrivilegeError, match=r"has no entry .*; set the group as well"):
        resolve_identity(NO_SUCH_ID, None)


@pytest.mark.parametrize(
    ("user", "group", "text"),
    [
        ("no-such-user", None, "there is no user 'no-such-user'; create it"),
        (None, "no-such-group", "there is no group 'no-such-group'; create it"),
        ("-1", None, "there is no user '-1'"),
        ("4294967295", "0", "4294967295 is not a user or group id"),
        ("99999999999999", "0", "is not a user or group id"),
    ],
)
def test_who_does_not_exist(user: str | None, group: str | None, text: str) -> None:
    with pytest.raises(PrivilegeError, match=text):
        resolve_identity(user, group)


def test_only_root_may_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PrivilegeError, match="only root may; start as root, or leave out"):
        resolve_identity(None, "12")


def in_child(check: Callable[[], None]) -> int:
    """Run ``check`` in a child; return its exit status, 0 if it raised nothing."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@needs_root
@pytest.mark.process
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("named", [True, False])
def test_dropping_changes_everything_for_good(named: bool) -> None:
    user = another_user()

    def check() -> None:
        os.setgroups([0, 12])
        drop_privileges(Identity(user.pw_uid, user.pw_gid, user.pw_name if named else None))
        assert os.getresuid() == (user.pw_uid,) * 3
        assert os.getresgid() == (user.pw_gid,) * 3
        assert 0 not in os.getgroups()
        assert user.pw_gid in os.getgroups()
        for change in (os.setuid, os.setgid):
            with pytest.raises(PermissionError):
                change(0)

    assert in_child(check) == 0


@needs_root
@pytest.mark.process
@pytest.mark.usefixtures("alone")
def test_what_the_system_refuses_is_one_line() -> None:
    user = another_user()

    def check() -> None:
        drop_privileges(Identity(user.pw_uid, user.pw_gid, user.pw_name))
        with pytest.raises(PrivilegeError, match="cannot switch to uid 0, gid 0: Operation not"):
            drop_privileges(Identity(0, 0, "root"))

    assert in_child(check) == 0
