"""Tokens of the server: who may look, who may decide, and who may use the API.

Viewer and operator get new ones at each start; that of the API is the user's own, from the
environment or a file, or one that is made once and kept. Whoever holds a token is its role.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sensebind.errors import ConfigurationError, StorageError
from sensebind.perception.storage.private_files import write_private
from sensebind.tools.secrets import read_secret

_BYTES = 32  # of randomness
_SHORTEST = 16  # characters of a token of the user's own


class Role(StrEnum):
    """What a token is for."""

    VIEWER = "viewer"
    """Sees everything, and may stop the robot."""
    OPERATOR = "operator"
    """May also talk, decide what waits for approval, and pause streams."""
    API = "api"
    """Talks through the OpenAI protocol; decides nothing."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a server.

    Attributes:
        viewer: Made at this start.
        operator: Made at this start.
        api: The user's own, or kept.
        files: Where they can be read, by role; each has the mode 0600.
    """

    viewer: str
    operator: str
    api: str
    files: dict[Role, Path]

    @property
    def by_role(self) -> dict[str, str]:
        """The tokens as an HTTP server takes them."""
        return {Role.VIEWER: self.viewer, Role.OPERATOR: self.operator, Role.API: self.api}


def make_tokens(directory: Path, api: str = "") -> Tokens:
    """Make the tokens of viewer and operator, and read or make that of the API.

    Args:
        directory: The robot's state directory.
        api: `env:NAME` or `file:PATH` of the API's token; "" keeps one in the directory.

    Raises:
        ConfigurationError: The API's token cannot be read, others can read it, or it is short.
        StorageError: They cannot be written.
    """
    files = {role: directory / f"{role}.token" for role in Role}
    made = {role: secrets.token_urlsafe(_BYTES) for role in Role}
    if api:
        made[Role.API] = read_secret(api)
        del files[Role.API]
    elif files[Role.API].exists():
        made[Role.API] = read_secret(f"file:{files[Role.API]}")
    given = made[Role.API]
    if len(given) < _SHORTEST or not given.isascii() or " " in given:
        raise ConfigurationError(
            f"the API's token is short or odd: use {_SHORTEST} or more ASCII characters, such as "
            "from `openssl rand -hex 32`"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for role, file in files.items():
            write_private(file, f"{made[role]}\n".encode())
    except OSError as error:
        raise StorageError(f"{directory}: tokens cannot be written: {error.strerror}") from error
    return Tokens(made[Role.VIEWER], made[Role.OPERATOR], made[Role.API], files)
