"""What a movement is meant to do, and how far a robot is off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ASTRAY = math.radians(30)  # heading error at which a movement is ended

Pose = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a movement is meant to do.

    Attributes:
        start: Pose at its beginning, metres and radians.
        metres: To drive, straight on.
        radians: To turn on the spot; one of the two is 0.
    """

    start: Pose
    metres: float = 0.0
    radians: float = 0.0

    @property
    def direction(self) -> float | None:
        """Direction of travel from straight ahead; None for a turn."""
        if self.radians or not self.metres:
            return None
        return 0.0 if self.metres > 0 else math.pi

    def deviation(self, pose: Pose, off_course: float) -> str:
        """Returns how a pose is off the planned way, or "" where it is not."""
        x, y, heading = self.start
        dx, dy = pose[0] - x, pose[1] - y
        along = dx * math.cos(heading) + dy * math.sin(heading)
        across = dy * math.cos(heading) - dx * math.sin(heading)
        low, high = sorted((0.0, self.metres))
        off = math.hypot(max(low - along, 0.0, along - high), across)
        if off > off_course:
            return f"it is {off:.1f} m off the planned way"
        turned = math.remainder(pose[2] - heading, math.tau)
        if self.metres and abs(turned) > _ASTRAY:
            return f"it is {math.degrees(abs(turned)):.0f} degrees off the planned way"
        return ""

    def done(self, moved: float) -> str:
        """Returns what has been done, in words."""
        if self.metres:
            return f"{moved:.1f} m"
        return f"{math.degrees(moved):.1f} degrees"
