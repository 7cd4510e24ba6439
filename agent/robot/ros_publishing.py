"""Publishes what a robot perceives on a ROS 2 graph over zenoh (rmw_zenoh); no ROS is needed.

Topics, below the robot's namespace: `STREAM/tags` (vision_msgs/Classification), `STREAM/objects`
(vision_msgs/Detection3DArray), `STREAM/detections` (vision_msgs/Detection2DArray); and /rosout.
It works on the newest percept, in threads of its own: the robot never waits for a network.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.places import over_the_floor
from sensebind.agent.robot.ros_log import RosLog
from sensebind.agent.robot.sections import RosConfig
from sensebind.errors import ConfigurationError, SenseBindError, SourceError
from sensebind.perception.geometry.tree import BASE, Transform
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Percept, parse_reference
from sensebind.perception.ros.extra import import_xxhash, import_zenoh
from sensebind.perception.ros.messages import (
    CLASSIFICATION,
    DETECTIONS_2D,
    DETECTIONS_3D,
    LOG,
    Boxed,
    Named,
    Placed,
    classification,
    detections_2d,
    detections_3d,
)
from sensebind.perception.ros.names import RELIABLE, SENSOR_DATA, Qos, as_name
from sensebind.perception.ros.node import RosNode, RosPublisher
from sensebind.perception.ros.session import checked_endpoints, session_to
from sensebind.perception.ros.types import known_types

log = logging.getLogger(__name__)

_AGAIN = 5.0  # seconds between two tries to reach the graph
_ROSOUT = Qos(keep_all=True)  # a log is published whole

Detect = Callable[[], Mapping[str, Any]]
"""What `Looking.detections` returns."""


class RosPublishing:
    """A listener of percepts that publishes them. A context manager.

    Attributes:
        left_out: Percepts that were not published, to keep to the rate or as newer ones had come.
        published: Messages so far.
    """

    def __init__(
        self,
        config: RobotConfig,
        section: RosConfig,
        words: Callable[[], Words],
        detect: Detect | None = None,
    ) -> None:
        """Prepare; entering begins.

        Args:
            config: The robot's file.
            section: Its `ros:`.
            words: Loads the vocabulary that names percepts; called once, when it is needed.
            detect: Finds objects in the newest image; None publishes no detections.

        Raises:
            MissingDependencyError: The extra `zenoh` is not installed.
        """
        for needed in (import_zenoh, import_xxhash, known_types):
            needed()
        self._section = section
        self._connect = checked_endpoints(section.connect)
        self._namespace = section.namespace or (f"/{as_name(config.name)}" if config.name else "/")
        self._streams = {bus: as_name(name) for name, bus in config.stream_names.items()}
        self._lidars = _lidars(config)
        self._load_words = words
        self._words: Words | None = None
        self._detect = detect if "detections" in section.publish else None
        self._newest: dict[str, Percept] = {}
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._log = RosLog(__name__, self._changed) if "log" in section.publish else None
        self._threads: list[threading.Thread] = []
        self._said: dict[str, str] = {}
        self.left_out = 0
        self.published = 0

    def __call__(self, percept: Percept) -> None:
        """Keep the newest percept of a stream; called in the listening thread, and only keeps."""
        name, now = percept.header.stream, time.monotonic()
        with self._changed:
            if now < self._due.get(name, 0.0):
                self.left_out += 1
                return
            self._due[name] = now + 1 / self._section.rate
            self.left_out += name in self._newest
            self._newest[name] = percept
            self._changed.notify_all()

    def __enter__(self) -> Self:
        if self._log is not None:
            logging.getLogger("sensebind").addHandler(self._log)
        self._threads = [threading.Thread(target=self._run, name="ros-publishing", daemon=True)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        if self._log is not None:
            logging.getLogger("sensebind").removeHandler(self._log)
            if self._log.dropped:
                log.warning("%d lines of the log were not published", self._log.dropped)

    def _run(self) -> None:
        """Publish while there is a router; wait for one where there is none."""
        said = ""
        while not self._stopping.is_set():
            try:
                with ExitStack() as stack:
                    session = stack.enter_context(session_to(self._connect))
                    name = "sensebind"
                    node = RosNode(session, name, self._namespace, self._section.domain)
                    outlets = _Outlets(stack.enter_context(node))
                    if said:
                        log.info("publishing on the ROS 2 graph")
                    said = ""
                    self._publish(outlets, stack)
            except SenseBindError as error:
                if str(error) != said:  # once, and not every few seconds
                    log.warning("nothing is published on the ROS 2 graph: %s", error)
                said = str(error)
                self._stopping.wait(_AGAIN)
            except Exception:  # a bug costs these seconds, and not all that is to come
                log.exception("nothing is published on the ROS 2 graph for a moment")
                self._stopping.wait(_AGAIN)

    def _publish(self, outlets: _Outlets, stack: ExitStack) -> None:
        if self._detect is not None:
            over = threading.Event()
            thread = threading.Thread(
                target=self._look, args=(self._detect, outlets, over), name="ros-detections"
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                if self._stopping.is_set():
                    return
                taken, self._newest = self._newest, {}
            if self._log is not None:
                for message in self._log.take():
                    self._put(outlets, "/rosout", LOG, message, _ROSOUT)
            for percept in taken.values():
                self._percept(outlets, percept)

    def _has_work(self) -> bool:
        logged = self._log is not None and self._log.waits
        return bool(self._newest) or logged or self._stopping.is_set()

    def _percept(self, outlets: _Outlets, percept: Percept) -> None:
        header, wanted = percept.header, self._section.publish
        stream = self._streams.get(header.stream, as_name(header.stream))
        if "tags" in wanted and (names := self._tags(percept)) is not None:
            message = classification(header.captured_at, header.frame_id, names)
            self._put(outlets, f"{stream}/tags", CLASSIFICATION, message, SENSOR_DATA)
        if "objects" in wanted and header.modality is Modality.POINT:
            pose = self._lidars.get(header.stream)
            found = [Placed(over_the_floor(pose, one.position), one.size) for one in header.things]
            frame = BASE if pose is not None else header.frame_id
            message = detections_3d(header.captured_at, frame, found)
            self._put(outlets, f"{stream}/objects", DETECTIONS_3D, message, SENSOR_DATA)

    def _tags(self, percept: Percept) -> list[Named] | None:
        """Return words for a percept, none where nothing can be named; None without vocabulary."""
        if not percept.header.present or not percept.header.known:
            return []
        try:
            self._words = self._words or self._load_words()
            return [Named(one.word, one.score) for one in self._words.tags(percept.embedding)]
        except SenseBindError as error:
            self._complain("tags", error)
            return None

    def _look(self, detect: Detect, outlets: _Outlets, over: threading.Event) -> None:
        """Publish what is detected in the newest image, each image once."""
        last = ""
        while not over.wait(1 / self._section.detection_rate):
            try:
                found = detect()
                if found["reference"] != last:
                    last = str(found["reference"])
                    self._detections(outlets, found)
            except SenseBindError as error:
                self._complain("detections", error)
            except Exception:
                log.exception("no detections of an image are published")

    def _complain(self, what: str, error: SenseBindError) -> None:
        """Log why something is not published, once; not that there is nothing to publish yet."""
        if not isinstance(error, SourceError) and self._said.get(what) != str(error):
            self._said[what] = str(error)
            log.warning("no %s are published: %s", what, error)

    def _detections(self, outlets: _Outlets, found: Mapping[str, Any]) -> None:
        bus, captured_at = parse_reference(str(found["reference"]))
        boxes = [Boxed(Named(o["label"], o["score"]), o["box"]) for o in found["found"]]
        message = detections_2d(captured_at, "", boxes)
        stream = self._streams.get(bus, as_name(bus))
        self._put(outlets, f"{stream}/detections", DETECTIONS_2D, message, RELIABLE)

    def _put(self, outlets: _Outlets, topic: str, type: str, message: Any, qos: Qos) -> None:
        outlets.get(topic, type, qos).publish(message)
        with self._changed:
            self.published += 1


class _Outlets:
    """The publishers of a node, made when something is published for the first time."""

    def __init__(self, node: RosNode) -> None:
        self._node = node
        self._made: dict[str, RosPublisher] = {}
        self._lock = threading.Lock()

    def get(self, topic: str, type: str, qos: Qos) -> RosPublisher:
        with self._lock:
            if topic not in self._made:
                self._made[topic] = self._node.publisher(topic, type, qos)
            return self._made[topic]


def _lidars(config: RobotConfig) -> dict[str, Transform]:
    """Poses of the lidars by their streams' names on the bus."""
    try:
        return {config.stream_names[one]: pose for one, pose in config.places().lidars.items()}
    except ConfigurationError as error:
        log.warning("objects are published in the frame of their lidar: %s", error)
        return {}
