"""Wires how a SimHome robot moves: its base, and where the things are that it is sent to."""

from __future__ import annotations

import math
from collections.abc import Callable

from langchain_core.tools import BaseTool

from sensebind.perception.percept import Observation
from sensebind.tools.detection import Detector, FrameProvider, locator
from sensebind.tools.motion import Limits, Motion, motion_tools
from sensebind.tools.ranging import Mount, Ranging

CAMERA = Mount(field_of_view=math.radians(62), forward=0.12, up=0.02, tilt=math.radians(9))
"""How SimHome's camera sits on its robot. (The simulator says so, too, but is slow to import.)"""
REACH = Limits(distance=6.0, keep_away=0.4)
"""Across the room in one movement, and not into what is there."""
MAX_SIGHT_AGE = 1.0
"""Seconds after which a picture is too old to go by."""


def moving_tools(
    motion: Motion,
    detector: Detector | None,
    frame: FrameProvider,
    sweep: Callable[[], Observation],
) -> list[BaseTool]:
    """Return `drive`, `turn`, `stop`, and with a detector `approach`.

    `go_to` is left out: its places are those of a map, which nobody has told the agent.

    Args:
        motion: What moves, and how far.
        detector: Finds things on the newest picture.
        frame: Gives it, or raises SourceError.
        sweep: Gives the newest sweep of the lidar, or raises SourceError.
    """
    locate = None
    if detector is not None:
        locate = locator(detector, frame, Ranging(sweep, CAMERA), max_age=MAX_SIGHT_AGE)
    return [tool for tool in motion_tools(motion, locate) if tool.name != "go_to"]
