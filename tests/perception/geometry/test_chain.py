"""Transforms that come one by one, and where the robot is by them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.geometry.chain import OLDEST, TransformChain
from sensebind.perception.geometry.tree import Transform


def flat(x: float, y: float, yaw: float = 0.0) -> Transform:
    return Transform.of((x, y, 0.0), (0.0, 0.0, yaw))


def robot(now: float = 100.0) -> TransformChain:
    """A robot that drove 2 m ahead by its odometry, on a map that is turned by 90 degrees."""
    chain = TransformChain()
    chain.add("map", "odom", flat(10.0, 5.0, math.pi / 2), now - 1.0)
    chain.add("odom", "base_footprint", flat(2.0, 0.0, 0.5), now)
    chain.add("base_footprint", "base_link", Transform.of((0.0, 0.0, 0.1)), None)
    chain.add("base_link", "camera", Transform.of((0.3, 0.0, 0.2)), None)
    return chain


def test_a_place_is_composed_of_the_newest_of_each() -> None:
    found = robot().find(100.0)
    assert found.frame == "map"
    assert found.pose.translation == pytest.approx((10.0, 7.0, 0.1))
    assert found.pose.rpy == pytest.approx((0.0, 0.0, math.pi / 2 + 0.5))
    assert found.at == 100.0  # of the wheels, not of the map's correction
    chain = robot()
    chain.add("odom", "base_footprint", flat(3.0, 0.0), 100.5)
    assert chain.find(100.6).pose.translation[:2] == pytest.approx((10.0, 8.0))


frames = st.lists(
    st.tuples(*[st.floats(-50, 50)] * 3, *[st.floats(-3.1, 3.1)] * 3), min_size=1, max_size=6
)


@given(frames)
def test_composition_is_that_of_matrices(joints: list[tuple[float, ...]]) -> None:
    chain, product = TransformChain("f0", f"f{len(joints)}"), np.eye(4)
    for number, (x, y, z, *rpy) in enumerate(joints):
        pose = Transform.of((x, y, z), rpy)
        chain.add(f"f{number + 1}", f"f{number}", pose, None)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = pose.rotation, pose.translation
        product = matrix @ product
    found = chain.find(0.0).pose
    assert np.allclose(found.rotation, product[:3, :3], atol=1e-9)
    assert np.allclose(found.translation, product[:3, 3], atol=1e-6)


def test_without_a_map_places_are_odometrys_after_some_patience() -> None:
    chain = TransformChain(patience=2.0)
    with pytest.raises(InputError, match="no transform leads to 'base_link'"):
        chain.find(-60.0)  # wheels that come late are waited for as long
    chain.add("odom", "base_link", flat(1.0, 0.0), 0.0)
    with pytest.raises(InputError, match=r"hangs on 'odom', and no transform .* with 'map'"):
        chain.find(0.0)
    chain.add("odom", "base_link", flat(1.0, 0.0), 2.0)
    assert chain.find(2.0).frame == "odom"
    chain.add("map", "odom", flat(5.0, 0.0), 2.5)  # a localization that took its time
    assert chain.find(2.5).frame == "map"


def test_a_named_frame_is_taken_at_once_and_no_other() -> None:
    chain = TransformChain(fixed="odom")
    chain.add("map", "odom", flat(5.0, 0.0), 0.0)
    chain.add("odom", "base_link", flat(1.0, 0.0), 0.0)
    assert chain.find(0.0).frame == "odom"
    world = TransformChain(fixed="world")
    world.add("odom", "base_link", flat(1.0, 0.0), 0.0)
    with pytest.raises(InputError, match="connects that with 'world'"):
        world.find(50.0)


def test_a_map_that_was_there_is_not_given_up_for_odometry() -> None:
    chain = robot(100.0)
    assert chain.find(100.0).frame == "map"
    later = 100.0 + OLDEST + 1.0
    chain.add("odom", "base_footprint", flat(9.0, 0.0), later)
    with pytest.raises(InputError, match=r"from 'map' to 'odom' is older than 10 s"):
        chain.find(later)


def test_what_is_missing_or_old_is_named() -> None:
    empty = TransformChain()
    with pytest.raises(InputError, match="no transform leads to 'base_link'; there are none"):
        empty.find(0.0)
    empty.add("base", "camera", flat(0.0, 0.0), None)
    with pytest.raises(InputError, match="there are 'camera'"):
        empty.find(0.0)
    for now in (105.0, 106.0):  # in the same words: who logs what is new logs it once
        with pytest.raises(InputError, match=r"to 'base_footprint' is older than 2 s$"):
            robot(100.0).find(now)
    circle = TransformChain()
    for parent, child in (("a", "base_link"), ("b", "a"), ("a", "b")):
        circle.add(parent, child, flat(0.0, 0.0), None)
    with pytest.raises(InputError, match="base_link -> a -> b -> a"):
        circle.find(0.0)


def test_a_robot_that_is_screwed_down_has_a_place_without_a_time() -> None:
    chain = TransformChain()
    chain.add("map", "base_link", flat(1.0, 2.0), None)
    found = chain.find(1e6)
    assert found.at is None and found.pose.translation == (1.0, 2.0, 0.0)


def test_nobody_fills_the_memory_with_frames() -> None:
    chain = TransformChain()
    with pytest.raises(InputError, match="more than 4096 frames"):
        for number in range(5000):
            chain.add("world", f"box{number}", flat(0.0, 0.0), None)
    chain.add("world", "box7", flat(1.0, 0.0), None)  # those that are known still move
