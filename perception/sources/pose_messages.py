"""Messages of ROS that say where a robot is: poses, and transforms (TF)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.geometry.pose import yaw_of
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.sources.ros_messages import header_of

POSES = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
)
"""Messages of one pose."""
TRANSFORMS = "tf2_msgs/msg/TFMessage"
"""Messages of transforms, of which a robot's pose is composed."""
OLD_TRANSFORMS = "tf/msg/tfMessage"
"""The same in ROS 1 before tf2."""
STATIC = "_static"
"""What the name of the topic of static transforms ends in: /tf and /tf_static."""
_DEEP = 2  # poses within each other: Odometry has a pose with its covariance, which has one


class Placed(NamedTuple):
    """A pose, as a message says it.

    Attributes:
        stamp: Of its header, ns; None where it has none.
        frame: That it is in; "" where it does not say.
        x: Metres.
        y: Metres.
        yaw: Radians.
    """

    stamp: int | None
    frame: str
    x: float
    y: float
    yaw: float


class Joint(NamedTuple):
    """A transform, as a message says it.

    Attributes:
        stamp: Of its header, ns; None where it has none.
        parent: Name of a frame.
        child: Name of the frame whose pose in the parent it is.
        pose: That pose.
    """

    stamp: int | None
    parent: str
    child: str
    pose: Transform


def placed(message: Any) -> Placed:
    """Read a decoded message of one of `POSES`.

    Raises:
        InputError: It does not say where the robot is.
    """
    stamp, frame = header_of(message)
    pose = message
    for _ in range(_DEEP):
        pose = getattr(pose, "pose", pose)
    try:
        at, turned = pose.position, pose.orientation
        yaw = yaw_of(turned.x, turned.y, turned.z, turned.w)
        return Placed(stamp, plain(frame), float(at.x), float(at.y), yaw)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"a pose is malformed: {error}") from error


def joints_in(message: Any) -> Iterator[Joint | InputError]:
    """Yield the transforms of a decoded message; an error in the place of one that is none.

    Args:
        message: A tf2_msgs/TFMessage.
    """
    for one in message.transforms:
        try:
            yield joint(one)
        except InputError as error:
            yield error


def joint(message: Any) -> Joint:
    """Read a decoded geometry_msgs/TransformStamped.

    Raises:
        InputError: A number is not finite, the quaternion is not a rotation, or a frame has no
            name or is its own parent.
    """
    stamp, frame = header_of(message)
    parent, child = plain(frame), plain(message.child_frame_id)
    at, turn = message.transform.translation, message.transform.rotation
    try:
        pose = Transform.of_quaternion((at.x, at.y, at.z), (turn.x, turn.y, turn.z, turn.w))
    except ConfigurationError as error:
        raise InputError(f"from {parent!r} to {child!r}: {error}") from error
    if not parent or not child or parent == child:
        raise InputError(f"a transform from {parent!r} to {child!r} connects no two frames")
    return Joint(stamp, parent, child, pose)


def plain(frame: object) -> str:
    """Return a frame's name without the slash that TF of ROS 1 put before it."""
    return str(frame).lstrip("/")
