"""Secrets by reference: an environment variable, or a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sensebind.errors import ConfigurationError


def read_secret(reference: str) -> str:
    """Return the secret that a reference names.

    Args:
        reference: `env:NAME`, just `NAME`, or `file:PATH` of a file with mode 0600.

    Raises:
        ConfigurationError: The variable is not set, or the file is missing, empty, or readable by
            others; or the secret holds control characters.
    """
    kind, colon, name = reference.partition(":")
    if not colon or kind == "env":
        variable = name if colon else reference
        if not (value := os.environ.get(variable, "").strip()):
            raise ConfigurationError(f"the environment variable {variable} is not set")
        return _plain(value, f"the environment variable {variable}")
    if kind != "file":
        raise ConfigurationError(f"a secret is named by env:NAME or file:PATH, not by {kind}:…")
    file = Path(name).expanduser()
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ConfigurationError(f"others can read the secret in {file}: chmod 600 it")
        value = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"the secret {file} cannot be read: {error.strerror}") from error
    if not value:
        raise ConfigurationError(f"the file {file} is empty: write the secret into it")
    return _plain(value, f"the file {file}")


def _plain(value: str, where: str) -> str:
    """A secret of one line. Libraries name a header in full that they cannot send."""
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in value):
        raise ConfigurationError(f"{where} holds a line break or another control character")
    return value
