"""Shows a robot live in Foxglove: streams, percepts, objects and the log, on this machine alone.

It speaks Foxglove's WebSocket protocol (https://docs.foxglove.dev/docs/sdk/websocket-server) behind
the rules of all our HTTP servers. The server of Foxglove's own SDK checks no `Origin`, so any web
page that is open on this machine could look through the robot's camera.

A viewer is sent the newest message of each channel; what it is too slow for is dropped and counted.
Nothing is made that nobody looks at, and the robot never waits for anybody.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import msgspec
import numpy as np
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.PointCloud_pb2 import PointCloud
from foxglove_schemas_protobuf.RawAudio_pb2 import RawAudio
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate
from google.protobuf.message import Message

from sensebind.agent.conditioning.words import Tag, Words
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.foxglove_messages import (
    image_message,
    log_message,
    objects_message,
    percept_class,
    percept_message,
    points_message,
    schema_of,
    sound_message,
)
from sensebind.agent.robot.kept_log import KeptLog
from sensebind.agent.robot.places import over_the_floor
from sensebind.agent.robot.sections import FoxgloveConfig
from sensebind.errors import BusError, ConfigurationError, SenseBindError
from sensebind.perception.encoders.names import OWN
from sensebind.perception.frames.store import Frame
from sensebind.perception.geometry.tree import BASE, Transform
from sensebind.perception.http_server import (
    HttpRules,
    HttpServer,
    Receive,
    Scope,
    Send,
    listen,
)
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Percept, PerceptHeader, Thing

log = logging.getLogger(__name__)

PROTOCOLS = ("foxglove.sdk.v1", "foxglove.websocket.v1")
"""Names of the protocol that viewers ask for: the newer one, and the one before."""
_MESSAGE = struct.Struct("<BIQ")  # kind, number of the subscription, time in nanoseconds
_MESSAGE_DATA = 1
_MOST_SUBSCRIPTIONS = 1024  # of one viewer
_MOST_LINES = 256  # of the log that wait for a viewer
_PER_STREAM: Mapping[Modality, tuple[tuple[str, type[Message]], ...]] = {
    Modality.VISION: (("image", CompressedImage),),
    Modality.AUDIO: (("sound", RawAudio),),
    Modality.POINT: (("points", PointCloud), ("objects", SceneUpdate)),
}
"""What is shown of a stream in addition to its percepts."""

Frames = Callable[[str], Frame]
"""Returns the kept frame of a reference."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What a viewer can subscribe to.

    Attributes:
        id: Its number.
        topic: Its name, such as /camera/image.
        kind: Class of its messages.
    """

    id: int
    topic: str
    kind: type[Message]

    def advertised(self) -> dict[str, Any]:
        """Return how it is announced to viewers."""
        return {
            "id": self.id,
            "topic": self.topic,
            "encoding": "protobuf",
            "schemaName": self.kind.DESCRIPTOR.full_name,
            "schema": base64.b64encode(schema_of(self.kind)).decode(),
            "schemaEncoding": "protobuf",
        }


class _Viewer:
    """What one viewer wants, and is still to be sent; used in the server's loop."""

    def __init__(self) -> None:
        self.wanted: dict[int, set[int]] = {}  # subscriptions by channel
        self.dropped = 0
        self._newest: dict[int, bytes] = {}
        self._lines: deque[tuple[int, bytes]] = deque()
        self._changed = asyncio.Event()

    def put(self, channel: int, message: bytes, line: bool) -> None:
        """Queue a message: the newest of its channel, or a line of the log after the others."""
        if channel not in self.wanted:
            return
        if line:
            if len(self._lines) == _MOST_LINES:
                self._lines.popleft()
                self.dropped += 1
            self._lines.append((channel, message))
        else:
            self.dropped += channel in self._newest
            self._newest[channel] = message
        self._changed.set()

    async def take(self) -> list[bytes]:
        """Wait for the next message; return it once for each subscription to its channel."""
        while not self._lines and not self._newest:
            self._changed.clear()
            await self._changed.wait()
        channel, message = self._lines.popleft() if self._lines else self._newest.popitem()
        at, body = message[:8], message[8:]
        return [
            struct.pack("<BI", _MESSAGE_DATA, number) + at + body
            for number in sorted(self.wanted.get(channel, ()))
        ]


class FoxgloveServer:
    """A listener of percepts that shows them in Foxglove. A context manager.

    Attributes:
        channels: What can be looked at, by topic.
        left_out: Percepts that were not shown, to keep to the rate or as newer ones had come.
        failed: Messages that could not be made.
    """

    def __init__(
        self,
        config: RobotConfig,
        section: FoxgloveConfig,
        words: Callable[[], Words],
        frames: Frames | None = None,
    ) -> None:
        """Prepare; entering serves.

        Args:
            config: The robot's file.
            section: Its `foxglove:`.
            words: Loads the vocabulary that names percepts; called once, when it is needed.
            frames: Returns kept frames; None where the robot keeps none, so that no sound and no
                points are shown.
        """
        self._section = section
        self._name = config.name or "sensebind"
        self._load_words = words
        self._words: Words | None = None
        self._frames = frames
        self._lidars = _lidars(config)
        self._names = {bus: name for name, bus in config.stream_names.items()}
        self.channels = self._made(config)
        self._newest: dict[str, Percept] = {}
        self._due: dict[str, float] = {}
        self._heard: dict[str, int] = {}  # ns up to which a stream's sound was shown
        self._changed = threading.Condition()
        self._stopping = False
        self._log = KeptLog(__name__, self._changed)
        self._thread = threading.Thread(target=self._run, name="foxglove", daemon=True)
        self._viewers: set[_Viewer] = set()
        self._wanted: frozenset[int] = frozenset()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: HttpServer | None = None
        self._unknown = frozenset(
            config.stream_names[name]
            for name, stream in config.streams.items()
            if (stream.encoder or config.encoder) != OWN
        )
        self._said: set[str] = set()  # what failed, and was logged
        self.left_out = 0
        self.failed = 0

    def _made(self, config: RobotConfig) -> dict[str, Channel]:
        topics: list[tuple[str, type[Message]]] = []
        for name, bus in config.stream_names.items():
            shown = _PER_STREAM.get(Modality(config.modalities[bus]), ())
            topics += [(f"/{name}/{what}", kind) for what, kind in shown]
            topics.append((f"/{name}/percept", percept_class()))
        topics.append(("/log", Log))
        return {
            topic: Channel(number, topic, kind) for number, (topic, kind) in enumerate(topics, 1)
        }

    @property
    def address(self) -> str:
        """Where it is served, for Foxglove's dialog "Open connection"."""
        assert self._server is not None, "use a with statement"
        return f"ws://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        """Serve.

        Raises:
            BusError: The port is in use.
        """
        try:
            listener = listen("127.0.0.1", self._section.port)
        except BusError as error:
            raise BusError(f"foxglove: {error}; choose another port in foxglove:") from error
        origins = frozenset(one.lower() for one in self._section.origins)
        rules = HttpRules(websockets=True, origins=origins)
        self._server = HttpServer(self._app, listener, rules, "foxglove")
        self._server.start()
        self._thread.start()
        logging.getLogger("sensebind").addHandler(self._log)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sensebind").removeHandler(self._log)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        if self._server is not None:
            self._server.stop()

    def __call__(self, percept: Percept) -> None:
        """Keep the newest percept of a stream; called in the listening thread, and only keeps."""
        name, now = percept.header.stream, time.monotonic()
        with self._changed:
            if not self._wanted or now < self._due.get(name, 0.0):
                self.left_out += 1
                return
            self._due[name] = now + 1 / self._section.rate
            self.left_out += name in self._newest
            self._newest[name] = percept
            self._changed.notify_all()

    # --- making messages ------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._log.waits or self._stopping)
                if self._stopping:
                    return
                taken, self._newest = self._newest, {}
            for record in self._log.taken():
                self._show("/log", int(record.created * 1e9), lambda one=record: log_message(one))
            for percept in taken.values():
                self._percept(percept)

    def _percept(self, percept: Percept) -> None:
        header = percept.header
        at, name = header.captured_at, self._names.get(header.stream, header.stream)
        self._show(f"/{name}/percept", at, lambda: percept_message(header, self._tags(percept)))
        match header.modality:
            case Modality.VISION:
                self._show(f"/{name}/image", at, lambda: self._image(percept))
            case Modality.AUDIO:
                self._show(f"/{name}/sound", at, lambda: self._sound(header))
            case Modality.POINT:
                self._show(f"/{name}/objects", at, lambda: self._objects(header))
                self._show(f"/{name}/points", at, lambda: self._points(header))

    def _show(self, topic: str, at: int, make: Callable[[], Message | None]) -> None:
        """Make a message that somebody wants, and hand it to the viewers.

        What cannot be made costs this message, and neither others nor the thread.
        """
        channel = self.channels.get(topic)
        if channel is None or channel.id not in self._wanted or self._loop is None:
            return
        try:
            message = make()
            if message is None:
                return
            body = struct.pack("<Q", at) + message.SerializeToString()
        except Exception as error:
            self.failed += 1
            if isinstance(error, SenseBindError):  # a frame that is not kept any more
                log.debug("%s is not shown: %s", topic, error)
            elif (what := f"{topic}: {type(error).__name__}") not in self._said:
                self._said.add(what)
                log.exception("%s is not shown", topic)
            return
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._hand_out, channel.id, body, topic == "/log")

    def _hand_out(self, channel: int, body: bytes, line: bool) -> None:
        for viewer in self._viewers:
            viewer.put(channel, body, line)

    def _tags(self, percept: Percept) -> list[Tag]:
        """Words, where the vocabulary lies in the space of the embedding, and is loaded already."""
        header = percept.header
        if not header.present or not header.known or header.stream in self._unknown:
            return []
        try:
            self._words = self._words or self._load_words()
            return self._words.tags(percept.embedding)
        except SenseBindError as error:
            log.debug("%s is shown without words: %s", header.stream, error)
            return []

    def _image(self, percept: Percept) -> Message | None:
        jpeg = percept.payload
        if jpeg is None:
            frame = self._frame(percept.header)
            jpeg = frame.payload if frame is not None and frame.media == "image/jpeg" else None
        return None if jpeg is None else image_message(percept.header, jpeg)

    def _sound(self, header: PerceptHeader) -> Message | None:
        """The part of a window that the one before did not hold: windows overlap."""
        frame = self._frame(header)
        if frame is None:
            return None
        samples = np.asarray(frame.decode(), np.float32)
        samples = samples if samples.ndim == 1 else samples.mean(axis=-1)
        before = self._heard.get(header.stream, 0)
        self._heard[header.stream] = header.captured_at
        new = round((header.captured_at - before) * 1e-9 * frame.rate)
        return sound_message(header, samples[-min(max(new, 1), len(samples)) :], frame.rate)

    def _points(self, header: PerceptHeader) -> Message | None:
        frame = self._frame(header)
        if frame is None:
            return None
        points = np.asarray(frame.decode(), np.float32)[:, :3]
        points = points[np.isfinite(points).all(axis=1)]
        pose = self._lidars.get(header.stream)
        points = points if pose is None else pose.apply(points)
        return points_message(header, points, _frame_of(header, pose))

    def _objects(self, header: PerceptHeader) -> Message:
        pose = self._lidars.get(header.stream)
        things = [Thing(over_the_floor(pose, one.position), one.size) for one in header.things]
        return objects_message(header, things, _frame_of(header, pose))

    def _frame(self, header: PerceptHeader) -> Frame | None:
        return None if self._frames is None else self._frames(header.observation)

    # --- serving --------------------------------------------------------------------------------

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(
                {"type": "http.response.body", "body": b"open this with Foxglove, as ws://\n"}
            )
            return
        await receive()  # the wish to connect
        offered = scope.get("subprotocols") or []
        agreed = next((one for one in PROTOCOLS if one in offered), None)
        if agreed is None:
            await send({"type": "websocket.close", "code": 1002})
            return
        await send({"type": "websocket.accept", "subprotocol": agreed})
        await self._viewed(receive, send)

    async def _viewed(self, receive: Receive, send: Send) -> None:
        """Serve one viewer until it has gone."""
        self._loop = asyncio.get_running_loop()
        viewer = _Viewer()
        about = {"op": "serverInfo", "name": self._name, "capabilities": [], "metadata": {}}
        channels = [one.advertised() for one in self.channels.values()]
        for text in (about, {"op": "advertise", "channels": channels}):
            await send({"type": "websocket.send", "text": msgspec.json.encode(text).decode()})
        self._viewers.add(viewer)
        sending = asyncio.create_task(_send(viewer, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                if problem := self._asked(viewer, message.get("text")):
                    status = {"op": "status", "level": 1, "message": problem}
                    text = msgspec.json.encode(status).decode()
                    await send({"type": "websocket.send", "text": text})
        finally:
            self._viewers.discard(viewer)
            self._note_wanted()
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError):
                await sending

    def _asked(self, viewer: _Viewer, text: str | None) -> str:
        """Do what a viewer asks for; return what is wrong with it, "" for nothing."""
        try:
            asked = msgspec.json.decode(text or "", type=_Asked)
        except (msgspec.DecodeError, RecursionError) as error:
            return f"not understood: {error}"
        known = {one.id for one in self.channels.values()}
        taken = [number for numbers in viewer.wanted.values() for number in numbers]
        taken += [one.id for one in asked.subscriptions]
        if any(one.channel not in known for one in asked.subscriptions):
            return "there is no such channel"
        if len(set(taken)) < len(taken) or len(taken) > _MOST_SUBSCRIPTIONS:
            return f"at most {_MOST_SUBSCRIPTIONS} subscriptions, each with a number of its own"
        for one in asked.subscriptions:
            viewer.wanted.setdefault(one.channel, set()).add(one.id)
        for number in asked.ended:
            for numbers in viewer.wanted.values():
                numbers.discard(number)
        viewer.wanted = {channel: numbers for channel, numbers in viewer.wanted.items() if numbers}
        self._note_wanted()
        return ""

    def _note_wanted(self) -> None:
        self._wanted = frozenset(one for viewer in self._viewers for one in viewer.wanted)


class _Subscription(msgspec.Struct, frozen=True, rename={"channel": "channelId"}):
    """A wish to be sent a channel."""

    id: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    channel: int


class _Asked(msgspec.Struct, frozen=True, rename={"ended": "subscriptionIds"}):
    """What viewers send, as far as this server answers it."""

    op: str
    subscriptions: tuple[_Subscription, ...] = ()
    ended: tuple[int, ...] = ()


async def _send(viewer: _Viewer, send: Send) -> None:
    with contextlib.suppress(RuntimeError, OSError):  # the viewer has gone
        while True:
            for message in await viewer.take():
                await send({"type": "websocket.send", "bytes": message})


def _frame_of(header: PerceptHeader, pose: Transform | None) -> str:
    return header.frame_id if pose is None else BASE


def _lidars(config: RobotConfig) -> dict[str, Transform]:
    """Poses of the lidars by their streams' names on the bus."""
    try:
        return {config.stream_names[one]: pose for one, pose in config.places().lidars.items()}
    except ConfigurationError as error:
        log.warning("points are shown in the frame of their lidar: %s", error)
        return {}
