"""What a robot must offer to be moved: a `Mover`, or a `Base` for the driving process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sensebind.perception.geometry.odometry import Odometry

Place = tuple[float, float]
Locator = Callable[[str], Place]
"""Says where the nearest object of a kind is: metres ahead and to the left; or raises ToolError."""
ToBase = Callable[[Place], Place]
"""Turns a place of the map into one of the base's odometry; or raises ToolError."""
Sight = Callable[[float | None], float]
"""Returns the age in seconds of the newest image of the way that is driven.

The argument is the direction of travel in radians from straight ahead, to the left if positive, or
None while the robot turns on the spot. `sensebind.tools.ranging.CameraSight` is one.
"""

LONGEST_VALIDITY = 0.15
"""Seconds that a base may go on after its last command."""


class Mover(Protocol):
    """A robot that makes whole movements. Calls return when the movement has ended.

    `stop` and `pose` are called from other threads while a movement is under way, and return or
    raise within a quarter of a second. A stop that comes before the base has begun to move may have
    no effect: it is sent again until the movement has returned.

    A robot whose base does not move by itself from one point to the next implements `Base` instead.
    `MotionClient` is the `Mover` of every `Base`; SimHome's `RobotClient` is another.

    A robot that others may stop, too, can have a method `begin_ride()`: it is called before a
    ride's first movement, and a stop of anybody after that must end the later ones as well. Its
    `end_ride()`, if it has one, is called after the last.

    Attributes:
        guards_itself: Optional; True promises that the robot stops by itself before obstacles and
            when nothing commands it any more. A robot without it moves only with an approval for
            each movement.
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


class Base(Protocol):
    """A robot's base as the driving process commands it, twenty times a second.

    The process makes it by its import path (`MotionSettings.base`), calls it from one thread only,
    and calls `close` at the end where there is one. No call may wait for the base: the process has
    a stop to act on.

    Attributes:
        stops_itself: Whether the base itself (its controller, not the computer that commands it)
            stops `valid_for` seconds after its last command. A base that does not is unguarded.
    """

    stops_itself: bool

    def velocity(self, speed: float, turn_rate: float, valid_for: float) -> None:
        """Commands a velocity.

        Args:
            speed: Metres per second ahead; negative is back. 0 brakes as hard as the base can.
            turn_rate: Radians per second, to the left if positive.
            valid_for: Seconds after which the base stops by itself, at most 0.15.

        Raises:
            Exception: The command could not be sent; it counts as lost and the next one follows.
        """
        ...

    def odometry(self) -> Odometry | None:
        """Returns the newest odometry, the same again where nothing new came; None before any.

        Raises:
            Exception: The base cannot be asked; that counts as silence.
        """
        ...
