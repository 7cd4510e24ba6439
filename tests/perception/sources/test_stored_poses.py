"""Where a robot was by a bag or a recording; bags are written by rosbags."""

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

rosbag2 = pytest.importorskip("rosbags.rosbag2", reason="pip install 'sensebind[ros]'")
from rosbags.typesys import Stores, get_typestore  # noqa: E402

from sensebind.errors import InputError  # noqa: E402
from sensebind.perception.frames.recording import Recorder  # noqa: E402
from sensebind.perception.geometry.pose import Pose  # noqa: E402
from sensebind.perception.sources.rosbag_files import BagFiles, Message  # noqa: E402
from sensebind.perception.sources.stored_poses import (  # noqa: E402
    BagPoses,
    RecordedPoses,
    StoredPoses,
)

STORE = get_typestore(Stores.ROS2_HUMBLE)
TYPES = STORE.types
ODOMETRY, STAMPED = "nav_msgs/msg/Odometry", "geometry_msgs/msg/PoseStamped"
TF = "tf2_msgs/msg/TFMessage"
BEGIN = 1_700_000_000
LOGGED = 5  # seconds that the recorder was late


def of(name: str, *values: Any) -> Any:
    return TYPES[name](*values)


def header(frame: str, at: float) -> Any:
    whole = math.floor(at)
    stamp = of("builtin_interfaces/msg/Time", BEGIN + whole, round((at - whole) * 1e9))
    return of("std_msgs/msg/Header", stamp, frame)


def turned(yaw: float) -> Any:
    return of("geometry_msgs/msg/Quaternion", 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))


def pose(x: float, y: float, yaw: float) -> Any:
    return of("geometry_msgs/msg/Pose", of("geometry_msgs/msg/Point", x, y, 0.0), turned(yaw))


def odometry(at: float, x: float, y: float = 0.0, yaw: float = 0.0) -> tuple[str, str, float, Any]:
    none = of("geometry_msgs/msg/Vector3", 0.0, 0.0, 0.0)
    message = of(
        ODOMETRY,
        header("odom", at),
        "base_link",
        of("geometry_msgs/msg/PoseWithCovariance", pose(x, y, yaw), np.zeros(36)),
        of(
            "geometry_msgs/msg/TwistWithCovariance",
            of("geometry_msgs/msg/Twist", none, none),
            np.zeros(36),
        ),
    )
    return "/odom", ODOMETRY, at, message


def stamped(at: float, x: float) -> tuple[str, str, float, Any]:
    return "/pose", STAMPED, at, of(STAMPED, header("map", at), pose(x, 0.0, 0.0))


def transform(
    at: float, parent: str, child: str, x: float, y: float, yaw: float = 0.0, topic: str = "/tf"
) -> tuple[str, str, float, Any]:
    where = of("geometry_msgs/msg/Vector3", x, y, 0.0)
    joint = of(
        "geometry_msgs/msg/TransformStamped",
        header(parent, at),
        child,
        of("geometry_msgs/msg/Transform", where, turned(yaw)),
    )
    return topic, TF, at, of(TF, [joint])


def bag(folder: Path, *messages: tuple[str, str, float, Any], name: str = "drive") -> Path:
    path = folder / name
    with rosbag2.Writer(path, version=9) as writer:
        connections: dict[str, Any] = {}
        for topic, kind, at, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            logged = round((BEGIN + LOGGED + at) * 1e9)
            writer.write(connections[topic], logged, STORE.serialize_cdr(message, kind))
    return path


def read(poses: StoredPoses) -> StoredPoses:
    with poses:
        assert poses.wait(60)
    return poses


def at(poses: StoredPoses, seconds: float) -> Pose | None:
    return poses.of(round((BEGIN + seconds) * 1e9), 0.0)


def test_odometry_is_looked_up_by_when_something_was_captured(tmp_path: Path) -> None:
    path = bag(tmp_path, *[odometry(n / 2, float(n), -1.0, 0.1 * n) for n in range(9)])
    poses = read(BagPoses(path))
    assert poses.lost == ""
    found = at(poses, 1.25)  # by stamps: the recorder's clock says something else
    assert found is not None
    assert (found.x, found.y, found.yaw) == pytest.approx((2.5, -1.0, 0.25))
    assert found.frame.startswith("odom:") and poses.frame == found.frame
    assert at(poses, 4.4) is not None and at(poses, 5.0) is None and at(poses, -0.1) is None


def test_who_plays_a_bag_again_is_in_the_same_places_again(tmp_path: Path) -> None:
    drive = [odometry(n / 2, float(n)) for n in range(5)]
    first = read(BagPoses(bag(tmp_path, *drive)))
    moved = read(BagPoses(bag(tmp_path, *drive, name="copy")))
    other = read(BagPoses(bag(tmp_path, *[odometry(9 + n / 2, 1.0) for n in range(5)], name="b")))
    here, again = at(first, 1.0), at(moved, 1.0)
    assert here is not None and here == again
    elsewhere = at(other, 10.0)
    assert elsewhere is not None and elsewhere.frame != here.frame


def test_odometry_that_begins_again_has_other_places(tmp_path: Path) -> None:
    drive = [odometry(n / 2, float(n)) for n in range(5)]
    poses = read(BagPoses(bag(tmp_path, *drive, *[odometry(3 + n / 2, 50.0) for n in range(3)])))
    before, after = at(poses, 1.0), at(poses, 3.5)
    assert before is not None and after is not None and before.frame != after.frame


def test_poses_of_a_localization_hold_for_ever(tmp_path: Path) -> None:
    path = bag(tmp_path, *[stamped(n / 2, float(n)) for n in range(5)], odometry(0.0, 0.0))
    assert at(read(BagPoses(path, "/pose")), 1.0) == Pose(2.0, 0.0, 0.0)
    several = read(BagPoses(path))
    assert at(several, 1.0) is None
    assert "has 2 topics that say where the robot was (/odom (" in several.lost
    assert "no topic '/gps'" in read(BagPoses(path, "/gps")).lost
    assert "base: and fixed: are for transforms" in read(BagPoses(path, "/pose", base="b")).lost
    local = at(read(BagPoses(path, "/pose", frame="odom")), 1.0)
    assert local is not None and local.frame.startswith("odom:")


def tour(*, late: float = 0.0, located: bool = True) -> list[tuple[str, str, float, Any]]:
    """A robot that drives along a map that is turned by 90 degrees; AMCL stamps a second ahead."""
    messages = [transform(0.0, "base_footprint", "base_link", 0.0, 0.0, topic="/tf_static")]
    for n in range(20):
        now = n / 4
        messages.append(transform(now, "odom", "base_footprint", float(n), 0.0))
        if located and now >= late:
            ahead = transform(now + 1.0, "map", "odom", 10.0, 5.0, math.pi / 2)
            messages.append((*ahead[:2], now, ahead[3]))
    return messages


def test_transforms_of_a_bag_are_poses(tmp_path: Path) -> None:
    poses = read(BagPoses(bag(tmp_path, *tour())))
    found = at(poses, 2.125)
    assert found is not None and found.frame == "map"
    assert (found.x, found.y, found.yaw) == pytest.approx((10.0, 13.5, math.pi / 2))


def test_without_a_map_transforms_are_of_odometry_from_the_beginning(tmp_path: Path) -> None:
    poses = read(BagPoses(bag(tmp_path, *tour(located=False))))
    found = at(poses, 0.0)
    assert found is not None and found.frame.startswith("odom:") and found.x == 0.0
    again = at(read(BagPoses(bag(tmp_path, *tour(located=False), name="copy"))), 0.0)
    assert found == again
    named = at(read(BagPoses(bag(tmp_path, *tour(), name="named"), fixed="odom")), 1.0)
    assert named is not None and named.frame.startswith("odom:") and named.x == 4.0


def test_a_chain_that_never_becomes_whole_says_why(tmp_path: Path) -> None:
    poses = read(BagPoses(bag(tmp_path, *tour()), base="torso"))
    assert at(poses, 1.0) is None
    assert "no transform leads to 'torso'; there are 'base_footprint', 'base_link'" in poses.lost


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    bad = odometry(0.5, math.nan)
    wrong = odometry(1.0, 0.0)
    wrong[3].pose.pose.orientation.w = 0.0
    poses = read(BagPoses(bag(tmp_path, odometry(0.0, 0.0), bad, wrong, odometry(0.9, 9.0))))
    assert at(poses, 0.0) is not None and poses.lost == "" and poses.refused == 2
    nothing = read(BagPoses(bag(tmp_path, wrong, name="bad")))
    assert "does not say where the robot was" in nothing.lost and "not a rotation" in nothing.lost
    missing = read(BagPoses(tmp_path / "none"))
    assert missing.lost.endswith("none does not exist")


@pytest.mark.parametrize("more", [(), (transform(0.0, "odom", "base_link", 0.0, 0.0),)])
def test_a_robot_that_ends_waits_for_no_more_of_a_file_without_poses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: Any
) -> None:
    poses = BagPoses(bag(tmp_path, *(more or (odometry(0.0, 0.0),))))
    taken, second = [], threading.Event()

    def spoilt(_bag: BagFiles, topic: str) -> Iterator[Message]:
        for number in range(5 if not topic.endswith("_static") else 0):
            taken.append(number)
            if number == 1:
                second.set()
                assert poses._stop.wait(60)
            yield Message(topic, BEGIN * 10**9, InputError("spoilt"))

    monkeypatch.setattr(BagPoses, "_has_map", lambda *_: False)
    monkeypatch.setattr(BagFiles, "messages", spoilt)
    with poses:
        assert second.wait(60)
    assert taken == [0, 1]


def test_percepts_of_another_time_are_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    poses = read(BagPoses(bag(tmp_path, odometry(0.0, 0.0), odometry(0.5, 0.1))))
    with caplog.at_level(logging.WARNING):
        for seconds in (0.1, 1.2, 3600.0, 3601.0):
            at(poses, seconds)
    assert len(caplog.records) == 1 and "of another time" in poses.lost


def test_a_recording_has_its_frames(tmp_path: Path) -> None:
    with closing(Recorder(tmp_path / "walk.mcap")) as recorder:
        for n, frame in enumerate(["odom:aaaa0001", "odom:aaaa0001", "map", "map"]):
            recorder.place(Pose(float(n), 0.0, 0.0, frame), (BEGIN + n) * 10**9)
    poses = read(RecordedPoses(tmp_path / "walk.mcap"))
    assert at(poses, 0.5) == Pose(0.5, 0.0, 0.0, "odom:aaaa0001")
    assert at(poses, 1.5) is None  # between two frames
    assert at(poses, 2.5) == Pose(2.5, 0.0, 0.0) and poses.frame == "map"
    assert [pose.x for _, pose in poses.newer(BEGIN + 0.5)] == [1.0, 2.0]  # as far as was asked
    assert poses.captured_at(BEGIN + 1.0) == (BEGIN + 1) * 10**9


def test_a_recording_without_poses_says_so_where_they_were_asked_for(tmp_path: Path) -> None:
    Recorder(tmp_path / "walk.mcap").close()
    assert "does not say where the robot was" in read(RecordedPoses(tmp_path / "walk.mcap")).lost
    assert read(RecordedPoses(tmp_path / "walk.mcap", expected=False)).lost == ""
