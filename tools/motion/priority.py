"""Who comes first when the processors are busy: driving, then all the rest."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

MODEL = 3
"""Nice value of threads and processes that compute models."""


def give_way(steps: int = MODEL) -> None:
    """Lower the priority of the calling thread, and of threads and processes that it starts.

    Linux gives each thread a priority of its own; elsewhere nothing is changed, as the whole
    process would give way. A thread that was started before, such as that of a `MotionClient`,
    keeps its own.

    Args:
        steps: Nice values to go up.
    """
    if not hasattr(os, "sched_setaffinity"):  # not Linux
        return
    with suppress(OSError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)
