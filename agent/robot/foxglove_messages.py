"""What Foxglove is shown of a robot, in typed messages: its own schemas, and `sensebind.Percept`.

Every message is Protocol Buffers with its schema (https://docs.foxglove.dev/docs/sdk/schemas), so
that a value that is not a number stays one, and a viewer knows what each field is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.PackedElementField_pb2 import PackedElementField
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from mcap_protobuf.schema import build_file_descriptor_set

from sensebind.agent.conditioning.words import Tag
from sensebind.credentials import without_credentials
from sensebind.perception.percept import PerceptHeader, Thing

_FULL_SCALE = 32767
_SHOWN_SECONDS = 2  # that an object stays on the screen after its last sighting
_COLOUR = (0.2, 0.6, 1.0, 0.5)
_LEVELS = {
    logging.DEBUG: Log.DEBUG,
    logging.INFO: Log.INFO,
    logging.WARNING: Log.WARNING,
    logging.ERROR: Log.ERROR,
    logging.CRITICAL: Log.FATAL,
}
_FILE = "sensebind/Percept.proto"
_FIELDS = (
    ("stream", "STRING"),
    ("modality", "STRING"),
    ("observation", "STRING"),
    ("sequence", "UINT64"),
    ("dropped", "UINT64"),
    ("age_ms", "DOUBLE"),
    ("encode_ms", "DOUBLE"),
    ("confidence", "DOUBLE"),
    ("present", "BOOL"),
    ("known", "BOOL"),
    ("unchanged", "BOOL"),
)
"""Of `sensebind.Percept`, in the order of their numbers, from 3 on; see `PerceptHeader`."""


@cache
def percept_class() -> type[Message]:
    """Return the class of `sensebind.Percept`: what is known about an embedding, and its words."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name=_FILE,
        package="sensebind",
        syntax="proto3",
        dependency=[Timestamp.DESCRIPTOR.file.name],
    )
    tag = file.message_type.add(name="Tag")
    tag.field.add(name="word", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    tag.field.add(name="score", number=2, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    percept = file.message_type.add(name="Percept")
    for number, (name, of) in enumerate(
        (("timestamp", ".google.protobuf.Timestamp"), ("tags", ".sensebind.Tag")), 1
    ):
        label = kinds.LABEL_REPEATED if name == "tags" else kinds.LABEL_OPTIONAL
        percept.field.add(
            name=name, number=number, type=kinds.TYPE_MESSAGE, type_name=of, label=label
        )
    for number, (name, kind) in enumerate(_FIELDS, 3):
        type = getattr(kinds, f"TYPE_{kind}")
        percept.field.add(name=name, number=number, type=type, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sensebind.Percept"))


def schema_of(kind: type[Message]) -> bytes:
    """Return the schema of a class of messages, a serialized FileDescriptorSet."""
    return build_file_descriptor_set(kind).SerializeToString()


def percept_message(header: PerceptHeader, tags: Sequence[Tag]) -> Message:
    """Return what is known about an embedding.

    Args:
        header: Of the percept.
        tags: Words for it.
    """
    values: dict[str, Any] = {
        name: getattr(header, name) for name, _ in _FIELDS if name not in ("modality", "age_ms")
    }
    values["modality"] = header.modality.value
    values["age_ms"] = 1000 * (time.monotonic() - header.monotonic)
    values["tags"] = [{"word": one.word, "score": one.score} for one in tags]
    return percept_class()(timestamp=_stamp(header.captured_at), **values)


def image_message(header: PerceptHeader, jpeg: bytes) -> Message:
    """Return a frame of a camera.

    Args:
        header: Of its percept.
        jpeg: The frame.
    """
    stamp = _stamp(header.captured_at)
    return CompressedImage(timestamp=stamp, frame_id=header.frame_id, data=jpeg, format="jpeg")


def sound_message(header: PerceptHeader, samples: np.ndarray, rate: int) -> Message:
    """Return sound as Foxglove plays it, 16-bit samples.

    Args:
        header: Of its percept.
        samples: float32 [n] in -1..1.
        rate: Samples per second.
    """
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
    return RawAudio(
        timestamp=_stamp(header.captured_at),
        data=pcm.tobytes(),
        format="pcm-s16",
        sample_rate=rate,
        number_of_channels=1,
    )


def points_message(header: PerceptHeader, points: np.ndarray, frame: str) -> Message:
    """Return a point cloud.

    Args:
        header: Of its percept.
        points: [N, 3] metres.
        frame: Coordinate frame that they are in.
    """
    fields = [
        PackedElementField(name=name, offset=4 * i, type=PackedElementField.FLOAT32)
        for i, name in enumerate("xyz")
    ]
    cloud = PointCloud(
        timestamp=_stamp(header.captured_at),
        frame_id=frame,
        point_stride=12,
        fields=fields,
        data=np.ascontiguousarray(points[:, :3], "<f4").tobytes(),
    )
    cloud.pose.orientation.w = 1.0
    return cloud


def objects_message(header: PerceptHeader, things: Sequence[Thing], frame: str) -> Message:
    """Return objects of a point cloud as boxes.

    Args:
        header: Of its percept.
        things: The objects, z above the floor.
        frame: Coordinate frame that they are in.
    """
    update = SceneUpdate()
    entity = update.entities.add(
        timestamp=_stamp(header.captured_at), frame_id=frame, id=header.stream
    )
    entity.lifetime.FromSeconds(_SHOWN_SECONDS)
    for one in things:
        cube = entity.cubes.add()
        position, size = cube.pose.position, cube.size
        position.x, position.y, position.z = one.position
        size.x, size.y, size.z = one.size
        cube.pose.orientation.w = 1.0
        cube.color.r, cube.color.g, cube.color.b, cube.color.a = _COLOUR
    return update


def log_message(record: logging.LogRecord) -> Message:
    """Return a line of the log, without passwords."""
    nearest = max((one for one in _LEVELS if one <= record.levelno), default=logging.DEBUG)
    return Log(
        timestamp=_stamp(int(record.created * 1e9)),
        level=_LEVELS[nearest],
        message=without_credentials(record.getMessage()),
        name=record.name,
        file=record.filename,
        line=record.lineno,
    )


def _stamp(nanoseconds: int) -> Timestamp:
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
