"""Starts other interpreters that run a module of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def start_module(
    module: str,
    arguments: Sequence[str],
    descriptors: Sequence[int],
    environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE`. It shares nothing with this process but what is given here.

    Args:
        module: Its full name.
        arguments: Of its command line.
        descriptors: Open files that it inherits under the same numbers.
        environment: What differs from the environment of this process.

    Raises:
        OSError: No process can be started.
    """
    # What is importable here is importable there, such as a source beside the user's script.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(descriptors),
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
