"""Transforms of a ROS graph as poses of the robot; no ROS library is needed."""

import logging
import math
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import MAP, PoseTrack
from sensebind.perception.sources import pose_topic
from sensebind.perception.sources.pose_messages import joints_in
from sensebind.perception.sources.pose_topic import PoseTopic
from sensebind.perception.sources.pose_transforms import TransformPoses

BAD = float("nan")


def transform(
    parent: str, child: str, x: float, y: float, yaw: float = 0.0, stamp: float = 1000.0
) -> Any:
    whole = int(stamp)
    turn = SimpleNamespace(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    return SimpleNamespace(
        header=SimpleNamespace(
            frame_id=parent,
            stamp=SimpleNamespace(sec=whole, nanosec=round((stamp - whole) * 1e9)),
        ),
        child_frame_id=child,
        transform=SimpleNamespace(translation=SimpleNamespace(x=x, y=y, z=0.0), rotation=turn),
    )


def message(*transforms: Any) -> Any:
    return SimpleNamespace(transforms=list(transforms))


def test_a_chain_of_three_topics_worth_of_transforms_is_a_pose() -> None:
    track = PoseTrack("odom")
    poses = TransformPoses("/tf", track)
    poses.hear(message(transform("/map", "/odom", 10.0, 5.0, math.pi / 2, 1001.0)))  # stamps ahead
    poses.hear(message(transform("odom", "base_footprint", 2.0, 0.0)))
    poses.hear(message(transform("base_footprint", "base_link", 0.0, 0.0)), static=True)
    poses.look(time.monotonic())
    found = track.at(time.monotonic())
    assert found is not None and found.frame == MAP
    assert (found.x, found.y, found.yaw) == pytest.approx((10.0, 7.0, math.pi / 2))
    assert not poses.stands and poses.refused == track.refused == 0


def test_only_what_moves_makes_a_pose_newer() -> None:
    track = PoseTrack()
    poses = TransformPoses("/tf", track)
    poses.hear(message(transform("map", "odom", 0.0, 0.0)))
    poses.hear(message(transform("odom", "base_link", 1.0, 0.0)))
    poses.look(time.monotonic())
    poses.hear(message(transform("map", "odom", 0.0, 0.0, stamp=1000.1)))
    poses.look(time.monotonic())
    assert len(track.newer(0.0)) == 1
    poses.hear(message(transform("odom", "base_link", 2.0, 0.0, stamp=1000.2)))
    poses.look(time.monotonic())
    assert [pose.x for _, pose in track.newer(0.0)] == [1.0, 2.0]


def test_transforms_that_make_no_sense_are_left_out_and_the_others_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    zeros = transform("map", "odom", 0.0, 0.0)
    zeros.transform.rotation.w = 0.0
    spoilt = [
        zeros,
        transform("map", "odom", BAD, 0.0),
        transform("map", "odom", 0.0, float("inf")),
        transform("map", "odom", 0.0, 0.0, BAD),
        transform("map", "map", 0.0, 0.0),
        transform("", "odom", 0.0, 0.0),
        transform("map", "/", 0.0, 0.0),
    ]
    assert all(isinstance(one, InputError) for one in joints_in(message(*spoilt)))
    track = PoseTrack()
    poses = TransformPoses("/tf", track)
    with caplog.at_level(logging.WARNING):
        poses.hear(message(*spoilt, transform("map", "base_link", 3.0, 4.0)))
    poses.look(time.monotonic())
    [(_, pose)] = track.newer(0.0)
    assert (pose.x, pose.y) == (3.0, 4.0)
    assert poses.refused == len(spoilt)
    assert len(caplog.records) == 1 and "quaternion" in caplog.text


numbers = st.lists(st.floats(), min_size=7, max_size=7)


@given(numbers)
def test_any_numbers_are_a_place_or_refused(values: list[float]) -> None:
    one = transform("map", "base_link", *values[:2])
    one.transform.translation.z = values[2]
    one.transform.rotation = SimpleNamespace(**dict(zip("xyzw", values[3:], strict=True)))
    track = PoseTrack()
    poses = TransformPoses("/tf", track)
    poses.hear(message(one))
    try:
        poses.look(time.monotonic())
    except InputError:
        assert poses.refused == 1 and track.newer(0.0) == []
    else:
        [(_, pose)] = track.newer(0.0)
        assert all(map(math.isfinite, (pose.x, pose.y, pose.yaw)))


def test_numbers_that_overflow_on_the_way_give_no_pose() -> None:
    track = PoseTrack()
    poses = TransformPoses("/tf", track)
    poses.hear(
        message(transform("map", "odom", 1e308, 0.0), transform("odom", "base_link", 1e308, 0))
    )
    for _ in range(2):  # and it is said again
        with pytest.raises(InputError, match="is not a pose"):
            poses.look(time.monotonic())
    assert track.newer(0.0) == []


def test_a_robot_whose_transforms_are_all_static_stands_there() -> None:
    track = PoseTrack()
    poses = TransformPoses("/tf", track)
    poses.hear(message(transform("map", "base_link", 1.0, 2.0)), static=True)
    for now in (50.0, 51.0):
        poses.look(now)
    assert poses.stands and [at for at, _ in track.newer(0.0)] == [50.0, 51.0]


class Flood:
    """A topic that is faster than it can be read."""

    def __init__(self) -> None:
        self.given = 0

    def next(self, _timeout: float) -> Any:
        self.given += 1
        assert self.given < 5000, "it is read for ever"
        return SimpleNamespace(payload=SimpleNamespace(to_bytes=lambda: b""))


def test_a_topic_that_is_too_fast_keeps_nobody_from_ending() -> None:
    track, flood = PoseTrack(), Flood()
    poses = TransformPoses("/tf", track)
    assert PoseTopic("/tf", track)._take(flood, poses, 0.1)  # type: ignore[arg-type]
    assert poses.refused == flood.given


def test_a_fault_of_the_library_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries, third = [], threading.Event()

    def broken(_endpoints: object) -> Any:
        tries.append(1)
        if len(tries) == 3:
            third.set()
        raise RuntimeError("a fault")

    monkeypatch.setattr(pose_topic, "session_to", broken)
    monkeypatch.setattr(pose_topic, "_AGAIN", 0.01)
    track = PoseTrack()
    with caplog.at_level(logging.ERROR), PoseTopic("/tf", track):
        assert third.wait(60)
    assert len(caplog.records) == 1 and track.lost == "/tf cannot be followed (RuntimeError)"
