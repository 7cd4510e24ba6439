"""A map of the floor made of sweeps: where is something, and where is surely nothing.

Each sweep is laid flat: what lies between two heights is in the way, and the floor before it is
free. Cells count how often they were one or the other (an occupancy grid after Moravec and Elfes,
"High Resolution Maps from Wide Angle Sonar", ICRA 1985, with counts for log odds), so that what was
moved away is free again after some sweeps. The poses are given: nothing is matched, and a map is as
good as the odometry that it is made with.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import cv2
import numpy as np

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import Pose

CELL = 0.05
"""Metres of a side of a cell."""
_SIDE = 60.0  # metres that a map is wide
_RANGE = 8.0  # metres up to which a sweep is believed: poses are off by an angle, too
_BEARINGS = 720  # directions in which the nearest obstacle is looked for
_HIT, _MISS, _MOST = 3, -1, 9  # counts of a cell: three sweeps through it outweigh one hit
_FLOOR = -0.15  # metres; a return from below is of a staircase, or of a mirror


@dataclass(frozen=True, slots=True)
class Floor:
    """A map as it is at one time; rows count y and columns x upwards.

    Attributes:
        occupied: bool [rows, columns], where something is.
        free: bool [rows, columns], where surely nothing is; the rest is not known.
        corner: x and y of the outer corner of the first cell, metres.
        frame: What places are in, see `Pose.frame`.
        cell: Metres of a side of a cell.
    """

    occupied: np.ndarray
    free: np.ndarray
    corner: tuple[float, float]
    frame: str
    cell: float = CELL

    def index(self, x: float, y: float) -> tuple[int, int]:
        """Return row and column of a place; they may lie outside."""
        column = math.floor((x - self.corner[0]) / self.cell)
        return math.floor((y - self.corner[1]) / self.cell), column

    def place(self, row: float, column: float) -> tuple[float, float]:
        """Return the middle of a cell, x and y in metres."""
        x, y = self.corner
        return x + (column + 0.5) * self.cell, y + (row + 0.5) * self.cell


class OccupancyGrid:
    """A map that sweeps are added to. Thread-safe.

    It holds for one frame: with the first pose of another one it begins again.

    Attributes:
        radius: Metres about the robot's middle that are free, as it stands there.
    """

    def __init__(self, heights: tuple[float, float] = (0.04, 1.0), radius: float = 0.2) -> None:
        """Begin with nothing known.

        Args:
            heights: Metres above the floor between which a return is in the way.
            radius: Metres about the robot's middle that it fills.

        Raises:
            InputError: The heights are not in order.
        """
        if not heights[0] < heights[1]:
            raise InputError(f"heights {heights} are not the lower and the upper one")
        self.radius = radius
        self._heights = heights
        self._lock = threading.Lock()
        self._frame = ""
        self._corner = (0.0, 0.0)
        self._counts = np.zeros((0, 0), np.int8)

    def add(self, points: np.ndarray, pose: Pose) -> None:
        """Add a sweep.

        Args:
            points: float [N, 3] metres in the robot's frame on the floor.
            pose: Where the robot was when it was taken.
        """
        points = points[np.isfinite(points).all(axis=1)]
        away = np.hypot(points[:, 0], points[:, 1])
        near = (away < _RANGE) & (points[:, 2] > _FLOOR)
        points, away = points[near], away[near]
        tall = (points[:, 2] > self._heights[0]) & (points[:, 2] < self._heights[1])
        tall &= away > self.radius  # of the robot itself
        turn = np.arctan2(points[:, 1], points[:, 0]) * (_BEARINGS / math.tau)
        bearing = np.round(turn).astype(np.int64) % _BEARINGS
        first = np.full(_BEARINGS, np.inf)
        np.minimum.at(first, bearing[tall], away[tall])
        seen = np.zeros(_BEARINGS)  # floor, or what stands above the heights
        np.maximum.at(seen, bearing[~tall], away[~tall])
        clear = np.minimum(np.where(np.isinf(first), seen, first - 1.5 * CELL), _RANGE)
        # A bearing between two beams is as free as the nearer of its neighbours.
        both = np.minimum(np.roll(clear, 1), np.roll(clear, -1))
        nothing = np.isinf(first) & (seen == 0)
        clear = np.maximum(np.where(nothing, both, clear), self.radius)
        angles = np.arange(_BEARINGS) * (math.tau / _BEARINGS) + pose.yaw
        outline = np.stack([clear * np.cos(angles), clear * np.sin(angles)], axis=1)
        cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
        hits = points[tall, :2] @ np.array([[cos, sin], [-sin, cos]])
        with self._lock:
            here = np.array([pose.x, pose.y])
            self._count(outline + here, hits + here, pose)

    def floor(self) -> Floor | None:
        """Return the map as it is now, cut to what is known; None where nothing is."""
        with self._lock:
            rows = np.flatnonzero(self._counts.any(axis=1))
            columns = np.flatnonzero(self._counts.any(axis=0))
            if not rows.size:
                return None
            top, left = int(rows[0]), int(columns[0])
            known = self._counts[top : rows[-1] + 1, left : columns[-1] + 1]
            corner = self._corner[0] + left * CELL, self._corner[1] + top * CELL
            return Floor(known > 0, known < 0, corner, self._frame)

    def _count(self, outline: np.ndarray, hits: np.ndarray, pose: Pose) -> None:
        if pose.frame != self._frame:
            side = round(_SIDE / CELL)
            self._frame = pose.frame
            self._corner = pose.x - _SIDE / 2, pose.y - _SIDE / 2
            self._counts = np.zeros((side, side), np.int8)
        cells = np.floor((outline - self._corner) / CELL).astype(np.int32)
        at = np.floor((hits - self._corner) / CELL).astype(np.int32)
        low = np.maximum(np.minimum(cells.min(axis=0), at.min(axis=0, initial=2**30)), 0)
        high = np.minimum(
            np.maximum(cells.max(axis=0), at.max(axis=0, initial=-1)) + 1, len(self._counts)
        )
        if (low >= high).any():
            return  # the robot has left the map
        counts = self._counts[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(counts.shape, np.uint8)
        cv2.fillPoly(mask, [cells - low], 1)  # type: ignore[list-item]
        at = at[((at >= low) & (at < high)).all(axis=1)] - low
        columns, rows = at.T
        mask[rows, columns] = 0  # what was hit in this sweep is not free by it
        free = mask > 0
        counts[free] = np.maximum(counts[free] + _MISS, -_MOST)
        hit = np.zeros_like(mask, bool)
        hit[rows, columns] = True
        counts[hit] = np.minimum(counts[hit] + _HIT, _MOST)
