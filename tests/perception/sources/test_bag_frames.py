"""What a bag says about where its sensors sat; written by rosbags."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensebind.agent.robot.config_file import read_config
from sensebind.errors import ConfigurationError
from sensebind.perception.percept import Modality
from sensebind.perception.sources.bag_frames import read_bag_frames

rosbag2 = pytest.importorskip("rosbags.rosbag2", reason="pip install 'sensebind[ros]'")
from rosbags.typesys import Stores, get_typestore  # noqa: E402

STORE = get_typestore(Stores.ROS2_HUMBLE)
TYPES = STORE.types
IMAGE, CLOUD = "sensor_msgs/msg/Image", "sensor_msgs/msg/PointCloud2"
INFO, TF = "sensor_msgs/msg/CameraInfo", "tf2_msgs/msg/TFMessage"
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # x right, y down, z ahead, as URDFs write that joint


def header(frame: str) -> Any:
    stamp = TYPES["builtin_interfaces/msg/Time"](sec=1_700_000_000, nanosec=0)
    return TYPES["std_msgs/msg/Header"](stamp=stamp, frame_id=frame)


def joint(parent: str, child: str, xyz: tuple[float, ...], turn: tuple[float, ...]) -> Any:
    at = TYPES["geometry_msgs/msg/Vector3"](*xyz)
    rotation = TYPES["geometry_msgs/msg/Quaternion"](*turn)
    transform = TYPES["geometry_msgs/msg/Transform"](translation=at, rotation=rotation)
    return TYPES["geometry_msgs/msg/TransformStamped"](
        header=header(parent), child_frame_id=child, transform=transform
    )


def image(frame: str) -> Any:
    return TYPES[IMAGE](
        header=header(frame),
        height=4,
        width=6,
        encoding="rgb8",
        is_bigendian=0,
        step=18,
        data=np.zeros(72, np.uint8),
    )


def cloud(frame: str) -> Any:
    field = TYPES["sensor_msgs/msg/PointField"]
    return TYPES[CLOUD](
        header=header(frame),
        height=1,
        width=2,
        is_bigendian=False,
        is_dense=True,
        fields=[field(name=n, offset=4 * i, datatype=7, count=1) for i, n in enumerate("xyz")],
        point_step=12,
        row_step=24,
        data=np.ones(6, np.float32).view(np.uint8),
    )


def info(focal: float = 300.0, offset: int = 0) -> Any:
    roi = TYPES["sensor_msgs/msg/RegionOfInterest"](
        x_offset=offset, y_offset=0, height=0, width=0, do_rectify=False
    )
    return TYPES[INFO](
        header=header("eye"),
        height=480,
        width=640,
        distortion_model="plumb_bob",
        d=np.array([-0.3, 0.1, 0.0, 0.0, 0.0]),
        k=np.array([focal, 0, 320, 0, focal, 240, 0, 0, 1.0]),
        r=np.eye(3).ravel(),
        p=np.array([280.0, 0, 310, 0, 0, 281, 230, 0, 0, 0, 1, 0]),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def bag(folder: Path, *messages: tuple[str, str, Any]) -> Path:
    path = folder / "drive"
    with rosbag2.Writer(path, version=9) as writer:
        connections: dict[str, Any] = {}
        for number, (topic, kind, message) in enumerate(messages):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            data = STORE.serialize_cdr(message, kind)
            writer.write(connections[topic], 10**9 + number, data)
    return path


def transforms(*joints: Any) -> tuple[str, str, Any]:
    return "/tf_static", TF, TYPES[TF](transforms=list(joints))


def test_a_bags_transforms_and_calibration_place_its_streams(tmp_path: Path) -> None:
    bag(
        tmp_path,
        transforms(joint("base_link", "mast", (0.1, 0, 0.5), (0, 0, 0, 1))),
        transforms(
            joint("mast", "eye", (0, 0, 0.2), OPTICAL),
            joint("base_link", "velodyne", (0, 0, 0.8), (1, 0, 0, 0)),  # upside down
        ),
        ("/front/image_raw", IMAGE, image("eye")),
        ("/front/camera_info", INFO, info()),
        ("/points", CLOUD, cloud("velodyne")),
    )
    file = tmp_path / "robot.yaml"
    file.write_text(
        "streams:\n"
        "  camera: {source: {source: 'bag:drive', topic: /front/image_raw}, modality: vision}\n"
        "  lidar: {source: 'bag:drive', modality: point}\n"
    )
    places = read_config(file).places()
    assert not places.missing
    camera = places.cameras["camera"]
    assert camera.pose.translation == pytest.approx([0.1, 0, 0.7])
    assert camera.pose.rotation[:, 2] == pytest.approx([1, 0, 0], abs=1e-9)
    assert (camera.intrinsics.fx, camera.intrinsics.distortion[0]) == (300.0, -0.3)
    assert places.lidars["lidar"].rotation[2, 2] == pytest.approx(-1)
    # What the file says counts, where it says something.
    file.write_text(
        "streams:\n"
        "  camera: {source: {source: 'bag:drive', topic: /front/image_raw}, modality: vision,\n"
        "           mount: {parent: mast, xyz: [0, 0, 1]}}\n"
    )
    assert read_config(file).places().cameras["camera"].pose.translation[2] == 1.5


def test_rectified_images_have_the_projection_matrix(tmp_path: Path) -> None:
    path = bag(
        tmp_path,
        ("/front/image_rect_color/compressed", IMAGE, image("eye")),
        ("/front/camera_info", INFO, info()),
    )
    found = read_bag_frames(path, "/front/image_rect_color/compressed", Modality.VISION)
    assert found.intrinsics is not None and found.frame == "eye" and not found.joints
    assert (found.intrinsics.fx, found.intrinsics.fy, found.intrinsics.cx) == (280, 281, 310)
    assert found.intrinsics.distortion == ()


def test_a_bag_that_says_nothing_leaves_a_stream_without_a_place(tmp_path: Path) -> None:
    path = bag(
        tmp_path,
        transforms(joint("map", "eye", (0, 0, 0.2), OPTICAL)),
        ("/image", IMAGE, image("eye")),
        ("/camera_info", INFO, info(focal=0.0)),  # of a camera that nobody calibrated
    )
    found = read_bag_frames(path, "", Modality.VISION)
    assert found.intrinsics is None and found.frame == "eye"
    file = tmp_path / "robot.yaml"
    file.write_text("streams: {camera: {source: 'bag:drive', modality: vision}}\n")
    missing = read_config(file).places().missing["camera"]
    assert missing.what.startswith("no mount (frame 'eye' hangs on 'map', which nothing connects")
    assert read_bag_frames(tmp_path / "none", "", Modality.VISION).frame == ""


def test_a_part_of_an_image_has_no_calibration(tmp_path: Path) -> None:
    path = bag(tmp_path, ("/image", IMAGE, image("eye")), ("/camera_info", INFO, info(offset=100)))
    assert read_bag_frames(path, "/image", Modality.VISION).intrinsics is None


def test_a_transform_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    path = bag(
        tmp_path,
        transforms(joint("base_link", "eye", (0, 0, 0.2), (0, 0, 0, 0))),
        ("/image", IMAGE, image("eye")),
    )
    with pytest.raises(ConfigurationError, match=r"from 'base_link' to 'eye': .*unit length"):
        read_bag_frames(path, "/image", Modality.VISION)
