r"""Signals and keys that stop the robot or pause its sensors, whatever the main thread is at.

Python runs handlers of signals in the main thread, between two of its steps: not while a language
model computes there, nor while a base drives. So the number of each signal goes through a pipe
(`signal.set_wakeup_fd`) to a thread that stops at once.

| signal | sent by | does |
|---|---|---|
| SIGINT | Ctrl-C | stops; a second one during the same turn, and one at the prompt, ends |
| SIGQUIT | Ctrl-\ | stops, and never ends anything |
| SIGUSR1 | `kill -USR1 PID`, such as from a button's driver | the same |
| SIGTSTP | Ctrl-Z | pauses every sensor, and resumes them (`pause_key.py`); where there are any |
| SIGTERM | `kill PID` | stops, and ends as the program has it |
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from sensebind.errors import one_line

log = logging.getLogger(__name__)

_ENDING = (signal.SIGINT, signal.SIGTERM)
KEY = "Ctrl-\\"
"""What a person presses."""
_REASONS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGQUIT: KEY,
    signal.SIGUSR1: "SIGUSR1",
    signal.SIGTERM: "SIGTERM",
}


class StopSignals:
    """Stops when one of the signals comes. A context manager for the main thread."""

    def __init__(self, stop: Callable[[str], None], *, interrupts: bool = True) -> None:
        """Installs nothing yet.

        Args:
            stop: Stops; called in a thread, with what asked for it.
            interrupts: Whether SIGINT and SIGTERM do as the table says; without it they are left to
                a program that ends with them, and stops everything as it ends.
        """
        self._stop = stop
        self._interrupts = interrupts
        self._pause: Callable[[], None] | None = None
        self._busy = False
        self._pressed = False
        self._before: dict[int, Any] = {}
        self._pipe: tuple[int, int] | None = None
        self._fd_before = -1
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # only the main thread may; whoever has it looks after signals
        reading, writing = self._pipe = os.pipe()
        os.set_blocking(writing, False)
        self._thread = threading.Thread(target=self._run, args=(reading,), name="stop-signals")
        self._thread.start()
        self._fd_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        if self._interrupts:
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        self._before |= {
            signal.SIGQUIT: signal.signal(signal.SIGQUIT, _nothing),
            signal.SIGUSR1: signal.signal(signal.SIGUSR1, _nothing),
        }
        return self

    def __exit__(self, *_: object) -> None:
        if self._pipe is None:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        reading, writing = self._pipe
        os.close(writing)
        assert self._thread is not None
        self._thread.join()
        os.close(reading)
        self._pipe = None

    @contextmanager
    def pausing(self, pause: Callable[[], None]) -> Iterator[None]:
        """Inside, SIGTSTP pauses or resumes instead of suspending the program.

        Args:
            pause: Called in a thread; must not wait.
        """
        if self._pipe is None:
            yield
            return
        self._pause, before = pause, signal.signal(signal.SIGTSTP, _nothing)
        try:
            yield
        finally:
            signal.signal(signal.SIGTSTP, before)
            self._pause = None

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While a turn runs inside: the first Ctrl-C stops, and only the second one interrupts."""
        self._busy, self._pressed = True, False
        try:
            yield
        finally:
            self._busy = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._busy and not self._pressed:
            self._pressed = True
            return
        raise KeyboardInterrupt

    def _run(self, reading: int) -> None:
        while numbers := os.read(reading, 64):
            for number in dict.fromkeys(numbers):
                if number == signal.SIGTSTP and self._pause is not None:
                    self._pause()
                reason = _REASONS.get(signal.Signals(number))
                if reason is None or (number in _ENDING and not self._interrupts):
                    continue
                try:
                    self._stop(reason)
                except Exception as error:  # this thread must live to hear the next one
                    log.error("a stop by %s: %s", reason, one_line(error))


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """The thread does what there is to do."""
