"""Motion as tools: drive, turn, go to, approach, stop, for SimHome and for any robot of yours.

A robot is whatever has the four methods of `Mover`. Movements end at once when the turn that asked
for them is cancelled, and are refused when they are too long or would leave the fence.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field, create_model

from sensebind.errors import SenseBindError
from sensebind.tools.cancellation import turn_event
from sensebind.tools.risk import Risk, label

_TICK = 0.02  # seconds between two looks whether a movement is to end
_NEAR = 0.02  # metres: no movement is made for less

Place = tuple[float, float]
Locator = Callable[[str], Place]
"""Says where the nearest thing of a kind is: metres ahead and to the left; or raises ToolError."""


class Mover(Protocol):
    """A robot's base. Calls return when the movement has ended; `stop` comes from another thread.

    `RobotClient` is one; for a robot of your own, write a class with these four methods.
    """

    def drive(self, metres: float) -> float:
        """Drives straight ahead (back if negative); returns the metres driven."""
        ...

    def turn(self, radians: float) -> float:
        """Turns on the spot, to the left if positive; returns the angle turned."""
        ...

    def pose(self) -> tuple[float, float, float]:
        """Where the robot is: x and y in metres, heading in radians."""
        ...

    def stop(self) -> None:
        """Ends the movement under way, now; its call returns with what was done."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the tools may move a robot.

    Attributes:
        distance: Metres of one call.
        fence: x0, y0, x1, y1 in the frame of `Mover.pose` that is never left; None for no fence.
        keep_away: Metres that `approach` stays away from a thing.
    """

    distance: float = 3.0
    fence: tuple[float, float, float, float] | None = None
    keep_away: float = 0.5

    def check(self, target: Place) -> None:
        """Raises ToolException if a place is outside the fence."""
        if self.fence is None:
            return
        x0, y0, x1, y1 = self.fence
        if not (x0 <= target[0] <= x1 and y0 <= target[1] <= y1):
            raise ToolException(
                f"({target[0]:.1f}, {target[1]:.1f}) is outside the area that may be driven in"
            )


class Motion:
    """Moves a robot within limits; one movement at a time."""

    def __init__(self, robot: Mover, limits: Limits | None = None) -> None:
        self._robot = robot
        self._limits = limits or Limits()
        self._moving = threading.Lock()

    def stop(self) -> None:
        """Ends the movement under way.

        Raises:
            ToolException: The robot does not answer.
        """
        with _told():
            self._robot.stop()

    def drive(self, metres: float) -> str:
        """Drives straight ahead, or back."""
        with self._movement(), _told():
            self._check_distance(metres)
            x, y, heading = self._robot.pose()
            self._limits.check((x + metres * math.cos(heading), y + metres * math.sin(heading)))
            driven = self._watched(lambda: self._robot.drive(metres))
            return _report("drove", driven, metres, "m")

    def turn(self, degrees: float) -> str:
        """Turns on the spot, to the left if positive."""
        with self._movement(), _told():
            turned = self._watched(lambda: self._robot.turn(math.radians(degrees)))
            return _report("turned", math.degrees(turned), degrees, "degrees")

    def go_to(self, x: float, y: float) -> str:
        """Turns towards a place of the map and drives there."""
        with self._movement(), _told():
            return self._go(x, y)

    def approach(self, ahead: float, left: float) -> str:
        """Goes near something that is so many metres ahead and to the left of the robot."""
        with self._movement(), _told():
            x, y, heading = self._robot.pose()
            distance = math.hypot(ahead, left)
            share = max(distance - self._limits.keep_away, 0.0) / max(distance, 1e-9)
            ahead, left = ahead * share, left * share
            return self._go(
                x + ahead * math.cos(heading) - left * math.sin(heading),
                y + ahead * math.sin(heading) + left * math.cos(heading),
            )

    def _go(self, x: float, y: float) -> str:
        here = self._robot.pose()
        away = math.hypot(x - here[0], y - here[1])
        self._check_distance(away)
        self._limits.check((x, y))
        if away > _NEAR:
            angle = math.remainder(math.atan2(y - here[1], x - here[0]) - here[2], 2 * math.pi)
            self._watched(lambda: self._robot.turn(angle))
            self._watched(lambda: self._robot.drive(away))
        there = self._robot.pose()
        missing = math.hypot(x - there[0], y - there[1])
        if missing > 5 * _NEAR:
            raise ToolException(f"something is in the way, {missing:.1f} m before the place")
        return f"arrived at ({there[0]:.1f}, {there[1]:.1f})"

    def _check_distance(self, metres: float) -> None:
        if not abs(metres) <= self._limits.distance:
            raise ToolException(
                f"{abs(metres):.1f} m are too far for one movement: {self._limits.distance:g} m"
            )

    @contextmanager
    def _movement(self) -> Iterator[None]:
        if not self._moving.acquire(blocking=False):
            raise ToolException("the robot is moving already")
        try:
            yield
        finally:
            self._moving.release()

    def _watched(self, move: Callable[[], float]) -> float:
        """Moves, and stops the robot as soon as the turn is cancelled."""
        cancelled, ended = turn_event(), threading.Event()
        if cancelled is None:
            return move()
        if cancelled.is_set():
            raise ToolException("cancelled")

        def watch() -> None:
            while not ended.wait(_TICK):
                if cancelled.is_set():
                    self._robot.stop()
                    return

        watcher = threading.Thread(target=watch, name="motion-watch", daemon=True)
        watcher.start()
        try:
            moved = move()
        finally:
            ended.set()
            watcher.join()
        if cancelled.is_set():
            raise ToolException("stopped")
        return moved


@contextmanager
def _told() -> Iterator[None]:
    """An error of the robot is told to the model."""
    try:
        yield
    except SenseBindError as error:
        raise ToolException(str(error)) from error


def _report(verb: str, done: float, asked: float, unit: str) -> str:
    text = f"{verb} {done:.1f} {unit}"
    return text if abs(done - asked) < 0.05 * max(abs(asked), 1) else f"{text}, blocked"


class _Nothing(BaseModel):
    """No arguments."""


def motion_tools(motion: Motion, locate: Locator | None = None) -> list[BaseTool]:
    """Returns `drive`, `turn`, `go_to`, `stop`, and with a locator `approach`.

    Args:
        motion: What moves.
        locate: Where things are, for `approach`.
    """
    reach = motion._limits.distance

    def approach(kind: str) -> str:
        if locate is None:
            raise ToolException("there is nothing that says where things are")
        with _told():
            ahead, left = locate(kind)
        return motion.approach(ahead, left)

    metres = Field(ge=-reach, le=reach, multiple_of=0.1, description="Metres; negative is back.")
    degrees = Field(ge=-180, le=180, multiple_of=1, description="To the left if positive.")
    place = Field(ge=-100, le=100, multiple_of=0.1, description="Metres in the map.")
    kind = Field(min_length=1, max_length=40, description="What to go to.")
    move = label(Risk.MOVE)
    tools: list[tuple[Callable[..., str], str, dict[str, Any], dict[str, Any]]] = [
        (motion.drive, "Drives straight ahead or back.", {"metres": (float, metres)}, move),
        (motion.turn, "Turns on the spot.", {"degrees": (float, degrees)}, move),
        (motion.go_to, "Drives to a place.", {"x": (float, place), "y": (float, place)}, move),
    ]
    if locate is not None:
        tools.append((approach, "Goes to a thing that is in view.", {"kind": (str, kind)}, move))
    built: list[BaseTool] = [
        StructuredTool.from_function(
            function,
            name=function.__name__,
            description=description,
            args_schema=create_model(function.__name__, **fields),
            metadata=metadata,
            handle_tool_error=lambda error: f"error: {error}",
        )
        for function, description, fields, metadata in tools
    ]

    def stop() -> str:
        motion.stop()
        return "stopped"

    built.append(
        StructuredTool.from_function(
            stop,
            name="stop",
            description="Stops the robot.",
            args_schema=_Nothing,
            metadata=label(Risk.STOP),
            handle_tool_error=lambda error: f"error: {error}",
        )
    )
    return built
