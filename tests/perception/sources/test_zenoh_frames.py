"""Transforms and calibration of a running graph; real zenoh sessions on loopback."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.doctor_graph import place_on_graph

pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
pytest.importorskip("rosbags", reason="pip install 'sensebind[zenoh]'")

from fixtures.zenoh_graph import IMAGE, Graph, header, image

from sensebind.perception.ros.names import Qos
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.zenoh_frames import read_graph_frames

TF, INFO = "tf2_msgs/msg/TFMessage", "sensor_msgs/msg/CameraInfo"
LATCHED = Qos(transient_local=True, depth=1)
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # x right, y down, z ahead, as URDFs write that joint

pytestmark = pytest.mark.extended


@pytest.fixture
def graph() -> Iterator[Graph]:
    with ExitStack() as stack:
        yield Graph(stack)


def joint(parent: str, child: str, xyz: tuple[float, ...], turn: tuple[float, ...]) -> Any:
    new = known_types().new
    transform = new(
        "geometry_msgs/msg/Transform",
        translation=new("geometry_msgs/msg/Vector3", **dict(zip("xyz", xyz, strict=True))),
        rotation=new("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", turn, strict=True))),
    )
    one = new(
        "geometry_msgs/msg/TransformStamped",
        header=header(parent),
        child_frame_id=child,
        transform=transform,
    )
    return new(TF, transforms=[one])


def info() -> Any:
    new = known_types().new
    return new(
        INFO,
        header=header(),
        height=48,
        width=64,
        distortion_model="plumb_bob",
        d=np.array([0.1, 0.0, 0.0, 0.0, 0.0]),
        k=np.array([50.0, 0, 31.5, 0, 50.0, 23.5, 0, 0, 1]),
        r=np.eye(3).ravel(),
        p=np.array([50.0, 0, 31.5, 0, 0, 50.0, 23.5, 0, 0, 0, 1, 0]),
        binning_x=0,
        binning_y=0,
        roi=new(
            "sensor_msgs/msg/RegionOfInterest",
            x_offset=0,
            y_offset=0,
            height=0,
            width=0,
            do_rectify=False,
        ),
    )


@pytest.fixture
def robot(graph: Graph) -> Graph:
    """Two nodes that said once, before anybody listened, where a camera and its mast are."""
    mast = graph.node("mast").publisher("/tf_static", TF, LATCHED)
    mast.publish(joint("base_link", "mast", (0.1, 0.0, 0.5), (0.0, 0.0, 0.0, 1.0)))
    head = graph.node("head").publisher("/tf_static", TF, LATCHED)
    head.publish(joint("mast", "optical", (0.0, 0.0, 0.25), OPTICAL))
    node = graph.node()
    camera, lens = node.publisher("/cam/image", IMAGE), node.publisher("/cam/camera_info", INFO)
    graph.every(0.05, lambda n: (camera.publish(image(n)), lens.publish(info())))
    return graph


def test_what_was_said_before_is_heard_of_every_publisher(robot: Graph) -> None:
    """Both have one key: by one query with consolidation only one of the two would come."""
    found = read_graph_frames("/cam/image", [robot.endpoint])
    assert {child: parent for child, (parent, _) in found.joints.items()} == {
        "mast": "base_link",
        "optical": "mast",
    }
    assert np.allclose(found.joints["mast"][1].translation, [0.1, 0, 0.5])
    assert found.frame == "optical"
    assert found.intrinsics is not None and found.intrinsics.fx == 50.0


def test_doctor_prints_the_mount_to_write(robot: Graph) -> None:
    source = f'{{source: "zenoh:/cam/image", connect: "{robot.endpoint}"}}'
    config = parse_config(f"streams:\n  cam: {{source: {source}, modality: vision}}")
    told = place_on_graph(config, "cam")
    again = parse_config(f"streams:\n  cam: {{source: {source}, modality: vision, {told}}}")
    camera = again.places().cameras["cam"]
    assert np.allclose(camera.pose.translation, [0.1, 0.0, 0.75], atol=1e-6)
    assert np.allclose(camera.pose.apply([0, 0, 1]), [1.1, 0.0, 0.75], atol=1e-6)  # looks ahead
    assert camera.intrinsics.cx == 31.5 and camera.intrinsics.distortion[0] == 0.1


def test_a_graph_that_says_nothing_gives_nothing(graph: Graph) -> None:
    found = read_graph_frames("/cam/image", [graph.endpoint])
    assert not found.joints and not found.frame and found.intrinsics is None
    source = f'{{source: "zenoh:/cam/image", connect: "{graph.endpoint}"}}'
    config = parse_config(f"streams:\n  cam: {{source: {source}, modality: vision}}")
    assert place_on_graph(config, "cam") == ""
