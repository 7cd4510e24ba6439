"""Watches the thread that watches the workers.

It knows nothing of workers: it asks when the thread made its last round and whether it still runs,
and has it started again, or reports that it hangs. There is little in it that could go wrong.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

log = logging.getLogger(__name__)

HANG_SECONDS = 20.0
"""Without a round of the watched thread, after which it hangs. Its longest rounds, in which it
replaces a launcher that hangs, take up to eight."""
_EVERY = 0.5  # seconds between two looks
_STANDSTILL = 0.5  # seconds that such a look is late when the whole machine stood still


class Watchdog:
    """Notices that a thread has ended or hangs.

    Args:
        thread: Returns the thread that is watched.
        ticked: Returns the monotonic time of its last round.
        revive: Starts it again when it has ended.
        hangs: Called once, with what it hangs in, when it makes no more rounds.
        limit: Seconds without a round after which it hangs.
    """

    def __init__(
        self,
        thread: Callable[[], threading.Thread],
        ticked: Callable[[], float],
        revive: Callable[[], None],
        hangs: Callable[[str], None],
        limit: float = HANG_SECONDS,
    ) -> None:
        self._watched = thread
        self._ticked = ticked
        self._revive = revive
        self._hangs = hangs
        self._limit = limit
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._stop.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        looked, excused = time.monotonic(), 0.0
        while not self._stop.wait(_EVERY):
            now = time.monotonic()
            late = now - looked - _EVERY
            looked = now
            # In a suspend nobody makes rounds; what was before it does not count either.
            excused = now if late > _STANDSTILL else excused
            thread = self._watched()
            if not thread.is_alive():
                self._start_again()
            elif now - max(self._ticked(), excused) > self._limit:
                self._hangs(_where(thread))
                return

    def _start_again(self) -> None:
        if self._stop.is_set():
            return
        log.error("the thread that watches the workers has ended; starting it again")
        try:
            self._revive()
        except RuntimeError as error:  # no thread to be had: at the next look
            log.error("it cannot be started: %s", error)


def _where(thread: threading.Thread) -> str:
    """Return the innermost calls that a thread is in, in one line."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "an unknown place"
    calls = traceback.extract_stack(frame)[-3:]
    return " > ".join(
        f"{one.name} ({one.filename.rpartition('/')[2]}:{one.lineno})" for one in calls
    )
