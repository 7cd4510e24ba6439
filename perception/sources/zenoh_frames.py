"""What a running ROS 2 graph over zenoh says about where a topic's sensor sits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.geometry.camera_info import of_message
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.ros.names import SENSOR_DATA, Entity, Qos
from sensebind.perception.ros.node import RosNode
from sensebind.perception.ros.session import publishers, session_to
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.bag_frames import BagFrames, info_of, joints_of
from sensebind.perception.sources.ros_messages import header_of

_STATIC, _TRANSFORMS, _INFO = "/tf_static", "tf2_msgs/msg/TFMessage", "sensor_msgs/msg/CameraInfo"
_LATCHED = Qos(transient_local=True, depth=1000)
_LONGEST = 3.0  # seconds until something must have come
_QUIET = 0.5  # seconds without another transform, after which all are there


def read_graph_frames(topic: str, connect: Sequence[str], domain: int = 0) -> BagFrames:
    """Listen to transforms, calibration and one message of a topic, for some seconds.

    Args:
        topic: With its namespace.
        connect: Checked endpoints of zenoh.
        domain: ROS_DOMAIN_ID.

    Returns:
        What was heard, as of a bag.

    Raises:
        SourceError: Nobody answers.
        ConfigurationError: A transform makes no sense.
        MissingDependencyError: The extra `zenoh` is not installed.
    """
    with (
        session_to(connect) as session,
        RosNode(session, "sensebind_frames", domain=domain) as node,
    ):
        seen = publishers(session, domain)
        joints: dict[str, tuple[str, Transform]] = {}
        transforms = [o for o in seen if (o.topic, o.type) == (_STATIC, _TRANSFORMS)]
        for message in _heard(node, transforms, _LATCHED):
            joints |= joints_of(message, _STATIC)
        frame = ""
        for message in _heard(node, [one for one in seen if one.topic == topic], SENSOR_DATA):
            frame = header_of(message)[1].lstrip("/")
            break
        info, rectified = info_of(topic)
        calibrated = [one for one in seen if (one.topic, one.type) == (info, _INFO)]
        return BagFrames(joints, frame, _lens(node, calibrated, rectified))


def _lens(node: RosNode, found: Sequence[Entity], rectified: bool) -> Intrinsics | None:
    for message in _heard(node, found, SENSOR_DATA):
        try:
            return of_message(message, rectified=rectified)
        except ConfigurationError:
            return None  # a camera that was never calibrated sends zeros
    return None


def _heard(node: RosNode, found: Sequence[Entity], qos: Qos) -> Iterator[Any]:
    """Messages of publishers, until none comes for a while; those of other definitions are none."""
    types = known_types()
    subscriptions = [
        node.subscribe(one, qos.depth, qos)
        for one in {one.key(): one for one in found if types.has(one.type)}.values()
    ]
    waits_until = time.monotonic() + _LONGEST
    while subscriptions and time.monotonic() < waits_until:
        for one in subscriptions:
            if (sample := one.next(0.05)) is None:
                continue
            try:
                yield types.decode(sample.payload.to_bytes(), one.publisher.type)
            except InputError:
                continue
            waits_until = time.monotonic() + _QUIET
