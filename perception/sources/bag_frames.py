"""Where a bag's sensors sat: its static transforms, and the calibration of its cameras."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sensebind.errors import ConfigurationError, InputError, MissingDependencyError
from sensebind.perception.geometry.camera_info import of_message
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.percept import Modality
from sensebind.perception.sources.pose_messages import joints_in, plain
from sensebind.perception.sources.ros_kinds import modality_of, type_name
from sensebind.perception.sources.rosbag_files import BagFiles

_STATIC = ("/tf_static", "tf_static")
_INFO = "sensor_msgs/msg/CameraInfo"
_COMPRESSED = ("compressed", "compressedDepth")
_MOST = 1000  # messages of transforms that are looked at


@dataclass(frozen=True, slots=True)
class BagFrames:
    """What a bag says about a topic's sensor.

    Attributes:
        joints: Parent and pose by frame, of /tf_static.
        frame: Frame of the topic's messages; "" where nothing says it.
        intrinsics: Of a camera, by the CameraInfo next to its topic; None without one.
    """

    joints: dict[str, tuple[str, Transform]] = field(default_factory=dict)
    frame: str = ""
    intrinsics: Intrinsics | None = None


def read_bag_frames(path: Path, topic: str, modality: Modality) -> BagFrames:
    """Look for transforms and calibrations in a bag.

    Args:
        path: Its file or folder.
        topic: Of the stream; "" is the only one of its modality.
        modality: Of the stream.

    Returns:
        What there is; nothing of a bag that is absent, damaged or has several such topics, which
        its source says better, and nothing where the extra `ros` is not installed.

    Raises:
        ConfigurationError: A transform makes no sense.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return BagFrames()
    return _read(path, topic, modality, changed)


@lru_cache(maxsize=16)
def _read(path: Path, topic: str, modality: Modality, _changed: int) -> BagFrames:
    """Read a bag once, as long as it does not change: its transforms may be anywhere in it."""
    try:
        with BagFiles(path) as bag:
            types = bag.topics()
            topic = topic or _only(types, modality)
            if topic not in types:
                return BagFrames()
            frame = ""
            for message in bag.messages(topic):
                if not isinstance(message.content, InputError):
                    frame = plain(getattr(message.content.header, "frame_id", ""))
                    break
            return BagFrames(_joints(bag, types), frame, _calibration(bag, types, topic))
    except (InputError, MissingDependencyError):
        return BagFrames()


def _only(types: dict[str, str], modality: Modality) -> str:
    """Return the only topic of a modality, or ""."""
    depth = modality is Modality.DEPTH
    found = [name for name, kind in types.items() if modality_of(kind, depth) is modality]
    return found[0] if len(found) == 1 else ""


def _joints(bag: BagFiles, types: dict[str, str]) -> dict[str, tuple[str, Transform]]:
    joints: dict[str, tuple[str, Transform]] = {}
    for topic in (one for one in _STATIC if one in types):
        for number, message in enumerate(bag.messages(topic)):
            if number == _MOST:
                break
            if not isinstance(message.content, InputError):
                joints |= joints_of(message.content, topic)  # a later one wins, as in tf2
    return joints


def _calibration(bag: BagFiles, types: dict[str, str], topic: str) -> Intrinsics | None:
    """Return what the CameraInfo next to an image's topic says, as image_transport places it."""
    info, rectified = info_of(topic)
    if type_name(types.get(info, "")) != _INFO:
        return None
    for message in bag.messages(info):
        if isinstance(message.content, InputError):
            continue
        try:
            return of_message(message.content, rectified=rectified)
        except ConfigurationError:
            return None  # a camera that was never calibrated sends zeros
    return None


def joints_of(message: Any, topic: str) -> dict[str, tuple[str, Transform]]:
    """Return parent and pose by frame, as a message of transforms says them.

    Args:
        message: A decoded tf2_msgs/TFMessage.
        topic: Its topic, for errors.

    Raises:
        ConfigurationError: A transform makes no sense.
    """
    joints: dict[str, tuple[str, Transform]] = {}
    for one in joints_in(message):
        if isinstance(one, InputError):
            raise ConfigurationError(f"{topic}, {one}") from one
        joints[one.child] = one.parent, one.pose
    return joints


def info_of(topic: str) -> tuple[str, bool]:
    """Return the topic of the CameraInfo next to an image's topic, as image_transport places it.

    Returns:
        The topic, and whether the images are rectified.
    """
    base, _, last = topic.rpartition("/")
    if last in _COMPRESSED:
        base, _, last = base.rpartition("/")
    return f"{base}/camera_info", "rect" in last
