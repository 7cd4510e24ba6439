"""Hashes of types against published ones, and bytes that go both ways."""

from typing import Any

import numpy as np
import pytest

from sensebind.errors import InputError

pytest.importorskip("rosbags", reason="pip install 'sensebind[zenoh]'")

from rosbags.typesys import Stores, get_typestore

from sensebind.perception.ros.messages import (
    CLASSIFICATION,
    DETECTIONS_2D,
    DETECTIONS_3D,
    LOG,
    Boxed,
    Named,
    Placed,
    classification,
    detections_2d,
    detections_3d,
    log_message,
)
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.ros_kinds import KINDS

STAMP = 1_700_000_000_123_456_789
PUBLISHED = {  # in the C code that rosidl generates of each package
    "std_msgs/msg/String": "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18",
    "std_msgs/msg/Header": "f49fb3ae2cf070f793645ff749683ac6b06203e41c891e17701b1cb597ce6a01",
    "sensor_msgs/msg/Image": "d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47",
    "sensor_msgs/msg/PointCloud2": (
        "9198cabf7da3796ae6fe19c4cb3bdd3525492988c70522628af5daa124bae2b5"
    ),
    "sensor_msgs/msg/Imu": "7d9a00ff131080897a5ec7e26e315954b8eae3353c3f995c55faf71574000b5b",
    "rcl_interfaces/msg/Log": "e28ce254ca8abc06abf92773b74602cdbf116ed34fbaf294fb9f81da9f318eac",
    "audio_common_msgs/msg/AudioData": (
        "a9742fba1567e649bbdba6ae034a72c7ef129b97c7a4da50fd2f3e1bfd8ffa86"
    ),
    "vision_msgs/msg/BoundingBox2D": (
        "008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f"
    ),
    "vision_msgs/msg/Detection2D": (
        "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea"
    ),
    "vision_msgs/msg/Detection2DArray": (
        "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968"
    ),
    "vision_msgs/msg/Detection3DArray": (
        "793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018"
    ),
    "vision_msgs/msg/Classification": (
        "f74db28d0eaef3afb78f48bf2161cd709a1383a0309d3454383b25be11345143"
    ),
}


@pytest.mark.parametrize(("name", "digest"), PUBLISHED.items())
def test_hashes_are_the_published_ones(name: str, digest: str) -> None:
    assert known_types().hash(name) == f"RIHS01_{digest}"


@pytest.mark.parametrize("store", [Stores.ROS2_HUMBLE, Stores.ROS2_KILTED])
def test_what_is_read_is_defined_alike_in_all_distributions(store: Stores) -> None:
    other = get_typestore(store)
    names = [name for name in KINDS if name in other.fielddefs]
    assert len(names) == 4
    for name in (*names, "rcl_interfaces/msg/Log", "tf2_msgs/msg/TFMessage"):
        assert other.hash_rihs01(name) == known_types().hash(name), name


def test_all_that_is_perceived_is_known() -> None:
    assert all(known_types().has(name) for name in KINDS)


def again(message: Any, name: str) -> Any:
    return known_types().decode(known_types().encode(message, name), name)


def test_tags_keep_their_order_and_the_stamp_of_the_sample() -> None:
    names = [Named("a dog", 0.75), Named("a cat", 0.125)]
    read = again(classification(STAMP, "optical", names), CLASSIFICATION)
    assert (read.header.stamp.sec, read.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert read.header.frame_id == "optical"
    assert [(one.class_id, one.score) for one in read.results] == [
        ("a dog", 0.75),
        ("a cat", 0.125),
    ]
    assert again(classification(STAMP, "", []), CLASSIFICATION).results == []


def test_boxes_in_an_image_have_a_middle_and_a_size() -> None:
    found = [Boxed(Named("cup", 0.5), (10.0, 20.0, 30.0, 60.0))]
    [one] = again(detections_2d(STAMP, "optical", found), DETECTIONS_2D).detections
    middle = one.bbox.center.position
    assert (middle.x, middle.y, one.bbox.center.theta) == (20.0, 40.0, 0.0)
    assert (one.bbox.size_x, one.bbox.size_y) == (20.0, 40.0)
    assert [(r.hypothesis.class_id, r.hypothesis.score) for r in one.results] == [("cup", 0.5)]
    assert one.header.stamp.sec == 1_700_000_000 and one.header.frame_id == "optical"


def test_objects_in_space_have_a_place_and_a_size() -> None:
    found = [Placed((1.0, -2.0, 0.5), (0.25, 0.5, 1.0), (Named("chair", 0.5),))]
    read = again(detections_3d(STAMP, "base_link", found), DETECTIONS_3D)
    [one] = read.detections
    at, size = one.bbox.center.position, one.bbox.size
    assert (at.x, at.y, at.z, size.x, size.y, size.z) == (1.0, -2.0, 0.5, 0.25, 0.5, 1.0)
    assert one.bbox.center.orientation.w == 1.0 and one.results[0].pose.pose.position.y == -2.0
    assert np.array_equal(one.results[0].pose.covariance, np.zeros(36))


@pytest.mark.parametrize(("level", "theirs"), [(10, 10), (25, 20), (30, 30), (50, 50), (5, 10)])
def test_a_log_has_the_levels_of_ros(level: int, theirs: int) -> None:
    read = again(log_message(STAMP, level, "kitchen", "tä", file="a.py", line=3), LOG)
    assert (read.level, read.name, read.msg, read.file, read.line) == (
        theirs,
        "kitchen",
        "tä",
        "a.py",
        3,
    )


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x00\x00", b"\x00\x07\x00\x00abcd", b"\xff" * 64])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="is malformed"):
        known_types().decode(data, DETECTIONS_2D)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(InputError, match="my_msgs/msg/Thing is not known"):
        known_types().hash("my_msgs/msg/Thing")


def test_a_message_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit std_msgs/msg/String"):
        known_types().encode(classification(STAMP, "", []), "std_msgs/msg/String")
