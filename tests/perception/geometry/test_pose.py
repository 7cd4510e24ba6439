"""Poses: what they are in, where the robot was at a time, and when places stop to hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import MAP, Pose, PoseTrack, yaw_of


def test_between_two_poses_it_was_on_its_way() -> None:
    track = PoseTrack()
    track.add(10.0, 1.0, 2.0, 3.0)
    track.add(10.5, 2.0, 2.0, -3.0)  # on across the half turn, not all the way back
    assert track.at(10.0) == Pose(1.0, 2.0, 3.0)
    middle = track.at(10.25)
    assert middle is not None
    assert (middle.x, middle.y) == (1.5, 2.0)
    assert abs(middle.yaw) == pytest.approx(math.pi)


def test_where_it_was_is_not_guessed() -> None:
    track = PoseTrack()
    assert track.at(10.0) is None
    track.add(10.0, 0.0, 0.0, 0.0)
    track.add(12.0, 1.0, 0.0, 0.0)
    assert track.at(9.9) is None  # before all that is known
    assert track.at(11.0) is None  # in a hole of two seconds
    assert track.at(12.4) == Pose(1.0, 0.0, 0.0)
    assert track.at(12.6) is None
    track.add(11.0, 5.0, 0.0, 0.0)
    assert track.refused == 1 and track.at(12.4) == Pose(1.0, 0.0, 0.0)
    for wrong in ((math.nan, 0.0, 0.0, 0.0), (13.0, math.inf, 0.0, 0.0)):
        with pytest.raises(InputError):
            track.add(*wrong)


def test_odometry_that_begins_again_has_other_places() -> None:
    track, lasting = PoseTrack("odom"), PoseTrack()
    for one in (track, lasting):
        one.add(10.0, 5.0, 0.0, 0.0)
        one.add(10.1, 5.1, 0.0, 0.0)
    before = track.frame
    assert before.startswith("odom:") and lasting.frame == MAP
    for one in (track, lasting):
        one.add(10.2, 0.0, 0.0, 0.0)
    assert track.frame.startswith("odom:") and track.frame != before
    assert lasting.frame == MAP  # a map may correct itself by as much
    assert track.at(10.15) is None
    assert track.at(10.2) == Pose(0.0, 0.0, 0.0, track.frame)


@given(st.floats(-math.pi, math.pi), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_yaw_is_what_scipy_says(yaw: float, pitch: float, roll: float) -> None:
    turn = Rotation.from_euler("ZYX", [yaw, pitch, roll])
    found = yaw_of(*map(float, turn.as_quat()))
    assert abs(math.remainder(found - yaw, math.tau)) < 1e-6


def test_what_is_no_rotation_is_refused() -> None:
    for wrong in ((0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0), (np.nan, 0.0, 0.0, 1.0)):
        with pytest.raises(InputError, match="not a rotation"):
            yaw_of(*wrong)


def test_a_place_is_said_in_tenths() -> None:
    assert str(Pose(1.26, -0.04, 0.0)) == "(1.3, 0.0)"
