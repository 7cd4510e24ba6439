"""Homes of three rooms: what is seen, scanned and driven through is one home."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensebind.errors import InputError
from sensebind.perception.lidar.occupancy import Floor
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.options import SimHomeOptions, dump_options, load_options
from sensebind.perception.simhome.rooms import CELL, floor_plan, sample_home
from sensebind.perception.simhome.scene import ROBOT_RADIUS, Scene
from sensebind.tools.motion.routes import route

SEEDS = range(12)


def floor_of(scene: Scene) -> Floor:
    free = floor_plan(scene, 0.0)
    return Floor(~free, free, (-scene.room[0] / 2, -scene.room[1] / 2), "map", CELL)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_rooms_that_the_robot_can_reach(seed: int) -> None:
    scene = sample_home(seed)
    assert scene == sample_home(seed) and len(scene.rooms) == 3
    kinds = [one.kind for one in scene.things]
    assert len(kinds) == len(set(kinds)) == 6
    for room in scene.rooms:
        inside = [one for one in scene.things if room.holds(one.x, one.y)]
        assert len(inside) == 2
        way = route(floor_of(scene), scene.robot[:2], room.middle, ROBOT_RADIUS)
        assert math.dist(way[-1], room.middle) <= 1.0


def test_seeds_differ_and_make_both_plans() -> None:
    homes = [sample_home(seed) for seed in SEEDS]
    assert len({one.robot for one in homes}) == len(homes)
    rows = {one.rooms[0].y1 == one.rooms[2].y1 for one in homes}  # in a row, or branched
    assert rows == {True, False}
    with pytest.raises(InputError, match="negative"):
        sample_home(-1)


def test_walls_are_met_seen_and_scanned_and_doorways_are_not() -> None:
    scene = next(one for one in map(sample_home, range(50)) if one.rooms[0].y1 == one.rooms[2].y1)
    edge, [lintel, *_] = scene.rooms[0].x1, [one for one in scene.walls if one.low > 0]
    empty = {**vars(scene), "things": (), "furniture": (), "device_things": {}}
    solid = next(y for y in (-1.8, 1.8) if abs(y - lintel.y) > 1.0)
    for y, open_ in ((lintel.y, True), (solid, False)):
        start = (edge - 1.2, y, 0.0)  # 1.2 m before the wall, facing it
        with SimHome(Scene(**{**empty, "robot": start}), lidar_columns=360) as home:
            ahead = home.lidar()
            ahead = ahead[(np.abs(ahead[:, 1]) < 0.02) & (ahead[:, 0] > 0) & (ahead[:, 2] > -0.3)]
            low = ahead[ahead[:, 2] < 0.5]
            assert (low[:, 0].min() > 2.0) == open_
            hits = home.view().hits[112, 112]
            assert (hits[0] > edge + 0.5) == open_
            driven = home.robot.drive(2.4)
            assert (driven == pytest.approx(2.4)) == open_
            if not open_:
                assert driven == pytest.approx(1.2 - 0.06 - ROBOT_RADIUS, abs=0.04)


def test_a_process_is_given_the_whole_home() -> None:
    scene = sample_home(2)
    assert load_options(dump_options(SimHomeOptions(scene))).scene == scene
