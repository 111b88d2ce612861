"""The user and group that workers run as."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

__all__ = ["Identity", "PrivilegeError", "drop_privileges", "resolve_identity"]


class PrivilegeError(Exception):
    """The user or group is unknown or out of reach; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and group by number; ``name`` is the user's, if it has one."""

    uid: int
    gid: int
    name: str | None = None


def resolve_identity(user: str | int | None, group: str | int | None) -> Identity | None:
    """Return who the workers shall be, or None if that is who this process is already.

    Names and numbers are accepted. A user without a group brings its primary group along. Raises
    :class:`PrivilegeError` for unknown names, and if this process may not switch to them.
    """
    uid, gid, name = os.geteuid(), os.getegid(), None
    if group is not None and group != "":
        gid = _find_group(group)
    if user is not None and user != "":
        uid, primary, name = _find_user(user)
        if group is None or group == "":
            gid = primary
    if gid < 0:
        raise PrivilegeError(
            f"user {user} has no entry in the user database, so its group is unknown; "
            "set the group as well"
        )
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return None
    if os.geteuid() != 0:
        raise PrivilegeError(
            f"cannot switch to uid {uid}, gid {gid}: only root may; "
            "start as root, or leave out the settings user and group"
        )
    return Identity(uid, gid, name)


def drop_privileges(identity: Identity) -> None:
    """Become ``identity`` for good: supplementary groups, group, user.

    Raises :class:`PrivilegeError` if the system refuses.
    """
    try:
        if identity.name is not None:
            os.initgroups(identity.name, identity.gid)
        else:
            os.setgroups([identity.gid])
        os.setgid(identity.gid)
        os.setuid(identity.uid)  # as root this sets the saved id too, so there is no way back
    except OSError as error:
        raise PrivilegeError(
            f"cannot switch to uid {identity.uid}, gid {identity.gid}: {error.strerror}"
        ) from error


def _find_user(user: str | int) -> tuple[int, int, str | None]:
    """Return uid, primary gid (-1 if unknown) and name (None if unknown)."""
    number = _as_number(user)
    try:
        entry = pwd.getpwnam(str(user)) if number is None else pwd.getpwuid(number)
    except KeyError:
        if number is not None:
            return number, -1, None
        raise PrivilegeError(
            f"there is no user {user!r}; create it, or give another name or a uid"
        ) from None
    return entry.pw_uid, entry.pw_gid, entry.pw_name


def _find_group(group: str | int) -> int:
    number = _as_number(group)
    if number is not None:
        return number
    try:
        return grp.getgrnam(str(group)).gr_gid
    except KeyError:
        raise PrivilegeError(
            f"there is no group {group!r}; create it, or give another name or a gid"
        ) from None


def _as_number(value: str | int) -> int | None:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text[:11])
    if number >= 2**32 - 1:  # the last one means "no change" to the system calls
        raise PrivilegeError(f"{value} is not a user or group id; give one below 4294967295")
    return number
