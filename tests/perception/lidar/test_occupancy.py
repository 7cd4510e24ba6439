"""A map of sweeps and poses: what is free is free, and what stands there is in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.lidar.occupancy import Floor, OccupancyGrid
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.lidar import LIDAR_HEIGHT
from sensebind.perception.simhome.rooms import CELL, floor_plan, sample_home
from sensebind.perception.simhome.scene import ROBOT_RADIUS


def ring(radius: float, height: float = 0.5, count: int = 720) -> np.ndarray:
    """What a robot sees in the middle of a round room."""
    angles = np.arange(count) * (math.tau / count)
    flat = [radius * np.cos(angles), radius * np.sin(angles), np.full(count, height)]
    return np.stack(flat, axis=1)


def value(floor: Floor, x: float, y: float) -> str:
    row, column = floor.index(x, y)
    if floor.occupied[row, column]:
        return "occupied"
    return "free" if floor.free[row, column] else "unknown"


def test_walls_stand_and_the_floor_before_them_is_free() -> None:
    grid = OccupancyGrid(radius=0.24)
    assert grid.floor() is None
    grid.add(ring(2.0), Pose(5.0, -3.0, 1.0))
    floor = grid.floor()
    assert floor is not None and floor.frame == "map"
    assert value(floor, 5.0, -3.0) == "free" and value(floor, 6.5, -3.0) == "free"
    assert value(floor, 6.98, -3.0) == "occupied" and value(floor, 5.0, -4.98) == "occupied"
    row, column = floor.index(5.0, -3.0)
    assert floor.place(row, column) == pytest.approx((5.0, -3.0), abs=floor.cell)


def test_what_is_driven_over_and_under_is_not_in_the_way() -> None:
    grid = OccupancyGrid((0.04, 1.0), radius=0.24)
    grid.add(np.concatenate([ring(1.0, 0.01), ring(1.5, 1.4), ring(3.0)]), Pose(0.0, 0.0, 0.0))
    floor = grid.floor()
    assert floor is not None
    assert value(floor, 1.0, 0.0) == value(floor, 1.5, 0.0) == "free"
    assert value(floor, 2.98, 0.0) == "occupied"
    with pytest.raises(InputError, match="heights"):
        OccupancyGrid((1.0, 0.5))


def test_what_was_moved_away_is_free_again() -> None:
    grid = OccupancyGrid(radius=0.24)
    post = np.array([[1.0, 0.0, 0.5]] * 20)
    for _ in range(5):
        grid.add(np.concatenate([ring(3.0), post]), Pose(0.0, 0.0, 0.0))
    floor = grid.floor()
    assert floor is not None and value(floor, 1.0, 0.0) == "occupied"
    for _ in range(12):
        grid.add(ring(3.0), Pose(0.0, 0.0, 0.0))
    floor = grid.floor()
    assert floor is not None and value(floor, 1.0, 0.0) == "free"


def test_nothing_is_known_where_no_beam_came_back() -> None:
    grid = OccupancyGrid(radius=0.24)
    half = ring(2.0)
    grid.add(half[half[:, 0] > 0], Pose(0.0, 0.0, 0.0))
    floor = grid.floor()
    assert floor is not None
    assert value(floor, 1.0, 0.0) == "free"
    assert floor.index(-1.0, 0.0)[1] < 0 or value(floor, -1.0, 0.0) == "unknown"
    grid.add(np.full((5, 3), np.nan), Pose(0.0, 0.0, 0.0))  # a lidar that saw nothing at all


def test_another_frame_is_another_map() -> None:
    grid = OccupancyGrid(radius=0.24)
    grid.add(ring(2.0), Pose(0.0, 0.0, 0.0, "odom:1"))
    grid.add(ring(1.0), Pose(0.0, 0.0, 0.0, "odom:2"))
    floor = grid.floor()
    assert floor is not None and floor.frame == "odom:2"
    assert not 0 <= floor.index(2.0, 0.0)[1] < floor.free.shape[1]


def test_a_home_is_mapped_as_it_is() -> None:
    with SimHome(sample_home(3), lidar_columns=360) as home:
        grid = OccupancyGrid(radius=ROBOT_RADIUS)
        scene = home.scene
        for turn in range(4):
            home.robot.turn(math.tau / 4 + 0.01 * turn)
            grid.add(home.lidar() + np.array([0.0, 0.0, LIDAR_HEIGHT]), Pose(*home.robot.pose))
            home.step(0.2)
        floor = grid.floor()
        assert floor is not None
        width, depth, _ = scene.room
        solid = np.pad(~floor_plan(scene, 0.0), 1, constant_values=True)  # with the outer walls
        truly = ndimage.binary_dilation(solid, iterations=2)[1:-1, 1:-1]
        rows, columns = np.nonzero(floor.occupied)
        x, y = floor.place(rows, columns)  # type: ignore[arg-type]
        inside = (np.abs(x) < width / 2) & (np.abs(y) < depth / 2)
        row = ((y + depth / 2)[inside] / CELL).astype(int)  # type: ignore[operator]
        column = ((x + width / 2)[inside] / CELL).astype(int)  # type: ignore[operator]
        hit = truly[row.clip(max=len(truly) - 1), column.clip(max=truly.shape[1] - 1)]
        assert inside.sum() > 300 and hit.mean() > 0.99
