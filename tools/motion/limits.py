"""How far, and where, the tools may move a robot."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sensebind.errors import ConfigurationError, ToolError
from sensebind.tools.motion.contracts import Place

Fence = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the tools may move a robot.

    Attributes:
        distance: Metres of one movement, straight on.
        fence: x0, y0, x1, y1 in the frame of `Mover.pose` that is never left; None for no fence.
        keep_away: Metres that `approach` stays away from an object.
        max_sight_age: Seconds; the robot does not move on an older image of the way.
        off_course: Metres from the planned way at which a movement is ended.
        route: Metres of the whole way of one call, around what is there; `distance` by default.

    Raises:
        ConfigurationError: The fence is not x0 < x1, y0 < y1 in finite numbers.
    """

    distance: float = 3.0
    fence: Fence | None = None
    keep_away: float = 0.5
    max_sight_age: float = 1.0
    off_course: float = 0.25
    route: float | None = None

    def __post_init__(self) -> None:
        fence = self.fence
        if fence is not None and not (
            all(map(math.isfinite, fence)) and fence[0] < fence[2] and fence[1] < fence[3]
        ):
            raise ConfigurationError(f"the fence {fence} is not x0 < x1, y0 < y1")

    def check(self, target: Place) -> None:
        """Raises ToolError if a place is outside the fence."""
        if outside(self.fence, target) > 0:
            raise ToolError(
                f"({target[0]:.1f}, {target[1]:.1f}) is outside the area that may be driven in"
            )


def outside(fence: Fence | None, place: Place) -> float:
    """Returns how many metres a place lies outside a fence; 0 inside or without one."""
    if fence is None:
        return 0.0
    x0, y0, x1, y1 = fence
    x, y = place
    return math.hypot(max(x0 - x, 0.0, x - x1), max(y0 - y, 0.0, y - y1))
