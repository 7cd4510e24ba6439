"""Where a robot is, composed from messages of transforms (TF) as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sensebind.errors import InputError
from sensebind.perception.geometry.chain import TransformChain
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.pose_messages import Joint, joints_in

log = logging.getLogger(__name__)


class TransformPoses:
    """Gives a track the poses that follow from transforms. For one thread.

    Attributes:
        stands: Whether all transforms of the chain are static.
        newest: The newest time of a transform that is not; None before the first.
        refused: Transforms that made no sense and were left out.
    """

    def __init__(
        self,
        topic: str,
        track: PoseTrack,
        chain: TransformChain | None = None,
        *,
        renames: bool = True,
        time_of: Callable[[Joint], float] | None = None,
        between: float = 0.0,
    ) -> None:
        """Begin without a transform.

        Args:
            topic: For messages.
            track: Takes the poses.
            chain: Composes them; one with the usual frames by default.
            renames: Whether the track's frame is that of the chain.
            time_of: Returns when a transform was so, seconds of the track's clock. By default that
                is the monotonic clock of this machine, for transforms that have just arrived.
            between: Seconds that poses lie apart at least.
        """
        self._topic = topic
        self._track = track
        self._renames = renames
        self._chain = chain or TransformChain()
        self._clocks: dict[tuple[str, str], DeviceClock] = {}
        self._time_of = time_of or self._arrived
        self._between = between
        self._given = float("-inf")
        self.stands = False
        self.newest: float | None = None
        self.refused = 0

    def hear(self, message: Any, *, static: bool = False) -> None:
        """Take a decoded tf2_msgs/TFMessage; transforms that make no sense are left out.

        Args:
            message: The message.
            static: Whether it came by the topic of static transforms.
        """
        for one in joints_in(message):
            if isinstance(one, InputError):
                self.refuse(one)
                continue
            try:
                at = None if static else self._time_of(one)
                self._chain.add(one.parent, one.child, one.pose, at)
            except InputError as error:
                self._clocks.pop((one.parent, one.child), None)
                self.refuse(error)
            else:
                if at is not None:
                    self.newest = at if self.newest is None else max(self.newest, at)

    def look(self, now: float) -> float | None:
        """Give the track where the robot is, if that is newer than what it was given.

        Args:
            now: Seconds of the track's clock.

        Returns:
            Its time; None where nothing is newer.

        Raises:
            InputError: It is not known; the message says why.
        """
        found = self._chain.find(now)
        self.stands = found.at is None
        at = now if found.at is None else found.at
        if at <= self._given or at - self._given < self._between:
            return None
        if self._renames:
            self._track.in_frame(found.frame)
        x, y, _ = found.pose.translation
        self._track.add(at, x, y, found.pose.rpy[2])
        self._given = at
        return at

    def refuse(self, error: InputError) -> None:
        """Count what makes no sense, and log the first of it."""
        self.refused += 1
        if self.refused == 1:
            log.warning("%s sends what cannot be read, and is left out: %s", self._topic, error)

    def _arrived(self, joint: Joint) -> float:
        """Return when a transform that has just arrived was so.

        Each has a clock of its own: its node may run on another machine, and some stamp ahead by as
        long as they want theirs to hold (AMCL's `transform_tolerance`).
        """
        clock = self._clocks.setdefault((joint.parent, joint.child), DeviceClock())
        _, monotonic = clock.stamp(None if joint.stamp is None else joint.stamp / 1e9)
        return monotonic
