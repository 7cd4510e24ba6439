"""Where a robot is, by a topic of a running ROS 2 over zenoh: its odometry, or its localization."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

from sensebind.errors import InputError, SenseBindError, SourceError
from sensebind.perception.geometry.pose import PoseTrack, yaw_of
from sensebind.perception.ros.names import UNHASHED, Entity, checked_domain, checked_topic
from sensebind.perception.ros.node import RosNode, Subscription
from sensebind.perception.ros.session import ROUTER, checked_endpoints, publishers, session_to
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.ros_messages import header_of

log = logging.getLogger(__name__)

TYPES = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
)
"""Messages that say where a robot is."""
_PATIENCE = 0.1  # seconds of one wait for a message
_AGAIN = 2.0  # seconds until a graph that did not answer is asked again
_KEPT = 8  # messages that wait to be read
_DEEP = 2  # poses within each other: Odometry has a pose with its covariance, which has one


class PoseTopic:
    """Follows a topic in a thread of its own. A context manager.

    A graph that is not there, or goes away, is looked for again: where the robot is, is not known
    meanwhile, and that is logged once.
    """

    def __init__(
        self,
        topic: str,
        track: PoseTrack,
        connect: str | Sequence[str] = ROUTER,
        domain: int = 0,
        namespace: str = "/",
        *,
        renames: bool = True,
    ) -> None:
        """Prepare; entering connects.

        Args:
            topic: Such as "/odom" or "/amcl_pose".
            track: Takes the poses.
            connect: Endpoint of zenoh's router, or of a peer; several are tried in turn.
            domain: ROS_DOMAIN_ID.
            namespace: Before a relative topic.
            renames: Whether the track's frame is that of the messages.

        Raises:
            ConfigurationError: A topic, endpoint or domain makes no sense.
        """
        self._topic = checked_topic(topic, namespace)
        self._connect = checked_endpoints(connect)
        self._domain = checked_domain(domain)
        self._track = track
        self._renames = renames
        self._clock = DeviceClock()
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pose-topic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with (
                    session_to(self._connect) as session,
                    RosNode(session, "sensebind_pose", domain=self._domain) as node,
                ):
                    found = self._seen(session)
                    self._follow(node.subscribe(found, _KEPT), found.type)
            except SenseBindError as error:
                self._say(str(error))
            except Exception:  # of the library: the robot goes on, and does not know its place
                log.exception("%s cannot be followed", self._topic)
            self._stop.wait(_AGAIN)

    def _follow(self, subscription: Subscription, type: str) -> None:
        """Read the topic until it is silent for long, or the robot ends."""
        self._clock.restart()
        heard = time.monotonic()
        while not self._stop.is_set():
            if (came := subscription.next(_PATIENCE)) is None:
                if time.monotonic() - heard > _AGAIN:
                    raise SourceError(f"{self._topic} is silent: does its node publish?")
                continue
            heard = time.monotonic()
            try:
                self.hear(known_types().decode(came.payload.to_bytes(), type))
            except InputError as error:
                self._say(f"{self._topic} sends what cannot be read: {error}")
            else:
                self._said = ""

    def hear(self, message: Any) -> None:
        """Take a decoded message of one of `TYPES`.

        Raises:
            InputError: It does not say where the robot is.
        """
        stamp, frame = header_of(message)
        pose = message
        for _ in range(_DEEP):
            pose = getattr(pose, "pose", pose)
        try:
            at, turned = pose.position, pose.orientation
            yaw = yaw_of(turned.x, turned.y, turned.z, turned.w)
            x, y = float(at.x), float(at.y)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"a pose is malformed: {error}") from error
        if self._renames and frame:
            self._track.in_frame(frame.lstrip("/"))
        _, monotonic = self._clock.stamp(None if stamp is None else stamp / 1e9)
        self._track.add(monotonic, x, y, yaw)

    def _seen(self, session: Any) -> Entity:
        """Return a publisher of the topic.

        Raises:
            SourceError: There is none that can be read.
        """
        found = publishers(session, self._domain, self._topic)
        if not found:
            raise SourceError(f"nobody publishes {self._topic} at {', '.join(self._connect)}")
        known = known_types()
        for one in found:
            if one.type in TYPES and one.hash in (known.hash(one.type), UNHASHED):
                return one
        kinds = ", ".join(sorted({one.type for one in found}))
        raise SourceError(f"{self._topic} is of type {kinds}; a pose is of {', '.join(TYPES)}")

    def _say(self, what: str) -> None:
        """Log what is wrong, once until something is heard again."""
        if what != self._said:
            log.warning("the robot does not know where it is: %s", what)
        self._said = what
