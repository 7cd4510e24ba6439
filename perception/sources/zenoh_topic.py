"""Topics of a running ROS 2 over zenoh (rmw_zenoh); no ROS is installed here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sensebind.errors import (
    ConfigurationError,
    InputError,
    SenseBindError,
    SourceError,
)
from sensebind.perception.modality import Modality
from sensebind.perception.ros.attachments import Attachment
from sensebind.perception.ros.names import (
    UNHASHED,
    Entity,
    as_name,
    checked_domain,
    checked_topic,
)
from sensebind.perception.ros.node import RosNode
from sensebind.perception.ros.session import (
    ROUTER,
    checked_endpoints,
    open_session,
    publishers,
    session_to,
)
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.audio_windows import RATE
from sensebind.perception.sources.base import Device
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource
from sensebind.perception.sources.returns import checked_range
from sensebind.perception.sources.ros_kinds import Reading, modality_of, type_name
from sensebind.perception.sources.ros_sound_format import (
    SoundFormat,
    SoundInfo,
    checked_format,
)

if TYPE_CHECKING:
    from sensebind.perception.pixels import Range
    from sensebind.perception.sources.ros_windows import LiveSound

_PATIENCE = 0.1  # seconds of one wait for a message
_PIECES = 256  # messages of sound that may wait: they are put together, so none may be skipped
_GIDS = 16  # publishers whose messages are counted
_NAMED = 10  # topics that an error names
_GIVES = {
    "": tuple(Modality),
    "vision": (Modality.VISION,),
    "audio": (Modality.AUDIO,),
    "point": (Modality.POINT,),
    "depth": (Modality.DEPTH, Modality.POINT),
}
"""What a topic may give for a stream of a modality."""


class ZenohTopic(LiveSource):
    """A topic of PointCloud2, LaserScan, Image, CompressedImage or AudioData, over zenoh.

    For a ROS 2 that runs with `RMW_IMPLEMENTATION=rmw_zenoh_cpp`. Of images and clouds the newest
    is read and none waits; `dropped` counts what was published and not read. Sound is read whole.

    Args:
        target: The topic, such as "/camera/image_raw".
        stream: Name of the stream.
        type: Of its messages, such as "sensor_msgs/msg/Image"; by default what its publisher says.
        connect: Endpoint of zenoh's router, or of a peer; several are tried in turn. Nobody else is
            met, and no port is opened.
        domain: ROS_DOMAIN_ID.
        namespace: Before a relative topic, and of the node that listens.
        timeout: A topic silent for so many seconds is reported as gone.
        depth: Whether images are depth: 16UC1 in millimetres, 32FC1 in metres.
        range: How images of more than 8 bits become brightness: declared (by their encoding), or
            auto (each by what it holds).
        min_range: Points nearer than that are left out (the robot itself), metres.
        modality: What the stream perceives: vision, audio, point or depth; "" is any.
        sound_rate: Of sound, Hz.
        sound_channels: Of sound, interleaved.
        sound_format: s16le, s32le, f32le or mp3; auto is as it looks.

    Raises:
        ConfigurationError: A topic, endpoint, domain or type makes no sense, or a range, modality
            or sound does.
    """

    def __init__(
        self,
        target: str,
        stream: str,
        type: str = "",
        connect: str | Sequence[str] = ROUTER,
        domain: int = 0,
        namespace: str = "/",
        timeout: float = 1.0,
        depth: bool = False,
        range: Range = "declared",
        min_range: float = 0.0,
        modality: str = "",
        sound_rate: int = RATE,
        sound_channels: int = 1,
        sound_format: str = "auto",
    ) -> None:
        try:
            self._topic = checked_topic(target, namespace)
            self._connect = checked_endpoints(connect)
            self._domain = checked_domain(domain)
        except ConfigurationError as error:
            raise ConfigurationError(f"{stream}: {error}") from error
        super().__init__(stream, f"ROS topic {self._topic}")
        if range not in ("declared", "auto"):
            raise ConfigurationError(f"{stream}: range {range!r}; give declared or auto")
        if modality not in _GIVES:
            known = ", ".join(one for one in _GIVES if one)
            raise ConfigurationError(f"{stream}: modality {modality!r}; give {known}")
        if not 1000 <= sound_rate <= 768_000 or not 1 <= sound_channels <= 64:
            raise ConfigurationError(f"{stream}: {sound_channels} channels at {sound_rate} Hz")
        self._namespace = namespace
        self._type = type_name(type) if type else ""
        self._kind = modality
        self._timeout = timeout
        self._reading = Reading(depth, range, checked_range(stream, min_range))
        form: SoundFormat = checked_format(stream, sound_format)
        self._sound = SoundInfo(form, sound_rate, sound_channels)
        if self._type:
            self._perceived(self._type)  # a wrong one is said before anything is opened
        self._clock = DeviceClock()
        self._session: Any = None
        self._node: RosNode | None = None
        self._numbers: dict[bytes, int] = {}

    @cached_property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples it gives; asked of the graph where no type was given.

        Raises:
            SourceError: Nobody answers, or there is no such topic.
        """
        if self._type:
            return self._perceived(self._type)
        with session_to(self._connect) as session:
            return self._perceived(self._seen(session).type)

    @classmethod
    def find(cls) -> list[Device]:
        """List the topics that can be perceived, where a router answers on this machine.

        Raises:
            MissingDependencyError: eclipse-zenoh is not installed.
        """
        try:
            with session_to((ROUTER,)) as session:
                found = {one.topic: one.type for one in publishers(session, 0)}
        except SourceError:
            return []
        return [
            Device(f"zenoh:{topic}", topic, type)
            for topic, type in found.items()
            if modality_of(type) is not None
        ]

    def _open(self) -> None:
        from sensebind.perception.sources.ros_windows import LiveSound

        types = known_types()
        self._session = open_session(self._connect)
        publisher = self._seen(self._session)
        self.modality = self._perceived(publisher.type)  # found now: the graph may have changed
        self._message_type = publisher.type
        own = types.hash(publisher.type)
        if publisher.hash not in (own, UNHASHED):
            raise SourceError(
                f"{self._topic}: node {publisher.node} defines {publisher.type} in another way "
                f"({publisher.hash[:15]}…) than ROS 2 does ({own[:15]}…), so it cannot be read"
            )
        name = as_name(f"sensebind_{self._stream}")
        self._node = RosNode(self._session, name, self._namespace, self._domain)
        sound = self.modality is Modality.AUDIO
        self._live = LiveSound(self._sound) if sound else None
        self._subscription = self._node.subscribe(publisher, _PIECES if sound else 1)
        self._numbers.clear()
        self._clock.restart()
        self._heard = time.monotonic()
        self._silent = f"the {self._device} is silent: does its node publish?"
        self._complaint = self._silent

    def _receive(self) -> None:
        if (came := self._subscription.next(_PATIENCE)) is not None:
            self._hear(came)
        if time.monotonic() - self._heard > self._timeout:
            self._mailbox.fail(SourceError(self._complaint))

    def _hear(self, came: Any) -> None:
        import numpy as np

        from sensebind.perception.sources.ros_messages import header_of, sample

        try:
            attached: Attachment | None = Attachment.parse(came.attachment.to_bytes())
        except (AttributeError, InputError):  # of another program, or of an early rmw_zenoh
            attached = None
        skipped = self._count(attached) if attached is not None else 0
        try:
            message = known_types().decode(came.payload.to_bytes(), self._message_type)
            stamp, frame_id = header_of(message)
            if stamp is None and attached is not None:
                stamp = attached.stamp
            device = None if stamp is None else stamp / 1e9
            self.frame_id = frame_id
            if self._live is not None:
                self._hear_sound(self._live, message, device, skipped)
            else:
                found = sample(message, self._message_type, self._reading)
                self._deliver(np.ascontiguousarray(found.data), self._clock.stamp(device))
        except InputError as error:
            self._refused += 1
            self._complaint = f"the {self._device} sends what cannot be read: {error}"
            return
        self._heard, self._complaint = time.monotonic(), self._silent

    def _hear_sound(
        self, live: LiveSound, message: Any, device: float | None, skipped: int
    ) -> None:
        from sensebind.perception.sources.ros_messages import sound_bytes

        if skipped:
            live.clear()  # sound is not spliced over a gap
        at, monotonic = self._clock.stamp(device)
        for after, window in live.add(sound_bytes(message)):
            self._deliver(window, (at - round(1e9 * after), monotonic - after), RATE)

    def _count(self, attached: Attachment) -> int:
        """Return how many messages of this publisher were skipped before this one, and count."""
        last = self._numbers.pop(attached.gid, attached.sequence - 1)
        self._numbers[attached.gid] = attached.sequence  # the one heard last stands last
        while len(self._numbers) > _GIDS:
            del self._numbers[next(iter(self._numbers))]
        skipped = max(0, attached.sequence - last - 1)
        self._lost += skipped
        return skipped

    def _seen(self, session: Any) -> Entity:
        """Return a publisher of the topic.

        Raises:
            SourceError: There is none, or none of the type that is wanted.
        """
        found = publishers(session, self._domain, self._topic)
        types = sorted({one.type for one in found})
        if not found:
            raise SourceError(self._not_seen(session))
        if self._type and self._type not in types:
            raise SourceError(f"{self._topic} is of type {', '.join(types)}, not {self._type}")
        if not self._type and len(types) > 1:
            raise SourceError(f"{self._topic} is published as {', '.join(types)}: give one as type")
        fitting = [one for one in found if one.type in (self._type, types[0])]
        known = known_types()
        same = [one for one in fitting if known.has(one.type) and known.hash(one.type) == one.hash]
        return (same or fitting)[0]

    def _not_seen(self, session: Any) -> str:
        where = f"in domain {self._domain} at {', '.join(self._connect)}"
        others = list(dict.fromkeys(one.topic for one in publishers(session, self._domain)))
        if not others:
            return (
                f"nobody publishes anything {where}: does ROS run with "
                "RMW_IMPLEMENTATION=rmw_zenoh_cpp and this ROS_DOMAIN_ID?"
            )
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        named = ", ".join(others[:_NAMED])
        return f"nobody publishes {self._topic} {where}; there are {named}{more}"

    def _perceived(self, message_type: str) -> Modality:
        """Return what messages of a type are perceived as.

        Raises:
            ConfigurationError: The type was given, and does not suit the stream.
            SourceError: The publisher's does not.
        """
        kind: type[SenseBindError] = ConfigurationError if self._type else SourceError
        found = modality_of(message_type, self._reading.depth)
        if found is None:
            raise kind(f"{self._stream}: {message_type} of {self._topic} cannot be perceived")
        if found not in _GIVES[self._kind]:
            raise kind(
                f"{self._stream}: {self._topic} is of type {message_type}, which gives "
                f"{found.value}, not {self._kind}"
            )
        return found

    def _close(self) -> None:
        try:
            if self._node is not None:
                self._node.close()
                self._node = None
        finally:  # a session that stays open keeps its threads, and a place on the graph
            if self._session is not None:
                self._session.close()
                self._session = None
