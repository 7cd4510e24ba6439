"""Which points of a lidar are echoes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np


def returns(points: np.ndarray, min_range: float = 0.0) -> np.ndarray:
    """Leave out beams that nothing came back from, and what is too near.

    Drivers mark a beam without a return as NaN, as infinity, or as a point at the sensor itself,
    (0, 0, 0); none of them is a thing that was hit.

    Args:
        points: [N, 3] metres in the sensor's frame.
        min_range: What is nearer is left out (the robot itself), metres.

    Returns:
        float32 [M, 3].
    """
    import numpy as np

    points = np.asarray(points, np.float32)
    least = max(min_range**2, np.finfo(np.float32).smallest_subnormal)
    with np.errstate(invalid="ignore", over="ignore"):
        x, y, z = points.T
        squared = x * x + y * y + z * z  # half the time of a sum over rows of three
        seen = (squared >= least) & (squared < np.inf)  # false for NaN, too
    return points if seen.all() else points[seen]


def checked_range(stream: str, min_range: float) -> float:
    """The least range that a user gave.

    Raises:
        ConfigurationError: It is negative or not finite.
    """
    if not 0 <= min_range < float("inf"):
        raise ConfigurationError(f"{stream}: a min_range of {min_range}; give 0 or more metres")
    return float(min_range)
