"""Where a thing in the picture is, in the robot's frame, by the lidar points that fall on it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sensebind.errors import SourceError
from sensebind.perception.percept import Observation

_MIDDLE = 0.7  # share of a box, about its middle, that is looked at: edges show the background
_DEPTH = 0.35  # metres that a thing is deep at most, from its nearest points on
_FEWEST = 3  # points that a distance is taken from


@dataclass(frozen=True, slots=True)
class Mount:
    """How a pinhole camera sits on the robot, relative to the lidar.

    Attributes:
        field_of_view: Horizontal, radians.
        forward: Where it is, metres ahead in the lidar's frame (x ahead, y left, z up).
        left: Metres to the left.
        up: Metres upwards.
        tilt: Downwards, radians.
        yaw: Radians that it looks to the left of straight ahead.
    """

    field_of_view: float
    forward: float = 0.0
    left: float = 0.0
    up: float = 0.0
    tilt: float = 0.0
    yaw: float = 0.0

    def sees(self, direction: float) -> bool:
        """Returns whether a direction, radians from straight ahead, is in its field of view."""
        return abs(math.remainder(direction - self.yaw, math.tau)) <= self.field_of_view / 2

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Returns pixel coordinates and depth [N, 3] of points [N, 3] of the lidar.

        Points behind the camera get NaN.
        """
        x, y, up = (points - [self.forward, self.left, self.up]).T
        ahead = x * math.cos(self.yaw) + y * math.sin(self.yaw)
        left = y * math.cos(self.yaw) - x * math.sin(self.yaw)
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        depth = ahead * cos - up * sin
        rise = ahead * sin + up * cos
        focal = width / 2 / math.tan(self.field_of_view / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            across = width / 2 - focal * left / depth
            down = height / 2 - focal * rise / depth
        pixels = np.stack([across, down, depth], axis=1)
        pixels[depth <= 0] = np.nan
        return pixels


class CameraSight:
    """How old the newest image of the way is; a `Sight` for `sensebind.tools.motion.Motion`.

    Of several cameras those count that look the way that is driven. Where none looks there, as
    when a robot with one camera drives back, the newest image of any must do, and the way itself
    is the lidar's to see. A turn on the spot needs the newest of any, too.

    Args:
        ages: Returns the age in seconds of each camera's newest image, by stream.
        mounts: How the cameras sit, by stream; one that is not named looks nowhere in particular.
    """

    def __init__(
        self, ages: Callable[[], Mapping[str, float]], mounts: Mapping[str, Mount] | None = None
    ) -> None:
        self._ages = ages
        self._mounts = dict(mounts or {})

    def __call__(self, direction: float | None) -> float:
        """Returns an age in seconds; inf where there is no image.

        Args:
            direction: Of travel, radians from straight ahead; None on the spot.
        """
        ages = self._ages()
        if direction is not None:
            looking = [name for name, mount in self._mounts.items() if mount.sees(direction)]
            if looking:
                return min(ages.get(name, math.inf) for name in looking)
        return min(ages.values(), default=math.inf)


@dataclass(frozen=True, slots=True)
class Position:
    """Where something is, seen from the robot.

    Attributes:
        ahead: Metres; negative is behind.
        left: Metres; negative is to the right.
        distance: Metres over the floor.
    """

    ahead: float
    left: float
    distance: float

    def __str__(self) -> str:
        side = "left" if self.left >= 0 else "right"
        return f"{self.ahead:.1f} m ahead, {abs(self.left):.1f} m {side}"


class Ranging:
    """Measures distances with the newest sweep of a lidar."""

    def __init__(self, sweep: Callable[[], Observation], mount: Mount) -> None:
        """Args:
        sweep: Gives the newest sweep (float32 [N, 3] metres, x ahead), or raises SourceError.
        mount: How the camera sits.
        """
        self._sweep = sweep
        self._mount = mount

    def positions(
        self, boxes: list[tuple[float, float, float, float]], width: int, height: int
    ) -> list[Position | None]:
        """Returns where the things in boxes are; None where the lidar does not tell.

        Args:
            boxes: Corners x0, y0, x1, y1 in pixels.
            width: Of the image, pixels.
            height: Likewise.
        """
        try:
            points = self._sweep().data[:, :3].astype(np.float64)
        except SourceError:
            return [None] * len(boxes)
        pixels = self._mount.project(points, width, height)
        return [self._position(box, points, pixels) for box in boxes]

    def _position(
        self, box: tuple[float, float, float, float], points: np.ndarray, pixels: np.ndarray
    ) -> Position | None:
        x0, y0, x1, y1 = box
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        reach = np.array([x1 - x0, y1 - y0]) / 2 * _MIDDLE
        inside = (np.abs(pixels[:, :2] - middle) <= reach).all(axis=1)  # NaN is not inside
        found = points[inside]
        if len(found) < _FEWEST:
            return None
        away = np.hypot(found[:, 0], found[:, 1])
        near = away <= np.partition(away, _FEWEST - 1)[_FEWEST - 1] + _DEPTH
        ahead, left, _ = np.median(found[near], axis=0)
        return Position(float(ahead), float(left), float(math.hypot(ahead, left)))
