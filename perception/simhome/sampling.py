"""Homes: any number of them, sampled from seeds, and the one of the demo."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import COLORS, KINDS, MORE_KINDS, SOUNDING_KINDS
from sensebind.perception.simhome.scene import (
    FLOORS,
    FURNITURE_SIZE,
    RGB,
    ROBOT_RADIUS,
    WALLS,
    Furniture,
    Light,
    Scene,
    Surfaces,
    Thing,
    polar,
)

_T = TypeVar("_T")
FABRICS: tuple[RGB, ...] = (
    (0.42, 0.47, 0.54),
    (0.52, 0.45, 0.40),
    (0.44, 0.50, 0.45),
    (0.50, 0.44, 0.48),
    (0.38, 0.40, 0.43),
)
WOODS: tuple[RGB, ...] = ((0.46, 0.34, 0.23), (0.38, 0.28, 0.20), (0.57, 0.46, 0.34))


def sample_scene(
    seed: int,
    *,
    things: int | None = None,
    main: tuple[str, str] | None = None,
    empty: bool | None = None,
    sounding: bool | str | None = None,
    taught: bool = False,
) -> Scene:
    """Sample a home; the same arguments give the same scene.

    Args:
        seed: Any non-negative number.
        things: How many things there are, 0 to 6; by default 1 to 4 (0 to 2 if nothing is in view).
        main: Kind and colour of the thing in front of the robot.
        empty: Nothing in view of the camera; by default true for about 12 % of the seeds.
        sounding: False: silence. True: exactly one thing sounds. A kind: exactly one thing of
            that kind sounds. By default one thing sounds for about half of the seeds.
        taught: Whether `main` may be one of `catalog.MORE_KINDS`, too.

    Returns:
        A scene whose things do not touch each other, the furniture or the robot.

    Raises:
        InputError: If a number, kind or colour is out of range.
    """
    _check(seed, things, main, sounding, (*KINDS, *MORE_KINDS) if taught else KINDS)
    rng = np.random.default_rng([seed, 0x51])
    room = (float(rng.uniform(6.8, 7.4)), float(rng.uniform(5.8, 6.4)), 2.5)
    furniture = _sample_furniture(rng, room)
    empty_draw, sound_draw, count_draw = rng.random(3)
    is_empty = (main is None and empty_draw < 0.12) if empty is None else empty
    if sounding is None:
        sounding = bool(sound_draw < 0.5)
    if things is None:
        low, high = (0, 2) if is_empty else (1, 4)
        things = low + int(count_draw * (high - low + 1))
    if sounding:  # something must make the sound, if not the main thing, then one next to it
        able = SOUNDING_KINDS if sounding is True else (sounding,)
        things = max(things, 2 if main and main[0] not in able else 1)
    looks = _sample_looks(rng, things, main, sounding, is_empty)
    for _ in range(40):
        robot = _sample_robot(rng, room, furniture)
        placed = _place(rng, looks, room, furniture, robot, in_view=not is_empty)
        if placed is not None:
            break
    else:
        raise InputError(f"no room for {things} things in scene {seed}: ask for fewer things")
    light, surfaces = sample_light(rng), sample_surfaces(rng)
    return Scene(seed, placed, robot, room, light, surfaces, furniture)


def demo_scene(seed: int = 0) -> Scene:
    """The home of ``make demo``: always the same things, other walls and light for each seed.

    In front of the robot are a red ball and a blue chair (the nearest thing), farther away a
    yellow ball; a dog barks behind the robot; lamp, radio and fan are the people's devices.

    Args:
        seed: Any non-negative number.
    """
    _check(seed, None, None, None)
    rng = np.random.default_rng([seed, 0xDE])
    room = (7.2, 6.2, 2.5)
    things = (
        Thing("ball", "red", -0.20, 0.30, 0.0, 1.1),
        Thing("chair", "blue", -0.60, -0.50, math.radians(150), 0.9),
        Thing("ball", "yellow", 1.45, -0.38, 0.0, 0.95),
        Thing("dog", "orange", -2.45, 1.55, math.radians(-40), 1.0, sounding=True),
        Thing("radio", "green", 0.60, 2.20, math.radians(-110), 1.0),
        Thing("lamp", "white", 0.35, -2.05, math.radians(120), 1.0),
        Thing("fan", "purple", -0.55, 2.0, math.radians(-90), 1.0),
    )
    half_x, half_y = room[0] / 2, room[1] / 2
    wood, fabric = pick(rng, WOODS), pick(rng, FABRICS)
    furniture = (
        Furniture("shelf", half_x, -1.6, math.pi, 1.5, 0.35, wood),
        Furniture("sofa", -1.9, -half_y, math.pi / 2, 1.9, 0.8, fabric),
        Furniture("table", 1.9, -half_y, math.pi / 2, 1.5, 0.65, wood),
        Furniture("door", half_x, 0.35, math.pi, 0.9, 0.0, (0.55, 0.48, 0.40)),
        Furniture("picture", 0.4, half_y, -math.pi / 2, 0.9, 0.0, pick(rng, FABRICS)),
        Furniture("thermostat", half_x, 1.25, math.pi, 0.2, 0.0, (0.6, 0.6, 0.6)),
        Furniture("rug", 0.3, 0.0, 0.0, 2.2, 3.0, pick(rng, FABRICS)),
    )
    devices = {"radio": 4, "lamp": 5, "fan": 6}
    robot = (-1.75, 0.0, 0.0)
    return Scene(
        seed, things, robot, room, sample_light(rng), sample_surfaces(rng), furniture, devices
    )


def _check(
    seed: int,
    things: int | None,
    main: tuple[str, str] | None,
    sounding: bool | str | None,
    kinds: Sequence[str] = KINDS,
) -> None:
    if seed < 0:
        raise InputError(f"scene seed {seed} is negative: give a number from 0 up")
    if things is not None and not 0 <= things <= 6:
        raise InputError(f"{things} things in a scene: 0 to 6 are possible")
    if main is not None and (main[0] not in kinds or main[1] not in COLORS):
        raise InputError(f"unknown thing {main[1]!r} {main[0]!r}: see simhome.catalog")
    if isinstance(sounding, str) and sounding not in SOUNDING_KINDS:
        raise InputError(f"{sounding!r} makes no sound: choose one of {', '.join(SOUNDING_KINDS)}")


def pick(rng: np.random.Generator, options: tuple[_T, ...]) -> _T:
    """Return one of some options."""
    return options[int(rng.integers(len(options)))]


def sample_light(rng: np.random.Generator) -> Light:
    """Sample how a home is lit."""
    azimuth, height = rng.uniform(0, 2 * math.pi), rng.uniform(0.65, 0.9)
    flat = math.sqrt(1 - height * height)
    warm = float(rng.uniform(-0.05, 0.05))
    return Light(
        level=float(rng.uniform(0.82, 1.02)),
        ambient=float(rng.uniform(0.45, 0.6)),
        direction=(flat * math.cos(azimuth), flat * math.sin(azimuth), float(height)),
        tint=(1 + warm, 1.0, 1 - warm),
    )


def sample_surfaces(rng: np.random.Generator) -> Surfaces:
    """Sample what walls and floor look like."""
    return Surfaces(
        pick(rng, WALLS),
        pick(rng, FLOORS),
        float(rng.uniform(0.12, 0.24)),
        bool(rng.random() < 0.5),
    )


def _sample_furniture(
    rng: np.random.Generator, room: tuple[float, float, float]
) -> tuple[Furniture, ...]:
    """Two pieces per long wall at most, the door and the pictures where no piece stands."""
    half_x, half_y = room[0] / 2, room[1] / 2
    # (x, y, heading) of six places: two on each long wall, one on each short wall.
    places = [
        (-half_x / 2, -half_y, math.pi / 2),
        (half_x / 2, -half_y, math.pi / 2),
        (-half_x / 2, half_y, -math.pi / 2),
        (half_x / 2, half_y, -math.pi / 2),
        (-half_x, 0.0, 0.0),
        (half_x, 0.0, math.pi),
    ]
    order = [places[i] for i in rng.permutation(len(places))]
    pieces: list[Furniture] = []
    for kind in ("sofa", "shelf", "table"):
        if rng.random() < 0.85:
            x, y, heading = order.pop()
            width, depth = FURNITURE_SIZE[kind]
            color = pick(rng, FABRICS if kind == "sofa" else WOODS)
            shift = rng.uniform(-0.4, 0.4)
            x, y = x - shift * math.sin(heading), y + shift * math.cos(heading)
            pieces.append(Furniture(kind, x, y, heading, width, depth, color))
    x, y, heading = order.pop()
    pieces.append(Furniture("door", x, y, heading, 0.9, 0.0, (0.55, 0.48, 0.40)))
    x, y = x - 0.75 * math.sin(heading), y + 0.75 * math.cos(heading)
    pieces.append(Furniture("thermostat", x, y, heading, 0.2, 0.0, (0.6, 0.6, 0.6)))
    for _ in range(2):
        x, y, heading = order.pop()
        pieces.append(Furniture("picture", x, y, heading, 0.8, 0.0, pick(rng, FABRICS)))
    if rng.random() < 0.5:
        x, y = rng.uniform(-1, 1, 2)
        size = rng.uniform(1.5, 2.6, 2)
        rug = (float(x), float(y), 0.0, float(size[0]), float(size[1]))
        pieces.append(Furniture("rug", *rug, pick(rng, FABRICS)))
    return tuple(pieces)


def _sample_looks(
    rng: np.random.Generator,
    count: int,
    main: tuple[str, str] | None,
    sounding: bool | str,
    empty: bool,
) -> list[tuple[str, str, bool]]:
    """Kind, colour and sounding of every thing; the first is the main one."""
    colors = tuple(COLORS)
    looks = [(pick(rng, KINDS), pick(rng, colors), False) for _ in range(count)]
    if main is not None and looks:
        looks[0] = (*main, False)
    if count > 1 and not empty and rng.random() < 0.25:  # so that counting is worth asking for
        looks[-1] = (looks[0][0], looks[-1][1], False)
    if not sounding or not looks:
        return looks
    able = [i for i, look in enumerate(looks) if look[0] in SOUNDING_KINDS]
    index = able[int(rng.integers(len(able)))] if able else count - 1
    kind = looks[index][0] if able else pick(rng, SOUNDING_KINDS)
    if isinstance(sounding, str):
        same = [i for i, look in enumerate(looks) if look[0] == sounding]
        free = range(1 if main else 0, count)
        index = same[0] if same else free[int(rng.integers(len(free)))]
        kind = sounding
    looks[index] = (kind, looks[index][1], True)
    return looks


def _sample_robot(
    rng: np.random.Generator,
    room: tuple[float, float, float],
    furniture: tuple[Furniture, ...],
) -> tuple[float, float, float]:
    while True:
        x = float(rng.uniform(0.7 - room[0] / 2, room[0] / 2 - 0.7))
        y = float(rng.uniform(0.7 - room[1] / 2, room[1] / 2 - 0.7))
        if min((f.clearance(x, y) for f in furniture), default=9.0) > ROBOT_RADIUS + 0.25:
            return x, y, float(rng.uniform(-math.pi, math.pi))


def _place(
    rng: np.random.Generator,
    looks: list[tuple[str, str, bool]],
    room: tuple[float, float, float],
    furniture: tuple[Furniture, ...],
    robot: tuple[float, float, float],
    in_view: bool,
) -> tuple[Thing, ...] | None:
    """Put the things down one after the other; None if one finds no place."""
    things: list[Thing] = []
    for index, (kind, color, sounding) in enumerate(looks):
        scale = float(rng.uniform(0.9, 1.1))
        beside = in_view and rng.random() < 0.5  # in view too, if there is room
        for attempt in range(60):
            if index == 0 and in_view:
                distance, bearing = rng.uniform(1.0, 2.95), rng.uniform(-0.45, 0.45)
            else:
                side = 0.5 if beside and attempt < 30 else math.pi
                distance, bearing = rng.uniform(0.85, 4.8), rng.uniform(-side, side)
            x = float(robot[0] + distance * math.cos(robot[2] + bearing))
            y = float(robot[1] + distance * math.sin(robot[2] + bearing))
            # Things look towards the robot, more or less, as if put down for it to see.
            front = math.atan2(robot[1] - y, robot[0] - x) + rng.uniform(-1.2, 1.2)
            thing = Thing(kind, color, x, y, float(front), scale, sounding)
            if _fits(thing, room, furniture) and _apart(
                thing, things, robot, bool(index == 0 and in_view), not in_view
            ):
                things.append(thing)
                break
        else:
            return None
    return tuple(things)


def _fits(thing: Thing, room: tuple[float, float, float], furniture: tuple[Furniture, ...]) -> bool:
    radius = thing.radius + 0.3  # a scan must be able to separate it from what stands on the wall
    if abs(thing.x) + radius > room[0] / 2 or abs(thing.y) + radius > room[1] / 2:
        return False
    return all(piece.clearance(thing.x, thing.y) > radius for piece in furniture)


def _apart(
    thing: Thing,
    others: list[Thing],
    robot: tuple[float, float, float],
    is_main: bool,
    out_of_view: bool,
) -> bool:
    """Whether a thing keeps its distance from the robot and the others, and hides no one."""
    distance, bearing = polar(thing, robot)
    if distance - thing.radius < ROBOT_RADIUS + 0.2:
        return False
    half = math.asin(min(thing.radius / distance, 1.0))
    if is_main:  # at most a third of it beyond the edge of the image
        return abs(bearing) + 0.35 * half < math.radians(31)
    if out_of_view and abs(bearing) - half < math.radians(36):
        return False
    for index, other in enumerate(others):
        if math.hypot(thing.x - other.x, thing.y - other.y) < thing.radius + other.radius + 0.35:
            return False
        other_distance, other_bearing = polar(other, robot)
        # Two things at the same distance would make "the nearest" a matter of taste.
        if abs((distance - thing.radius) - (other_distance - other.radius)) < 0.2:
            return False
        other_half = math.asin(min(other.radius / other_distance, 1.0))
        gap = abs(math.remainder(bearing - other_bearing, 2 * math.pi))
        if index == 0 and gap < 0.8 * (half + other_half):
            return False
        in_view = not out_of_view and abs(bearing) - half < math.radians(31)
        if index == 0 and in_view and distance < other_distance + 0.5:
            return False  # next to the main thing, but not as big in view
    return True
