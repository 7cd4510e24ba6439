"""What the messages of a recording hold: observations in Foxglove's schemas, percepts in JSON."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

import cv2
import msgspec
import numpy as np
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.PackedElementField_pb2 import PackedElementField
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from sensebind.errors import InputError
from sensebind.perception.frames.mcap_reader import Stored
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader

Pictures = Literal["png", "jpeg"]
PCM = 32768
"""What 1 is in samples of 16 bits."""
_JPEG_QUALITY = 90
_PNG_EFFORT = 1
_AXES = "xyz"
_POINT = np.dtype("<f4")

CLASSES: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind for kind in (CompressedImage, RawAudio, PointCloud, RawImage)
}
"""Of observations, by the names of their schemas."""


def stamp_of(nanoseconds: int) -> Timestamp:
    """Return a wall-clock time as messages hold it."""
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def message_of(observation: Observation, pictures: Pictures, jpeg: bytes | None) -> Message:
    """Return an observation in Foxglove's schema; sound has a way of its own in `Recorder`.

    Args:
        observation: What a sensor gave.
        pictures: How images are kept.
        jpeg: The image as it was compressed already; it is kept as it is.

    Raises:
        InputError: There is no schema for this modality.
    """
    data, frame_id = observation.data, observation.frame_id
    stamp = stamp_of(observation.captured_at)
    match observation.modality:
        case Modality.VISION if jpeg is not None:
            return CompressedImage(timestamp=stamp, frame_id=frame_id, data=jpeg, format="jpeg")
        case Modality.VISION:
            effort = (
                [cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT]
                if pictures == "png"
                else [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            )
            done, body = cv2.imencode(f".{pictures}", data[..., ::-1], effort)
            if not done:
                raise InputError(f"a picture {list(data.shape)} cannot be compressed")
            return CompressedImage(
                timestamp=stamp, frame_id=frame_id, data=body.tobytes(), format=pictures
            )
        case Modality.POINT:
            fields = [
                PackedElementField(name=name, offset=4 * i, type=PackedElementField.FLOAT32)
                for i, name in enumerate(_AXES)
            ]
            cloud = PointCloud(
                timestamp=stamp,
                frame_id=frame_id,
                point_stride=12,
                fields=fields,
                data=np.ascontiguousarray(data, _POINT).tobytes(),
            )
            cloud.pose.orientation.w = 1.0
            return cloud
        case Modality.DEPTH | Modality.THERMAL:
            height, width = data.shape
            return RawImage(
                timestamp=stamp,
                frame_id=frame_id,
                width=width,
                height=height,
                encoding="32FC1",
                step=4 * width,
                data=np.ascontiguousarray(data, "<f4").tobytes(),
            )
    raise InputError(f"observations of {observation.modality.value} cannot be recorded")


def modality_in(about: dict[str, str]) -> Modality:
    """Return the modality of a channel, by what that says of itself.

    Raises:
        InputError: It says none that is known.
    """
    try:
        return Modality(about.get("modality", ""))
    except ValueError as error:
        raise InputError(f"unknown modality {about.get('modality')!r} in a recording") from error


def percept_in(stored: Stored) -> Percept:
    """Return the percept in a message.

    Raises:
        InputError: Its embedding does not fit its header.
        ValueError: It is malformed in another way, as for KeyError, TypeError and RecursionError.
    """
    body = json.loads(stored.message.data)
    header = msgspec.convert(body["header"], PerceptHeader)
    embedding = np.frombuffer(base64.b64decode(body["embedding"]), "<f4").astype(np.float32)
    if embedding.shape != header.shape:
        raise InputError(f"an embedding of {embedding.shape} values, not {header.shape}")
    return Percept(header, embedding)


def observation_in(stored: Stored, sounds: dict[int, np.ndarray]) -> Observation | None:
    """Return the observation in a message; None where a window of sound is not whole yet.

    Args:
        stored: The message.
        sounds: The newest window of each channel so far, float32 [samples], which is updated.

    Raises:
        InputError: It cannot be read.
        DecodeError: It is malformed, as for ValueError, KeyError and TypeError.
    """
    about, name = stored.channel.metadata, stored.schema.name if stored.schema else ""
    if name not in CLASSES:
        raise InputError(f"an observation in the schema {name!r}")
    message: Any = CLASSES[name]()
    message.ParseFromString(stored.message.data)
    rate = 0
    if isinstance(message, RawAudio):
        rate = message.sample_rate
        data = _window(message, sounds.get(stored.channel.id), int(about["window"]))
        sounds[stored.channel.id] = data
        if len(data) < int(about["window"]):
            return None
    else:
        data = _array(message)
    return Observation(
        data=data,
        stream=about["stream"],
        modality=modality_in(about),
        captured_at=message.timestamp.seconds * 10**9 + message.timestamp.nanos,
        monotonic=stored.message.log_time / 1e9,
        sequence=stored.message.sequence,
        frame_id=about["frame_id"],
        rate=rate,
    )


def _window(message: RawAudio, before: np.ndarray | None, length: int) -> np.ndarray:
    """The newest `length` samples after a message, or as many as there are."""
    if message.format == "pcm-s16":
        new = np.frombuffer(message.data, "<i2").astype(np.float32) / np.float32(PCM)
    elif message.format == "pcm-f32":
        new = np.frombuffer(message.data, "<f4").astype(np.float32)
    else:
        raise InputError(f"sound in the format {message.format!r}")
    if before is None or len(new) >= length:
        return new[-length:]
    return np.concatenate([before, new])[-length:]


def _array(message: CompressedImage | PointCloud | RawImage) -> np.ndarray:
    """The sample in a message, as `Observation.data`."""
    if isinstance(message, CompressedImage):
        picture = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise InputError("a picture that cannot be decoded")
        return np.ascontiguousarray(picture[..., ::-1])
    values = np.frombuffer(message.data, "<f4").astype(np.float32)
    if isinstance(message, PointCloud):
        return values.reshape(-1, len(_AXES))
    return values.reshape(message.height, message.width)
