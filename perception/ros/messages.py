"""Messages that SenseBind publishes, made of plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensebind.perception.ros.types import known_types

CLASSIFICATION = "vision_msgs/msg/Classification"
DETECTIONS_2D = "vision_msgs/msg/Detection2DArray"
DETECTIONS_3D = "vision_msgs/msg/Detection3DArray"
LOG = "rcl_interfaces/msg/Log"
_SECOND = 10**9
_HYPOTHESIS = "vision_msgs/msg/ObjectHypothesis"


@dataclass(frozen=True, slots=True)
class Named:
    """What something is, and how sure that is.

    Attributes:
        name: Of its kind.
        score: 0..1.
    """

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Boxed:
    """Something in an image.

    Attributes:
        what: Its name.
        box: Corners x0, y0, x1, y1 in pixels.
    """

    what: Named
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """Something in space.

    Attributes:
        position: Middle of its bounding box, metres.
        size: Of the bounding box, metres.
        what: Its names, the best first; may be none.
    """

    position: tuple[float, float, float]
    size: tuple[float, float, float]
    what: tuple[Named, ...] = ()


def header(stamp: int, frame_id: str) -> Any:
    """Return a Header.

    Args:
        stamp: ns since 1970; ROS' clock.
        frame_id: Coordinate frame.
    """
    return known_types().new("std_msgs/msg/Header", stamp=_time(stamp), frame_id=frame_id)


def classification(stamp: int, frame_id: str, names: Iterable[Named]) -> Any:
    """Return a Classification: what a whole sample is, best first; nothing where nothing is."""
    results = [_hypothesis(one) for one in names]
    return known_types().new(CLASSIFICATION, header=header(stamp, frame_id), results=results)


def detections_2d(stamp: int, frame_id: str, found: Iterable[Boxed]) -> Any:
    """Return a Detection2DArray of an image taken at `stamp`."""
    types, head = known_types(), header(stamp, frame_id)
    detections = []
    for one in found:
        x0, y0, x1, y1 = map(float, one.box)
        middle = types.new("vision_msgs/msg/Point2D", x=(x0 + x1) / 2, y=(y0 + y1) / 2)
        center = types.new("vision_msgs/msg/Pose2D", position=middle, theta=0.0)
        box = types.new(
            "vision_msgs/msg/BoundingBox2D", center=center, size_x=x1 - x0, size_y=y1 - y0
        )
        detections.append(
            types.new(
                "vision_msgs/msg/Detection2D",
                header=head,
                results=[_posed(one.what, (0.0, 0.0, 0.0))],  # an image gives no place in space
                bbox=box,
                id="",
            )
        )
    return types.new(DETECTIONS_2D, header=head, detections=detections)


def detections_3d(stamp: int, frame_id: str, found: Iterable[Placed]) -> Any:
    """Return a Detection3DArray of what stood in a frame at `stamp`."""
    types, head = known_types(), header(stamp, frame_id)
    detections = []
    for one in found:
        x, y, z = map(float, one.size)
        size = types.new("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
        box = types.new("vision_msgs/msg/BoundingBox3D", center=_pose(one.position), size=size)
        detections.append(
            types.new(
                "vision_msgs/msg/Detection3D",
                header=head,
                results=[_posed(what, one.position) for what in one.what],
                bbox=box,
                id="",
            )
        )
    return types.new(DETECTIONS_3D, header=head, detections=detections)


def log_message(
    stamp: int,
    level: int,
    name: str,
    text: str,
    *,
    file: str = "",
    function: str = "",
    line: int = 0,
) -> Any:
    """Return a Log.

    Args:
        stamp: ns since 1970.
        level: As Python's and ROS' agree on: 10 debug, 20 info, 30 warning, 40 error, 50 fatal.
        name: Of the logger.
        text: What is logged.
        file: Where from.
        function: Where from.
        line: Where from.
    """
    return known_types().new(
        LOG,
        stamp=_time(stamp),
        level=min(50, max(10, level // 10 * 10)),
        name=name,
        msg=text,
        file=file,
        function=function,
        line=max(0, line),
    )


def _time(stamp: int) -> Any:
    sec, nanosec = divmod(stamp, _SECOND)
    return known_types().new("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)


def _hypothesis(what: Named) -> Any:
    return known_types().new(_HYPOTHESIS, class_id=what.name, score=float(what.score))


def _posed(what: Named, position: Sequence[float]) -> Any:
    types = known_types()
    pose = types.new(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=_pose(position),
        covariance=np.zeros(36),  # not known
    )
    return types.new(
        "vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=_hypothesis(what), pose=pose
    )


def _pose(position: Sequence[float]) -> Any:
    types = known_types()
    x, y, z = map(float, position)
    return types.new(
        "geometry_msgs/msg/Pose",
        position=types.new("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=types.new("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
    )
