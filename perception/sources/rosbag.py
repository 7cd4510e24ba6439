"""Bags of ROS 1 and ROS 2 and MCAP files as if their sensors were here; no ROS is needed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.errors import ConfigurationError, InputError, UnusableSourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.audio_windows import RATE
from sensebind.perception.sources.file_source import PlayedSource, Sample
from sensebind.perception.sources.returns import checked_range
from sensebind.perception.sources.ros_kinds import Reading, modality_of, type_name
from sensebind.perception.sources.ros_sound_format import (
    SoundFormat,
    SoundInfo,
    announced,
    checked_format,
)

if TYPE_CHECKING:
    from sensebind.perception.pixels import Range
    from sensebind.perception.sources.rosbag_files import BagFiles, Message

_AUDIO_INFO = "audio_common_msgs/msg/AudioInfo"
_PROBED = 200  # messages of sound that are looked at, at most
_TOPICS_OF = {
    "vision": (Modality.VISION,),
    "audio": (Modality.AUDIO,),
    "point": (Modality.POINT,),
    "depth": (Modality.DEPTH, Modality.POINT),
}
"""What topics give a stream of a modality; those that suit it best come first."""
_BYTES = {"s16le": 2, "s32le": 4, "f32le": 4}
_MEASURED_SECONDS = 1.0  # of messages that the flow of sound is measured over
_FLOW = 1.3  # how far it may be from what rate and channels say


@dataclass(frozen=True, slots=True)
class _GivenSound:
    """What a user said about sound; None where nothing was said."""

    rate: int | None
    channels: int | None
    format: SoundFormat


class Bag(PlayedSource):
    """One topic of a bag of ROS 2 (folder, .db3, .mcap), of ROS 1 (.bag), or of an MCAP file.

    PointCloud2, LaserScan, Image, CompressedImage, and AudioData(Stamped). Neither metadata.yaml
    nor definitions of messages are needed, and files or messages may be packed with zstd.
    Observations keep the time stamps of their headers.

    Args:
        target: The file or folder.
        stream: Name of the stream.
        topic: Which; by default the only one that can be perceived, of the modality if that is
            given.
        sound_rate: Of sound, Hz. By default as an AudioInfo in the bag says, else 16,000.
        sound_channels: Of sound, interleaved. By default likewise, else 1.
        speed: 1 is real time, 0 as fast as it is read.
        loop: Whether it begins again at the end.
        sound_format: s16le, s32le, f32le or mp3; auto is as an AudioInfo says, else as it looks.
        depth: Whether images are depth: 16UC1 in millimetres, 32FC1 in metres.
        range: How images of more than 8 bits become brightness: declared (by their encoding), or
            auto (each by what it holds).
        min_range: Points nearer than that are left out (the robot itself), metres.
        type: Of messages whose type the file does not say (MCAP without schemas).
        modality: What the stream perceives: vision, audio, point or depth, which both images of
            depth and point clouds give; "" is any.

    Raises:
        ConfigurationError: Rate, channels or format of sound make no sense, or the range or the
            modality does.
    """

    def __init__(
        self,
        target: str,
        stream: str,
        topic: str = "",
        sound_rate: int | None = None,
        sound_channels: int | None = None,
        speed: float = 1.0,
        loop: bool = False,
        sound_format: str = "auto",
        depth: bool = False,
        range: Range = "declared",
        min_range: float = 0.0,
        type: str = "",
        modality: str = "",
    ) -> None:
        rate, channels = sound_rate, sound_channels
        if not (rate is None or 1000 <= rate <= 768_000) or not (
            channels is None or 1 <= channels <= 64
        ):
            raise ConfigurationError(f"{stream}: {channels} channels at {rate} Hz")
        if range not in ("declared", "auto"):
            raise ConfigurationError(f"{stream}: range {range!r}; give declared or auto")
        if modality and modality not in _TOPICS_OF:
            raise ConfigurationError(
                f"{stream}: modality {modality!r}; give {', '.join(_TOPICS_OF)}"
            )
        super().__init__(stream, f"bag {target}", speed, loop)
        self._path = Path(target)
        self._wanted = topic
        self._kind = modality
        self._sound = _GivenSound(rate, channels, checked_format(stream, sound_format))
        self._reading = Reading(depth, range, checked_range(stream, min_range))
        self._untyped = type_name(type) if type else ""

    @cached_property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples the topic has; read from the file at first need.

        Raises:
            UnusableSourceError: The file cannot be read, or has no such topic.
            MissingDependencyError: The extra `ros` is not installed.
        """
        return self._topic[1]

    @cached_property
    def _topic(self) -> tuple[str, Modality]:
        from sensebind.perception.sources.rosbag_files import BagFiles

        try:
            with BagFiles(self._path, self._untyped) as bag:
                types = bag.topics()
        except InputError as error:
            raise UnusableSourceError(str(error)) from error
        found = {topic: modality_of(kind, self._reading.depth) for topic, kind in types.items()}
        usable = {topic: modality for topic, modality in found.items() if modality is not None}
        if self._wanted and self._wanted not in types:
            raise UnusableSourceError(
                f"{self._name} has no topic {self._wanted!r}; it has {_list(types)}"
            )
        if self._wanted and self._wanted not in usable:
            raise UnusableSourceError(
                f"{self._wanted} of {self._name} {_named(types[self._wanted])} cannot be perceived"
            )
        if not types:
            raise UnusableSourceError(f"{self._name} holds no messages")
        if not usable:
            listed = ", ".join(f"{topic} {_named(kind)}" for topic, kind in sorted(types.items()))
            raise UnusableSourceError(
                f"{self._name} has 0 topics that can be perceived; it has {listed[:300]}"
            )
        topic = self._wanted or self._only(usable)
        return topic, usable[topic]

    def _only(self, usable: dict[str, Modality]) -> str:
        """Return the one topic that suits the stream.

        Raises:
            UnusableSourceError: None does, or several do.
        """
        kind, suited = self._kind, list(usable)
        for modality in _TOPICS_OF.get(kind, ()):  # what suits it best comes first
            if suited := [topic for topic, one in usable.items() if one is modality]:
                break
        if not suited:
            listed = ", ".join(f"{topic} ({one.value})" for topic, one in sorted(usable.items()))
            raise UnusableSourceError(f"{self._name} has no topic of {kind}; it has {listed[:300]}")
        if len(suited) != 1:
            what = f"topics of {kind}" if kind else "topics that can be perceived"
            raise UnusableSourceError(
                f"{self._name} has {len(suited)} {what}; give one as topic: "
                f"{', '.join(sorted(suited)[:20])}"
            )
        return suited[0]

    def _samples(self) -> Iterator[Sample]:
        from sensebind.perception.sources.ros_messages import sample
        from sensebind.perception.sources.rosbag_files import BagFiles

        topic, modality = self._topic
        with BagFiles(self._path, self._untyped) as bag:
            if modality is Modality.AUDIO:
                yield from self._windows(bag, topic)
                return
            for at, one in self._in_time(bag.messages(topic)):
                try:
                    found = sample(one.content, one.type, self._reading)
                except InputError as error:
                    self._refuse(error)
                    continue
                captured_at = one.at if found.captured_at is None else found.captured_at
                yield Sample(found.data, at, captured_at, frame_id=found.frame_id)

    def _in_time(self, messages: Iterator[Message]) -> Iterator[tuple[float, Message]]:
        """Messages that could be decoded, with a time that never goes back, seconds."""
        latest = -math.inf
        for one in messages:
            if isinstance(one.content, InputError):
                self._refuse(one.content)
                continue
            latest = max(latest, one.at / 1e9)  # a player that recorded backwards is not followed
            yield latest, one

    def _windows(self, bag: BagFiles, topic: str) -> Iterator[Sample]:
        """Sound that comes in pieces as windows of 2 s at 16 kHz."""
        from sensebind.perception.sources.ros_messages import header_of, sound_bytes
        from sensebind.perception.sources.ros_windows import SoundWindows

        windows = SoundWindows(self._sound_info(bag, topic))
        for at, one in self._in_time(bag.messages(topic)):
            try:
                header = header_of(one.content)
                whole = windows.add(sound_bytes(one.content))
            except InputError as error:
                self._refuse(error)
                windows.clear()  # what comes next does not continue what came before
                continue
            for after, sound in whole:
                late = round(1e9 * after)
                captured_at = (one.at if header[0] is None else header[0]) - late
                yield Sample(sound, at - late / 1e9, captured_at, None, header[1], RATE)

    def _sound_info(self, bag: BagFiles, topic: str) -> SoundInfo:
        """How sound is encoded: as given, as announced in the bag, or as it looks.

        Raises:
            InputError: It is not one that is read, or contradicts itself.
        """
        from sensebind.perception.sources.ros_messages import sound_bytes
        from sensebind.perception.sources.ros_sound import PROBE_BYTES, recognized_format

        given = self._sound
        said = _announcement(bag)
        rate = given.rate or (said.rate if said else RATE)
        channels = given.channels or (said.channels if said else 1)
        if given.format != "auto":
            return SoundInfo(given.format, rate, channels)
        if said is not None:
            return SoundInfo(said.format, rate, channels)
        pieces: list[tuple[int, bytes]] = []
        for one in itertools.islice(bag.messages(topic), _PROBED):
            if not isinstance(one.content, InputError):
                pieces.append((one.at, sound_bytes(one.content)))
        look = b"".join(piece for _, piece in pieces)[:PROBE_BYTES]
        found = SoundInfo(recognized_format(look, channels), rate, channels)
        if given.rate is None or given.channels is None:
            _check_flow(found, pieces)
        return found


def _announcement(bag: BagFiles) -> SoundInfo | None:
    """What the only AudioInfo of a bag says."""
    topics = [topic for topic, kind in bag.topics().items() if type_name(kind) == _AUDIO_INFO]
    if len(topics) != 1:
        return None
    for one in bag.messages(topics[0]):
        info = one.content
        if isinstance(info, InputError):
            return None
        kind = announced(str(info.coding_format), str(info.sample_format))
        return SoundInfo(kind, int(info.sample_rate) or RATE, int(info.channels) or 1)
    return None


def _check_flow(info: SoundInfo, pieces: list[tuple[int, bytes]]) -> None:
    """Refuse sound that comes faster or slower than its rate and channels say.

    Raises:
        InputError: They do not fit, so they are other ones.
    """
    seconds = (pieces[-1][0] - pieces[0][0]) / 1e9 if pieces else 0.0
    if info.format not in _BYTES or seconds < _MEASURED_SECONDS or len(pieces) < 10:
        return
    flow = sum(len(piece) for _, piece in pieces[:-1]) / seconds
    expected = info.rate * info.channels * _BYTES[info.format]
    if not 1 / _FLOW < flow / expected < _FLOW:
        raise InputError(
            f"sound comes at {flow / 1000:.1f} kB/s, {info.channels} channels of {info.format} at "
            f"{info.rate} Hz are {expected / 1000:.1f}: give sound_rate and sound_channels"
        )


def _list(names: dict[str, str] | dict[str, Modality]) -> str:
    return ", ".join(sorted(names)[:20])


def _named(kind: str) -> str:
    return (
        f"(of type {kind})" if kind else "(of a type that the file does not say: give it as type)"
    )
