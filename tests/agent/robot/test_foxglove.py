"""What Foxglove is shown of a robot, as a viewer that knows nothing but the protocol reads it."""

import asyncio
import base64
import json
import logging
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.percepts import percept
from fixtures.waiting import PATIENCE, until
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.foxglove import PROTOCOLS, FoxgloveServer, _Viewer
from sensebind.agent.robot.kept_log import KeptLog
from sensebind.errors import BusError, ConfigurationError, SourceError
from sensebind.perception.frames.store import Frame, FrameStore
from sensebind.perception.geometry.tree import BASE
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation, Percept, Thing

STREAMS = """
  camera: {source: "camera:0"}
  microphone: {source: "microphone:default"}
  lidar: {source: "velodyne:2368", mount: {xyz: [0.5, 0, 0.6], rpy: [0, 0, 1.5707963]}}
"""
RATE = 16_000


def words() -> Words:
    return Words(["a dog", "a cat", "a cup"], 20 * np.eye(8)[:3])


def server(section: str = "{port: 0, rate: 100}", **options: Any) -> FoxgloveServer:
    config = parse_config(f"name: rover\nstreams: {STREAMS}\nfoxglove: {section}")
    assert config.foxglove is not None
    return FoxgloveServer(config, config.foxglove, options.pop("words", words), **options)


class Viewer:
    """A viewer of Foxglove's protocol: reads what is advertised, with the schemas that it gets."""

    def __init__(self, address: str, origin: str | None = None) -> None:
        names = [Subprotocol(one) for one in PROTOCOLS]
        given = None if origin is None else Origin(origin)
        with ExitStack() as stack:
            self.socket: ClientConnection = stack.enter_context(
                connect(address, subprotocols=names, origin=given, open_timeout=PATIENCE)
            )
            self._stack = stack.pop_all()
        self.about = self._text()
        self.channels = {one["topic"]: one for one in self._text()["channels"]}
        self._topics: dict[int, str] = {}

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _text(self) -> Any:
        return json.loads(self.socket.recv(timeout=PATIENCE))

    def send(self, **asked: Any) -> None:
        self.socket.send(json.dumps(asked))

    def subscribe(self, *topics: str) -> None:
        wanted = []
        for topic in topics:
            number = 1000 + len(self._topics)
            self._topics[number] = topic
            wanted.append({"id": number, "channelId": self.channels[topic]["id"]})
        self.send(op="subscribe", subscriptions=wanted)

    def message(self, topic: str, body: bytes) -> Any:
        """Read a message by the schema that was advertised, and nothing else."""
        channel = self.channels[topic]
        assert channel["encoding"] == channel["schemaEncoding"] == "protobuf"
        files = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(channel["schema"]))
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.Add(file)
        kind = pool.FindMessageTypeByName(channel["schemaName"])
        return message_factory.GetMessageClass(kind).FromString(body)

    def read(self, again: Callable[[], object]) -> dict[str, tuple[int, Any]]:
        """Read until each topic has had a message; `again` is called until then."""
        found: dict[str, tuple[int, Any]] = {}
        until = time.monotonic() + PATIENCE
        while len(found) < len(self._topics):
            missing = set(self._topics.values()) - set(found)
            assert time.monotonic() < until, f"no message of {missing}"
            again()
            try:
                data = self.socket.recv(timeout=0.05)
            except TimeoutError:
                continue
            assert isinstance(data, bytes), data
            kind, number, at = struct.unpack_from("<BIQ", data)
            assert kind == 1
            topic = self._topics[number]
            found[topic] = at, self.message(topic, data[13:])
        return found


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[FrameStore]:
    with FrameStore(tmp_path / "frames") as store:
        yield store


def perceived(store: FrameStore, stream: str, data: np.ndarray, at: int, **about: Any) -> Percept:
    """The percept of an observation whose frame is kept."""
    modality = about.pop("modality")
    observation = Observation(
        data, f"rover.{stream}", modality, at, 0.0, 7, stream, about.pop("rate", 0)
    )
    header = percept(stream).header
    header = replace(
        header,
        stream=observation.stream,
        modality=modality,
        captured_at=at,
        frame_id=stream,
        observation=store.put(observation),
        **about,
    )
    return Percept(header, percept().embedding, None)


def every_stream(store: FrameStore, at: int) -> list[Percept]:
    image = np.full((8, 12, 3), 90, np.uint8)
    sound = np.linspace(-0.5, 0.5, 2 * RATE, dtype=np.float32)
    points = np.array([[1.0, 0.0, 0.0], [np.nan, 0.0, 0.0], [2.0, 3.0, 0.5]], np.float32)
    thing = Thing((2.0, 1.0, 0.4), (0.2, 0.3, 0.8))
    return [
        perceived(store, "camera", image, at, modality=Modality.VISION),
        perceived(store, "microphone", sound, at, modality=Modality.AUDIO, rate=RATE),
        perceived(store, "lidar", points, at, modality=Modality.POINT, things=(thing,)),
    ]


def test_a_message_of_each_channel(kept: FrameStore) -> None:
    at = 1_700_000_000_250_000_000
    percepts = every_stream(kept, at)
    logger = logging.getLogger("sensebind.tools.clock")

    def again() -> None:
        for one in percepts:
            shown(one)
        logger.warning("cannot open %s", "rtsp://anna:secret@192.168.1.20/front")

    with server(frames=kept.get) as shown, Viewer(shown.address) as viewer:
        assert viewer.about["op"] == "serverInfo" and viewer.about["name"] == "rover"
        assert viewer.socket.subprotocol == "foxglove.sdk.v1"
        per_stream = {f"/{name}/percept" for name in ("camera", "microphone", "lidar")}
        own = {"/camera/image", "/microphone/sound", "/lidar/points", "/lidar/objects", "/log"}
        assert set(viewer.channels) == per_stream | own
        viewer.subscribe(*viewer.channels)
        found = viewer.read(again)
    assert all(stamp == at for topic, (stamp, _) in found.items() if topic != "/log")
    messages = {topic: message for topic, (_, message) in found.items()}
    image = messages["/camera/image"]
    assert image.format == "jpeg" and image.data == kept.get(percepts[0].header.observation).payload
    assert (image.timestamp.seconds, image.timestamp.nanos) == (1_700_000_000, 250_000_000)
    assert image.frame_id == "camera"
    sound = messages["/microphone/sound"]
    assert (sound.format, sound.sample_rate, sound.number_of_channels) == ("pcm-s16", RATE, 1)
    assert np.frombuffer(sound.data, "<i2")[-1] == round(0.5 * 32767)
    cloud = messages["/lidar/points"]
    assert [(one.name, one.offset) for one in cloud.fields] == [("x", 0), ("y", 4), ("z", 8)]
    points = np.frombuffer(cloud.data, "<f4").reshape(-1, cloud.point_stride // 4)
    # turned by 90° to the left, then moved: what is ahead of the lidar is to the robot's left
    assert points == pytest.approx(np.array([[0.5, 1.0, 0.6], [-2.5, 2.0, 1.1]]), abs=1e-5)
    [entity] = messages["/lidar/objects"].entities
    [cube] = entity.cubes
    position = cube.pose.position
    assert [position.x, position.y, position.z] == pytest.approx([-0.5, 2.0, 0.4], abs=1e-5)
    assert (cube.size.x, cube.size.y, cube.size.z) == (0.2, 0.3, 0.8)
    assert entity.frame_id == cloud.frame_id == BASE
    seen = messages["/camera/percept"]
    assert (seen.modality, seen.present, seen.known) == ("vision", True, True)
    assert seen.tags[0].word == "a dog" and 0.9 < seen.tags[0].score <= 1 and seen.age_ms >= 0
    line = messages["/log"]
    assert line.level == 3 and line.name == "sensebind.tools.clock"
    assert "secret" not in line.message and "192.168.1.20" in line.message


def test_sound_goes_on_where_the_last_one_ended(kept: FrameStore) -> None:
    at = 1_700_000_000_000_000_000
    window = np.zeros(2 * RATE, np.float32)
    first = perceived(kept, "microphone", window, at, modality=Modality.AUDIO, rate=RATE)
    second = perceived(
        kept, "microphone", window, at + 500_000_000, modality=Modality.AUDIO, rate=RATE
    )
    shown = server(frames=kept.get)
    sounds: list[Any] = [shown._sound(one.header) for one in (first, second)]
    assert [len(one.data) for one in sounds] == [2 * 2 * RATE, 2 * RATE // 2]


def test_without_kept_frames_percepts_are_shown_all_the_same() -> None:
    with server() as shown, Viewer(shown.address) as viewer:
        viewer.subscribe("/camera/percept", "/camera/image")
        one = percept("rover.camera")
        found = viewer.read(lambda: shown(one))
    assert found["/camera/image"][1].data == b"jpeg"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("https://app.foxglove.dev.evil.example", 403),
        ("https://app.foxglove.dev", 101),
        ("https://panel.example", 101),
        (None, 101),
    ],
)
def test_pages_of_others_see_nothing(origin: str | None, status: int) -> None:
    section = '{port: 0, origins: ["https://app.foxglove.dev", "https://panel.example"]}'
    with server(section) as shown:
        if status == 101:
            with Viewer(shown.address, origin) as viewer:
                assert viewer.channels
        else:
            with pytest.raises(InvalidStatus) as refused:
                Viewer(shown.address, origin)
            assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "nonsense",
        "[]",
        '{"op": "subscribe", "subscriptions": [{"id": 1, "channelId": 999}]}',
        '{"op": "subscribe", "subscriptions": [{"id": -1, "channelId": 1}]}',
        '{"op": "subscribe", "subscriptions": [{"id": 4294967296, "channelId": 1}]}',
        '{"op": "subscribe", "subscriptions": [%s, %s]}' % (('{"id": 1, "channelId": 1}',) * 2),
        b"\x01\x00\x00\x00\x00",
    ],
)
def test_what_is_not_understood_is_said_and_the_viewer_stays(asked: str | bytes) -> None:
    with server() as shown, Viewer(shown.address) as viewer:
        viewer.socket.send(asked)
        status = viewer._text()
        assert status["op"] == "status" and status["level"] == 1 and status["message"]
        viewer.subscribe("/camera/percept")
        viewer.read(lambda: shown(percept("rover.camera")))


def test_nothing_is_made_that_nobody_looks_at() -> None:
    def never() -> Words:
        raise AssertionError("the vocabulary was loaded")

    with server(words=never) as shown:
        shown(percept("rover.camera"))
        with Viewer(shown.address) as viewer:
            viewer.subscribe("/camera/image")
            viewer.read(lambda: shown(percept("rover.camera")))
            viewer.send(op="unsubscribe", subscriptionIds=[1000])
            until = time.monotonic() + PATIENCE
            while shown._wanted:
                assert time.monotonic() < until
        assert shown.left_out >= 1


def test_what_cannot_be_made_costs_one_message_and_not_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(reference: str) -> Frame:
        raise ZeroDivisionError(reference)

    def again() -> None:
        heard = percept("rover.microphone")
        shown(Percept(replace(heard.header, modality=Modality.AUDIO), heard.embedding))
        shown(percept("rover.camera"))

    def later() -> Words:
        raise SourceError("the language model is still being loaded")

    with server(frames=broken, words=later) as shown, Viewer(shown.address) as viewer:
        viewer.subscribe("/microphone/sound")
        until(lambda: shown._wanted)
        again()
        until(lambda: shown.failed)
        viewer.send(op="unsubscribe", subscriptionIds=[1000])
        viewer._topics.clear()
        viewer.subscribe("/camera/image", "/camera/percept")
        found = viewer.read(again)
    assert found["/camera/image"][1].data == percept().payload
    assert not found["/camera/percept"][1].tags
    said = [one for one in caplog.records if one.levelname == "ERROR"]
    assert [one.getMessage() for one in said] == ["/microphone/sound is not shown"]


def test_embeddings_of_another_space_are_not_named() -> None:
    config = parse_config(
        "streams: {camera: {source: 'camera:0', encoder: 'clip:models/clip'}}\nfoxglove: {port: 0}"
    )
    assert config.foxglove is not None
    with (
        FoxgloveServer(config, config.foxglove, words) as shown,
        Viewer(shown.address) as viewer,
    ):
        viewer.subscribe("/camera/percept")
        found = viewer.read(lambda: shown(percept("camera")))
    assert not found["/camera/percept"][1].tags  # of the same width, which says nothing


def test_a_line_that_cannot_be_made_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    kept = KeptLog("own", threading.Condition())
    kept.emit(logging.LogRecord("sensebind", logging.INFO, "", 1, "%d dogs", ("some",), None))
    kept.emit(logging.LogRecord("sensebind", logging.INFO, "", 1, "%d dogs", (2,), None))
    assert [one.getMessage() for one in kept.taken()] == ["2 dogs"]


def test_a_slow_viewer_gets_the_newest_and_the_last_lines_of_the_log() -> None:
    async def taken(viewer: _Viewer, count: int) -> Sequence[bytes]:
        return [one for _ in range(count) for one in await viewer.take()]

    viewer = _Viewer()
    viewer.wanted = {1: {10, 11}, 2: {20}}
    at = struct.pack("<Q", 5)
    for number in range(3):
        viewer.put(1, at + bytes([number]), line=False)
        viewer.put(3, at, line=False)
    for number in range(300):
        viewer.put(2, at + struct.pack("<H", number), line=True)
    found = asyncio.run(taken(viewer, 257))
    assert [struct.unpack("<H", one[13:])[0] for one in found[:256]] == [*range(44, 300)]
    assert found[256:] == [struct.pack("<BIQ", 1, number, 5) + b"\x02" for number in (10, 11)]
    assert viewer.dropped == 2 + 44


def test_a_port_in_use_and_mistakes_in_the_file_are_named() -> None:
    with server() as shown:
        port = shown.address.rpartition(":")[2]
        with pytest.raises(BusError, match=r"foxglove: .*in use.*choose another port"):
            server(f"{{port: {port}}}").__enter__()
    for section, message in (
        ("{port: 70000}", "foxglove.port"),
        ("{host: 0.0.0.0}", "foxglove.host"),
        ('{origins: ["app.foxglove.dev"]}', "foxglove.origins"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            server(section)


@pytest.mark.extended
def test_this_viewer_reads_the_server_of_foxgloves_own_sdk() -> None:
    foxglove = pytest.importorskip("foxglove", reason="pip install foxglove-sdk")
    from foxglove.channels import LogChannel  # pyright: ignore[reportMissingImports]
    from foxglove.messages import Log  # pyright: ignore[reportMissingImports]

    context = foxglove.Context()
    theirs = foxglove.start_server(name="theirs", host="127.0.0.1", port=0, context=context)
    try:
        channel = LogChannel("/log", context=context)
        with Viewer(f"ws://127.0.0.1:{theirs.port}") as viewer:
            viewer.subscribe("/log")
            found = viewer.read(lambda: channel.log(Log(message="hello")))
        assert found["/log"][1].message == "hello"
    finally:
        theirs.stop()
