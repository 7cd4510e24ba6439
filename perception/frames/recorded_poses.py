"""Where a robot was, in a recording: a channel of Foxglove's PoseInFrame.

The channel is `/robot/pose`: no stream is called so, as there is no slash in their names. It says
its version under a key of its own, so that earlier versions of SenseBind read the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, sin
from pathlib import Path

from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from google.protobuf.message import DecodeError

from sensebind.errors import InputError
from sensebind.perception.frames.mcap_reader import McapFile, Stored
from sensebind.perception.frames.recorded_entries import stamp_of
from sensebind.perception.geometry.pose import Pose, yaw_of
from sensebind.perception.storage.stored_version import newer

TOPIC = "/robot/pose"
KEY = "sensebind_pose"
"""Metadata of the channel: the version of what is in it."""
FORMAT = "1"
ABOUT = {KEY: FORMAT}
"""What the channel says of itself."""
_DIGITS = 18  # most that a number of a version is read by


def pose_message(pose: Pose, captured_at: int) -> PoseInFrame:
    """Return a pose as it is recorded: on the floor, turned about z.

    Args:
        pose: Where the robot was; the frame is kept with its run (`odom:5f0c9a1e`).
        captured_at: When, wall clock, ns.
    """
    message = PoseInFrame(timestamp=stamp_of(captured_at), frame_id=pose.frame)
    message.pose.position.x, message.pose.position.y = pose.x, pose.y
    message.pose.orientation.z = sin(pose.yaw / 2)
    message.pose.orientation.w = cos(pose.yaw / 2)
    return message


def poses_in(path: Path | str) -> Iterator[tuple[int, Pose] | InputError]:
    """Yield when and where the robot was, in the order of the recording.

    Args:
        path: Of the recording.

    Yields:
        Wall clock in ns, and the pose; an error in the place of one that cannot be understood.

    Raises:
        InputError: The file is missing, is not MCAP, or its poses are of a newer version.
    """
    for stored in McapFile(path).messages():
        if (version := stored.channel.metadata.get(KEY)) is None:
            continue
        if version != FORMAT:
            number = version[:_DIGITS] if version.isdecimal() else "?"
            raise InputError(newer(Path(path), number, int(FORMAT)))
        try:
            yield _pose(stored)
        except (InputError, DecodeError, ValueError) as error:
            yield InputError(f"a pose cannot be read: {error}")


def is_pose(stored: Stored) -> bool:
    """Whether a message of a recording says where the robot was, in whatever version."""
    return KEY in stored.channel.metadata


def _pose(stored: Stored) -> tuple[int, Pose]:
    message = PoseInFrame()
    message.ParseFromString(stored.message.data)
    at, turned = message.pose.position, message.pose.orientation
    yaw = yaw_of(turned.x, turned.y, turned.z, turned.w)
    captured_at = message.timestamp.seconds * 10**9 + message.timestamp.nanos
    return captured_at, Pose(at.x, at.y, yaw, message.frame_id)
