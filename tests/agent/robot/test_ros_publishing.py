"""What a robot publishes on a ROS 2 graph, as a node there hears it: real zenoh on loopback."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fixtures.percepts import percept
from fixtures.ports import free_port
from msgspec.structs import replace

pytest.importorskip("rosbags", reason="pip install 'sensebind[zenoh]'")

from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.doctor_graph import examine_graph
from sensebind.agent.robot.robot import Robot
from sensebind.agent.robot.ros_log import RosLog
from sensebind.agent.robot.ros_publishing import RosPublishing
from sensebind.agent.robot.sections import RosConfig
from sensebind.errors import ConfigurationError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Thing

PATIENCE = 20.0
STREAMS = """
  camera: {source: "camera:0"}
  lidar: {source: "velodyne:2368", mount: {xyz: [0.5, 0, 0.6], rpy: [0, 0, 1.5707963]}}
"""


# --- without the extra --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{publish: [smell]}", "ros.publish"),
        ("{publish: []}", "ros.publish"),
        ("{connect: somewhere}", "'somewhere' is not an endpoint of zenoh"),
        ("{namespace: /a b}", "'/a b' is not a namespace of ROS 2"),
        ("{domain: 300}", "ros.domain"),
        ("{publish: [detections]}", "detections needs llm:"),
    ],
)
def test_mistakes_in_the_file_are_named(section: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_config(f"streams: {STREAMS}\nros: {section}")


def test_a_log_waits_in_a_bounded_queue_and_hides_logins() -> None:
    changed = threading.Condition()
    kept = RosLog("own", changed)
    logger = logging.Logger("kitchen")
    logger.addHandler(kept)
    logger.warning("cannot open %s", "rtsp://anna:secret@192.168.1.20/front")
    logging.Logger("own").addHandler(kept)
    assert kept.waits
    [message] = kept.take()
    assert message.level == 30 and message.name == "kitchen" and not kept.waits
    assert "secret" not in message.msg and "192.168.1.20" in message.msg
    for number in range(300):
        logger.error("%d", number)
    assert [one.msg for one in kept.take()] == [str(n) for n in range(44, 300)]
    assert kept.dropped == 44


def test_who_publishes_the_log_is_not_published() -> None:
    kept = RosLog("own", threading.Condition())
    kept.handle(logging.makeLogRecord({"name": "own", "msg": "failed"}))
    assert not kept.waits


def test_without_a_graph_it_is_a_warning_of_doctor() -> None:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    found = examine_graph(RosConfig(connect=f"tcp/127.0.0.1:{free_port()}"))
    assert found.verdict.name == "WARNING" and "no zenoh router or peer answers" in found.found


def test_a_bug_does_not_end_the_publishing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    tried: list[object] = []

    def broken(endpoints: object) -> None:
        tried.append(endpoints)
        raise ZeroDivisionError

    monkeypatch.setattr("sensebind.agent.robot.ros_publishing.session_to", broken)
    monkeypatch.setattr("sensebind.agent.robot.ros_publishing._AGAIN", 0.01)
    with publishing(SimpleNamespace(endpoint=f"tcp/127.0.0.1:{free_port()}")):
        until(lambda: len(tried) > 2)
    assert "ZeroDivisionError" in caplog.text


# --- with it ------------------------------------------------------------------------------------


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def graph() -> Iterator[Any]:
    pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    from fixtures.zenoh_graph import Graph

    with ExitStack() as stack:
        yield Graph(stack)


def words() -> Words:
    """A vocabulary of three along the axes of a tiny embedding."""
    return Words(["a dog", "a cat", "a cup"], 20 * np.eye(8)[:3])


def publishing(graph: Any, section: str = "{}", **options: Any) -> RosPublishing:
    config = parse_config(f"name: rover\nllm: sensebind\nstreams: {STREAMS}\nros: {section}")
    assert config.ros is not None
    made = config.ros.model_copy(update={"connect": graph.endpoint})
    return RosPublishing(config, made, options.pop("words", words), **options)


class Ear:
    """A node that hears one topic, as `ros2 topic echo` would."""

    def __init__(self, graph: Any, topic: str, seconds: float = PATIENCE) -> None:
        from sensebind.perception.ros.session import publishers
        from sensebind.perception.ros.types import known_types

        self._types = known_types()
        session = graph.session()
        node = graph.node("echo", session=session)
        found: list[Any] = []
        until(lambda: found.extend(publishers(session, 0, topic)) or found, seconds)
        self.publisher = found[0]
        self._subscription = node.subscribe(self.publisher, 64)

    def next(self, again: Callable[[], object]) -> Any:
        """The next message; `again` is called until it comes."""
        heard: list[Any] = []

        def listen() -> bool:
            if (sample := self._subscription.next(0.05)) is not None:
                heard.append(sample)
            else:
                again()
            return bool(heard)

        until(listen)
        return self._types.decode(heard[0].payload.to_bytes(), self.publisher.type)


@pytest.mark.extended
def test_tags_go_under_the_stream_of_the_namespace(graph: Any) -> None:
    with publishing(graph, "{publish: [tags], rate: 100}") as out:
        seen = percept("rover.camera", 1, frame_id="optical")
        out(seen)
        ear = Ear(graph, "/rover/camera/tags")
        heard = ear.next(lambda: out(seen))
        assert ear.publisher.node == "sensebind" and ear.publisher.namespace == "/rover"
        assert ear.publisher.type == "vision_msgs/msg/Classification"
        assert [one.class_id for one in heard.results] == ["a cat"]
        assert heard.results[0].score > 0.9 and heard.header.frame_id == "optical"
        stamp = heard.header.stamp.sec * 10**9 + heard.header.stamp.nanosec
        assert stamp == seen.header.captured_at
        nothing = percept("rover.camera", present=False)
        until(lambda: ear.next(lambda: out(nothing)).results == [])


@pytest.mark.extended
def test_objects_stand_in_the_robots_frame(graph: Any) -> None:
    things = (Thing((2.0, 0.0, 0.25), (0.5, 0.5, 0.5)),)
    with publishing(graph, "{publish: [objects], rate: 100}") as out:
        sweep = percept("rover.lidar", things=things)
        sweep = replace(sweep, header=replace(sweep.header, modality=Modality.POINT))
        out(sweep)
        ear = Ear(graph, "/rover/lidar/objects")
        heard = ear.next(lambda: out(sweep))
    assert heard.header.frame_id == "base_link"
    [one] = heard.detections
    at = one.bbox.center.position  # the lidar looks to the left, half a metre ahead of the middle
    assert np.allclose([at.x, at.y, at.z], [0.5, 2.0, 0.25], atol=1e-6)
    assert one.bbox.size.x == 0.5 and one.results == []


@pytest.mark.extended
def test_detections_are_of_an_image_and_each_image_once(graph: Any) -> None:
    found = {
        "reference": "frame:rover.camera@1700000000123456789",
        "size": [64, 48],
        "found": [{"label": "cup", "score": 0.5, "box": (10.0, 20.0, 30.0, 40.0)}],
    }
    asked = 0

    def detect() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise SourceError("no image yet")
        return found

    section = "{publish: [detections], detection_rate: 30}"
    with publishing(graph, section, detect=detect) as out:
        ear = Ear(graph, "/rover/camera/detections")
        until(lambda: asked > 10)
        assert out.published == 1
        found["reference"] = "frame:rover.camera@1700000001000000005"
        heard = ear.next(lambda: None)
        if heard.header.stamp.sec == 1_700_000_000:  # the first came after the ear was there
            heard = ear.next(lambda: None)
    assert (heard.header.stamp.sec, heard.header.stamp.nanosec) == (1_700_000_001, 5)
    [one] = heard.detections
    assert one.results[0].hypothesis.class_id == "cup" and one.bbox.size_x == 20.0


@pytest.mark.extended
def test_the_log_goes_to_rosout_whole_and_in_order(graph: Any) -> None:
    logger = logging.getLogger("sensebind").getChild("test_ros")
    with publishing(graph, "{publish: [log]}"):
        logger.warning("first")
        ear = Ear(graph, "/rosout")
        assert ear.publisher.qos.keep_all
        heard = ear.next(lambda: logger.warning("again"))
        for number in range(40):
            logger.error("line %d", number)
        lines: list[str] = []
        while len(lines) < 40:
            heard = ear.next(lambda: None)
            lines += [heard.msg] if heard.msg.startswith("line") else []
        assert lines == [f"line {n}" for n in range(40)]
        assert heard.level == 40 and heard.name == logger.name
    assert not any(isinstance(h, RosLog) for h in logging.getLogger("sensebind").handlers)


@pytest.mark.extended
def test_a_robot_goes_on_without_a_router_and_publishes_when_it_comes(
    graph: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sensebind.agent.robot.ros_publishing._AGAIN", 0.05)
    graph.stop_router()
    with publishing(graph, "{publish: [tags], rate: 100}") as out:
        until(lambda: "no zenoh router or peer answers" in caplog.text)
        for _ in range(100):
            out(percept("rover.camera"))  # nobody waits
        assert out.published == 0
        graph.start_router()
        until(lambda: out(percept("rover.camera")) or out.published)
    assert caplog.text.count("nothing is published on the ROS 2 graph") == 1


@pytest.mark.extended
def test_the_rate_is_kept_and_what_is_left_out_is_counted(graph: Any) -> None:
    with publishing(graph, "{publish: [tags], rate: 0.01}") as out:
        for number in range(10):
            out(percept("rover.camera", number))
        until(lambda: out.published)
        assert out.published == 1 and out.left_out == 9


@pytest.mark.extended
def test_no_vocabulary_is_said_once_and_the_rest_is_published(
    graph: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> Words:
        raise ConfigurationError("no vocabulary in runs/x")

    with publishing(graph, "{publish: [tags, objects], rate: 100}", words=missing) as out:
        for _ in range(5):
            out(percept("rover.camera"))
            time.sleep(0.05)
        until(lambda: "no tags are published: no vocabulary in runs/x" in caplog.text)
    assert caplog.text.count("no tags are published") == 1 and out.published == 0


@pytest.mark.extended
def test_a_robot_in_a_simulated_home_is_heard(
    graph: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Real processes, the shipped weights, and no language model."""
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    config = parse_config(f"""
name: home
simhome: {{seed: 10000003, port: {free_port()}}}
streams:
  camera: {{source: simhome, max_age: 10}}
  lidar: {{source: simhome, max_age: 10, mount: {{xyz: [0, 0, 0.6]}}}}
ros: {{publish: [tags, objects], connect: "{graph.endpoint}", rate: 20}}
""")
    with Robot(config):
        tags = Ear(graph, "/home/camera/tags", seconds=120)
        heard = tags.next(lambda: None)
        assert heard.results and 0 < heard.results[0].score <= 1
        objects = Ear(graph, "/home/lidar/objects", seconds=120)
        while not (found := objects.next(lambda: None)).detections:
            pass
        assert found.header.frame_id == "base_link"
        at = found.detections[0].bbox.center.position
        assert 0.1 < np.hypot(at.x, at.y) < 10
