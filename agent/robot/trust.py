"""A robot.yaml that names code to import is code itself: who could write it could run anything."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from sensebind.errors import ConfigurationError


def check_trusted(file: Path) -> None:
    """Refuse a file that somebody else could have written.

    Args:
        file: A robot.yaml that names code (`python:`, or `class:` of `motion:`).

    Raises:
        ConfigurationError: It or its folder belongs neither to this user nor to root, or can be
            written by others or by a group with other members.
    """
    for path in (file.resolve(), file.resolve().parent):
        try:
            status = path.stat()
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be looked at: {error.strerror}") from error
        problem = _problem(path, status)
        if problem:
            raise ConfigurationError(f"{file} names code to run, and {problem}")


def _problem(path: Path, status: os.stat_result) -> str:
    if status.st_uid not in (0, os.getuid()):
        return f"{path} belongs to {_user(status.st_uid)}: chown it to yourself"
    mode = stat.S_IMODE(status.st_mode)
    sticky = stat.S_ISDIR(status.st_mode) and mode & stat.S_ISVTX
    if mode & stat.S_IWOTH and not sticky:
        return f"others can write {path}: chmod o-w it"
    if mode & stat.S_IWGRP and not sticky and (others := _others(status.st_gid)):
        return f"{', '.join(others[:3])} can write {path} as members of its group: chmod g-w it"
    return ""


def _others(group: int) -> list[str]:
    """Return the members of a group other than root and this user."""
    try:
        named = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        named = set()
    named |= {one.pw_name for one in pwd.getpwall() if one.pw_gid == group}
    return sorted(named - {"root", _user(os.getuid())})


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
