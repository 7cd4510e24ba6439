"""A whole turn of a lidar as a picture of distances, for the depth trunk."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from sensebind.errors import InputError

_NEAR = 0.2  # metres; nearer returns are of the robot itself


def sweep_depth(
    points: np.ndarray,
    size: int = 224,
    view: float = 90.0,
    heading: float = 0.0,
    reach: float = 12.0,
    spread: float = 8.0,
) -> np.ndarray:
    """Project a scan into a pinhole camera at the sensor.

    A spinning lidar hits a few lines of such a picture only; between them every pixel takes the
    depth of the nearest one that was hit.

    Args:
        points: [N, 3] metres in the sensor's frame: x forward, y left, z up.
        size: Side of the picture, pixels.
        view: Opening angle, degrees.
        heading: Where it looks, radians, left positive.
        reach: What is farther is unknown, metres.
        spread: How far from a hit a pixel may be to take its depth, degrees.

    Returns:
        float32 [size, size] metres along the view; 0 where nothing is known.

    Raises:
        InputError: The array has another shape, or the view is not between 0 and 180 degrees.
    """
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(f"a scan is [N, 3] metres, not {list(points.shape)}")
    if not 0 < view < 180:
        raise InputError(f"a view of {view:g} degrees; give more than 0 and less than 180")
    focal = size / 2 / np.tan(np.radians(view) / 2)
    cos, sin = np.cos(heading), np.sin(heading)
    ahead = cos * points[:, 0] + sin * points[:, 1]
    seen = (ahead > _NEAR) & (ahead < reach)  # NaN is neither
    ahead = ahead[seen]
    aside = (cos * points[:, 1] - sin * points[:, 0])[seen]
    column = np.floor(size / 2 - focal * aside / ahead).astype(np.int64)
    row = np.floor(size / 2 - focal * points[seen, 2] / ahead).astype(np.int64)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    pixel = (row * size + column)[inside]
    ahead = ahead[inside]
    depth = np.zeros(size * size, np.float32)
    if not len(pixel):
        return depth.reshape(size, size)
    order = np.argsort(-ahead, kind="stable")  # the nearest is written last
    depth[pixel[order]] = ahead[order]
    depth = depth.reshape(size, size)
    found = ndimage.distance_transform_edt(depth == 0, return_indices=True)
    gap, nearest = found  # pyright: ignore[reportGeneralTypeIssues]: SciPy's types say None
    filled = depth[nearest[0], nearest[1]]
    return np.where(gap <= focal * np.radians(spread), filled, np.float32(0))
