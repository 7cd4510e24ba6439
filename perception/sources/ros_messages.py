"""Messages of ROS 2 as samples, whichever library decoded them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from sensebind.errors import InputError
from sensebind.perception.percept import Modality

MAX_POINTS = 8_000_000
MAX_PIXELS = 64_000_000
_FIELD_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
_TO_RGB = {  # encoding: channels, conversion
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
    "8UC3": (3, cv2.COLOR_BGR2RGB),
    "bayer_rggb8": (1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, cv2.COLOR_BayerGB2RGB),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2RGB_YUY2),
}


@dataclass(frozen=True, slots=True)
class RosSample:
    """What a message holds.

    Attributes:
        data: As `Observation.data`; of sound float32 [samples] at the publisher's rate.
        captured_at: Stamp of its header, ns; None where it has none.
        frame_id: Of its header.
    """

    data: np.ndarray
    captured_at: int | None = None
    frame_id: str = ""


def type_name(name: str) -> str:
    """The name of a message type as ROS 2 writes it, `package/msg/Type`."""
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest.rpartition('/')[2]}"


def modality_of(name: str) -> Modality | None:
    """What messages of a type are perceived as; None for those that cannot be."""
    known = _KINDS.get(type_name(name))
    return known[0] if known else None


def sample(message: Any, name: str) -> RosSample:
    """Turn a decoded message into a sample.

    Args:
        message: Has the fields of its type as attributes.
        name: Its type.

    Raises:
        InputError: It is of a type or encoding that is not understood, or does not fit itself.
    """
    known = _KINDS.get(type_name(name))
    if known is None:
        raise InputError(
            f"messages of type {name} are not understood; these are: {', '.join(_KINDS)}"
        )
    try:
        data = known[1](message)
        header = getattr(message, "header", None)
        if header is None:
            return RosSample(data)
        stamp = header.stamp
        nanoseconds = int(stamp.sec) * 10**9 + int(stamp.nanosec)
        return RosSample(data, max(nanoseconds, 0) or None, str(header.frame_id))
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError, cv2.error) as error:
        raise InputError(f"a message of type {name} is malformed: {error}") from error


def cloud(message: Any) -> np.ndarray:
    """A PointCloud2 as float32 [N, 3] metres; points that are not numbers are left out.

    Raises:
        InputError: It has no x, y and z, or less data than it says.
    """
    count = int(message.width) * int(message.height)
    if not 0 <= count <= MAX_POINTS:
        raise InputError(f"a cloud of {count} points; at most {MAX_POINTS} are read")
    order = ">" if message.is_bigendian else "<"
    fields = {str(field.name): field for field in message.fields}
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
    data = np.frombuffer(bytes(message.data), np.uint8)
    if len(data) < rows * row_step:
        raise InputError(f"a cloud of {count} points in {len(data)} bytes")
    packed = data[: rows * row_step].reshape(rows, row_step)[:, : columns * axes.itemsize]
    points = np.frombuffer(packed.tobytes(), axes)
    found = np.stack([points[axis].astype(np.float32) for axis in "xyz"], axis=1)
    return found[np.isfinite(found).all(axis=1)]


def image(message: Any) -> np.ndarray:
    """An Image as uint8 [H, W, 3] RGB.

    Raises:
        InputError: Its encoding is not understood, or it has less data than it says.
    """
    height, width, step = int(message.height), int(message.width), int(message.step)
    encoding = str(message.encoding)
    if encoding not in _TO_RGB:
        raise InputError(f"pictures in {encoding!r}; these are understood: {', '.join(_TO_RGB)}")
    channels, conversion = _TO_RGB[encoding]
    if not 0 < height * width <= MAX_PIXELS or step < width * channels:
        raise InputError(f"a picture of {height} x {width} pixels with rows of {step} bytes")
    data = np.frombuffer(bytes(message.data), np.uint8)
    if len(data) < height * step:
        raise InputError(f"a picture of {height} x {width} pixels in {len(data)} bytes")
    rows = data[: height * step].reshape(height, step)[:, : width * channels]
    pixels = np.ascontiguousarray(rows).reshape(height, width, channels)
    return pixels if conversion is None else cv2.cvtColor(pixels, conversion)


def compressed_image(message: Any) -> np.ndarray:
    """A CompressedImage as uint8 [H, W, 3] RGB.

    Raises:
        InputError: It cannot be decoded.
    """
    data = np.frombuffer(bytes(message.data), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise InputError(f"a compressed picture of {len(data)} bytes cannot be decoded")
    return np.ascontiguousarray(picture[..., ::-1])


def sound(message: Any) -> np.ndarray:
    """Audio data of signed 16 bits as float32 [samples] in -1..1, channels as they come.

    Raises:
        InputError: Half a sample is missing.
    """
    data = bytes(getattr(message, "audio", message).data)
    if len(data) % 2:
        raise InputError(f"sound of {len(data)} bytes; signed 16 bits (wave) are understood")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def scan(message: Any) -> np.ndarray:
    """A LaserScan as float32 [N, 3] metres in the plane of the sensor."""
    ranges = np.asarray(message.ranges, np.float64)
    angles = float(message.angle_min) + np.arange(len(ranges)) * float(message.angle_increment)
    seen = np.isfinite(ranges) & (ranges >= message.range_min) & (ranges <= message.range_max)
    if not all(map(math.isfinite, (message.angle_min, message.angle_increment))):
        raise InputError("a laser scan whose angles are not finite")
    flat = np.stack([ranges * np.cos(angles), ranges * np.sin(angles), 0 * angles], axis=1)
    return flat[seen].astype(np.float32)


_KINDS: dict[str, tuple[Modality, Callable[[Any], np.ndarray]]] = {
    "sensor_msgs/msg/PointCloud2": (Modality.POINT, cloud),
    "sensor_msgs/msg/LaserScan": (Modality.POINT, scan),
    "sensor_msgs/msg/Image": (Modality.VISION, image),
    "sensor_msgs/msg/CompressedImage": (Modality.VISION, compressed_image),
    "audio_common_msgs/msg/AudioData": (Modality.AUDIO, sound),
    "audio_common_msgs/msg/AudioDataStamped": (Modality.AUDIO, sound),
}
