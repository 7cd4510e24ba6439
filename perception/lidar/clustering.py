"""Finds the things in one turn of a lidar: crop, remove the floor, cluster, leave out structure.

Knows nothing of the room: the floor is what lies at the sensor's height below it (`level` finds out
how it lies), structure (walls, furniture) is what is too wide or too high to be a thing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from sensebind.errors import InputError

RANGE = 3.0
"""The middle of a thing must be within this distance of the robot, metres."""
_GROUND = 0.04  # metres above the floor that count as floor
_CELL = 0.10  # metres; points in neighbouring cells belong together
_JOIN = 0.32  # metres over the floor; parts of one thing may be this far from each other
_HORIZON = 9.0  # metres; clusters are formed this far, so that walls are seen as wide as they are
_STRUCTURE_EXTENT = 1.3  # metres
_STRUCTURE_HEIGHT = 1.3
_WALL_MARGIN = 0.20  # metres; what lies this close to the line of a structure is a piece of it
_FLOATING = 0.45  # metres; what begins higher is the edge of a table, not a thing on the floor
_MIN_POINTS = 25
_FLOOR_REACH = 6.0  # metres; farther off a spinning lidar hardly hits the floor
_FLOOR_BAND = 0.8  # metres; the floor is looked for so far above and below where it should be
_FLOOR_CELL = 0.5  # metres
_FLOOR_CELLS = 12  # fewer do not make a floor
_FLOOR_MARGINS = (0.5, 0.25, 0.12, 0.06, 0.06)  # metres off the plane, step by step


@dataclass(frozen=True, slots=True)
class Cluster:
    """A thing as the lidar sees it, in the robot's frame: x forward, y left, z above the floor.

    Attributes:
        points: float32 [N, 3] metres.
        center: Middle of its bounding box, metres.
        size: Extent along x, y and z, metres.
        distance: From the robot's middle to its nearest point over the floor, metres.
        bearing: Direction of its middle, radians, left positive.
    """

    points: np.ndarray
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    distance: float
    bearing: float


def nearest_cluster(
    points: np.ndarray, *, sensor_height: float = 0.60, max_range: float = RANGE
) -> Cluster | None:
    """Cut the nearest thing out of a scan.

    Args:
        points: [N, 3] metres in the sensor's frame: x forward, y left, z up.
        sensor_height: Height of the sensor above the floor, metres.
        max_range: How near the middle of a thing must be to count, metres.

    Returns:
        The thing whose outline is nearest, or None if there is only floor and structure.

    Raises:
        InputError: If the array has another shape or no finite point.
    """
    return next(_things(_finite(points), sensor_height, max_range), None)


def clusters(
    points: np.ndarray,
    *,
    sensor_height: float = 0.60,
    min_range: float = 0.0,
    max_range: float = RANGE,
    limit: int | None = None,
    uneven: bool = False,
) -> list[Cluster]:
    """Cut all things out of a scan, the nearest first.

    Args:
        points: [N, 3] metres in the sensor's frame: x forward, y left, z up.
        sensor_height: Height of the sensor above the floor, metres.
        min_range: What is nearer over the floor is the robot itself, metres.
        max_range: How near the middle of a thing must be to count, metres.
        limit: At most so many.
        uneven: Whether the sensor or the floor may be tilted; `level` is called first.

    Raises:
        InputError: If the array has another shape or no finite point.
    """
    cloud = _finite(points)
    cloud = cloud[np.hypot(cloud[:, 0], cloud[:, 1]) >= min_range]
    if uneven:
        cloud = level(cloud, sensor_height)
    return list(islice(_things(cloud, sensor_height, max_range), limit))


def level(points: np.ndarray, sensor_height: float = 0.60) -> np.ndarray:
    """Turn a scan so that its floor lies flat, `sensor_height` below the sensor.

    A plane is fitted to the lowest point of every cell around the robot; what does not lie in it
    (things, holes, reflections) is left out step by step.

    Args:
        points: [N, 3] metres, finite, in the sensor's frame: x forward, y left, z up.
        sensor_height: Height of the sensor above the floor, metres; right to some 0.3 m.

    Returns:
        float32 [N, 3]; the points as they are if no floor is found.
    """
    near = np.hypot(points[:, 0], points[:, 1]) < _FLOOR_REACH
    ground = points[near & (np.abs(points[:, 2] + sensor_height) < _FLOOR_BAND)].astype(np.float64)
    if len(ground) < _MIN_POINTS:
        return points
    ground = ground[np.argsort(ground[:, 2], kind="stable")]
    cells = _cells(ground, _FLOOR_CELL)
    _, lowest = np.unique(cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1], return_index=True)
    ground = ground[lowest]
    slope = np.array([0.0, 0.0, -sensor_height])  # z = slope @ (x, y, 1)
    for margin in _FLOOR_MARGINS:
        across = np.column_stack([ground[:, :2], np.ones(len(ground))])
        flat = np.abs(across @ slope - ground[:, 2]) < margin
        if flat.sum() < _FLOOR_CELLS:
            return points
        slope, *_ = np.linalg.lstsq(across[flat], ground[flat, 2], rcond=None)
    normal = np.array([-slope[0], -slope[1], 1.0]) / np.hypot(1.0, np.hypot(slope[0], slope[1]))
    turn, _ = Rotation.align_vectors([[0, 0, 1]], [normal])
    levelled = turn.apply(points)
    levelled[:, 2] -= normal[2] * slope[2] + sensor_height
    return levelled.astype(np.float32)


def _finite(points: np.ndarray) -> np.ndarray:
    """The points that are numbers, float32 [N, 3]."""
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"a scan is [N, 3] metres, not {list(points.shape)}")
    finite = np.isfinite(points).all(axis=1)
    if len(points) and not finite.any():
        raise InputError("the scan has no finite point: check the sensor")
    return points[finite].astype(np.float32)


def _things(cloud: np.ndarray, sensor_height: float, max_range: float) -> Iterator[Cluster]:
    """Things, the nearest first; each point belongs to one of them at most."""
    cloud = cloud.copy()
    cloud[:, 2] += sensor_height
    near = (np.abs(cloud[:, :2]) < _HORIZON).all(axis=1)
    cloud = cloud[near & (cloud[:, 2] > _GROUND)]
    if len(cloud) < _MIN_POINTS:
        return
    label, count = _label(cloud)
    range_ = np.hypot(cloud[:, 0], cloud[:, 1])
    reach = np.asarray(ndimage.minimum(range_, label, np.arange(count)))
    structure = _structure(cloud, label, count)
    walls = cloud[structure[label], :2]
    free = ~structure[label]
    for candidate in np.argsort(reach, kind="stable"):
        if reach[candidate] > max_range:
            break
        own = np.flatnonzero(free & (label == candidate))
        if len(own) < _MIN_POINTS or _touches(cloud[own, :2], walls):
            continue
        whole = _joined(cloud, own, np.flatnonzero(free & (label != candidate)))
        found = _describe(cloud[whole], float(reach[candidate]))
        floats = found.center[2] - found.size[2] / 2 > _FLOATING
        if np.hypot(found.center[0], found.center[1]) <= max_range and not floats:
            free[whole] = False
            yield found


def _joined(cloud: np.ndarray, own: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A cluster with what hovers close to it: beams miss the middle of a seat, not its back.

    Args:
        cloud: [N, 3], metres.
        own: Rows of the cluster.
        rest: Rows that are still free.

    Returns:
        Rows of the whole thing.
    """
    flat = cloud[:, :2]
    low, high = flat[own].min(axis=0) - 0.6, flat[own].max(axis=0) + 0.6
    rest = rest[((flat[rest] > low) & (flat[rest] < high)).all(axis=1)]
    while len(rest):
        gap, _ = KDTree(flat[own]).query(flat[rest], distance_upper_bound=_JOIN)
        close = np.isfinite(gap)
        joined = np.concatenate([own, rest[close]])
        if not close.any() or np.ptp(flat[joined], axis=0).max() > _STRUCTURE_EXTENT:
            break
        own, rest = joined, rest[~close]
    return own


def _label(cloud: np.ndarray) -> tuple[np.ndarray, int]:
    """Cluster of every point, by connected cells seen from above: int [N], number of clusters."""
    cells = _cells(cloud, _CELL)
    grid = np.zeros(cells.max(axis=0) + 1, bool)
    grid[cells[:, 0], cells[:, 1]] = True
    found = ndimage.label(grid, structure=np.ones((3, 3)))
    labels, count = found  # type: ignore[misc]
    return labels[cells[:, 0], cells[:, 1]] - 1, int(count)


def _cells(cloud: np.ndarray, size: float) -> np.ndarray:
    """Cell of every point on a grid over the floor that begins at 0: int [N, 2]."""
    cells = np.floor(cloud[:, :2] / size).astype(np.int64)
    return cells - cells.min(axis=0)


def _structure(cloud: np.ndarray, label: np.ndarray, count: int) -> np.ndarray:
    """Which clusters are too wide or too high for a thing: bool [clusters]."""
    index = np.arange(count)
    tall = np.asarray(ndimage.maximum(cloud[:, 2], label, index)) > _STRUCTURE_HEIGHT
    widest = np.zeros(count)
    for angle in np.arange(8) * (np.pi / 8):
        along = cloud[:, 0] * np.cos(angle) + cloud[:, 1] * np.sin(angle)
        low, high = ndimage.minimum(along, label, index), ndimage.maximum(along, label, index)
        widest = np.maximum(widest, np.asarray(high) - np.asarray(low))
    return tall | (widest > _STRUCTURE_EXTENT)


def _touches(cluster: np.ndarray, walls: np.ndarray) -> bool:
    """Whether a cluster is a piece of structure, cut off by a shadow: too close to the rest."""
    low, high = cluster.min(axis=0) - _WALL_MARGIN, cluster.max(axis=0) + _WALL_MARGIN
    walls = walls[((walls > low) & (walls < high)).all(axis=1)]
    if not len(walls):
        return False
    gap, _ = KDTree(cluster).query(walls, distance_upper_bound=_WALL_MARGIN)
    return bool(np.isfinite(gap).any())


def _describe(points: np.ndarray, distance: float) -> Cluster:
    low, high = points.min(axis=0), points.max(axis=0)
    center, size = (low + high) / 2, high - low
    return Cluster(
        points=points,
        center=(float(center[0]), float(center[1]), float(center[2])),
        size=(float(size[0]), float(size[1]), float(size[2])),
        distance=distance,
        bearing=float(np.arctan2(center[1], center[0])),
    )
