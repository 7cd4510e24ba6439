"""Where a robot is, by transforms that are heard one by one, as TF of ROS gives them.

TF says where each frame is in its parent. Where the robot is in a map follows from the chain of
transforms between the two (REP 105): `map` to `odom`, which a localization corrects, and `odom` to
`base_link`, which moves with the wheels.

`FrameTree` is for frames that sit on a robot, a few metres apart and all known at once; here they
come and change one by one, as far apart as the robot drives, and nothing but the chain has to fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import MAP
from sensebind.perception.geometry.tree import BASE, Transform

ODOM = "odom"
OLDEST = 10.0
"""Seconds for which a transform above the one that moves holds: as long as tf2 keeps them."""
_SILENT = 2.0  # seconds without the transform that moves, after which the robot's place is lost
_MOST = 4096  # frames; a hall of robots has some hundreds
_NAMED = 6  # frames that a message names


@dataclass(frozen=True, slots=True)
class _Edge:
    """A frame in its parent; `at` in seconds of the caller's clock, None for one that is static."""

    parent: str
    pose: Transform
    at: float | None


@dataclass(frozen=True, slots=True)
class Chained:
    """Where the base is.

    Attributes:
        frame: What it is relative to.
        pose: Of the base in that frame.
        at: When that was so, seconds of the caller's clock: the time of the transform nearest to
            the base that is not static. None where all of them are.
    """

    frame: str
    pose: Transform
    at: float | None


class TransformChain:
    """Holds the newest transform of each frame, and says where the base is. Not thread-safe.

    Args:
        base: The robot's frame.
        fixed: The frame that places are in. "" is `map`, or `odom` where nothing connects the base
            with `map`; once `map` was found, it stays that.
        patience: Seconds for which `map` is waited for once `odom` leads to the base.
    """

    def __init__(self, base: str = BASE, fixed: str = "", patience: float = _SILENT) -> None:
        self._base = base
        self._fixed = fixed
        self._patience = patience
        self._edges: dict[str, _Edge] = {}
        self._first: float | None = None  # when `odom` was found to lead to the base
        self._mapped = False

    def add(self, parent: str, child: str, pose: Transform, at: float | None) -> None:
        """Take the pose of a frame in its parent; it replaces what was known of that frame.

        Args:
            parent: Name of a frame.
            child: Name of another one.
            pose: Of the child in the parent.
            at: When it was so, seconds; None for one that is static.

        Raises:
            InputError: There are too many frames.
        """
        if child not in self._edges and len(self._edges) >= _MOST:
            raise InputError(f"there are more than {_MOST} frames: {child!r} is left out")
        self._edges[child] = _Edge(parent, pose, at)

    def find(self, now: float) -> Chained:
        """Return where the base is, by the newest transform of each frame.

        Args:
            now: Seconds of the clock of `add`.

        Raises:
            InputError: The chain is not whole, or a part of it is too old; the message says which.
        """
        way = self._way()
        frame = self._end(way, now)
        moves: float | None = None
        whole = Transform.of()
        child = self._base
        while child != frame:
            edge = self._edges[child]
            if edge.at is not None:
                limit = _SILENT if moves is None else OLDEST
                if now - edge.at > limit:  # not how old: each second it would be another message
                    raise InputError(
                        f"the transform from {edge.parent!r} to {child!r} is older than {limit:g} s"
                    )
                moves = edge.at if moves is None else moves
            whole = edge.pose @ whole
            child = edge.parent
        self._mapped = self._mapped or frame == MAP
        return Chained(frame, whole, moves)

    def _way(self) -> list[str]:
        """Frames from the base upward to the last one that is known."""
        way = [self._base]
        while (edge := self._edges.get(way[-1])) is not None and edge.parent not in way:
            way.append(edge.parent)
        return way

    def _end(self, way: list[str], now: float) -> str:
        """Return the frame of the way that places are in.

        Raises:
            InputError: None of them is.
        """
        wanted = self._fixed or MAP
        if wanted in way:
            return wanted
        if not self._fixed and ODOM in way and not self._mapped:
            self._first = now if self._first is None else self._first
            if now - self._first >= self._patience:
                return ODOM
        last = way[-1]
        if last == self._base and last not in self._edges:
            raise InputError(f"no transform leads to {last!r}; there are {_named(self._edges)}")
        if last in self._edges:
            circle = " -> ".join([*way, self._edges[last].parent])
            raise InputError(f"frames go around in a circle: {circle}")
        either = not self._fixed and not self._mapped and ODOM not in way
        asked = f"{MAP!r} or {ODOM!r}" if either else repr(wanted)
        raise InputError(
            f"{self._base!r} hangs on {last!r}, and no transform connects that with {asked}"
        )


def _named(frames: Iterable[str]) -> str:
    found = sorted(frames)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (", ".join(map(repr, found[:_NAMED])) or "none") + more
