"""Motion as tools: drive, turn, go to, approach, stop, for SimHome and for any robot of yours.

Movements end at once when the turn that asked for them is cancelled, and when somebody sends a
stop. They are refused when they are too long or would leave the fence, and are watched while they
last (`ride.py`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import Field, create_model

from sensebind.errors import BlockedError, ToolError
from sensebind.tools.base import make_tool
from sensebind.tools.motion.client import MotionClient
from sensebind.tools.motion.contracts import Locator, Mover, Place, Sight, ToBase
from sensebind.tools.motion.limits import Limits
from sensebind.tools.motion.plan import Plan
from sensebind.tools.motion.ride import Report, Ride, pose_of
from sensebind.tools.motion.routes import Router, length
from sensebind.tools.risk import INCOMPLETE, UNGUARDED, Risk, label

_NEAR = 0.02  # metres: no movement is made for less
_WAYS = 4  # ways that are tried, each of which something new was in, until it gives up
_MISSED = 0.1  # metres by which a place may be missed
_BLOCKED = ", blocked"  # how the report of a movement ends that was not made as asked


class Motion:
    """Moves a robot within limits; one movement at a time.

    A movement that is refused, or that ends before its end, raises `ToolError`.

    Attributes:
        router: Returns the way to a place by a map; None goes straight.

    Example:
        ```python
        motion = Motion(RobotClient(address), Limits(distance=2.0), sight=sight)
        tools = motion_tools(motion)
        ```
    """

    def __init__(
        self,
        robot: Mover,
        limits: Limits | None = None,
        *,
        sight: Sight | None = None,
        report: Report | None = None,
        router: Router | None = None,
    ) -> None:
        """Prepare; nothing moves yet.

        Args:
            robot: What moves: a `MotionClient`, or a robot of your own.
            limits: How far, and where.
            router: Returns the way to a place by a map; without one `go_to` goes straight.
            sight: How old the newest image of the way is; None where there is no camera.
            report: Called about stops that failed or were sent, for instance to write them to the
                audit log; it runs in a thread of its own and delays no stop.
        """
        self._robot = robot
        self._limits = limits or Limits()
        self._sight = sight
        self._report = report
        self.router = router
        self._moving = threading.Lock()
        self._ride: Ride | None = None

    @property
    def pid(self) -> int:
        """Id of the process that drives; 0 where this one does, or it does not answer."""
        return self._robot.pid if isinstance(self._robot, MotionClient) else 0

    @property
    def limits(self) -> Limits:
        """How far the robot may be moved."""
        return self._limits

    @property
    def unguarded(self) -> str:
        """Why every movement of this robot needs an approval of its own; "" where none does.

        A robot that does not stop by itself before obstacles, or when nothing commands it any more,
        is unguarded.
        """
        if getattr(self._robot, "guards_itself", False):
            return ""
        return str(
            getattr(self._robot, "unguarded", "")
            or f"{type(self._robot).__name__} does not say guards_itself = True"
        )

    def pose(self) -> tuple[float, float, float]:
        """Where the robot is: x and y in metres, heading in radians.

        Raises:
            ToolError: It does not answer, or its base is silent.
        """
        return self._robot.pose()

    def stop(self) -> None:
        """Ends the movement under way, also one that has not reached the base yet.

        The stop is repeated until the movement has returned, whatever this call says.

        Raises:
            ToolError: The robot does not answer.
        """
        ride = self._ride
        if ride is not None:
            ride.halt()
        try:
            self._robot.stop()
        except OSError as error:
            raise ToolError(f"the stop could not be sent: {error}") from error

    def drive(self, metres: float) -> str:
        """Drives straight ahead, or back."""
        with self._movement() as ride:
            return _report("drove", self._drive(ride, metres), metres, "m")

    def turn(self, degrees: float) -> str:
        """Turns on the spot, to the left if positive."""
        with self._movement() as ride:
            turned = self._turn(ride, math.radians(degrees))
            return _report("turned", math.degrees(turned), degrees, "degrees")

    def go_to(self, x: float, y: float) -> str:
        """Goes to a place: by the way that the router knows, else straight."""
        with self._movement() as ride:
            return self._go(ride, x, y) if self.router is None else self._travel(ride, x, y)

    def approach(self, ahead: float, left: float) -> str:
        """Goes near something that is so many metres ahead and to the left of the robot."""
        return self.approach_found(lambda: (ahead, left))

    def approach_found(self, locate: Callable[[], tuple[float, float]]) -> str:
        """Goes near what is found; a stop that comes while it is looked for counts, too.

        Args:
            locate: Says where it is, metres ahead and to the left, or raises ToolError.
        """
        with self._movement() as ride:
            ahead, left = locate()
            x, y, heading = pose_of(self._robot)
            distance = math.hypot(ahead, left)
            share = max(distance - self._limits.keep_away, 0.0) / max(distance, 1e-9)
            ahead, left = ahead * share, left * share
            return self._go(
                ride,
                x + ahead * math.cos(heading) - left * math.sin(heading),
                y + ahead * math.sin(heading) + left * math.cos(heading),
            )

    def _travel(self, ride: Ride, x: float, y: float) -> str:
        """Goes along a way; where something new is in it, another way is looked for."""
        assert self.router is not None
        self._limits.check((x, y))
        most, gone = self._limits.route or self._limits.distance, 0.0
        for attempt in range(_WAYS):
            here = pose_of(self._robot)
            way = self.router(here[:2], (x, y))
            if (far := gone + length(here[:2], way)) > most + _NEAR:
                raise ToolError(f"the way is {far:.1f} m long: {most:g} m are the most")
            try:
                for corner in way:
                    for part in _parts(pose_of(self._robot)[:2], corner, self._limits.distance):
                        before = pose_of(self._robot)
                        said = self._go(ride, *part)
                        gone += math.dist(before[:2], pose_of(self._robot)[:2])
            except BlockedError:
                if attempt == _WAYS - 1:
                    raise
                continue
            return said
        raise AssertionError("unreachable")

    def _go(self, ride: Ride, x: float, y: float) -> str:
        here = pose_of(self._robot)
        away = math.hypot(x - here[0], y - here[1])
        self._check_distance(away)
        self._limits.check((x, y))
        if away > _NEAR:
            angle = math.remainder(math.atan2(y - here[1], x - here[0]) - here[2], 2 * math.pi)
            turned = self._turn(ride, angle)
            if away * abs(math.remainder(turned - angle, 2 * math.pi)) > _MISSED:
                raise BlockedError(
                    f"something is in the way: turned {math.degrees(turned):.1f} of "
                    f"{math.degrees(angle):.1f} degrees"
                )
            self._drive(ride, away)
        there = pose_of(self._robot)
        missing = math.hypot(x - there[0], y - there[1])
        if missing > _MISSED:
            raise BlockedError(f"something is in the way, {missing:.1f} m before the place")
        return f"arrived at ({there[0]:.1f}, {there[1]:.1f})"

    def _drive(self, ride: Ride, metres: float) -> float:
        self._check_distance(metres)
        x, y, heading = pose = pose_of(self._robot)  # after a turn: where it really points
        self._limits.check((x + metres * math.cos(heading), y + metres * math.sin(heading)))
        return ride.move(Plan(pose, metres=metres), lambda: self._robot.drive(metres))

    def _turn(self, ride: Ride, radians: float) -> float:
        if not math.isfinite(radians):
            raise ToolError(f"{radians} is not an angle")
        plan = Plan(pose_of(self._robot), radians=radians)
        return ride.move(plan, lambda: self._robot.turn(radians))

    def _check_distance(self, metres: float) -> None:
        if not abs(metres) <= self._limits.distance:
            raise ToolError(
                f"{abs(metres):.1f} m are too far for one movement: {self._limits.distance:g} m"
            )

    @contextmanager
    def _movement(self) -> Iterator[Ride]:
        if not self._moving.acquire(blocking=False):
            raise ToolError("the robot is moving already")
        try:
            self._ride = Ride(self._robot, self._limits, self._sight, self._report)
            if begin := getattr(self._robot, "begin_ride", None):
                begin()
            yield self._ride
        finally:
            self._ride = None
            if end := getattr(self._robot, "end_ride", None):
                end()
            self._moving.release()


def _parts(start: Place, end: Place, longest: float) -> list[Place]:
    """Returns the ends of movements, none longer than is allowed, from one place to another."""
    count = max(1, math.ceil(math.dist(start, end) / longest - 1e-9))
    (x0, y0), (x1, y1) = start, end
    shares = [(number + 1) / count for number in range(count)]
    return [(x0 + share * (x1 - x0), y0 + share * (y1 - y0)) for share in shares]


def _report(verb: str, done: float, asked: float, unit: str) -> str:
    text = f"{verb} {done:.1f} {unit}"
    return text if abs(done - asked) < 0.05 * max(abs(asked), 1) else f"{text}{_BLOCKED}"


def _with_artifact(move: Callable[..., str]) -> Callable[..., tuple[str, dict[str, bool]]]:
    """Returns a movement whose result says, for the order of movements, whether it was made."""

    def made(**arguments: Any) -> tuple[str, dict[str, bool]]:
        text = move(**arguments)
        return text, {INCOMPLETE: text.endswith(_BLOCKED)}

    return made


def motion_tools(
    motion: Motion, locate: Locator | None = None, to_base: ToBase | None = None
) -> list[BaseTool]:
    """Returns `drive`, `turn`, `go_to`, `stop`, and with a locator `approach`.

    Args:
        motion: What moves.
        locate: Where things are, for `approach`.
        to_base: Where places of `go_to` are in the base's odometry; they are the same by default.
    """
    reach = motion.limits.distance

    def go_to(x: float, y: float) -> str:
        return motion.go_to(*(to_base((x, y)) if to_base is not None else (x, y)))

    def approach(kind: str) -> str:
        def found() -> tuple[float, float]:
            if locate is None:
                raise ToolError("there is nothing that says where objects are")
            return locate(kind)

        return motion.approach_found(found)

    metres = Field(ge=-reach, le=reach, multiple_of=0.1, description="Metres; negative is back.")
    degrees = Field(ge=-180, le=180, multiple_of=1, description="To the left if positive.")
    place = Field(ge=-100, le=100, multiple_of=0.1, description="Metres in the map.")
    kind = Field(min_length=1, max_length=40, description="What to go to.")
    move = label(Risk.MOVE, **({UNGUARDED: motion.unguarded} if motion.unguarded else {}))
    tools: list[tuple[Callable[..., str], str, dict[str, Any], dict[str, Any]]] = [
        (motion.drive, "Drives straight ahead or back.", {"metres": (float, metres)}, move),
        (motion.turn, "Turns on the spot.", {"degrees": (float, degrees)}, move),
        (go_to, "Drives to a place.", {"x": (float, place), "y": (float, place)}, move),
    ]
    if locate is not None:
        tools.append((approach, "Goes to a thing that is in view.", {"kind": (str, kind)}, move))
    built = [
        make_tool(
            _with_artifact(function),
            description,
            name=function.__name__,
            arguments=create_model(function.__name__, **fields),
            metadata=metadata,
        )
        for function, description, fields, metadata in tools
    ]

    def stop() -> str:
        motion.stop()
        return "stopped"

    return [*built, make_tool(stop, "Stops the robot.", metadata=label(Risk.STOP))]
