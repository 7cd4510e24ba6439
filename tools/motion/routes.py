"""The way from one place of a map to another: around what is there, and through doorways.

The cells in which the robot fits are the nodes of a graph, and SciPy finds the cheapest way through
it (Dijkstra's algorithm, `scipy.sparse.csgraph`). A cell costs more the nearer it is to something,
so that the way keeps to the middle of a doorway; then it is cut into as few straight legs as keep
that distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sensebind.errors import ToolError
from sensebind.perception.lidar.occupancy import Floor
from sensebind.tools.motion.contracts import Place

MARGIN = 0.08
"""Metres between the robot's outline and what is there, at least: a cell and a half."""
_WISHED = 0.2  # metres that it keeps where there is room
_STRAIGHT = 0.13  # metres that a straight leg keeps: fewer turns are worth some of what is wished
_CLOSE = 6.0  # times that a metre costs next to something
_SNAP = 0.5  # metres by which the start may lie beside where the robot fits
_BESIDE = 1.0  # metres by which the goal may: a thing may stand there now

Router = Callable[[Place, Place], list[Place]]
"""Returns the corners of the way from one place to another, the last one where it ends, or raises
ToolError."""


def route(floor: Floor, start: Place, goal: Place, radius: float) -> list[Place]:
    """Return the corners of the way to a place.

    Args:
        floor: The map; what is not known in it is not driven over.
        start: Where the robot is, metres.
        goal: Where it is to go. The way ends at the nearest place where the robot fits.
        radius: Of the robot, metres.

    Returns:
        Places in metres, the last one the end of the way.

    Raises:
        ToolError: No way is known.
    """
    # One cell more on each side: what lies beyond the map is as if something stood there.
    walled = np.pad(floor.free, 1)
    away = ndimage.distance_transform_edt(~np.pad(floor.occupied, 1, constant_values=True))
    assert isinstance(away, np.ndarray)
    clearance = away * floor.cell - floor.cell / 2 - radius
    fits = walled & (clearance > MARGIN)
    if not fits.any():
        raise ToolError("no way is known: the map is too small")
    begin, off = _nearest(fits, floor, start)
    if off > _SNAP:
        raise ToolError("no way is known from here: there is no room to turn")
    numbers = np.full(fits.shape, -1, np.int32)  # SciPy before 1.15 takes no other indices
    numbers[fits] = np.arange(int(fits.sum()))
    costs, before = _searched(fits, clearance, numbers, int(numbers[begin]))
    end, missed = _nearest(fits, floor, goal)
    there = f"({goal[0]:.1f}, {goal[1]:.1f})"
    if missed > _BESIDE:
        raise ToolError(f"no way is known to {there}: what is known ends {missed:.1f} m before it")
    if not np.isfinite(costs[numbers[end]]):  # and what is near as the crow flies is another room
        raise ToolError(f"no way is known to {there}: something is in between")
    rows, columns = np.nonzero(fits)
    way = [int(numbers[end])]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    cells = np.stack([rows[way[::-1]], columns[way[::-1]]], axis=1)
    corners = [floor.place(row - 1, column - 1) for row, column in _straightened(cells, clearance)]
    return corners[1:] if off <= floor.cell and len(corners) > 1 else corners


def length(start: Place, corners: list[Place]) -> float:
    """Return how long a way is, metres."""
    return sum(math.dist(a, b) for a, b in zip([start, *corners], corners, strict=False))


def _nearest(cells: np.ndarray, floor: Floor, place: Place) -> tuple[tuple[int, int], float]:
    """Return the cell of some that is nearest to a place, and how far that is, metres."""
    rows, columns = np.nonzero(cells)
    x, y = floor.place(rows - 1, columns - 1)  # type: ignore[arg-type]
    away = np.hypot(x - place[0], y - place[1])
    best = int(np.argmin(away))
    return (int(rows[best]), int(columns[best])), float(away[best])


def _searched(
    fits: np.ndarray, clearance: np.ndarray, numbers: np.ndarray, begin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each node costs to reach, and by which node; below 0 where by none."""
    near = np.clip(1 - (clearance - MARGIN) / (_WISHED - MARGIN), 0, 1)
    cost = 1 + (_CLOSE - 1) * near
    sources, targets, weights = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first, second = _shifted(fits, down, right)
        both = fits[first] & fits[second]
        sources.append(numbers[first][both])
        targets.append(numbers[second][both])
        steps = math.hypot(down, right) * (cost[first] + cost[second]) / 2
        weights.append(steps[both])
    count = int(numbers.max()) + 1
    pairs = np.concatenate(sources), np.concatenate(targets)
    graph = csr_array((np.concatenate(weights), pairs), shape=(count, count))
    return dijkstra(graph, directed=False, indices=begin, return_predecessors=True)


def _shifted(
    cells: np.ndarray, down: int, right: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return two parts of an array, each cell of the second next to that of the first."""
    rows, columns = cells.shape
    first = slice(0, rows - down), slice(max(-right, 0), columns - max(right, 0))
    second = slice(down, rows), slice(max(right, 0), columns - max(-right, 0))
    return first, second


def _straightened(cells: np.ndarray, clearance: np.ndarray) -> np.ndarray:
    """Return the corners of a way, int [K, 2], that are left when straight legs replace it."""
    corners, at = [0], 0
    while at < len(cells) - 1:
        low, high = at + 1, len(cells) - 1
        while low < high:  # the farthest cell that a straight leg reaches, by halving
            middle = (low + high + 1) // 2
            if _straight(cells[at : middle + 1], clearance):
                low = middle
            else:
                high = middle - 1
        at = low
        corners.append(at)
    return cells[corners]


def _straight(cells: np.ndarray, clearance: np.ndarray) -> bool:
    """Whether a straight leg keeps the distance that the way keeps, or one that is enough."""
    first, last = cells[0], cells[-1]
    steps = 2 * int(np.abs(last - first).max()) + 1
    along = np.round(first + np.linspace(0, 1, steps)[:, None] * (last - first)).astype(np.int64)
    wanted = min(float(clearance[cells[:, 0], cells[:, 1]].min()), _STRAIGHT)
    return bool(clearance[along[:, 0], along[:, 1]].min() >= wanted - 1e-9)
