"""`RosTopic` with a stand-in for rclpy, which comes with ROS and not from PyPI."""

import itertools
import re
import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fixtures.waiting import PATIENCE, failure_of, observed

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.percept import Modality
from sensebind.perception.sources.base import Device, Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.ros_topic import RosTopic

CLOUD, IMAGE = "sensor_msgs/msg/PointCloud2", "sensor_msgs/msg/Image"
PERIOD = 0.05


def image() -> SimpleNamespace:
    """A picture taken now, by the clock of its publisher."""
    now = time.time_ns() + 10**12
    stamp = SimpleNamespace(sec=now // 10**9, nanosec=now % 10**9)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id="optical"),
        height=4,
        width=6,
        step=18,
        encoding="rgb8",
        is_bigendian=0,
        data=np.full(72, 9, np.uint8),
    )


class Node:
    """Stands for a node that another node publishes pictures to."""

    def __init__(self, name: str, context: SimpleNamespace) -> None:
        assert name.replace("_", "").isalnum() and context.running
        self.publish: Callable[[Any], None] | None = None

    def create_subscription(
        self, kind: str, topic: str, hear: Callable[[Any], None], profile: str
    ) -> None:
        assert (kind, topic, profile) == (IMAGE, "/camera", "best effort")
        self.publish = hear

    def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
        return [("/camera", [IMAGE]), ("/rosout", ["rcl_interfaces/msg/Log"])]

    def destroy_node(self) -> None:
        self.publish = None


class Executor:
    """Stands for `SingleThreadedExecutor`: hands over a message per turn."""

    messages: Any = staticmethod(image)

    def __init__(self, context: SimpleNamespace) -> None:
        assert context.running

    def add_node(self, node: Node) -> None:
        self.node = node

    def spin_once(self, timeout_sec: float) -> None:
        time.sleep(min(PERIOD, timeout_sec))
        message = Executor.messages()
        if message is not None and self.node.publish is not None:
            self.node.publish(message)

    def shutdown(self) -> None:
        del self.node


def _context() -> SimpleNamespace:
    context = SimpleNamespace(running=False)
    context.shutdown = lambda: setattr(context, "running", False)
    return context


def _message_type(name: str) -> str:
    if name != IMAGE:
        raise ModuleNotFoundError(name)
    return name


@pytest.fixture
def ros(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ROS 2 with one topic, "/camera"."""
    names = {
        "rclpy": {
            "Context": _context,
            "init": lambda context: setattr(context, "running", True),
            "shutdown": lambda context: context.shutdown(),
            "create_node": Node,
        },
        "rclpy.executors": {"SingleThreadedExecutor": Executor},
        "rclpy.qos": {"qos_profile_sensor_data": "best effort"},
        "rosidl_runtime_py": {},
        "rosidl_runtime_py.utilities": {"get_message": _message_type},
    }
    for name, content in names.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("ros")
class TestRosTopic(SourceConformance):
    def make_source(self) -> Source:
        source: Any = RosTopic("/camera", "head.camera", IMAGE)  # whose modality is cached
        return source


@pytest.mark.usefixtures("ros")
def test_topics_that_can_be_perceived_are_found() -> None:
    assert RosTopic.find() == [Device("ros:/camera", "/camera", IMAGE)]


@pytest.mark.usefixtures("ros")
def test_malformed_messages_are_counted_and_a_silent_topic_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = image()
    bad.encoding = "smell8"
    turns = itertools.chain([bad, bad, image()], itertools.repeat(None))
    monkeypatch.setattr(Executor, "messages", staticmethod(lambda: next(turns)))
    with RosTopic("/camera", "camera", IMAGE, timeout=0.3) as source:
        seen = observed(source)
        assert (seen.data == 9).all() and seen.frame_id == "optical" and source.refused == 2
        assert "is silent: is its node running" in failure_of(source)


@pytest.mark.usefixtures("ros")
def test_an_encoding_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep() -> SimpleNamespace:
        one = image()
        one.encoding, one.step, one.data = "16UC1", 12, np.full(24, 1000, "<u2").view(np.uint8)
        return one

    monkeypatch.setattr(Executor, "messages", staticmethod(deep))
    with RosTopic("/camera", "camera", IMAGE, timeout=0.2) as source:
        said = failure_of(source)
    assert re.search(r"cannot be read: .*'16UC1' hold distances", said)
    with RosTopic("/camera", "camera", IMAGE, depth=True) as source:
        assert source.modality is Modality.DEPTH
        np.testing.assert_allclose(source.read(PATIENCE).data, np.ones((4, 6)))
    with pytest.raises(ConfigurationError, match="min_range"):
        RosTopic("/cloud", "lidar", CLOUD, min_range=-1)


@pytest.mark.usefixtures("ros")
def test_types_that_cannot_be_perceived_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be perceived"):
        RosTopic("/log", "log", "rcl_interfaces/msg/Log")
    with pytest.raises(ConfigurationError, match="bags only"):
        RosTopic("/sound", "sound", "audio_common_msgs/msg/AudioData")
    with pytest.raises(SourceError, match="ROS does not know"), RosTopic("/cloud", "l", CLOUD):
        raise AssertionError("a topic without its message type was opened")


def test_without_ros_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    for use in (RosTopic.find, RosTopic("/camera", "camera", IMAGE).__enter__):
        with pytest.raises(MissingDependencyError, match=r"source its setup\.bash"):
            use()
