"""Messages of ROS 2 as samples, whichever library decoded them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sensebind.errors import InputError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.returns import returns
from sensebind.perception.sources.ros_images import compressed_image, image, octets
from sensebind.perception.sources.ros_kinds import USUAL, Reading, modality_of, type_name

MAX_POINTS = 8_000_000
_FIELD_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}


@dataclass(frozen=True, slots=True)
class RosSample:
    """What a message holds.

    Attributes:
        data: As `Observation.data`; of sound float32 [samples] at the publisher's rate.
        modality: What it is perceived as.
        captured_at: Stamp of its header, ns; None where it has none.
        frame_id: Of its header.
    """

    data: np.ndarray
    modality: Modality
    captured_at: int | None = None
    frame_id: str = ""


def sample(message: Any, name: str, how: Reading = USUAL) -> RosSample:
    """Turn a decoded message into a sample.

    Args:
        message: Has the fields of its type as attributes.
        name: Its type.
        how: What to make of it.

    Raises:
        InputError: It is of a type or encoding that is not understood, or does not fit itself.
    """
    read, modality = _READERS.get(type_name(name)), modality_of(name, how.depth)
    if read is None or modality is None:
        raise InputError(
            f"messages of type {name} are not understood; these are: {', '.join(_READERS)}"
        )
    try:
        return RosSample(read(message, how), modality, *header_of(message))
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError, cv2.error) as error:
        raise InputError(f"a message of type {name} is malformed: {error}") from error


def header_of(message: Any) -> tuple[int | None, str]:
    """Stamp of a message's header, ns, and its frame; None and "" where it has no header.

    Raises:
        InputError: The header is malformed.
    """
    header = getattr(message, "header", None)
    if header is None:
        return None, ""
    try:
        nanoseconds = int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)
        return max(nanoseconds, 0) or None, str(header.frame_id)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"a header is malformed: {error}") from error


def cloud(message: Any, how: Reading = USUAL) -> np.ndarray:
    """A PointCloud2 as float32 [N, 3] metres; beams without a return are left out.

    Those are NaN, or lie at (0, 0, 0), as drivers of organized clouds write them.

    Args:
        message: Has the fields of its type.
        how: Its `min_range` is used.

    Raises:
        InputError: It has no x, y and z, or less data than it says.
    """
    count = int(message.width) * int(message.height)
    if not 0 <= count <= MAX_POINTS:
        raise InputError(f"a cloud of {count} points; at most {MAX_POINTS} are read")
    order = ">" if message.is_bigendian else "<"
    fields = {str(field.name).lower(): field for field in message.fields}
    missing = [axis for axis in "xyz" if axis not in fields]
    if missing:
        raise InputError(f"the cloud has no field {', '.join(missing)}")
    axes = np.dtype(
        {
            "names": list("xyz"),
            "formats": [order + _FIELD_TYPES[int(fields[axis].datatype)] for axis in "xyz"],
            "offsets": [int(fields[axis].offset) for axis in "xyz"],
            "itemsize": int(message.point_step),
        }
    )
    rows, columns = int(message.height), int(message.width)
    row_step = int(message.row_step) or columns * axes.itemsize
    if row_step < columns * axes.itemsize:
        raise InputError(f"rows of {row_step} bytes for {columns} points")
    data = octets(message.data)
    if len(data) < rows * row_step:
        raise InputError(f"a cloud of {count} points in {len(data)} bytes")
    packed = data[: rows * row_step].reshape(rows, row_step)[:, : columns * axes.itemsize]
    points = np.frombuffer(np.ascontiguousarray(packed), axes)
    found = np.empty((len(points), 3), np.float32)
    with np.errstate(over="ignore"):  # doubles beyond float32 become infinite, and are left out
        for column, axis in enumerate("xyz"):
            found[:, column] = points[axis]
    return returns(found, how.min_range)


def sound(message: Any) -> np.ndarray:
    """Audio data of signed 16 bits as float32 [samples] in -1..1, channels as they come.

    Raises:
        InputError: Half a sample is missing.
    """
    data = sound_bytes(message)
    if len(data) % 2:
        raise InputError(f"sound of {len(data)} bytes is not of signed 16 bits (wave)")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def sound_bytes(message: Any) -> bytes:
    """Audio data as it is; what it is encoded in the message does not say, see `ros_sound`.

    Raises:
        InputError: The message is malformed.
    """
    try:
        return bytes(getattr(message, "audio", message).data)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"a message of sound is malformed: {error}") from error


def scan(message: Any, how: Reading = USUAL) -> np.ndarray:
    """A LaserScan as float32 [N, 3] metres in the plane of the sensor.

    Ranges outside the sensor's limits are left out. A limit that is not a number, or a `range_max`
    that is not above `range_min`, such as 0, was not filled in, and limits nothing.

    Args:
        message: Has the fields of its type.
        how: Its `min_range` is used.

    Raises:
        InputError: Its angles are not finite.
    """
    if not all(map(math.isfinite, (message.angle_min, message.angle_increment))):
        raise InputError("a laser scan whose angles are not finite")
    ranges = np.asarray(message.ranges, np.float64)
    angles = float(message.angle_min) + np.arange(len(ranges)) * float(message.angle_increment)
    nearest, farthest = float(message.range_min), float(message.range_max)
    nearest = nearest if nearest > 0 else 0.0  # also for NaN
    farthest = farthest if farthest > nearest else math.inf
    seen = np.isfinite(ranges) & (ranges >= nearest) & (ranges <= farthest)
    ranges, angles = ranges[seen], angles[seen]
    flat = np.stack([ranges * np.cos(angles), ranges * np.sin(angles), 0 * angles], axis=1)
    return returns(flat, how.min_range)


def _image(message: Any, how: Reading) -> np.ndarray:
    return image(message, how.depth, how.range)


def _compressed_image(message: Any, how: Reading) -> np.ndarray:
    return compressed_image(message, how.depth, how.range)


def _sound(message: Any, _: Reading) -> np.ndarray:
    return sound(message)


_READERS: dict[str, Callable[[Any, Reading], np.ndarray]] = {
    "sensor_msgs/msg/PointCloud2": cloud,
    "sensor_msgs/msg/LaserScan": scan,
    "sensor_msgs/msg/Image": _image,
    "sensor_msgs/msg/CompressedImage": _compressed_image,
    "audio_common_msgs/msg/AudioData": _sound,
    "audio_common_msgs/msg/AudioDataStamped": _sound,
}
