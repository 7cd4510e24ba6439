"""Makes a map of a robot's sweeps and its odometry while it runs, and finds the way by it.

The map is that of one run and stands in memory alone: nothing of it is written.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Self

from sensebind.agent.robot.body_sections import FootprintConfig
from sensebind.errors import SourceError, ToolError
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.lidar.occupancy import OccupancyGrid
from sensebind.perception.percept import Observation
from sensebind.tools.motion.contracts import Place
from sensebind.tools.motion.routes import route

log = logging.getLogger(__name__)

_INTERVAL = 0.4  # seconds between two sweeps: a quarter of a metre at SimHome's speed


class Mapping:
    """Adds sweeps to a map in a thread of its own. A context manager.

    Attributes:
        grid: The map.
    """

    def __init__(
        self,
        sweep: Callable[[], Observation],
        lidar: Transform,
        track: PoseTrack,
        radius: float,
        heights: tuple[float, float],
    ) -> None:
        """Prepare; entering starts.

        Args:
            sweep: Gives the newest sweep, float32 [N, 3] metres, or raises SourceError.
            lidar: Its pose in the robot's frame on the floor.
            track: Where the base is by its own odometry.
            radius: Of the robot, metres.
            heights: Metres above the floor between which a return is in the way.
        """
        self.grid = OccupancyGrid(heights, radius)
        self._sweep = sweep
        self._lidar = lidar
        self._track = track
        self._radius = radius
        self._newest = 0.0  # when the last sweep was taken, monotonic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mapping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def route(self, start: Place, goal: Place) -> list[Place]:
        """Return the corners of the way from one place to another; see `Router`.

        Raises:
            ToolError: No way is known.
        """
        floor = self.grid.floor()
        if floor is None or floor.frame != self._track.frame:
            raise ToolError("no way is known yet: no sweep of the lidar was added to the map")
        return route(floor, start, goal, self._radius)

    def add(self) -> bool:
        """Add the newest sweep; return whether there was one whose place is known.

        Raises:
            SourceError: There is none.
        """
        observation = self._sweep()
        if observation.monotonic <= self._newest:
            return False
        pose = self._track.at(observation.monotonic)
        if pose is None:
            return False
        self._newest = observation.monotonic
        self.grid.add(self._lidar.apply(observation.data[:, :3]), pose)
        return True

    def _run(self) -> None:
        said = ""
        while not self._stop.wait(_INTERVAL):
            try:
                self.add()
                said = ""
            except SourceError as error:  # paused, or gone: the map stays as it is meanwhile
                if not said:
                    log.warning("the map stays as it is: %s", error)
                said = str(error)
            except Exception:  # a bug costs this sweep, not the thread and its map
                if not said:
                    log.exception("a sweep was not added to the map")
                said = "bug"


def radius_of(footprint: FootprintConfig) -> float:
    """Return the radius, metres, within which a robot turns about its middle."""
    if footprint.disc:
        return footprint.front
    return math.hypot(max(footprint.front, footprint.back), footprint.half_width)
