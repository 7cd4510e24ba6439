"""Writes into a recording where the robot was while it was made."""

from __future__ import annotations

import time
from collections.abc import Callable

from sensebind.agent.robot.control_messages import Poses
from sensebind.errors import BusError, ConfigurationError, InputError
from sensebind.perception.frames.recording import Recorder
from sensebind.perception.geometry.pose import Pose

_EVER = -1e18  # seconds of no clock
_INTERVAL = 1.0  # seconds between two questions; a track holds a minute

Ask = Callable[[float | None], Poses]
"""Returns where the robot was since an answer before; see `AttachedRobot.poses`."""


class PoseRecorder:
    """Asks for poses once a second while somebody calls it, and writes them. For one thread.

    Attributes:
        trouble: Why poses are missing; "" while none are.
    """

    def __init__(self, recorder: Recorder, ask: Ask) -> None:
        """Begin with what is known from now on.

        Args:
            recorder: Where they are written.
            ask: Gives them.
        """
        self._recorder = recorder
        self._ask = ask
        self._since: float | None = None
        self._due = float("-inf")
        self.trouble = ""

    def write(self, *, now: bool = False) -> None:
        """Write what is new, if it is time.

        Args:
            now: Whether it is time in any case, as at the end.

        Raises:
            StorageError: The disk is full, or the recorder is closed.
        """
        moment = time.monotonic()
        if moment < self._due and not now:
            return
        self._due = moment + _INTERVAL
        try:
            found = self._ask(self._since)
        except (BusError, ConfigurationError, InputError) as error:
            self.trouble = str(error)
            return
        self.trouble = ""
        # Where nothing was known by then, all that comes is of the time since.
        self._since = _EVER if found.until is None else found.until
        for one in found.poses:
            self._recorder.place(Pose(one.x, one.y, one.yaw, one.frame), one.captured_at)
