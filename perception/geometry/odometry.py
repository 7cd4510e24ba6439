"""What a robot's base says of its own movement."""

from __future__ import annotations

from typing import NamedTuple


class Odometry(NamedTuple):
    """Where a base believes that it is, and how it moves.

    Attributes:
        x: Metres, in a frame that stays where it is while the robot drives.
        y: Metres, likewise.
        heading: Radians, counterclockwise from the x axis.
        speed: Metres per second ahead; negative is back.
        turn_rate: Radians per second, to the left if positive.
        monotonic: When this was so, seconds of this machine's monotonic clock.
    """

    x: float
    y: float
    heading: float
    speed: float
    turn_rate: float
    monotonic: float

    @property
    def pose(self) -> tuple[float, float, float]:
        """Position x, y in metres and heading in radians."""
        return self.x, self.y, self.heading
