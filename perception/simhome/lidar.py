"""The robot's lidar: sixteen beams that turn once around."""

import math
from functools import lru_cache

import numpy as np

from sensebind.perception.simhome.world import World

LIDAR_HEIGHT = 0.60
"""Height of the sensor above the floor, metres; it sits over the robot's middle."""
# Closer together where things between 0.6 and 3 m are, one high beam to separate walls from things.
ELEVATIONS = tuple(
    math.radians(angle)
    for angle in (
        -34,
        -28,
        -23,
        -19,
        -16,
        -13.5,
        -11.5,
        -9.5,
        -7.5,
        -5.5,
        -3.5,
        -1.5,
        1,
        4.5,
        9,
        20,
    )
)
COLUMNS = 1800
REACH = 12.0
_NOISE = 0.006  # standard deviation of the range, metres


class Lidar:
    """A spinning scanner over the robot's middle.

    Args:
        world: What to scan.
        columns: Directions per turn.
    """

    def __init__(self, world: World, columns: int = COLUMNS) -> None:
        self._world = world
        self._columns = columns

    def scan(self, robot: tuple[float, float, float], time: float) -> np.ndarray:
        """One turn.

        Args:
            robot: x, y in metres and heading in radians.
            time: Home time in seconds; the range noise is a function of the scene's seed and it.

        Returns:
            float32 [N, 3] metres in the sensor's frame: x forward, y left, z up, the origin
            `LIDAR_HEIGHT` above the floor. Rays without an echo are left out.
        """
        rays = _lidar_rays(self._columns)
        cos, sin = math.cos(robot[2]), math.sin(robot[2])
        turned = rays @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        origin = np.array([robot[0], robot[1], LIDAR_HEIGHT])
        distance, geom, _ = self._world.cast(origin, turned, normals=False)
        rng = np.random.default_rng([self._world.scene.seed, 0x11DA2, round(time * 1000)])
        noisy = distance + _NOISE * rng.standard_normal(len(distance))
        echo = (geom >= 0) & (distance <= REACH)
        return (noisy[echo, None] * rays[echo]).astype(np.float32)


@lru_cache(maxsize=4)
def _lidar_rays(columns: int) -> np.ndarray:
    """Unit vectors in the sensor's frame, [beams * columns, 3]."""
    azimuth = np.arange(columns) * (2 * math.pi / columns)
    elevation = np.array(ELEVATIONS)[:, None]
    flat = np.cos(elevation)
    up = np.broadcast_to(np.sin(elevation), (len(elevation), columns))
    rays = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), up], -1).reshape(-1, 3)
    rays.setflags(write=False)
    return rays
