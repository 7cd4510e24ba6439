"""A key that pauses every sensor at once, and resumes what it has paused."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from sensebind.errors import one_line

KEY = "Ctrl-Z"
"""What a person presses (SIGTSTP); a robot in the middle of a room is no job to be suspended."""
ALL = "all"
_REPEATED = 0.5  # seconds after a press in which another one is the key that is held down


class Pausing(Protocol):
    """Pauses streams; see `sensebind.agent.robot.pausing`."""

    @property
    def paused(self) -> frozenset[str]:
        """The streams that are paused."""
        ...

    def pause(self, name: str, /) -> frozenset[str]:
        """Pause a stream, or `all`; return all that are paused."""
        ...

    def resume(self, name: str, /) -> frozenset[str]:
        """Resume a stream, or `all`; return all that are still paused."""
        ...


class PauseKey:
    """Pauses and resumes by turns, in a thread of its own: a stop never waits for a device.

    What was paused already when the key was pressed stays so when it is pressed again. A context
    manager.
    """

    def __init__(self, pausing: Pausing, say: Callable[[str], None]) -> None:
        """Starts nothing yet.

        Args:
            pausing: Pauses and resumes.
            say: Shows a line at once; called in a thread.
        """
        self._pausing = pausing
        self._say = say
        self._pressed = float("-inf")
        self._ours: frozenset[str] | None = None  # what the key has paused
        self._presses: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pause-key")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._presses.put(False)
        self._thread.join()

    def press(self) -> None:
        """The key was pressed; from any thread, and without waiting."""
        now, before = time.monotonic(), self._pressed
        self._pressed = now
        if now - before > _REPEATED:
            self._presses.put(True)

    def _run(self) -> None:
        while self._presses.get():
            try:
                self._toggle()
            except Exception as error:  # whatever went wrong: the next press must be heard
                self._say(f"error: {one_line(error)}")

    def _toggle(self) -> None:
        paused = self._pausing.paused
        if self._ours is not None and self._ours <= paused:
            self._resume(self._ours)
            return
        self._say("pausing all sensors …")
        try:
            everything = self._pausing.pause(ALL)
        finally:  # also where a device did not close in time: the key opens it again
            self._ours = (self._pausing.paused - paused) or None
        if self._ours is not None:
            self._say(f"all sensors are paused: {_named(everything)}; {KEY} or /resume resumes")
        else:  # they were paused before, and nothing else can be meant
            self._resume(everything)

    def _resume(self, streams: frozenset[str]) -> None:
        self._ours = None
        left = self._pausing.paused
        for one in sorted(streams):
            left = self._pausing.resume(one)
        still = f"; still paused: {_named(left)}" if left else ""
        self._say(f"resumed: {_named(streams)}{still}")


def _named(streams: frozenset[str]) -> str:
    return ", ".join(sorted(streams))
