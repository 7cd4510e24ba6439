"""The way by a map: through doorways, never through what is there or not known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sensebind.errors import ToolError
from sensebind.perception.lidar.occupancy import Floor
from sensebind.tools.motion import Limits, Motion, motion_tools
from sensebind.tools.motion.contracts import Place
from sensebind.tools.motion.routes import length, route

RADIUS = 0.24


def rooms(door: float | None, width: float = 0.9) -> Floor:
    """Two rooms of 3 m x 3 m with a wall at x = 3, and a doorway in it at y = `door`."""
    occupied = np.zeros((60, 120), bool)
    occupied[[0, -1], :] = occupied[:, [0, -1]] = True
    occupied[:, 60] = True
    if door is not None:
        at, half = round(door / 0.05), round(width / 0.1)
        occupied[at - half : at + half, 60] = False
    return Floor(occupied, ~occupied, (0.0, 0.0), "map")


def apart(floor: Floor) -> np.ndarray:
    """How far each cell is from what stands there, cells."""
    away = ndimage.distance_transform_edt(~floor.occupied)
    assert isinstance(away, np.ndarray)
    return away


def kept(floor: Floor, start: Place, way: list[Place]) -> float:
    """How near the robot's middle comes to something on its way, metres."""
    away = apart(floor)
    nearest = math.inf
    for (x0, y0), (x1, y1) in zip([start, *way], way, strict=False):
        for share in np.linspace(0, 1, 200):
            row, column = floor.index(x0 + share * (x1 - x0), y0 + share * (y1 - y0))
            nearest = min(nearest, away[row, column] * floor.cell - floor.cell / 2)
    return nearest


def test_through_the_doorway() -> None:
    floor = rooms(2.3)
    way = route(floor, (0.5, 0.5), (5.5, 0.5), RADIUS)
    assert math.dist(way[-1], (5.5, 0.5)) < 0.05
    assert kept(floor, (0.5, 0.5), way) > RADIUS
    assert 5.9 < length((0.5, 0.5), way) < 7.5 and len(way) <= 5
    crossing = [
        y0 + (3.0 - x0) / (x1 - x0) * (y1 - y0)
        for (x0, y0), (x1, y1) in zip([(0.5, 0.5), *way], way, strict=False)
        if (x0 - 3.0) * (x1 - 3.0) < 0
    ]
    assert len(crossing) == 1 and abs(crossing[0] - 2.3) < 0.45 - RADIUS


def test_straight_where_nothing_is_in_the_way() -> None:
    assert len(route(rooms(1.5), (0.5, 0.5), (2.4, 2.4), RADIUS)) == 1
    assert len(route(rooms(1.5), (0.6, 1.5), (5.4, 1.5), RADIUS)) == 1


def test_no_way_is_made_up() -> None:
    for closed in (rooms(None), rooms(1.5, 0.5)):  # a gap that is too narrow is none
        with pytest.raises(ToolError, match="no way is known to"):
            route(closed, (0.5, 0.5), (5.5, 0.5), RADIUS)
    floor = rooms(1.5)
    floor.free[20:40, 55:65] = False  # nobody has seen what is in the doorway
    with pytest.raises(ToolError, match="no way is known to"):
        route(floor, (0.5, 0.5), (5.5, 0.5), RADIUS)
    with pytest.raises(ToolError, match="no way is known to"):
        route(rooms(1.5), (0.5, 0.5), (50.0, 0.5), RADIUS)
    with pytest.raises(ToolError, match="from here"):
        route(rooms(1.5), (-5.0, 0.5), (0.5, 0.5), RADIUS)


def test_to_the_nearest_place_where_it_fits() -> None:
    floor = rooms(1.5)
    floor.occupied[28:32, 28:32] = True
    floor.free[28:32, 28:32] = False
    way = route(floor, (0.5, 0.5), (1.5, 1.3), RADIUS)
    assert 0.1 < math.dist(way[-1], (1.5, 1.3)) < 0.5
    assert kept(floor, (0.5, 0.5), way) > RADIUS


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whatever_stands_there_the_robot_does_not_touch_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    floor = rooms(float(rng.uniform(0.7, 2.3)))
    for row, column in rng.integers(4, [52, 112], (8, 2)):
        floor.occupied[row : row + 4, column : column + 4] = True
    floor.free[...] = ~floor.occupied
    fits = apart(floor) > (RADIUS + 0.2) / floor.cell
    rows, columns = np.nonzero(fits)
    if not rows.size:
        return
    begin, end = rng.integers(len(rows), size=2)
    start, goal = (floor.place(int(rows[one]), int(columns[one])) for one in (begin, end))
    try:
        way = route(floor, start, goal, RADIUS)
    except ToolError:
        wide = apart(floor) > (RADIUS + 0.12) / floor.cell
        parts, _ = ndimage.label(wide)  # type: ignore[misc]
        assert parts[rows[begin], columns[begin]] != parts[rows[end], columns[end]]
        return
    assert math.dist(way[-1], goal) < 0.05
    assert kept(floor, start, way) > RADIUS


# --- driving it ---


class Wheels:
    """A robot that is moved at once; a box stands in its way until it has met it."""

    guards_itself = True

    def __init__(self, box: float = math.inf) -> None:
        self.x = self.y = 0.5
        self.heading = 0.0
        self.box = box
        self.drives: list[float] = []

    def drive(self, metres: float) -> float:
        driven = min(metres, self.box)
        if driven < metres:
            self.box = math.inf
        self.x += driven * math.cos(self.heading)
        self.y += driven * math.sin(self.heading)
        self.drives.append(driven)
        return driven

    def turn(self, radians: float) -> float:
        self.heading = math.remainder(self.heading + radians, math.tau)
        return radians

    def pose(self) -> tuple[float, float, float]:
        return self.x, self.y, self.heading

    def stop(self) -> None:
        pass


def go(robot: Wheels, limits: Limits, router) -> str:
    [tool] = [
        one for one in motion_tools(Motion(robot, limits, router=router)) if one.name == "go_to"
    ]
    return str(tool.invoke({"x": 5.5, "y": 0.5}))


def test_it_drives_the_way_in_movements_that_are_allowed() -> None:
    floor, robot = rooms(2.3), Wheels()
    said = go(robot, Limits(distance=1.0, route=20.0), lambda a, b: route(floor, a, b, RADIUS))
    assert said.startswith("arrived at (5.5, 0.5)")
    assert math.dist(robot.pose()[:2], (5.5, 0.5)) < 0.1
    assert max(robot.drives) <= 1.0 + 1e-6 and sum(robot.drives) > 5.9


def test_a_way_that_is_too_long_is_refused_before_it_begins() -> None:
    floor, robot = rooms(2.3), Wheels()
    router = lambda a, b: route(floor, a, b, RADIUS)  # noqa: E731
    assert "5 m are the most" in go(robot, Limits(distance=1.0, route=5.0), router)
    assert "2 m are the most" in go(robot, Limits(distance=2.0), router)
    assert "outside the area" in go(robot, Limits(route=20.0, fence=(0, 0, 3, 3)), router)
    assert robot.drives == []


def test_another_way_is_looked_for_where_something_stands_in_it() -> None:
    floor, robot = rooms(2.3), Wheels(box=0.3)
    asked: list[Place] = []

    def router(start: Place, goal: Place) -> list[Place]:
        asked.append(start)
        return route(floor, start, goal, RADIUS)

    assert go(robot, Limits(distance=6.0, route=20.0), router).startswith("arrived")
    assert len(asked) == 2 and asked[0] == (0.5, 0.5) and asked[1] != asked[0]
    stuck = Wheels()
    stuck.drive = lambda metres: 0.0  # type: ignore[method-assign]
    assert "something is in the way" in go(stuck, Limits(distance=6.0, route=20.0), router)
    assert len(asked) == 6  # four ways were tried
