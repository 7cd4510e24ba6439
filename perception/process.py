"""Processes: starting an interpreter that runs a module of ours, giving freed memory back."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
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
    # What is importable here is importable there, such as a source next to the user's script.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(descriptors),
        env={**os.environ, "PYTHONPATH": path, **environment},
        # Keys of the terminal are for this process alone: Ctrl-\, which stops the robot, would
        # end what drives it, and Ctrl-C and Ctrl-Z what sees for it.
        process_group=0,
    )


def give_memory_back() -> bool:
    """Hand freed memory back to the kernel, as far as the C library can.

    glibc keeps what a crowded moment took: whatever lies on top of it in the heap holds it there,
    so that a process that runs for days is as large as it ever was.

    Returns:
        Whether the C library knows how; only glibc does.
    """
    trim = _malloc_trim()
    if trim is None:
        return False
    trim(0)
    return True


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
