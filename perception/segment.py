"""Finds the thing nearest to the robot in one turn of a lidar.

Knows nothing of the room: the floor is what lies at the sensor's height below it, structure (walls,
furniture) is what is too wide or too high to be a thing.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

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
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"a scan is [N, 3] metres, not {list(points.shape)}")
    finite = np.isfinite(points).all(axis=1)
    if len(points) and not finite.any():
        raise InputError("the scan has no finite point: check the sensor")
    cloud = points[finite].astype(np.float32)
    cloud[:, 2] += sensor_height
    near = (np.abs(cloud[:, :2]) < _HORIZON).all(axis=1)
    cloud = cloud[near & (cloud[:, 2] > _GROUND)]
    if len(cloud) < _MIN_POINTS:
        return None
    label, count = _label(cloud)
    size = np.bincount(label, minlength=count)
    range_ = np.hypot(cloud[:, 0], cloud[:, 1])
    reach = np.asarray(ndimage.minimum(range_, label, np.arange(count)))
    structure = _structure(cloud, label, count)
    walls = cloud[structure[label], :2]
    for candidate in np.argsort(reach, kind="stable"):
        if reach[candidate] > max_range:
            break
        if structure[candidate] or size[candidate] < _MIN_POINTS:
            continue
        cluster = cloud[label == candidate]
        if _touches(cluster[:, :2], walls):
            continue
        rest = cloud[~structure[label] & (label != candidate)]
        found = _describe(_joined(cluster, rest), float(reach[candidate]))
        floats = found.center[2] - found.size[2] / 2 > _FLOATING
        if np.hypot(found.center[0], found.center[1]) <= max_range and not floats:
            return found
    return None


def _joined(cluster: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A cluster with what hovers close to it: beams miss the middle of a seat, not its back."""
    low, high = cluster[:, :2].min(axis=0) - 0.6, cluster[:, :2].max(axis=0) + 0.6
    rest = rest[((rest[:, :2] > low) & (rest[:, :2] < high)).all(axis=1)]
    while len(rest):
        gap, _ = KDTree(cluster[:, :2]).query(rest[:, :2], distance_upper_bound=_JOIN)
        close = np.isfinite(gap)
        joined = np.concatenate([cluster, rest[close]])
        if not close.any() or np.ptp(joined[:, :2], axis=0).max() > _STRUCTURE_EXTENT:
            break
        cluster, rest = joined, rest[~close]
    return cluster


def _label(cloud: np.ndarray) -> tuple[np.ndarray, int]:
    """Cluster of every point, by connected cells seen from above: int [N], number of clusters."""
    cells = np.floor(cloud[:, :2] / _CELL).astype(np.int64)
    cells -= cells.min(axis=0)
    grid = np.zeros(cells.max(axis=0) + 1, bool)
    grid[cells[:, 0], cells[:, 1]] = True
    found = ndimage.label(grid, structure=np.ones((3, 3)))
    labels, count = found  # type: ignore[misc]
    return labels[cells[:, 0], cells[:, 1]] - 1, int(count)


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
