"""A sweep as a picture of distances."""

import math

import numpy as np
import pytest

from sensebind.errors import InputError
from sensebind.perception.lidar.range_image import sweep_depth


def wall(distance: float, heading: float = 0.0) -> np.ndarray:
    """A wall across the view, hit by 16 beams, with a post half as far in its middle."""
    azimuth = np.radians(np.linspace(-44, 44, 400))[None]
    elevation = np.radians(np.linspace(-15, 15, 16))[:, None]
    ahead = np.where(np.abs(azimuth) < 0.05, distance / 2, distance)
    x, y = np.broadcast_arrays(ahead, ahead * np.tan(azimuth))[0:2]
    z = ahead / np.cos(azimuth) * np.tan(elevation)
    points = np.stack([np.broadcast_to(x, z.shape), np.broadcast_to(y, z.shape), z], -1)
    cos, sin = math.cos(heading), math.sin(heading)
    return points.reshape(-1, 3) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.5])
def test_a_wall_is_flat_and_the_post_stands_before_it(heading: float) -> None:
    depth = sweep_depth(wall(4.0, heading), size=64, heading=heading)
    assert depth.shape == (64, 64) and depth.dtype == np.float32
    assert depth[32, 31:33] == pytest.approx([2.0, 2.0], abs=1e-3)
    assert depth[32, 8] == pytest.approx(4.0, abs=1e-3)
    assert (depth[0] == 0).all(), "nothing was seen above the beams"


def test_left_is_left() -> None:
    depth = sweep_depth(np.array([[2.0, 1.0, 0.5]]), size=64, spread=2.0)
    rows, columns = np.nonzero(depth)
    assert columns.mean() < 24 and rows.mean() < 28


def test_odd_sweeps() -> None:
    assert not sweep_depth(np.zeros((0, 3))).any()
    assert not sweep_depth(np.full((5, 3), np.nan)).any()
    assert not sweep_depth(np.array([[-1.0, 0, 0], [50.0, 0, 0], [0.1, 0, 0]])).any()
    with pytest.raises(InputError, match=r"\[N, 3\]"):
        sweep_depth(np.zeros((5, 2)))
    with pytest.raises(InputError, match="180 degrees"):
        sweep_depth(np.zeros((5, 3)), view=180)
