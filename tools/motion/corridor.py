"""What is in the way: the returns of a lidar along the arc that is driven."""

from __future__ import annotations

import math

import numpy as np

from sensebind.tools.motion.plan import Pose
from sensebind.tools.motion.settings import Footprint, LidarMount

REACH = 3.0
"""Metres around the robot within which returns are looked at."""

_CELL = 0.03  # metres; returns closer together count as one
_ROW = 4096  # more cells than any row of them has
_SIDE = 0.02  # metres that stay free beside the robot; it may pass what it does not drive at
_OWN = 0.01  # metres around the robot within which a return may be the robot itself
_RIM = 0.2  # metres inside the outline that something may get between two sweeps
_LEARNED = 10  # sweeps after which is known what of the robot the lidar sees at its rim
_MOVED = 0.01  # metres and radians after which the robot is no longer where it was
_STEP = 0.02  # metres between two looks along the way, and radians on the spot times a metre
_BLIND = math.radians(0.5)  # below the lowest beam by which a place is out of sight
_REMEMBER = 30.0  # seconds that something low is remembered that has come too near to be seen
_NEAR = 1.5  # metres within which it is


class Surroundings:
    """The newest sweep, and what has come too near the robot to be in it.

    A lidar at some height does not see what is low and near: its lowest beam passes over it. So a
    return that lies below the lowest beam is kept from earlier sweeps until it comes into view
    again.

    What lies within the footprint is the robot itself: deep inside always, near its outline where
    the first sweeps show it, taken before the robot moves. Anything else near the outline has been
    touched since; the robot may move away from it, and not into it.

    Args:
        footprint: Outline of the robot.
        mount: How the lidar sits on it.
    """

    def __init__(self, footprint: Footprint, mount: LidarMount) -> None:
        self._footprint = footprint
        self._mount = mount
        self._pose = mount.pose
        self._sensor = self._pose.inverse()
        # A lidar that hangs upside down has its lowest beam where its own z axis points.
        self._upright = math.copysign(1.0, self._pose.rotation[2, 2])
        self._points = np.zeros((0, 4))  # x, y in the odometry's frame, height, time
        inner = min(footprint.half_width, (footprint.front + footprint.back) / 2)
        self._rim = min(_RIM, inner)
        self._sweeps = 0  # from which was learned what of the robot they show
        self._began: Pose | None = None
        self._own = np.zeros(0, np.int64)  # cells at the outline that show the robot itself

    def take(self, sweep: np.ndarray, pose: Pose, moment: float) -> None:
        """Take in a sweep.

        Args:
            sweep: float32 [N, 3 or more] metres in the lidar's frame; what is not finite is
                left out.
            pose: Of the robot when it was captured.
            moment: When that was, seconds.
        """
        points = np.asarray(sweep, np.float64)[:, :3]
        points = points[np.isfinite(points).all(axis=1)]
        lowest = float(self._elevation(points).min()) if len(points) else math.inf
        mount = self._mount
        x, y, height = self._pose.apply(points).T
        counts = (np.hypot(x, y) < REACH) & (height > mount.lowest) & (height < mount.highest)
        x, y, height = x[counts], y[counts], height[counts]
        self._learn(x, y, pose)
        others = ~self._is_own(x, y)
        x, y, height = x[others], y[others], height[others]
        if len(x):  # one of each cell, the lowest: it is the first to get out of sight
            order = np.argsort(height, kind="stable")
            _, first = np.unique(_cells(x, y)[order], return_index=True)
            kept = order[first]
            x, y, height = x[kept], y[kept], height[kept]
        world_x, world_y = _turned(x, y, pose[2])
        seen = np.stack(
            [world_x + pose[0], world_y + pose[1], height, np.full(len(x), moment)], axis=1
        )
        self._points = np.concatenate([seen, self._out_of_sight(pose, moment, lowest)])

    def free(self, pose: Pose, speed: float, turn_rate: float, length: float) -> float:
        """Return how far the robot can go before it touches something.

        Args:
            pose: Of the robot, now.
            speed: Metres per second; its sign and its ratio to the turn rate give the arc.
            turn_rate: Radians per second.
            length: How far to look, metres (radians on the spot).

        Returns:
            Metres along the way (radians on the spot), inf if nothing is in it.
        """
        if not len(self._points) or (not speed and (not turn_rate or self._footprint.disc)):
            return math.inf
        dx, dy = self._points[:, 0] - pose[0], self._points[:, 1] - pose[1]
        reach = (length if speed else 0.0) + math.hypot(
            max(self._footprint.front, self._footprint.back), self._footprint.half_width
        )
        near = np.hypot(dx, dy) < reach + _SIDE
        x, y = _turned(dx[near], dy[near], -pose[2])
        # What the margin touches already is passed, if it is not driven into.
        depth = self._footprint.depth(x, y)
        margin = np.where(depth > -_SIDE, 0.0, _SIDE)
        steps = np.arange(_STEP, length + 2 * _STEP, _STEP)
        ahead_x, ahead_y, turned = _along(steps, speed, turn_rate)
        shifted_x, shifted_y = x[:, None] - ahead_x, y[:, None] - ahead_y
        cos, sin = np.cos(turned), np.sin(turned)
        then = self._footprint.depth(
            shifted_x * cos + shifted_y * sin, shifted_y * cos - shifted_x * sin
        )
        # What has been touched may be left behind, and not be pressed any further.
        leaves = (depth > 0.0) & (then[:, 0] <= depth)
        hit = (then > -margin[:, None]) & ~leaves[:, None]
        first = hit.any(axis=0)
        return float(steps[first.argmax()] - _STEP) if first.any() else math.inf

    def _out_of_sight(self, pose: Pose, moment: float, lowest: float) -> np.ndarray:
        """Return the remembered points that a sweep cannot show from where the robot is."""
        points = self._points
        if not len(points) or math.isinf(lowest):
            return points[:0]
        x, y = _turned(points[:, 0] - pose[0], points[:, 1] - pose[1], -pose[2])
        seen = self._sensor.apply(np.column_stack([x, y, points[:, 2]]))
        away = np.hypot(x - self._mount.forward, y - self._mount.left)
        below = self._elevation(seen) < lowest - _BLIND
        keep = below & (away < _NEAR) & (moment - points[:, 3] < _REMEMBER)
        return points[keep & ~self._is_own(x, y)]

    def _learn(self, x: np.ndarray, y: np.ndarray, pose: Pose) -> None:
        """Note what the first sweeps show near the outline: a mast, a bumper, a load."""
        self._began = self._began or pose
        if self._sweeps == _LEARNED or np.abs(np.subtract(pose, self._began)).max() > _MOVED:
            self._sweeps = _LEARNED
            return
        self._sweeps += 1
        mine = _cells(x, y)[self._footprint.covers(x, y, _OWN)]
        around = np.add.outer([-_ROW, 0, _ROW], [-1, 0, 1]).ravel()  # and the cells next to it
        self._own = np.union1d(self._own, np.add.outer(mine, around))

    def _is_own(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which points are the robot itself."""
        depth = self._footprint.depth(x, y)
        return (depth > self._rim) | ((depth > -_OWN) & np.isin(_cells(x, y), self._own))

    def _elevation(self, points: np.ndarray) -> np.ndarray:
        """Return how far points [N, 3] lie above the lidar's own plane, radians."""
        away = np.hypot(points[:, 0], points[:, 1])
        return np.arctan2(self._upright * points[:, 2], away)


def _cells(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the numbers of the cells that points lie in."""
    return (np.round(x / _CELL) * _ROW + np.round(y / _CELL)).astype(np.int64)


def _turned(x: np.ndarray, y: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    cos, sin = math.cos(angle), math.sin(angle)
    return x * cos - y * sin, x * sin + y * cos


def _along(
    steps: np.ndarray, speed: float, turn_rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y and heading after each step of the way, in the robot's frame."""
    if not speed:
        return np.zeros_like(steps), np.zeros_like(steps), np.copysign(steps, turn_rate)
    travelled = np.copysign(steps, speed)
    curvature = turn_rate / speed
    if abs(curvature) < 1e-6:
        return travelled, np.zeros_like(steps), np.zeros_like(steps)
    turned = curvature * travelled
    return np.sin(turned) / curvature, (1 - np.cos(turned)) / curvature, turned
