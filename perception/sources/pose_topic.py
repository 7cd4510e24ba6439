"""Where a robot is, by a topic of a running ROS 2 over zenoh: of poses, or of transforms."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from sensebind.errors import InputError, SenseBindError, SourceError
from sensebind.perception.geometry.chain import TransformChain
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.geometry.tree import BASE
from sensebind.perception.ros.names import UNHASHED, Entity, Qos, checked_domain, checked_topic
from sensebind.perception.ros.node import RosNode, Subscription
from sensebind.perception.ros.session import ROUTER, checked_endpoints, publishers, session_to
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.pose_messages import (
    POSES,
    STATIC,
    TRANSFORMS,
    placed,
    plain,
)
from sensebind.perception.sources.pose_transforms import TransformPoses

log = logging.getLogger(__name__)

TYPES = (*POSES, TRANSFORMS)
"""Messages that say where a robot is."""
_PATIENCE = 0.1  # seconds of one wait for a message
_AGAIN = 2.0  # seconds until a graph that did not answer is asked again
_KEPT = 8  # messages that wait to be read
_KEPT_TRANSFORMS = 100  # likewise; each may be of other frames, so none is to be lost
_TAKEN = 1000  # messages of a topic that are read before the next look at the chain
_TRANSFORM_QOS = Qos(depth=100)  # as tf2 listens
_LATCHED = Qos(transient_local=True, depth=1000)
_GRACE = 3.0  # seconds for a chain to become whole before that is worth a warning


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
        base: str = BASE,
        fixed: str = "",
    ) -> None:
        """Prepare; entering connects.

        Args:
            topic: Such as "/odom", "/amcl_pose" or "/tf".
            track: Takes the poses.
            connect: Endpoint of zenoh's router, or of a peer; several are tried in turn.
            domain: ROS_DOMAIN_ID.
            namespace: Before a relative topic.
            renames: Whether the track's frame is that of the messages.
            base: The robot's frame in transforms.
            fixed: The frame of transforms that places are in; see `TransformChain`.

        Raises:
            ConfigurationError: A topic, endpoint or domain makes no sense.
        """
        self._topic = checked_topic(topic, namespace)
        self._connect = checked_endpoints(connect)
        self._domain = checked_domain(domain)
        self._track = track
        self._renames = renames
        self._base, self._fixed = base, fixed
        self._clock = DeviceClock()
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
                    if found.type == TRANSFORMS:
                        self._follow_transforms(node, found)
                    elif self._fixed or self._base != BASE:
                        raise SourceError(
                            f"{self._topic} is of type {found.type}: base: and fixed: are for "
                            "transforms, such as those of /tf"
                        )
                    else:
                        self._follow(node.subscribe(found, _KEPT), found.type)
            except SenseBindError as error:
                self._say(str(error))
            except Exception as error:  # of the library: the robot goes on, and is lost
                what = f"{self._topic} cannot be followed ({type(error).__name__})"
                if what != self._track.lost:
                    log.exception("%s cannot be followed", self._topic)
                self._track.lost = what
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
                self._track.lost = ""

    def hear(self, message: Any) -> None:
        """Take a decoded message of one of `POSES`.

        Raises:
            InputError: It does not say where the robot is.
        """
        found = placed(message)
        if self._renames and found.frame:
            self._track.in_frame(found.frame)
        _, monotonic = self._clock.stamp(None if found.stamp is None else found.stamp / 1e9)
        self._track.add(monotonic, found.x, found.y, found.yaw)

    def _follow_transforms(self, node: RosNode, found: Entity) -> None:
        """Read transforms until they are silent for long, or the robot ends."""
        # Whoever publishes static transforms may come later, under the same type.
        latched = replace(found, topic=f"{self._topic}{STATIC}")
        static = node.subscribe(latched, _LATCHED.depth, _LATCHED)
        moving = node.subscribe(found, _KEPT_TRANSFORMS, _TRANSFORM_QOS)
        chain = TransformChain(plain(self._base), plain(self._fixed))
        poses = TransformPoses(self._topic, self._track, chain, renames=self._renames)
        begun = heard = time.monotonic()
        while not self._stop.is_set():
            if self._take(moving, poses, _PATIENCE):
                heard = time.monotonic()
            self._take(static, poses, 0.0, static=True)
            try:
                poses.look(now := time.monotonic())
            except InputError as error:
                if time.monotonic() - begun > _GRACE:
                    self._say(f"{self._topic}: {error}")
            else:
                self._track.lost = ""
                heard = now if poses.stands else heard  # nothing has to come any more
            if time.monotonic() - heard > _AGAIN:
                raise SourceError(f"{self._topic} is silent: do its nodes publish?")

    def _take(
        self,
        subscription: Subscription,
        poses: TransformPoses,
        wait: float,
        *,
        static: bool = False,
    ) -> bool:
        """Read what has come, waiting for the first; return whether something had.

        A topic that is faster than it can be read never leaves its queue empty. The poses are still
        looked up then, and the thread still ends.
        """
        some = False
        for _ in range(_TAKEN):
            if (came := subscription.next(wait)) is None:
                break
            wait, some = 0.0, True
            try:
                message = known_types().decode(came.payload.to_bytes(), TRANSFORMS)
                poses.hear(message, static=static)
            except InputError as error:
                poses.refuse(error)
        return some

    def _seen(self, session: Any) -> Entity:
        """Return a publisher of the topic.

        Raises:
            SourceError: There is none that can be read.
        """
        found = publishers(session, self._domain, self._topic)
        if not found:  # of a robot that stands, all transforms may be static
            some = publishers(session, self._domain, f"{self._topic}{STATIC}")
            found = [replace(one, topic=self._topic) for one in some if one.type == TRANSFORMS]
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
        if what != self._track.lost:
            log.warning("the robot does not know where it is: %s", what)
        self._track.lost = what
