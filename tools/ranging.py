"""Where an object in the image is, in the robot's frame, by the lidar points that fall on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from sensebind.errors import ConfigurationError, SourceError, ToolError
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.lidar.clustering import clusters
from sensebind.perception.percept import Observation

Box = tuple[float, float, float, float]

_REACH = 6.0  # metres within which objects are cut out of a sweep
_ALIKE = 0.2  # overlap of a box with that of a cluster's points, above which they are one object
_WITHIN = 0.6  # share of a cluster's points that lie in the box of their object
_EDGE = 0.3  # of a box's size, by which a detector may have drawn it too small
_BETTER = 0.02  # more overlap with which a further piece of an object counts
_APART = 0.55  # metres over the floor between parts of one object: as deep as a chair
_MIDDLE = 0.7  # share of a box, about its middle, that is looked at where no object was cut out
_DEPTH = 0.35  # metres that an object is deep at most, from its nearest points on
_FLOOR = 0.04  # metres; what is lower is the floor
_FEWEST = 3  # points that a distance is taken from
_SURFACE = 0.015  # metres behind the nearest point: a few times the noise of a range


class CameraSight:
    """How old the newest image of the way is; a `Sight` for `sensebind.tools.motion.Motion`.

    Of several cameras those count that look the way that is driven. Where none looks there, as
    when a robot with one camera drives back, the newest image of any must do, and the way itself
    is the lidar's to see. A turn on the spot needs the newest of any, too.

    Args:
        ages: Returns the age in seconds of each camera's newest image, by stream.
        cameras: Where the cameras sit, by stream; one that is not named looks nowhere in
            particular.
    """

    def __init__(
        self, ages: Callable[[], Mapping[str, float]], cameras: Mapping[str, Camera] | None = None
    ) -> None:
        self._ages = ages
        self._cameras = dict(cameras or {})

    def __call__(self, direction: float | None) -> float:
        """Returns an age in seconds; inf where there is no image.

        Args:
            direction: Of travel, radians from straight ahead; None on the spot.
        """
        ages = self._ages()
        if direction is not None:
            looking = [name for name, camera in self._cameras.items() if camera.sees(direction)]
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
        up: Metres above the floor.
    """

    ahead: float
    left: float
    distance: float
    up: float = 0.0

    @classmethod
    def of(cls, point: Sequence[float] | np.ndarray) -> "Position":
        """Returns a position by a point [3] in the robot's frame, metres."""
        x, y, z = (float(value) for value in point)
        return cls(x, y, math.hypot(x, y), z)

    def __str__(self) -> str:
        side = "left" if self.left >= 0 else "right"
        return f"{self.ahead:.1f} m ahead, {abs(self.left):.1f} m {side}"


class Ranging:
    """Measures with the newest sweep of a lidar where the objects of an image are.

    A sweep is cut into objects first (`perception.lidar.clustering`), and a box gets those whose
    points fill it best. What stands too close to a wall to be cut out is looked for in the middle
    of its box.
    """

    def __init__(self, sweep: Callable[[], Observation], camera: Camera, lidar: Transform) -> None:
        """Use a camera and a lidar of known pose.

        Args:
            sweep: Gives the newest sweep (float32 [N, 3] metres in the lidar's frame), or raises
                SourceError.
            camera: Gave the images.
            lidar: Pose of the lidar in the robot's frame on the floor.
        """
        self._sweep = sweep
        self._camera = camera
        self._lidar = lidar

    def positions(self, boxes: Sequence[Box], width: int, height: int) -> list[Position | None]:
        """Returns where the nearest surface of each object is; None where no lidar point falls.

        Args:
            boxes: Corners x0, y0, x1, y1 in pixels; 0 is the image's edge.
            width: Of the image, pixels.
            height: Of the image, pixels.

        Raises:
            ToolError: The image does not fit the camera's calibration.
        """
        if not boxes:
            return []
        try:
            sweep = self._sweep().data[:, :3]
        except SourceError:
            return [None] * len(boxes)
        points = self._lidar.apply(sweep[np.isfinite(sweep).all(axis=1)]).astype(np.float32)
        points = points[points[:, 2] > _FLOOR]
        try:
            pixels = self._camera.project(points, width, height)[:, :2] + 0.5  # from the edge
        except ConfigurationError as error:
            raise ToolError(str(error)) from error
        owners = _objects(points)
        return [_position(np.array(box), owners, points, pixels) for box in boxes]


def _objects(points: np.ndarray) -> np.ndarray:
    """Returns to which object each point belongs, int [N]; -1 to none."""
    owners = np.full(len(points), -1)
    if not len(points):
        return owners
    rows = {row.tobytes(): index for index, row in enumerate(points)}
    for number, one in enumerate(clusters(points, sensor_height=0.0, max_range=_REACH)):
        owners[[rows[row.tobytes()] for row in one.points]] = number
    return owners


def _position(
    box: np.ndarray, owners: np.ndarray, points: np.ndarray, pixels: np.ndarray
) -> Position | None:
    """Returns the place of the object in a box.

    Args:
        box: Its corners [4], pixels.
        owners: To which object each point belongs, int [N]; -1 to none.
        points: float32 [N, 3] metres in the robot's frame.
        pixels: Where they fall in the image, [N, 2]; NaN for those that are not seen.
    """
    inside = _inside(pixels, box, 1 + _EDGE)
    whole = _pieces(box, owners, points, pixels, inside)
    if whole.any():
        # Thin parts that stand apart, such as the legs of a chair, belong to nothing else.
        loose = np.flatnonzero(inside & (owners < 0))
        whole[loose[_gaps(points[loose], points[whole]) < _APART]] = True
        return Position.of(_nearest(points[whole].astype(np.float64)))
    found = points[_inside(pixels, box, _MIDDLE)]
    if len(found) < _FEWEST:
        return None
    away = np.hypot(found[:, 0], found[:, 1])
    near = away <= np.partition(away, _FEWEST - 1)[_FEWEST - 1] + _DEPTH
    return Position.of(_nearest(found[near].astype(np.float64)))


def _pieces(
    box: np.ndarray,
    owners: np.ndarray,
    points: np.ndarray,
    pixels: np.ndarray,
    inside: np.ndarray,
) -> np.ndarray:
    """Returns which points are of the object that fills a box best, bool [N].

    What was cut in two, as a chair whose seat lies between two beams, is put together as long as
    that fills the box better. Something else that stands before the object does not.
    """
    pieces = []
    for number in np.unique(owners[inside & (owners >= 0)]):
        mine = owners == number
        if inside[mine].mean() >= _WITHIN:
            pieces.append((_overlap(box, _around(pixels[mine])), mine))
    whole, alike = np.zeros(len(owners), bool), _ALIKE
    for _, mine in sorted(pieces, key=lambda piece: -piece[0]):
        joined = whole | (mine & inside)
        better = _overlap(box, _around(pixels[joined]))
        if better < alike + (_BETTER if whole.any() else 0.0):
            continue
        if not whole.any() or _gaps(points[mine], points[whole]).min() < _APART:
            whole, alike = joined, better
    return whole


def _gaps(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns how far each point is from the nearest of others over the floor, metres."""
    gap, _ = KDTree(others[:, :2]).query(points[:, :2])
    return gap


def _around(pixels: np.ndarray) -> np.ndarray:
    """Returns the box [4] of pixels [N, 2]; of none an empty one."""
    seen = pixels[np.isfinite(pixels[:, 0])]
    if not len(seen):
        return np.zeros(4)
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)])


def _nearest(surface: np.ndarray) -> np.ndarray:
    """Returns the point [3] of a surface [N, 3] that is nearest to the robot over the floor."""
    away = np.hypot(surface[:, 0], surface[:, 1])
    first = np.partition(away, _FEWEST - 1)[_FEWEST - 1]  # two that are wrong do no harm
    return surface[away <= first + _SURFACE].mean(axis=0)


def _inside(pixels: np.ndarray, box: np.ndarray, share: float) -> np.ndarray:
    """Returns which pixels [N, 2] lie in a box that is scaled about its middle; NaN does not."""
    middle, reach = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    aside = np.abs(pixels - middle)
    return (aside[:, 0] <= share * reach[0]) & (aside[:, 1] <= share * reach[1])


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Returns intersection over union of two boxes [4]."""
    both = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0))
    areas = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])
    return float(both / max(areas - both, 1e-9))
