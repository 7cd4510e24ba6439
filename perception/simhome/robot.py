"""The robot's base: two wheels that drive and turn, and stop before they touch anything."""

# MuJoCo's compiled names come without type stubs.
# pyright: reportAttributeAccessIssue=false

import math

import mujoco

from sensebind.perception.simhome.scene import ROBOT_RADIUS
from sensebind.perception.simhome.world import World

STEP = 0.02  # metres between two checks
_GAP = 0.015  # metres that stay free
_FLAT = 0.012  # metres; what has its middle below this is not an obstacle
_ROOM_GEOMS = 6


class Robot:
    """A round base with two wheels, moved without physics: to where it is commanded, or not at all.

    Args:
        world: What it must not touch.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._pose = world.scene.robot
        model = world.model
        self._base = int(model.body_geomadr[world.robot_body])

    @property
    def pose(self) -> tuple[float, float, float]:
        """x, y in metres and heading in radians (-pi to pi)."""
        return self._pose

    def turn(self, angle: float) -> float:
        """Turn on the spot, to the left if positive; a round robot always can.

        Returns:
            The angle turned, radians.
        """
        x, y, heading = self._pose
        self._pose = (x, y, math.remainder(heading + angle, 2 * math.pi))
        return angle

    def drive(self, distance: float) -> float:
        """Drive straight ahead (back if negative), and stop before anything in the way.

        Args:
            distance: Metres.

        Returns:
            The metres driven, with the sign of `distance`; less than asked if something was
            in the way.
        """
        driven, direction = 0.0, math.copysign(1.0, distance)
        free = self._free(self._pose)
        while abs(distance) - driven > 1e-9:
            step = min(STEP, abs(distance) - driven)
            x, y, heading = self._pose
            ahead = (
                x + direction * step * math.cos(heading),
                y + direction * step * math.sin(heading),
                heading,
            )
            after = self._free(ahead)
            if after < _GAP and after < free:  # moving away from what is too close is allowed
                break
            self._pose, free = ahead, after
            driven += step
        self._world.place(self._pose)
        return direction * driven

    def _free(self, pose: tuple[float, float, float]) -> float:
        """Metres from the base, at a pose, to what is nearest (at most 0.1)."""
        world, reach = self._world, 0.1
        width, depth, _ = world.scene.room
        free = min(
            width / 2 - abs(pose[0]) - ROBOT_RADIUS, depth / 2 - abs(pose[1]) - ROBOT_RADIUS, reach
        )
        world.place(pose)
        model, data = world.model, world.data
        for geom in range(_ROOM_GEOMS, self._base):
            x, y, z = data.geom_xpos[geom]
            bound = model.geom_rbound[geom]
            far = bound + ROBOT_RADIUS + reach
            flat = z < _FLAT  # a rug; the wheels roll over it
            if flat or math.hypot(x - pose[0], y - pose[1]) > far:
                continue
            free = min(free, mujoco.mj_geomDistance(model, data, self._base, geom, reach, None))
        return free
