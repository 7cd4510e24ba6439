"""Where a robot was, and when: poses on the floor, in a frame that says how long they hold."""

from __future__ import annotations

import bisect
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass

from sensebind.errors import InputError

MAP = "map"
"""The frame of REP 105 whose places hold for ever; those of any other hold for one run."""
_KEPT = 2400  # poses: a minute at 40 Hz; a percept is a second old at most
_APART = 1.0  # seconds between two poses between which the robot's way is not known
_HELD = 0.5  # seconds for which the newest pose stands for what comes after it
_FASTEST = 10.0  # m/s; what moves faster has begun to count again
_JUMP = 0.5  # metres that are no jump, however short the time
_NAME = 200  # characters of a frame and its run


@dataclass(frozen=True, slots=True)
class Pose:
    """A place on the floor and a direction, as REP 103 has them.

    Attributes:
        x: Metres.
        y: Metres.
        yaw: Direction, radians counterclockwise from the x axis.
        frame: What the numbers are relative to: `map`, or a frame and the run for which it holds,
            such as `odom:5f0c9a1e`. Poses of different frames cannot be compared.

    Raises:
        InputError: A coordinate is not a finite number, or the frame has no name.
    """

    x: float
    y: float
    yaw: float
    frame: str = MAP

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x, self.y, self.yaw))):
            raise InputError(f"({self.x}, {self.y}, {self.yaw}) is not a pose")
        if not 0 < len(self.frame) <= _NAME:
            raise InputError(f"{self.frame[:40]!r} does not name a frame")

    def distance(self, x: float, y: float) -> float:
        """Metres to a place of the same frame."""
        return math.hypot(self.x - x, self.y - y)

    def __str__(self) -> str:
        # Adding zero makes no difference but to -0.0, which nobody says.
        return f"({round(self.x, 1) + 0.0:.1f}, {round(self.y, 1) + 0.0:.1f})"


def yaw_of(x: float, y: float, z: float, w: float) -> float:
    """Return the yaw of a quaternion, radians: its turn about z after roll and pitch.

    Raises:
        InputError: It is not a rotation, as one of zeros that nobody filled in.
    """
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not math.isfinite(norm) or abs(norm - 1.0) > 0.05:
        raise InputError(f"a quaternion of length {norm:.3g} is not a rotation")
    return math.atan2(2.0 * (w * z + x * y), norm * norm - 2.0 * (y * y + z * z))


class PoseTrack:
    """The robot's last poses, by time. Thread-safe.

    A frame other than `map` holds until its poses jump: what counts from where it was switched on
    starts counting again after that, and its new places are not those of before.

    Attributes:
        refused: Poses that were left out, since they were not newer than the one before.
        lost: Why it is not known where the robot is; "" while it is known, or nothing was heard.
    """

    def __init__(
        self,
        frame: str = MAP,
        *,
        kept: int | None = _KEPT,
        run: Callable[[], str] = lambda: uuid.uuid4().hex[:8],
    ) -> None:
        """Begin without a pose.

        Args:
            frame: `map` where places hold for ever, else the name of what holds for this run.
            kept: How many of the newest poses are kept; None keeps all.
            run: Names a run of a frame that holds for one.
        """
        self._name = frame
        self._frame = frame
        self._run_name = run
        # All are looked up by time, for which a deque without a limit is slow in its middle.
        self._times: MutableSequence[float] = [] if kept is None else deque(maxlen=kept)
        self._poses: MutableSequence[Pose] = [] if kept is None else deque(maxlen=kept)
        self._lock = threading.Lock()
        self.refused = 0
        self.lost = ""
        self._begin()

    @property
    def frame(self) -> str:
        """The frame of the newest poses; see `Pose.frame`."""
        with self._lock:
            return self._frame

    def in_frame(self, name: str) -> None:
        """Say what the poses are in from now on; another frame than before has other places.

        Args:
            name: As of `PoseTrack`.
        """
        with self._lock:
            if name != self._name:
                self._name = self._frame = name
                self._begin()

    def add(self, monotonic: float, x: float, y: float, yaw: float) -> None:
        """Take the pose of a moment.

        Args:
            monotonic: When it was so, seconds of this machine's monotonic clock.
            x: Metres.
            y: Metres.
            yaw: Radians.

        Raises:
            InputError: A number is not finite.
        """
        if not math.isfinite(monotonic):
            raise InputError(f"{monotonic} is not a time")
        with self._lock:
            pose = Pose(x, y, math.remainder(yaw, math.tau), self._frame)
            if self._times:
                passed = monotonic - self._times[-1]
                if passed <= 0:
                    self.refused += 1
                    return
                jumped = self._poses[-1].distance(x, y) > max(_JUMP, _FASTEST * passed)
                if jumped and self._name != MAP:
                    self._begin()
                    pose = Pose(x, y, pose.yaw, self._frame)
            self._times.append(monotonic)
            self._poses.append(pose)

    def keep(self, at: float, pose: Pose) -> None:
        """Take a pose as it is, with its frame and run; one that is not newer is left out.

        Args:
            at: When it was so, seconds of the clock of `add`.
            pose: Where.
        """
        with self._lock:
            if self._times and at <= self._times[-1]:
                self.refused += 1
                return
            self._frame = pose.frame
            self._times.append(at)
            self._poses.append(pose)

    def captured_at(self, at: float) -> int:
        """Return a time of the track on the wall clock, ns.

        Args:
            at: Seconds of the clock of `add`.
        """
        return time.time_ns() - round((time.monotonic() - at) * 1e9)

    def newer(self, than: float, until: float = math.inf) -> list[tuple[float, Pose]]:
        """Return the poses after a moment, with their times, in order.

        Args:
            than: Seconds of the clock of `add`.
            until: The latest time of a pose, likewise.
        """
        with self._lock:
            after = bisect.bisect_right(self._times, than)
            end = bisect.bisect_right(self._times, until)
            return [(self._times[i], self._poses[i]) for i in range(after, end)]

    def of(self, captured_at: int, monotonic: float) -> Pose | None:
        """Return where the robot was when something was captured; None where that is not known.

        Args:
            captured_at: When, wall clock, ns; `StoredPoses` looks this up.
            monotonic: When, seconds of this machine's monotonic clock.
        """
        return self.at(monotonic)

    def at(self, monotonic: float) -> Pose | None:
        """Return where the robot was; None where that is not known.

        Between two poses it is interpolated; the newest stands for half a second after it.

        Args:
            monotonic: When, seconds of this machine's monotonic clock.
        """
        with self._lock:
            after = bisect.bisect_left(self._times, monotonic)
            if after == len(self._times):
                known = self._times and monotonic - self._times[-1] <= _HELD
                return self._poses[-1] if known else None
            if self._times[after] == monotonic:
                return self._poses[after]
            if not after:
                return None
            begin, end = self._times[after - 1], self._times[after]
            first, second = self._poses[after - 1], self._poses[after]
        if end - begin > _APART or first.frame != second.frame:
            return None
        share = (monotonic - begin) / (end - begin)
        turned = math.remainder(second.yaw - first.yaw, math.tau)
        return Pose(
            first.x + share * (second.x - first.x),
            first.y + share * (second.y - first.y),
            math.remainder(first.yaw + share * turned, math.tau),
            first.frame,
        )

    def _begin(self) -> None:
        """Begin another run of a frame that holds for one."""
        if self._name != MAP:
            self._frame = f"{self._name}:{self._run_name()}"
