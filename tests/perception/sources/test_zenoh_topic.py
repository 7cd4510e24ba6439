"""`ZenohTopic` against real zenoh sessions on loopback, which stand for rmw_zenoh's nodes."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
import pytest
from fixtures.ports import free_port
from fixtures.zenoh_graph import IMAGE, Graph, header, image

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.percept import Modality
from sensebind.perception.ros.names import UNHASHED, Entity
from sensebind.perception.ros.node import RosNode, RosPublisher
from sensebind.perception.ros.session import open_session
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.base import Device, Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.registry import open_source
from sensebind.perception.sources.zenoh_topic import ZenohTopic

CLOUD = "sensor_msgs/msg/PointCloud2"
SOUND, STAMPED = "audio_common_msgs/msg/AudioData", "audio_common_msgs/msg/AudioDataStamped"
PATIENCE = 20.0  # seconds; a busy machine may be slow


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# --- without the extra --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "/camera/*"}, r"cam: '/camera/\*' is not a topic of ROS 2"),
        ({"connect": "192.168.1.20"}, "cam: connect: '192.168.1.20' is not an endpoint of zenoh"),
        ({"connect": []}, "is not an endpoint"),
        ({"domain": 300}, "from 0 to 232"),
        ({"type": "sensor_msgs/msg/Joy"}, "sensor_msgs/msg/Joy of /camera cannot be perceived"),
        ({"type": CLOUD, "modality": "vision"}, "gives point, not vision"),
        ({"modality": "smell"}, "give vision, audio, point, depth"),
        ({"range": "some"}, "give declared or auto"),
        ({"sound_channels": 0}, "0 channels"),
        ({"sound_format": "ogg"}, "sound_format 'ogg'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ZenohTopic(**{"target": "/camera", "stream": "cam", **options})


def test_a_stream_of_robot_yaml_says_what_it_wants() -> None:
    given = {"source": "zenoh:camera", "namespace": "/rover", "type": IMAGE, "modality": "vision"}
    assert open_source(given, stream="cam").modality is Modality.VISION


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zenoh", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'sensebind\[zenoh\]'"):
        ZenohTopic.find()


# --- with it ------------------------------------------------------------------------------------


@pytest.fixture
def graph() -> Iterator[Graph]:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    with ExitStack() as stack:
        yield Graph(stack)


def read(graph: Graph, topic: str, stream: str = "cam", **options: Any) -> ZenohTopic:
    return ZenohTopic(topic, stream, connect=graph.endpoint, **options)


@pytest.mark.extended
class TestZenohTopic(SourceConformance):
    patience = PATIENCE

    @pytest.fixture(autouse=True)
    def _driver(self, graph: Graph) -> None:
        self.graph = graph
        camera = graph.node().publisher("/camera", IMAGE)
        graph.every(0.05, lambda number: camera.publish(image(number)))

    def make_source(self) -> Source:
        source: Any = read(self.graph, "/camera", "head.camera", timeout=PATIENCE)
        return source


@pytest.mark.extended
def test_the_type_is_found_and_the_stamp_and_frame_are_kept(graph: Graph) -> None:
    camera = graph.node().publisher("/camera", IMAGE)
    taken = time.time_ns()
    source = read(graph, "/camera", timeout=PATIENCE)
    assert source.modality is Modality.VISION
    with source:
        graph.every(0.05, lambda _: camera.publish(image(200, header=header("lens", taken))))
        seen = source.read(PATIENCE)
    assert seen.data.shape == (4, 6, 3) and (seen.data == 200).all()
    assert seen.frame_id == "lens"
    assert 0 <= (time.time_ns() - seen.captured_at) / 1e9 < PATIENCE


def compressed() -> tuple[str, Any, Modality]:
    _, data = cv2.imencode(".png", np.full((5, 7, 3), (10, 20, 30), np.uint8))
    made = known_types().new(
        "sensor_msgs/msg/CompressedImage", header=header(), format="png", data=data.ravel()
    )
    return "sensor_msgs/msg/CompressedImage", made, Modality.VISION


def cloud() -> tuple[str, Any, Modality]:
    new = known_types().new
    points = np.arange(1, 10, dtype="<f4").reshape(3, 3)
    made = new(
        CLOUD,
        header=header("lidar"),
        height=1,
        width=3,
        is_bigendian=False,
        is_dense=True,
        fields=[
            new("sensor_msgs/msg/PointField", name=n, offset=4 * i, datatype=7, count=1)
            for i, n in enumerate("xyz")
        ],
        point_step=12,
        row_step=36,
        data=points.view(np.uint8).ravel(),
    )
    return CLOUD, made, Modality.POINT


def scan() -> tuple[str, Any, Modality]:
    made = known_types().new(
        "sensor_msgs/msg/LaserScan",
        header=header("laser"),
        angle_min=0.0,
        angle_max=1.0,
        angle_increment=0.5,
        time_increment=0.0,
        scan_time=0.1,
        range_min=0.1,
        range_max=10.0,
        ranges=np.array([1.0, 2.0, 99.0], np.float32),
        intensities=np.zeros(0, np.float32),
    )
    return "sensor_msgs/msg/LaserScan", made, Modality.POINT


@pytest.mark.extended
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (compressed, np.full((5, 7, 3), (30, 20, 10), np.uint8)),
        (cloud, np.arange(1, 10, dtype=np.float32).reshape(3, 3)),
        (scan, np.array([[1, 0, 0], [2 * np.cos(0.5), 2 * np.sin(0.5), 0]], np.float32)),
    ],
)
def test_each_type_is_read(graph: Graph, make: Callable[[], Any], expected: np.ndarray) -> None:
    name, message, modality = make()
    out = graph.node().publisher("/sensor", name)
    with read(graph, "/sensor", timeout=PATIENCE) as source:
        graph.every(0.05, lambda _: out.publish(message))
        seen = source.read(PATIENCE)
    assert source.modality is modality
    np.testing.assert_allclose(seen.data, expected, atol=1e-6)


@pytest.mark.extended
def test_sound_is_put_together_and_not_spliced_over_a_gap(graph: Graph) -> None:
    new, rate = known_types().new, 8000
    out = graph.node().publisher("/audio", STAMPED)
    tone = np.sin(2 * np.pi * 440 * np.arange(rate * 8) / rate)
    pieces = (tone * 16000).astype("<i2").reshape(-1, rate // 10)

    def piece(number: int) -> Any:
        audio = new(SOUND, data=pieces[number % len(pieces)].view(np.uint8))
        return new(STAMPED, header=header("mic"), audio=audio)

    with read(graph, "/audio", "mic", sound_rate=rate, sound_format="s16le", timeout=60) as source:
        for number in range(20):
            out.publish(piece(number))
            time.sleep(0.01)
        whole = source.read(PATIENCE)  # 2 s
        assert whole.data.shape == (32_000,) and whole.rate == 16_000
        assert 0.45 < np.abs(whole.data).max() < 0.55 and whole.frame_id == "mic"
        for _ in range(3):
            next(out._numbers)  # three messages that never arrive
        for number in range(19):
            out.publish(piece(number))
            time.sleep(0.01)
        with pytest.raises(SourceError):  # 1.9 s since the gap are no window
            source.read(2.0)
        out.publish(piece(19))
        assert source.read(PATIENCE).data.shape == (32_000,)
        assert source.dropped == 3


class Halted(ZenohTopic):
    """Its first sample is handled for as long as a test wants."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handles, self.go = threading.Event(), threading.Event()
        self.values: list[int] = []

    def _deliver(self, data: np.ndarray, *args: Any, **options: Any) -> None:
        self.values.append(int(data.flat[0]))
        self.handles.set()
        assert self.go.wait(PATIENCE)
        super()._deliver(data, *args, **options)


@pytest.mark.extended
def test_who_is_slow_gets_the_newest_and_not_the_next(graph: Graph) -> None:
    """A ring of one: a queue would hold up the session, a callback would be called for each."""
    camera = graph.node().publisher("/camera", IMAGE)
    with Halted("/camera", "cam", connect=graph.endpoint, timeout=PATIENCE) as source:
        until(lambda: camera.publish(image(0)) or source.handles.wait(0.05))
        for number in range(1, 101):
            camera.publish(image(number))
        time.sleep(1.0)  # all of them arrive meanwhile
        source.go.set()
        until(lambda: source.values[-1] == 100)
    assert len(source.values) < 60, source.values  # by a queue it would be 101 or more
    assert source.dropped >= 101 - len(source.values)


@pytest.mark.extended
def test_one_that_is_not_read_silences_no_other(graph: Graph) -> None:
    """With zenoh's own queue, 256 unread messages of one topic stop the whole session."""
    session = graph.session()
    node = graph.node("listener", session=session)
    driver = graph.node()
    idle, busy = (driver.publisher(f"/{name}", IMAGE) for name in ("idle", "busy"))
    node.subscribe(idle.entity, 1)
    listened = node.subscribe(busy.entity, 1)
    until(lambda: busy.publish(image()) or listened.next(0.05))
    for _ in range(1000):
        idle.publish(image())
    until(lambda: busy.publish(image(77)) or listened.next(0.05))


@pytest.mark.extended
def test_a_silent_topic_a_malformed_message_and_a_missing_one_are_told_apart(graph: Graph) -> None:
    camera = graph.node().publisher("/camera", IMAGE)
    with read(graph, "/camera", timeout=0.3) as source:
        with pytest.raises(SourceError, match="/camera is silent: does its node publish"):
            source.read(PATIENCE)
        graph.every(0.05, lambda _: camera.publish(image(encoding="smell8")))
        until(lambda: source.refused >= 3)
        with pytest.raises(SourceError, match=r"cannot be read: .*'smell8'"):
            source.read(PATIENCE)
        camera.publish_bytes(b"\x00\x01\x00\x00\xff\xff\xff\xff")
    assert source.refused >= 3
    with pytest.raises(SourceError, match=r"nobody publishes /lidar in domain 0 at .*/camera"):
        read(graph, "/lidar").__enter__()
    with pytest.raises(SourceError, match="nobody publishes anything in domain 7"):
        read(graph, "/camera", domain=7).__enter__()


@pytest.mark.extended
def test_another_definition_of_the_type_is_refused_and_humbles_absence_of_a_hash_is_not(
    graph: Graph,
) -> None:
    session = graph.session()

    def publisher(topic: str, digest: str) -> RosPublisher:
        zid = str(session.zid())
        about = ("MP", 0, zid, 0, 5, "/", "other", topic, IMAGE, digest)
        made = RosPublisher(session, Entity(*about))
        graph.stack.callback(made.close)
        return made

    publisher("/forked", "RIHS01_" + "0" * 64)
    humble = publisher("/humble", UNHASHED)
    with pytest.raises(SourceError, match=r"node other defines sensor_msgs/msg/Image in another"):
        read(graph, "/forked").__enter__()
    with read(graph, "/humble", timeout=PATIENCE) as source:
        graph.every(0.05, lambda _: humble.publish(image(3)))
        assert (source.read(PATIENCE).data == 3).all()


@pytest.mark.extended
def test_types_that_do_not_suit_are_named(graph: Graph) -> None:
    node = graph.node()
    node.publisher("/both", IMAGE)
    node.publisher("/both", CLOUD)
    node.publisher("/joy", "sensor_msgs/msg/Joy")
    for options, message in (
        ({}, f"/both is published as {IMAGE}, {CLOUD}: give one as type"),
        ({"type": "sensor_msgs/msg/LaserScan"}, f"/both is of type {IMAGE}, {CLOUD}, not"),
    ):
        with pytest.raises(SourceError, match=message):
            read(graph, "/both", **options).__enter__()
    with pytest.raises(SourceError, match="Joy of /joy cannot be perceived"):
        read(graph, "/joy").__enter__()
    node.publisher("/cloud", CLOUD)
    with pytest.raises(SourceError, match="gives point, not vision"):
        read(graph, "/cloud", modality="vision").__enter__()


@pytest.mark.extended
def test_it_goes_on_when_the_router_was_away(graph: Graph) -> None:
    camera = graph.node().publisher("/camera", IMAGE)
    graph.every(0.05, lambda number: camera.publish(image(number)))
    with read(graph, "/camera", timeout=0.5) as source:
        source.read(PATIENCE)
        graph.stop_router()
        with pytest.raises(SourceError):
            while True:
                source.read(5.0)
        graph.start_router()
        deadline = time.monotonic() + 60
        while True:
            try:
                source.read(5.0)
                break
            except SourceError:
                assert time.monotonic() < deadline


@pytest.mark.extended
def test_nobody_there_is_one_line() -> None:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    where = f"tcp/127.0.0.1:{free_port()}"
    with pytest.raises(SourceError, match="no zenoh router or peer answers at") as raised:
        ZenohTopic("/camera", "cam", connect=where).__enter__()
    assert "\n" not in str(raised.value)


@pytest.mark.extended
def test_topics_are_found_at_the_router_of_this_machine(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensebind.perception.sources.zenoh_topic.ROUTER", graph.endpoint)
    node = graph.node()
    node.publisher("/camera", IMAGE)
    node.publisher("/joy", "sensor_msgs/msg/Joy")
    assert ZenohTopic.find() == [Device("zenoh:/camera", "/camera", IMAGE)]
    graph.stop_router()
    assert ZenohTopic.find() == []


@pytest.mark.extended
def test_a_session_is_closed_whatever_happens(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph.node().publisher("/camera", IMAGE)
    source = read(graph, "/camera")
    with pytest.raises(KeyError), source:
        first = source._session
        raise KeyError
    assert first.is_closed()
    with pytest.raises(SourceError, match="cannot be left"), source:
        second, close = source._session, RosNode.close

        def fails(node: RosNode) -> None:
            close(node)
            raise SourceError("the graph cannot be left")

        monkeypatch.setattr(RosNode, "close", fails)
    monkeypatch.undo()
    assert second.is_closed()
    opened = []
    monkeypatch.setattr(
        "sensebind.perception.sources.zenoh_topic.open_session",
        lambda connect: opened.append(open_session(connect)) or opened[-1],
    )
    with pytest.raises(SourceError, match="nobody publishes"):
        read(graph, "/none").__enter__()
    assert opened[0].is_closed()
