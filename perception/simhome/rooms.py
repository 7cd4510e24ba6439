"""Homes of three rooms with doorways between them, sampled from seeds."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import ndimage

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import COLORS, KINDS
from sensebind.perception.simhome.sampling import (
    FABRICS,
    WOODS,
    pick,
    sample_light,
    sample_surfaces,
)
from sensebind.perception.simhome.scene import (
    FURNITURE_SIZE,
    ROBOT_RADIUS,
    Furniture,
    Room,
    Scene,
    Thing,
    Wall,
)

CELL = 0.05
"""Metres of a side of the cells of `floor_plan`."""
_HEIGHT = 2.5
_THICK = 0.12  # metres of a wall inside
_DOOR_HEIGHT = 2.05
_DOOR = (0.92, 1.05)  # metres of a doorway's width: the least of a home without steps, and more
_THINGS = 2  # in each room
_PASSAGE = 0.12  # metres that stay free on both sides of the robot on its way to any room
_TRIES = 200  # samples of one seed
_Opening = tuple[float, float, float]  # middle of a doorway, and its width


def sample_home(seed: int) -> Scene:
    """Sample a home of three rooms; the same seed gives the same home.

    Two or three doorways join the rooms; no kind of thing is there twice, and the robot can drive
    from each room to each other.

    Args:
        seed: Any non-negative number.

    Raises:
        InputError: The seed is negative.
    """
    if seed < 0:
        raise InputError(f"scene seed {seed} is negative: give a number from 0 up")
    rng = np.random.default_rng([seed, 0x3A])
    for _ in range(_TRIES):
        if (scene := _sampled(seed, rng)) is not None:
            return scene
    raise InputError(f"no home of three rooms was found for seed {seed}: take another one")


def floor_plan(scene: Scene, clearance: float) -> np.ndarray:
    """Return where the middle of something round can be, bool [rows, columns], from the truth.

    Rows count y and columns x upwards, in cells of `CELL` metres from the corner of the home.

    Args:
        scene: The home.
        clearance: Metres from that middle to everything that stands on the floor.
    """
    width, depth, _ = scene.room
    xs = (np.arange(round(width / CELL)) + 0.5) * CELL - width / 2
    ys = (np.arange(round(depth / CELL)) + 0.5) * CELL - depth / 2
    x, y = np.meshgrid(xs, ys)
    away = np.minimum(width / 2 - np.abs(x), depth / 2 - np.abs(y))
    for one in scene.things:
        away = np.minimum(away, np.hypot(x - one.x, y - one.y) - one.radius)
    for piece in scene.furniture:
        if piece.kind in FURNITURE_SIZE:
            middle = piece.depth / 2
            at = (
                piece.x + middle * math.cos(piece.heading),
                piece.y + middle * math.sin(piece.heading),
            )
            size = piece.depth, piece.width
            away = np.minimum(away, _to_box(x - at[0], y - at[1], size, piece.heading))
    for wall in scene.walls:
        if wall.low <= 0:
            away = np.minimum(away, _to_box(x - wall.x, y - wall.y, (wall.width, wall.depth)))
    return away > clearance


def _to_box(
    dx: np.ndarray, dy: np.ndarray, size: tuple[float, float], heading: float = 0.0
) -> np.ndarray:
    """Metres from points to a rectangle about the origin; 0 inside."""
    cos, sin = math.cos(heading), math.sin(heading)
    along = np.abs(dx * cos + dy * sin) - size[0] / 2
    across = np.abs(dy * cos - dx * sin) - size[1] / 2
    return np.hypot(np.maximum(along, 0), np.maximum(across, 0))


def _sampled(seed: int, rng: np.random.Generator) -> Scene | None:
    """One sample; None where the robot could not drive through it."""
    rooms, walls, doors = _row(rng) if rng.random() < 0.5 else _branched(rng)
    room = (2 * max(one.x1 for one in rooms), 2 * max(one.y1 for one in rooms), _HEIGHT)
    furniture: list[Furniture] = []
    things: list[Thing] = []
    kinds = rng.permutation(len(KINDS))
    for number, one in enumerate(rooms):
        furniture += _furnished(rng, one, doors)
        for kind in kinds[number * _THINGS : (number + 1) * _THINGS]:
            placed = _placed(rng, KINDS[int(kind)], one, furniture, things, doors)
            if placed is None:
                return None
            things.append(placed)
    light, surfaces = sample_light(rng), sample_surfaces(rng)
    empty = Scene(
        seed,
        tuple(things),
        (0.0, 0.0, 0.0),
        room,
        light,
        surfaces,
        tuple(furniture),
        walls=walls,
        rooms=rooms,
    )
    start = _start(rng, empty)
    if start is None:
        return None
    return Scene(**{**vars(empty), "robot": start})


def _row(rng: np.random.Generator) -> tuple[tuple[Room, ...], tuple[Wall, ...], list[_Opening]]:
    """Three rooms in a row, one behind the other."""
    depth = float(rng.uniform(4.6, 5.4))
    widths = [float(one) for one in rng.uniform(3.7, 4.3, 3)]
    edges = [-sum(widths) / 2]
    for width in widths:
        edges.append(edges[-1] + width)
    rooms = tuple(
        Room(left, -depth / 2, right, depth / 2) for left, right in itertools.pairwise(edges)
    )
    walls: list[Wall] = []
    doors: list[_Opening] = []
    for edge in edges[1:3]:
        at, wide = float(rng.uniform(-0.5, 0.5)) * (depth - 2.0), float(rng.uniform(*_DOOR))
        walls += _parted(edge, -depth / 2, depth / 2, at, wide, along_y=True)
        doors.append((edge, at, wide))
    return rooms, tuple(walls), doors


def _branched(
    rng: np.random.Generator,
) -> tuple[tuple[Room, ...], tuple[Wall, ...], list[_Opening]]:
    """One room with two others beside it, which may be joined as well."""
    depth = float(rng.uniform(6.6, 7.0))
    width = float(rng.uniform(8.6, 9.4))
    edge = float(rng.uniform(-0.6, 0.2))
    level = float(rng.uniform(-0.3, 0.3))
    x0, x1, y0, y1 = -width / 2, width / 2, -depth / 2, depth / 2
    rooms = (
        Room(x0, y0, edge, y1),
        Room(edge, level, x1, y1),
        Room(edge, y0, x1, level),
    )
    walls: list[Wall] = []
    doors: list[_Opening] = []
    for low, high in ((level, y1), (y0, level)):
        at = float(rng.uniform(low + 0.9, high - 0.9))
        wide = float(rng.uniform(*_DOOR))
        walls += _parted(edge, low, high, at, wide, along_y=True)
        doors.append((edge, at, wide))
    if rng.random() < 0.5:
        at, wide = float(rng.uniform(edge + 0.9, x1 - 0.9)), float(rng.uniform(*_DOOR))
        walls += _parted(level, edge, x1, at, wide, along_y=False)
        doors.append((at, level, wide))
    else:
        walls.append(Wall((edge + x1) / 2, level, x1 - edge, _THICK, 0.0, _HEIGHT))
    return rooms, tuple(walls), doors


def _parted(
    edge: float, low: float, high: float, door: float, wide: float, *, along_y: bool
) -> list[Wall]:
    """A wall with a doorway: what stands on both sides of it, and what is above.

    Args:
        edge: Where the wall runs, on the axis across it.
        low: Where it begins, on the axis along it.
        high: Where it ends.
        door: Middle of the doorway.
        wide: Width of the doorway.
        along_y: Whether it runs along y; along x otherwise.
    """
    spans = [
        (low, door - wide / 2, 0.0, _HEIGHT),
        (door + wide / 2, high, 0.0, _HEIGHT),
        (door - wide / 2, door + wide / 2, _DOOR_HEIGHT, _HEIGHT),
    ]
    walls = []
    for begin, end, bottom, top in spans:
        middle, length = (begin + end) / 2, end - begin
        if along_y:
            walls.append(Wall(edge, middle, _THICK, length, bottom, top))
        else:
            walls.append(Wall(middle, edge, length, _THICK, bottom, top))
    return walls


def _furnished(rng: np.random.Generator, room: Room, doors: list[_Opening]) -> list[Furniture]:
    """One piece against a wall of a room, away from its doorways, if there is such a place."""
    kind = ("sofa", "shelf", "table")[int(rng.integers(3))]
    width, depth = FURNITURE_SIZE[kind]
    color = pick(rng, FABRICS if kind == "sofa" else WOODS)
    for side in rng.permutation(4):
        x, y = room.middle
        slack = ((room.y1 - room.y0) if side < 2 else (room.x1 - room.x0)) / 2 - width / 2 - 0.1
        if slack < 0:
            continue
        shift = float(rng.uniform(-slack, slack))
        # Walls inside are thick, those outside are not: a piece stands clear of both.
        x, y, heading = (
            (room.x0 + _THICK / 2, y + shift, 0.0),
            (room.x1 - _THICK / 2, y + shift, math.pi),
            (x + shift, room.y0 + _THICK / 2, math.pi / 2),
            (x + shift, room.y1 - _THICK / 2, -math.pi / 2),
        )[int(side)]
        piece = Furniture(kind, x, y, heading, width, depth, color)
        if all(piece.clearance(a, b) > 0.9 for a, b, _ in doors):
            return [piece]
    return []


def _placed(
    rng: np.random.Generator,
    kind: str,
    room: Room,
    furniture: list[Furniture],
    things: list[Thing],
    doors: list[_Opening],
) -> Thing | None:
    """Put a thing into a room; None where it finds no place."""
    color = pick(rng, tuple(COLORS))
    for _ in range(60):
        scale, heading = float(rng.uniform(0.9, 1.1)), float(rng.uniform(-math.pi, math.pi))
        thing = Thing(kind, color, 0.0, 0.0, heading, scale)
        edge = thing.radius + 0.3
        x = float(rng.uniform(room.x0 + edge, room.x1 - edge))
        y = float(rng.uniform(room.y0 + edge, room.y1 - edge))
        clear = [math.hypot(x - a, y - b) - 0.9 for a, b, _ in doors]
        clear += [math.hypot(x - o.x, y - o.y) - o.radius - 0.4 for o in things]
        clear += [piece.clearance(x, y) - 0.3 for piece in furniture]
        if min(clear, default=math.inf) > thing.radius:
            return Thing(kind, color, x, y, heading, scale)
    return None


def _start(rng: np.random.Generator, scene: Scene) -> tuple[float, float, float] | None:
    """Where the robot starts; None where it could not drive from each room to each other."""
    free = floor_plan(scene, ROBOT_RADIUS + _PASSAGE)
    parts, _ = ndimage.label(free)  # type: ignore[misc]
    width, depth, _ = scene.room
    sizes = np.bincount(parts.ravel())[1:]
    if not sizes.size:
        return None
    rows, columns = np.nonzero(parts == int(sizes.argmax()) + 1)
    xs, ys = (columns + 0.5) * CELL - width / 2, (rows + 0.5) * CELL - depth / 2
    for room in scene.rooms:  # a good part of each room belongs to what is joined
        inside = (xs > room.x0) & (xs < room.x1) & (ys > room.y0) & (ys < room.y1)
        if inside.sum() * CELL * CELL < 2.0:
            return None
    first = scene.rooms[0]
    inside = np.flatnonzero((xs > first.x0) & (xs < first.x1))
    chosen = int(inside[int(rng.integers(len(inside)))])
    return float(xs[chosen]), float(ys[chosen]), float(rng.uniform(-math.pi, math.pi))
