"""The robot drives where it is told, and never through anything."""

import math

import numpy as np
import pytest

from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import ROBOT_RADIUS, Scene, Thing


def test_it_drives_and_turns():
    robot = SimHome(Scene(0)).robot
    assert robot.drive(1.0) == pytest.approx(1.0)
    assert robot.turn(math.pi / 2) == pytest.approx(math.pi / 2)
    assert robot.drive(-0.5) == pytest.approx(-0.5)
    assert robot.pose == pytest.approx((1.0, -0.5, math.pi / 2))


def test_it_stops_at_a_wall_and_can_leave_it():
    robot = SimHome(Scene(0)).robot
    driven = robot.drive(10.0)
    assert driven == pytest.approx(3.5 - ROBOT_RADIUS, abs=0.05)
    assert robot.drive(1.0) == 0.0
    assert robot.drive(-1.0) == pytest.approx(-1.0)


def test_it_stops_at_a_thing():
    robot = SimHome(Scene(0, (Thing("ball", "red", 2.0, 0.0),))).robot
    assert 1.2 < robot.drive(5.0) < 2.0 - 0.3 - 0.15
    robot.turn(math.pi / 2)
    assert robot.drive(0.5) == pytest.approx(0.5)


def test_a_rug_is_not_in_the_way():
    scene = next(
        scene
        for scene in map(SimHome, range(40))
        if any(f.kind == "rug" for f in scene.scene.furniture)
    ).scene
    rug = next(f for f in scene.furniture if f.kind == "rug")
    start = (rug.x - rug.width / 2 - 0.3, rug.y, 0.0)
    robot = SimHome(Scene(0, robot=start, room=scene.room, furniture=(rug,))).robot
    assert robot.drive(0.8) == pytest.approx(0.8)


@pytest.mark.parametrize("seed", range(6))
def test_wherever_it_wanders_it_touches_nothing(seed: int):
    home = SimHome(seed)
    rng = np.random.default_rng(seed)
    for _ in range(15):
        home.robot.turn(float(rng.uniform(-3, 3)))
        home.robot.drive(float(rng.uniform(-1, 2)))
        x, y, heading = home.robot.pose
        assert abs(x) < home.scene.room[0] / 2 - ROBOT_RADIUS
        assert abs(y) < home.scene.room[1] / 2 - ROBOT_RADIUS
        assert -math.pi <= heading <= math.pi
        # Every echo within the body's height lies outside the body.
        scan = home.lidar()
        level = np.abs(scan[:, 2]) < 0.3
        assert np.hypot(scan[level, 0], scan[level, 1]).min() > ROBOT_RADIUS - 0.03
