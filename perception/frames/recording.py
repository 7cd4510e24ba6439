"""Recordings: observations and percepts of a robot in one MCAP file that other tools can open.

Each stream has a channel of observations, `/STREAM`, in Foxglove's schemas (CompressedImage,
RawAudio, PointCloud, RawImage), and one of percepts, `/STREAM/percept`, in JSON. Where the robot
was is a channel of its own (`recorded_poses`). Every observation
comes back bit for bit, so the same weights give the same percepts again; where that cannot be said,
the metadata of the channel hold `exact: no`. Overlapping windows of sound are kept once: a message
holds what is new.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from google.protobuf.message import DecodeError
from mcap.writer import Writer
from mcap_protobuf.schema import build_file_descriptor_set

from sensebind.errors import InputError, StorageError
from sensebind.perception.frames.mcap_reader import McapFile, Stored
from sensebind.perception.frames.recorded_entries import (
    CLASSES,
    PCM,
    Pictures,
    message_of,
    modality_in,
    observation_in,
    percept_in,
    stamp_of,
)
from sensebind.perception.frames.recorded_poses import ABOUT, is_pose, pose_message
from sensebind.perception.frames.recorded_poses import TOPIC as POSES
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.storage.private_files import private_opener
from sensebind.perception.storage.stored_version import newer

LIBRARY = "sensebind"
"""Who wrote a recording, in the header of its file."""
FORMAT = "1"
_DIGITS = 18  # most that a number of a version is read by
_FLUSH_SECONDS = 1.0  # what a power cut may cost
_HOP_SEARCH = 400  # samples by which capture times may err


class Recorder:
    """Writes a recording. All methods may be called from any thread.

    Args:
        path: The file; one that exists is not overwritten.
        pictures: "png" keeps pictures as they are, "jpeg" makes them some ten times smaller.

    Attributes:
        path: The file.
        counts: Messages written so far, by topic.

    Raises:
        StorageError: The file exists already or cannot be written.
    """

    def __init__(self, path: Path | str, pictures: Pictures = "png") -> None:
        self.path = Path(path)
        self.counts: dict[str, int] = {}
        self._pictures: Pictures = pictures
        self._lock = threading.Lock()
        self._channels: dict[tuple[Any, ...], int] = {}
        self._schemas: dict[str, int] = {}
        self._sounds: dict[str, Observation] = {}  # the newest window of each stream
        self._hops: dict[str, int] = {}
        # The wall clock may be set while we record; messages keep the order of the monotonic one.
        self._epoch = time.time_ns() - time.monotonic_ns()
        self._flushed = time.monotonic()
        try:
            self._file = open(self.path, "xb", opener=private_opener)  # noqa: SIM115
            fcntl.flock(self._file, fcntl.LOCK_EX)  # until it is closed, nobody rewrites it
        except FileExistsError as error:
            raise StorageError(f"{path} exists already: choose another name") from error
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error
        self._writer = Writer(self._file)
        self._writer.start(profile="", library=LIBRARY)

    def observe(
        self, observation: Observation, *, jpeg: bytes | None = None, exact: bool = True
    ) -> None:
        """Record an observation.

        Args:
            observation: What a sensor gave.
            jpeg: The picture as it was compressed already; it is written as it is.
            exact: Whether its percept can be made again, bit for bit. Those of pictures that are
                kept as JPEG cannot.

        Raises:
            InputError: Observations of this modality or form cannot be recorded.
            StorageError: The disk is full, or the recorder is closed.
        """
        about = {
            "sensebind": FORMAT,
            "stream": observation.stream,
            "modality": observation.modality.value,
            "frame_id": observation.frame_id,
        }
        lossy = observation.modality is Modality.VISION and (jpeg or self._pictures == "jpeg")
        if lossy or not exact:
            about["exact"] = "no"
        with self._lock:
            if observation.modality is Modality.AUDIO:
                message = self._sound(observation)
                about["window"] = str(len(observation.data))
                self._sounds[observation.stream] = observation
            else:
                message = message_of(observation, self._pictures, jpeg)
            schema = message.DESCRIPTOR.full_name
            self._write(
                f"/{observation.stream}",
                about,
                schema,
                message.SerializeToString(),
                observation.captured_at,
                observation.sequence,
            )

    def perceive(self, percept: Percept) -> None:
        """Record a percept; its payload is not kept, as the observation is.

        Raises:
            StorageError: The disk is full, or the recorder is closed.
        """
        header = percept.header
        embedding = np.ascontiguousarray(percept.embedding, "<f4").tobytes()
        body = {
            "header": msgspec.to_builtins(header),
            "embedding": base64.b64encode(embedding).decode(),
        }
        about = {"sensebind": FORMAT, "stream": header.stream, "modality": header.modality.value}
        with self._lock:
            self._write(
                f"/{header.stream}/percept",
                about,
                "sensebind.Percept",
                json.dumps(body).encode(),
                header.captured_at,
                header.sequence,
            )

    def place(self, pose: Pose, captured_at: int) -> None:
        """Record where the robot was.

        Args:
            pose: Where, in the frame that its places are remembered in.
            captured_at: When, wall clock, ns.

        Raises:
            StorageError: The disk is full, or the recorder is closed.
        """
        message = pose_message(pose, captured_at)
        schema, data = message.DESCRIPTOR.full_name, message.SerializeToString()
        with self._lock:
            number = self.counts.get(POSES, 0)
            self._write(POSES, ABOUT, schema, data, captured_at, number)

    def close(self) -> None:
        """Write the index and close the file; may be called again.

        Raises:
            StorageError: The disk is full. What was recorded before can be read.
        """
        with self._lock:
            if self._file.closed:
                return
            try:
                try:
                    self._writer.finish()
                    self._sync()
                finally:
                    self._file.close()  # writes what is left in its buffer, which may fail as well
            except OSError as error:
                raise StorageError(
                    f"{self.path} cannot be finished: {error.strerror}; what was recorded before "
                    "can be read"
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(
        self, topic: str, about: dict[str, str], schema: str, data: bytes, at: int, sequence: int
    ) -> None:
        if self._file.closed:
            raise StorageError(f"the recording {self.path} is closed")
        try:
            self._writer.add_message(
                channel_id=self._channel(topic, about, schema),
                log_time=self._epoch + time.monotonic_ns(),
                data=data,
                publish_time=at,
                sequence=sequence % (1 << 32),
            )
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self._writer.flush()
                self._sync()
                self._flushed = time.monotonic()
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def _sync(self) -> None:
        """Wait until what was written is on the disk: a power cut takes the rest."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _channel(self, topic: str, about: dict[str, str], schema: str) -> int:
        key = (topic, schema, *about.items())
        if key not in self._channels:
            encoding = "json" if schema == "sensebind.Percept" else "protobuf"
            if schema not in self._schemas:
                kind = "jsonschema" if encoding == "json" else "protobuf"
                self._schemas[schema] = self._writer.register_schema(schema, kind, _schema(schema))
            self._channels[key] = self._writer.register_channel(
                topic, encoding, self._schemas[schema], about
            )
        return self._channels[key]

    def _sound(self, observation: Observation) -> RawAudio:
        """The samples of a window that the one before does not hold."""
        data = observation.data
        before = self._sounds.get(observation.stream)
        new = len(data)
        if before is not None and len(before.data) == new and before.rate == observation.rate:
            passed = observation.captured_at - before.captured_at
            guess = round(passed * observation.rate / 1e9)
            new = self._hops[observation.stream] = (
                _hop(before.data, data, self._hops.get(observation.stream, guess), guess) or new
            )
        steps = data[-new:].astype(np.float64) * PCM
        exact = (steps == np.rint(steps)).all() and np.abs(steps + 0.5).max() <= PCM
        body = steps.astype("<i2") if exact else data[-new:].astype("<f4")
        return RawAudio(
            timestamp=stamp_of(observation.captured_at),
            data=body.tobytes(),
            format="pcm-s16" if exact else "pcm-f32",  # Foxglove plays the former only
            sample_rate=observation.rate,
            number_of_channels=1,
        )


def _schema(name: str) -> bytes:
    kind = PoseInFrame if name == PoseInFrame.DESCRIPTOR.full_name else CLASSES.get(name)
    if kind is not None:
        return build_file_descriptor_set(kind).SerializeToString()
    (header,), definitions = msgspec.json.schema_components([PerceptHeader])
    schema = {
        "title": name,
        "type": "object",
        "properties": {
            "header": header,
            "embedding": {"type": "string", "contentEncoding": "base64"},
        },
        "$defs": definitions,
    }
    return json.dumps(schema).encode()


def _hop(before: np.ndarray, after: np.ndarray, usual: int, guess: int) -> int:
    """How far a window moved on from the one before, samples; 0 where they do not overlap."""
    for hop in (usual, *range(guess - _HOP_SEARCH, guess + _HOP_SEARCH)):
        if 0 < hop < len(after) and np.array_equal(before[hop:], after[:-hop]):
            return hop
    return 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry of a recording.

    Attributes:
        at: When it was recorded, seconds on a clock that never went back.
        entry: The observation or percept. Ages mean nothing: `monotonic` is of the recording.
        exact: False for an observation whose percept cannot be made again, bit for bit.
    """

    at: float
    entry: Observation | Percept
    exact: bool = True


class Recording:
    """Reads a recording, also one that was cut off or damaged.

    Args:
        path: The file.

    Attributes:
        refused: Entries of the newest pass that could not be understood.
    """

    def __init__(self, path: Path | str) -> None:
        self._file = McapFile(path)
        self.refused = 0

    @property
    def cut(self) -> bool:
        """Whether the newest pass ended before the recorder had closed the file."""
        return self._file.cut

    @property
    def damaged(self) -> int:
        """Parts of the file that the newest pass could not read."""
        return self._file.damaged

    @property
    def empty(self) -> bool:
        """Whether it is ours and no stream can be read in it: all was erased, or is damaged."""
        return self._file.library() == LIBRARY and all(map(is_pose, self._file.channels()))

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def streams(self) -> dict[str, Modality]:
        """Name and modality of the streams that have observations.

        Raises:
            InputError: The file is missing, is not MCAP, was not recorded by SenseBind, or by a
                newer version of it.
        """
        found, _ = self.kinds()
        if not found:
            raise InputError(
                f"{self._file.path} holds no observations that SenseBind recorded; "
                "for files of ROS 2 there is the source bag:FILE"
            )
        return found

    def kinds(self) -> tuple[dict[str, Modality], dict[str, Modality]]:
        """Name and modality of the streams that have observations, and of those with percepts.

        Raises:
            InputError: The file is missing, is not MCAP, or is of a newer version.
        """
        observed: dict[str, Modality] = {}
        perceived: dict[str, Modality] = {}
        for stored in self._file.channels():
            about = self._about(stored)
            if about.get("sensebind") != FORMAT:
                continue
            found = {"protobuf": observed, "json": perceived}.get(stored.channel.message_encoding)
            if found is not None:
                found[about.get("stream", "")] = modality_in(about)
        return observed, perceived

    def _about(self, stored: Stored) -> dict[str, str]:
        """What a channel says of itself; one of a newer version is refused."""
        about = stored.channel.metadata
        version = about.get("sensebind", FORMAT)
        if version.isdecimal() and (len(version) > _DIGITS or int(version) > int(FORMAT)):
            raise InputError(newer(self._file.path, version[:_DIGITS], int(FORMAT)))
        return about

    def __iter__(self) -> Iterator[Recorded]:
        """Yield everything; see `entries`."""
        return self.entries()

    def entries(self, stream: str | None = None) -> Iterator[Recorded]:
        """Yield what was recorded, in that order.

        Args:
            stream: Of this stream only; None takes all.

        Raises:
            InputError: The file is missing, is not MCAP, or is of a newer version.
        """
        self.refused = 0
        sounds: dict[int, np.ndarray] = {}
        whole = 0
        for stored in self._file.messages():
            about = self._about(stored)
            if about.get("sensebind") != FORMAT or stream not in (None, about.get("stream")):
                continue
            if self._file.damaged != whole:  # sound goes on after what is lost, not with it
                sounds.clear()
                whole = self._file.damaged
            try:
                if stored.channel.message_encoding == "json":
                    entry: Observation | Percept | None = percept_in(stored)
                else:
                    entry = observation_in(stored, sounds)
            except (InputError, DecodeError, ValueError, KeyError, TypeError, RecursionError):
                self.refused += 1
                continue
            if entry is not None:
                exact = about.get("exact") != "no"
                yield Recorded(stored.message.log_time / 1e9, entry, exact)
