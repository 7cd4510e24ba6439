"""ROS 2 bags and MCAP files as if their sensors were here; no ROS is needed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sensebind.errors import (
    ConfigurationError,
    InputError,
    MissingDependencyError,
    SourceError,
    one_line,
)
from sensebind.perception.frames.mcap_reader import McapFile
from sensebind.perception.imagebind.preprocess.audio import resample, waveform
from sensebind.perception.percept import Modality
from sensebind.perception.sources.audio_windows import (
    HOP_SECONDS,
    RATE,
    WINDOW_SECONDS,
    Windows,
    on_grid,
)
from sensebind.perception.sources.file_source import PlayedSource, Sample
from sensebind.perception.sources.ros_messages import modality_of, sample, type_name

_MISSING = "reading bags needs rosbags and mcap-ros2-support: pip install 'sensebind[ros]'"


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    type: str
    at: int  # when it was recorded, ns
    message: Any  # None where it could not be decoded


class Bag(PlayedSource):
    """One topic of a bag of ROS 2 (folder, .db3), a bag of ROS 1 (.bag), or an MCAP file.

    PointCloud2, LaserScan, Image, CompressedImage, and AudioData(Stamped) of signed 16 bits.
    Observations keep the time stamps of their headers.

    Args:
        target: The file or folder.
        stream: Name of the stream.
        topic: Which; by default the only one that can be perceived.
        sound_rate: Of sound, Hz: its messages do not tell. `sound_channels`: likewise.
        speed: 1 is real time, 0 as fast as it is read. `loop`: begin again at the end.

    Raises:
        ConfigurationError: Rate or channels of sound make no sense.
    """

    def __init__(
        self,
        target: str,
        stream: str,
        topic: str = "",
        sound_rate: int = RATE,
        sound_channels: int = 1,
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        if not 1000 <= sound_rate <= 768_000 or not 1 <= sound_channels <= 64:
            raise ConfigurationError(f"{stream}: {sound_channels} channels at {sound_rate} Hz")
        super().__init__(stream, f"bag {target}", speed, loop)
        self._path = Path(target)
        self._wanted = topic
        self._sound = (sound_rate, sound_channels)

    @cached_property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples the topic has; read from the file at first need.

        Raises:
            SourceError: The file cannot be read, or has no such topic.
            MissingDependencyError: The extra `ros` is not installed.
        """
        return self._topic[1]

    @cached_property
    def _topic(self) -> tuple[str, Modality]:
        try:
            types = _mcap_topics(self._path) if self._is_mcap else _bag_topics(self._path)
        except InputError as error:
            raise SourceError(str(error)) from error
        found = {topic: modality_of(kind) for topic, kind in types.items()}
        usable = {topic: modality for topic, modality in found.items() if modality is not None}
        if self._wanted and self._wanted not in types:
            raise SourceError(f"{self._name} has no topic {self._wanted!r}; it has {_list(types)}")
        if self._wanted and self._wanted not in usable:
            raise SourceError(
                f"{self._wanted} of {self._name} has type {types[self._wanted]}, "
                "which cannot be perceived"
            )
        if not self._wanted and len(usable) != 1:
            raise SourceError(
                f"{self._name} has {len(usable)} topics that can be perceived; "
                f"give one as topic: {_list(usable) or 'none'}"
            )
        topic = self._wanted or next(iter(usable))
        return topic, usable[topic]

    @property
    def _is_mcap(self) -> bool:
        return self._path.suffix.lower() == ".mcap" and not self._path.is_dir()

    def _samples(self) -> Iterator[Sample]:
        topic, modality = self._topic
        messages = _mcap_messages if self._is_mcap else _bag_messages
        samples = self._decoded(messages(self._path, topic))
        yield from self._windows(samples) if modality is Modality.AUDIO else samples

    def _decoded(self, messages: Iterator[_Message]) -> Iterator[Sample]:
        latest = -math.inf
        for one in messages:
            latest = max(latest, one.at / 1e9)  # a player that recorded backwards is not followed
            try:
                if one.message is None:
                    raise InputError("it could not be decoded")
                found = sample(one.message, one.type)
            except InputError:
                self._refused += 1
                continue
            captured_at = one.at if found.captured_at is None else found.captured_at
            yield Sample(found.data, latest, captured_at, frame_id=found.frame_id)

    def _windows(self, pieces: Iterator[Sample]) -> Iterator[Sample]:
        """Sound that comes in pieces as windows of 2 s at 16 kHz."""
        rate, channels = self._sound
        windows = Windows(round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate))
        for piece in pieces:
            if len(piece.data) % channels:
                self._refused += 1
                windows.clear()
                continue
            mono = piece.data.reshape(-1, channels).mean(axis=1, dtype=np.float32)
            for after, window in windows.add(mono):
                sound = on_grid(resample(waveform(window, rate), rate, RATE)[0].numpy())
                late = round(1e9 * after / rate)
                captured_at = (piece.captured_at or 0) - late
                yield Sample(sound, piece.at - late / 1e9, captured_at, None, piece.frame_id, RATE)


def _list(names: dict[str, Any]) -> str:
    return ", ".join(sorted(names)[:20])


def _mcap_topics(path: Path) -> dict[str, str]:
    return {one.channel.topic: one.schema.name for one in McapFile(path).channels() if one.schema}


def _mcap_messages(path: Path, topic: str) -> Iterator[_Message]:
    try:
        from mcap_ros2.decoder import DecoderFactory
    except ImportError as error:
        raise MissingDependencyError(_MISSING) from error
    factory = DecoderFactory()
    for one in McapFile(path).messages():
        if one.channel.topic != topic or one.schema is None:
            continue
        try:
            decode = factory.decoder_for(one.channel.message_encoding, one.schema)
            message = decode(one.message.data) if decode else None
        except Exception:  # the decoder is made of what the file says and may fail in any way
            message = None  # counted as refused
        yield _Message(topic, type_name(one.schema.name), one.message.log_time, message)


def _bag_topics(path: Path) -> dict[str, str]:
    with _opened(path) as reader:
        return {topic: str(info.msgtype) for topic, info in reader.topics.items()}


def _bag_messages(path: Path, topic: str) -> Iterator[_Message]:
    with _opened(path) as reader:
        connections = [one for one in reader.connections if one.topic == topic]
        for connection, at, raw in reader.messages(connections):
            try:
                message = reader.deserialize(raw, connection.msgtype)
            except Exception:  # as above
                message = None
            yield _Message(topic, connection.msgtype, at, message)


def _opened(path: Path) -> Any:
    """A reader of rosbags, to be used in a with statement.

    Raises:
        InputError: It is no bag, or is damaged.
        MissingDependencyError: rosbags is not installed.
    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise MissingDependencyError(_MISSING) from error
    folder = path.parent if path.suffix == ".db3" else path
    try:
        reader = AnyReader([folder], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    except Exception as error:  # rosbags raises what its parsers of YAML and SQL raise
        raise InputError(f"bag {path} cannot be read: {one_line(error)}") from error
    return closing(reader)
