"""What the driving process is given: the base, the lidar, and how the robot is built."""

from __future__ import annotations

import math
from typing import Any, Self

import msgspec
import numpy as np

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.tree import Transform
from sensebind.tools.motion.contracts import LONGEST_VALIDITY
from sensebind.tools.motion.limits import Fence

LONGEST_LEASE = 0.25
"""Seconds that the base may be driven on without a renewal."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is made in the driving process.

    Attributes:
        factory: Import path of the class or function, such as "my_robot.base:SerialBase".
        arguments: Its keyword arguments, plain values.
    """

    factory: str
    arguments: dict[str, Any] = {}


class Footprint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outline of the robot, metres from the point about which it turns.

    Attributes:
        front: To the foremost point.
        back: To the hindmost point.
        half_width: To either side.
        disc: Whether it is round; `front` is its radius then. A disc turns without sweeping.
    """

    front: float
    back: float
    half_width: float
    disc: bool = False

    @classmethod
    def round(cls, radius: float) -> Self:
        """Returns the footprint of a round robot."""
        return cls(front=radius, back=radius, half_width=radius, disc=True)

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns how deep points (metres in the robot's frame) lie in it; outside, less than 0."""
        if self.disc:
            return self.front - np.hypot(x, y)
        return np.minimum(np.minimum(self.front - x, self.back + x), self.half_width - np.abs(y))

    def covers(self, x: np.ndarray, y: np.ndarray, margin: float | np.ndarray) -> np.ndarray:
        """Returns which points (metres in the robot's frame) it covers, with a margin around it."""
        return self.depth(x, y) > -margin


class LidarMount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the lidar sits on the base, and what of its sweeps is an obstacle.

    Attributes:
        forward: Metres ahead of the point about which the robot turns.
        left: Metres to the left of it.
        height: Metres above the floor.
        roll: Radians about the x axis straight ahead; pi for a lidar that hangs upside down.
        pitch: Radians that it looks down.
        yaw: Radians that the lidar's x axis points to the left of straight ahead.
        lowest: Metres above the floor; what is lower is driven over.
        highest: Metres above the floor; what is higher is driven under.
    """

    forward: float = 0.0
    left: float = 0.0
    height: float = 0.3
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    lowest: float = 0.04
    highest: float = 1.0

    @classmethod
    def at(cls, pose: Transform, heights: tuple[float, float] = (0.04, 1.0)) -> Self:
        """Returns the mount of a lidar by its pose in the robot's frame on the floor.

        Args:
            pose: As `FrameTree.pose` returns it.
            heights: Metres above the floor between which a return is an obstacle.
        """
        forward, left, height = (float(value) for value in pose.translation)
        roll, pitch, yaw = pose.rpy
        return cls(
            forward=forward,
            left=left,
            height=height,
            roll=roll,
            pitch=pitch,
            yaw=yaw,
            lowest=heights[0],
            highest=heights[1],
        )

    @property
    def pose(self) -> Transform:
        """Pose of the lidar in the robot's frame on the floor."""
        return Transform.of(
            (self.forward, self.left, self.height), (self.roll, self.pitch, self.yaw)
        )


class MotionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the driving process drives.

    Attributes:
        base: Makes the `Base`.
        footprint: Outline of the robot.
        lidar: Source of sweeps, as `open_source` takes it ("velodyne:2368", or a mapping); None for
            a robot without a lidar, which is unguarded.
        mount: How the lidar sits.
        relay: Endpoint at which the sweeps are passed on (`sweeps:` sources read it), or "".
        fence: x0, y0, x1, y1 in the frame of the odometry that is never left.
        keep_away: Metres that stay free between the robot and what is ahead of it.
        off_course: Metres from the planned way at which a movement is ended.
        speed: Metres per second at most.
        turn_rate: Radians per second at most.
        acceleration: Metres per second squared, upwards; braking is as hard as the base can.
        turn_acceleration: Radians per second squared, likewise.
        braking: Metres per second squared that the base reaches when it is commanded to stand.
        turn_braking: Radians per second squared, likewise.
        delay: Seconds from a command until the base follows it.
        lease: Seconds after which the base stands when nobody renews, at most 0.25.
        valid_for: Seconds that the base goes on after its last command, at most 0.15.
        sweep_age: Seconds; without a sweep as new as that the robot does not drive.
    """

    base: Part
    footprint: Footprint
    lidar: str | dict[str, Any] | None = None
    mount: LidarMount = LidarMount()
    relay: str = ""
    fence: Fence | None = None
    keep_away: float = 0.1
    off_course: float = 0.25
    speed: float = 0.5
    turn_rate: float = 1.0
    acceleration: float = 0.6
    turn_acceleration: float = 2.5
    braking: float = 1.0
    turn_braking: float = 4.0
    delay: float = 0.1
    lease: float = LONGEST_LEASE
    valid_for: float = LONGEST_VALIDITY
    sweep_age: float = 0.5

    def check(self) -> Self:
        """Returns these settings.

        Raises:
            ConfigurationError: A value is out of range; the message names it.
        """
        limits = {
            "speed": (self.speed, 5.0),
            "turn_rate": (self.turn_rate, 7.0),
            "acceleration": (self.acceleration, 10.0),
            "braking": (self.braking, 20.0),
            "turn_acceleration": (self.turn_acceleration, 50.0),
            "turn_braking": (self.turn_braking, 100.0),
            "lease": (self.lease, LONGEST_LEASE),
            "valid_for": (self.valid_for, LONGEST_VALIDITY),
            "sweep_age": (self.sweep_age, 1.0),
            "off_course": (self.off_course, 2.0),
            "footprint.front": (self.footprint.front, 3.0),
            "footprint.back": (self.footprint.back, 3.0),
            "footprint.half_width": (self.footprint.half_width, 3.0),
        }
        for name, (value, most) in limits.items():
            if not 0 < value <= most:
                raise ConfigurationError(
                    f"motion: {name} is {value}: give more than 0, to {most:g}"
                )
        mount = self.mount
        numbers = (mount.forward, mount.left, mount.height, mount.roll, mount.pitch, mount.yaw)
        if not (all(map(math.isfinite, numbers)) and mount.lowest < mount.highest):
            raise ConfigurationError(f"motion: the lidar's mount makes no sense: {mount}")
        for name, value in ("keep_away", self.keep_away), ("delay", self.delay):
            if not 0 <= value <= 2:
                raise ConfigurationError(f"motion: {name} is {value}: give 0 to 2")
        if self.fence is not None and not (
            all(map(math.isfinite, self.fence))
            and self.fence[0] < self.fence[2]
            and self.fence[1] < self.fence[3]
        ):
            raise ConfigurationError(f"motion: fence {self.fence} is not x0 < x1, y0 < y1")
        return self


def dump_settings(settings: MotionSettings) -> bytes:
    """Writes settings as one line of JSON."""
    return msgspec.json.encode(settings) + b"\n"


def load_settings(line: bytes) -> MotionSettings:
    """Reads and checks what `dump_settings` wrote.

    Raises:
        ConfigurationError: It is something else.
    """
    try:
        return msgspec.json.decode(line, type=MotionSettings).check()
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ConfigurationError(f"motion: {error}") from error
