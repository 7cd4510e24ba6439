"""Where CURVE keys are kept. Without ZeroMQ, so that reading a robot's file stays quick."""

import os
from pathlib import Path


def default_directory() -> Path:
    """Return where keys are unless said otherwise: `~/.config/sensebind/keys`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "sensebind/keys"
