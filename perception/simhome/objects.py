"""The shapes of all kinds of things, as compounds of MuJoCo primitives.

A shape is a tuple of parts in the frame of its thing: origin on the floor below the middle,
x to the front, y to the left, z up; metres at scale 1. Parts are painted by role, so that a shape
stays readable in every colour: ``main`` is the colour of the thing, ``shade`` a darker (for black:
lighter) tone of it, ``dark``, ``grey`` and ``light`` are accents, ``contrast`` is whichever of
dark and light stands out from the main colour, ``glow`` is main and shines when a lamp is on.
"""

import math
from collections.abc import Callable
from functools import cache

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import COLORS
from sensebind.perception.simhome.more_objects import MORE_SHAPES
from sensebind.perception.simhome.parts import Part, Vec, ball, box, can, egg, rod

FAN_HUB: Vec = (0.06, 0.0, 0.62)
"""Middle of the fan's blades in the frame of the fan; they turn about its x axis."""


@cache
def shape_of(kind: str) -> tuple[Part, ...]:
    """The parts of a kind of thing.

    Raises:
        InputError: If the kind is unknown.
    """
    try:
        return tuple((_SHAPES.get(kind) or MORE_SHAPES[kind])())
    except KeyError:
        raise InputError(f"unknown kind {kind!r}: see simhome.catalog.KINDS") from None


def paint(color: str, role: str) -> Vec:
    """RGB in 0..1 of a part with a role on a thing of a colour."""
    main = COLORS[color]
    luminance = 0.3 * main[0] + 0.59 * main[1] + 0.11 * main[2]
    if role in ("main", "glow"):
        return main
    if role == "shade":
        if luminance < 0.1:
            return (0.17, 0.17, 0.17)
        return (0.68 * main[0], 0.68 * main[1], 0.68 * main[2])
    if role == "contrast":
        role = "light" if luminance < 0.4 else "dark"
    if role == "dark":
        return (0.34, 0.34, 0.34) if luminance < 0.1 else (0.13, 0.13, 0.13)
    if role == "light":
        return (0.58, 0.58, 0.58) if luminance > 0.9 else (0.80, 0.80, 0.80)
    return (0.46, 0.46, 0.46)


def _dog() -> list[Part]:
    parts = [
        rod((-0.28, 0, 0.38), (0.18, 0, 0.40), 0.13),
        rod((0.20, 0, 0.44), (0.33, 0, 0.60), 0.08),
        egg((0.36, 0, 0.65), (0.13, 0.11, 0.11)),
        box((0.50, 0, 0.61), (0.09, 0.055, 0.05), "shade"),
        ball((0.59, 0, 0.635), 0.035, "contrast"),
        rod((-0.38, 0, 0.44), (-0.52, 0, 0.70), 0.035),
    ]
    for y in (-1, 1):
        parts += [
            box((0.33, 0.125 * y, 0.61), (0.055, 0.02, 0.11), "shade"),
            ball((0.455, 0.06 * y, 0.69), 0.022, "contrast"),
            rod((0.18, 0.085 * y, 0.05), (0.17, 0.085 * y, 0.36), 0.048),
            rod((-0.29, 0.085 * y, 0.05), (-0.27, 0.085 * y, 0.36), 0.048),
        ]
    return parts


def _cat() -> list[Part]:
    parts = [
        egg((-0.05, 0, 0.25), (0.20, 0.18, 0.27), turn=(0, -0.25, 0)),
        egg((0.06, 0, 0.58), (0.13, 0.16, 0.14)),
        rod((-0.22, 0, 0.06), (-0.33, 0.10, 0.16), 0.04),
        rod((-0.33, 0.10, 0.16), (-0.34, 0.14, 0.55), 0.04),
        ball((0.19, 0, 0.56), 0.022, "contrast"),
    ]
    for y in (-1, 1):
        parts += [
            # A box on its corner, half sunk into the head: a pointed ear.
            box((0.05, 0.10 * y, 0.70), (0.025, 0.075, 0.075), turn=(math.pi / 4, 0, 0)),
            ball((0.165, 0.07 * y, 0.61), 0.028, "contrast"),
            rod((0.15, 0.07 * y, 0.04), (0.10, 0.07 * y, 0.34), 0.045),
            egg((-0.02, 0.16 * y, 0.09), (0.16, 0.07, 0.09)),
            rod((0.18, 0.02 * y, 0.545), (0.17, 0.22 * y, 0.55), 0.008, "contrast"),
        ]
    return parts


def _bird() -> list[Part]:
    parts = [
        egg((0, 0, 0.52), (0.27, 0.15, 0.15), turn=(0, -0.45, 0)),
        ball((0.24, 0, 0.74), 0.125),
        rod((0.35, 0, 0.73), (0.47, 0, 0.70), 0.035, "contrast"),
        rod((0.47, 0, 0.70), (0.52, 0, 0.69), 0.018, "contrast"),
        box((-0.35, 0, 0.37), (0.17, 0.09, 0.018), "shade", (0, -0.45, 0)),
    ]
    for y in (-1, 1):
        parts += [
            egg((-0.06, 0.15 * y, 0.52), (0.24, 0.04, 0.11), "shade", (0, -0.5, 0)),
            ball((0.32, 0.09 * y, 0.78), 0.024, "contrast"),
            rod((0.0, 0.07 * y, 0.02), (0.0, 0.07 * y, 0.40), 0.018, "dark"),
            box((0.05, 0.07 * y, 0.015), (0.09, 0.035, 0.012), "dark"),
        ]
    return parts


def _car() -> list[Part]:
    parts = [
        box((0, 0, 0.24), (0.46, 0.23, 0.11)),
        box((-0.06, 0, 0.42), (0.23, 0.19, 0.08), "contrast"),
        box((-0.06, 0, 0.515), (0.21, 0.19, 0.022)),
        box((0.465, 0, 0.16), (0.015, 0.22, 0.03), "grey"),
        box((-0.465, 0, 0.16), (0.015, 0.22, 0.03), "grey"),
    ]
    for y in (-1, 1):
        parts += [
            ball((0.455, 0.16 * y, 0.26), 0.045, "light"),
            box((-0.06, 0.19 * y, 0.42), (0.02, 0.008, 0.09)),
        ]
        for x in (-0.28, 0.28):
            parts += [
                can((x, 0.16 * y, 0.13), (x, 0.245 * y, 0.13), 0.13, "dark"),
                can((x, 0.245 * y, 0.13), (x, 0.252 * y, 0.13), 0.06, "grey"),
            ]
    return parts


def _train() -> list[Part]:
    parts = [
        can((-0.15, 0, 0.41), (0.44, 0, 0.41), 0.17),
        can((0.44, 0, 0.41), (0.47, 0, 0.41), 0.14, "contrast"),
        box((-0.33, 0, 0.45), (0.19, 0.21, 0.23)),
        box((-0.33, 0, 0.70), (0.23, 0.25, 0.02), "shade"),
        box((-0.33, 0, 0.54), (0.10, 0.215, 0.08), "contrast"),
        can((0.30, 0, 0.55), (0.30, 0, 0.80), 0.05),
        can((0.30, 0, 0.78), (0.30, 0, 0.86), 0.085, "shade"),
        ball((0.02, 0, 0.58), 0.08),
        box((0, 0, 0.19), (0.50, 0.15, 0.045), "dark"),
        box((0.50, 0, 0.10), (0.05, 0.18, 0.05), "shade", (0, 0.5, 0)),
    ]
    for y in (-1, 1):
        for x, radius in ((-0.34, 0.14), (-0.02, 0.11), (0.27, 0.11)):
            parts += [
                can((x, 0.13 * y, radius), (x, 0.20 * y, radius), radius, "dark"),
                can((x, 0.20 * y, radius), (x, 0.208 * y, radius), radius * 0.45, "grey"),
            ]
    return parts


def _clock() -> list[Part]:
    parts = [
        can((-0.05, 0, 0.60), (0.05, 0, 0.60), 0.29),
        can((-0.04, 0, 0.05), (-0.04, 0, 0.33), 0.045, "shade"),
        can((0, 0, 0), (0, 0, 0.05), 0.20, "shade"),
    ]
    for x in (-1, 1):  # a face on either side
        parts += [
            can((0.052 * x, 0, 0.60), (0.062 * x, 0, 0.60), 0.03, "contrast"),
            rod((0.056 * x, 0, 0.60), (0.056 * x, 0.0, 0.81), 0.016, "contrast"),
            rod((0.056 * x, 0, 0.60), (0.056 * x, 0.13, 0.52), 0.02, "contrast"),
        ]
        for hour in range(12):
            angle = hour * math.pi / 6
            at = (0.05 * x, 0.245 * math.sin(angle), 0.60 + 0.245 * math.cos(angle))
            parts.append(ball(at, 0.032 if hour % 3 == 0 else 0.02, "contrast"))
    return parts


def _phone() -> list[Part]:
    """A slab on end: screen above, keys below, an antenna."""
    parts = [
        box((0, 0, 0.42), (0.055, 0.20, 0.40)),
        box((0.052, 0, 0.60), (0.012, 0.16, 0.15), "contrast"),
        rod((0, 0.16, 0.80), (0, 0.16, 0.98), 0.022, "contrast"),
        box((0, 0, 0.02), (0.13, 0.22, 0.02), "shade"),
        can((-0.06, 0, 0.66), (-0.05, 0, 0.66), 0.06, "contrast"),
    ]
    for row in range(4):
        for column in (-1, 0, 1):
            at = (0.055, 0.11 * column, 0.37 - 0.085 * row)
            parts.append(box(at, (0.014, 0.038, 0.026), "contrast"))
    return parts


def _piano() -> list[Part]:
    parts = [
        box((-0.10, 0, 0.44), (0.14, 0.43, 0.44)),
        box((0.16, 0, 0.43), (0.14, 0.43, 0.04)),
        box((0.18, 0, 0.475), (0.10, 0.38, 0.012), "light"),
        box((0.042, 0, 0.66), (0.008, 0.30, 0.11), "shade"),
        box((0.06, 0, 0.64), (0.01, 0.15, 0.08), "contrast"),
        box((-0.10, 0, 0.885), (0.16, 0.45, 0.015), "shade"),
    ]
    for index in range(7):
        at = (0.155, -0.315 + 0.105 * index, 0.492)
        parts.append(box(at, (0.06, 0.022, 0.012), "dark"))
    for y in (-0.39, 0.39):
        parts.append(rod((0.25, y, 0.03), (0.25, y, 0.39), 0.035, "shade"))
    return parts


def _guitar() -> list[Part]:
    parts = [
        can((-0.05, 0, 0.25), (0.05, 0, 0.25), 0.24),
        can((-0.05, 0, 0.52), (0.05, 0, 0.52), 0.17),
        can((0.05, 0, 0.42), (0.056, 0, 0.42), 0.085, "contrast"),
        box((0.055, 0, 0.20), (0.012, 0.09, 0.02), "contrast"),
        box((0.045, 0, 0.80), (0.022, 0.034, 0.24), "grey"),
        box((0.03, 0, 1.06), (0.02, 0.055, 0.07), "main"),
        rod((-0.05, 0, 0.3), (-0.25, 0, 0.02), 0.02, "dark"),
        can((-0.055, 0, 0.42), (-0.05, 0, 0.42), 0.085, "shade"),
    ]
    for y in (-1, 1):
        parts.append(rod((0.064, 0.015 * y, 0.20), (0.072, 0.012 * y, 1.02), 0.006, "light"))
        for z in (1.02, 1.10):
            parts.append(ball((0.03, 0.07 * y, z), 0.022, "dark"))
    return parts


def _drum() -> list[Part]:
    parts = [
        can((0, 0, 0.26), (0, 0, 0.60), 0.31),
        can((0, 0, 0.26), (0, 0, 0.30), 0.325, "grey"),
        can((0, 0, 0.56), (0, 0, 0.60), 0.325, "grey"),
        can((0, 0, 0.60), (0, 0, 0.608), 0.30, "light"),
        rod((-0.12, 0.06, 0.64), (0.30, 0.22, 0.86), 0.02, "contrast"),
        rod((-0.12, -0.06, 0.64), (0.30, -0.22, 0.86), 0.02, "contrast"),
        ball((-0.12, 0.06, 0.64), 0.035, "contrast"),
        ball((-0.12, -0.06, 0.64), 0.035, "contrast"),
    ]
    for index in range(3):
        angle = math.pi / 3 + index * 2 * math.pi / 3
        x, y = math.cos(angle), math.sin(angle)
        parts.append(rod((0.36 * x, 0.36 * y, 0.02), (0.24 * x, 0.24 * y, 0.28), 0.022, "dark"))
    for index in range(8):  # lugs between the hoops
        angle = index * math.pi / 4
        x, y = 0.315 * math.cos(angle), 0.315 * math.sin(angle)
        parts.append(rod((x, y, 0.31), (x, y, 0.55), 0.012, "grey"))
    return parts


def _kettle() -> list[Part]:
    return [
        egg((-0.03, 0, 0.27), (0.28, 0.28, 0.25)),
        can((-0.03, 0, 0.0), (-0.03, 0, 0.12), 0.22, "shade"),
        rod((0.20, 0, 0.27), (0.33, 0, 0.40), 0.06),
        rod((0.33, 0, 0.40), (0.43, 0, 0.58), 0.04),
        can((0.42, 0, 0.57), (0.45, 0, 0.62), 0.055),
        can((-0.03, 0, 0.50), (-0.03, 0, 0.53), 0.13, "shade"),
        ball((-0.03, 0, 0.56), 0.045, "contrast"),
        rod((-0.25, 0, 0.42), (-0.22, 0, 0.72), 0.03, "contrast"),
        rod((-0.22, 0, 0.72), (-0.08, 0, 0.80), 0.03, "contrast"),
        rod((-0.08, 0, 0.80), (0.08, 0, 0.78), 0.03, "contrast"),
        rod((0.08, 0, 0.78), (0.16, 0, 0.64), 0.03, "contrast"),
        rod((0.16, 0, 0.64), (0.16, 0, 0.45), 0.03, "contrast"),
    ]


def _vacuum() -> list[Part]:
    """A canister on wheels, its hose, the long pipe and the floor head."""
    parts = [
        egg((-0.25, 0, 0.20), (0.25, 0.19, 0.17)),
        can((-0.27, -0.20, 0.13), (-0.27, 0.20, 0.13), 0.13, "dark"),
        egg((-0.22, 0, 0.30), (0.12, 0.10, 0.09), "shade"),
        rod((-0.05, 0, 0.28), (0.06, 0, 0.46), 0.032, "grey"),
        rod((0.06, 0, 0.46), (0.05, 0, 0.72), 0.032, "grey"),
        rod((0.05, 0, 0.72), (0.14, 0, 0.90), 0.032, "grey"),
        rod((0.14, 0, 0.90), (0.44, 0, 0.08), 0.032),
        rod((0.14, 0, 0.90), (0.02, 0, 0.96), 0.035, "contrast"),
        box((0.46, 0, 0.045), (0.09, 0.21, 0.045)),
    ]
    return parts


def _radio() -> list[Part]:
    parts = [
        box((0, 0, 0.31), (0.13, 0.41, 0.23)),
        box((0.13, 0, 0.42), (0.008, 0.10, 0.06), "contrast"),
        can((0.12, -0.05, 0.24), (0.15, -0.05, 0.24), 0.035, "grey"),
        can((0.12, 0.05, 0.24), (0.15, 0.05, 0.24), 0.035, "grey"),
        rod((-0.05, -0.34, 0.54), (-0.05, -0.42, 1.00), 0.014, "grey"),
        rod((0, -0.22, 0.60), (0, 0.22, 0.60), 0.022, "contrast"),
        rod((0, -0.22, 0.54), (0, -0.22, 0.60), 0.022, "contrast"),
        rod((0, 0.22, 0.54), (0, 0.22, 0.60), 0.022, "contrast"),
    ]
    for y in (-1, 1):
        parts += [
            can((0.10, 0.25 * y, 0.31), (0.135, 0.25 * y, 0.31), 0.145, "contrast"),
            can((0.10, 0.25 * y, 0.31), (0.140, 0.25 * y, 0.31), 0.11, "shade"),
            can((0.10, 0.25 * y, 0.31), (0.148, 0.25 * y, 0.31), 0.045, "contrast"),
            box((0, 0.30 * y, 0.04), (0.10, 0.05, 0.04), "dark"),
        ]
    return parts


def _fan() -> list[Part]:
    hub = FAN_HUB
    parts = [
        can((0, 0, 0), (0, 0, 0.04), 0.21),
        can((0, 0, 0.04), (0, 0, 0.58), 0.035),
        egg((-0.02, 0, hub[2]), (0.09, 0.07, 0.07), "shade"),
    ]
    previous: Vec | None = None
    for index in range(13):  # the ring of the cage
        angle = index * math.pi / 6
        point = (hub[0], 0.30 * math.cos(angle), hub[2] + 0.30 * math.sin(angle))
        if previous is not None:
            parts.append(rod(previous, point, 0.014, "grey"))
        previous = point
    parts.append(Part("sphere", (0.05,), hub, role="contrast", spins=True))
    for index in range(3):
        angle = index * 2 * math.pi / 3
        # Blades lie in the plane of the ring, each an egg that points away from the hub.
        at = (hub[0], -0.155 * math.sin(angle), hub[2] + 0.155 * math.cos(angle))
        parts.append(Part("ellipsoid", (0.018, 0.085, 0.125), at, None, (angle, 0, 0), spins=True))
    return parts


def _plain_ball() -> list[Part]:
    return [ball((0, 0, 0.30), 0.30)]


def _chair() -> list[Part]:
    parts = [
        box((0, 0, 0.42), (0.25, 0.25, 0.03)),
        box((-0.23, 0, 0.82), (0.025, 0.25, 0.06)),
        box((-0.23, 0, 0.62), (0.02, 0.22, 0.045)),
    ]
    for y in (-0.22, 0.22):
        parts += [
            box((0.22, y, 0.20), (0.028, 0.028, 0.20)),
            box((-0.23, y, 0.43), (0.028, 0.028, 0.43)),
        ]
    return parts


def _plant() -> list[Part]:
    parts = [
        can((0, 0, 0.0), (0, 0, 0.10), 0.14, "shade"),
        can((0, 0, 0.10), (0, 0, 0.20), 0.165, "shade"),
        can((0, 0, 0.20), (0, 0, 0.28), 0.19, "shade"),
        can((0, 0, 0.28), (0, 0, 0.285), 0.165, "dark"),
        rod((0, 0, 0.28), (0, 0, 0.62), 0.02, "dark"),
        egg((0, 0, 0.78), (0.05, 0.055, 0.17)),
    ]
    for ring, (count, tilt, reach, z) in enumerate(((6, 1.0, 0.20, 0.45), (5, 0.55, 0.14, 0.64))):
        for index in range(count):
            yaw = (index + 0.5 * ring) * 2 * math.pi / count
            at = (reach * math.cos(yaw), reach * math.sin(yaw), z)
            # Roll 0, pitch away from the stem, then yaw: a leaf that points outwards and up.
            parts.append(Part("ellipsoid", (0.025, 0.07, 0.20), at, None, (0, tilt, yaw)))
    return parts


def _lamp() -> list[Part]:
    parts = [
        can((0, 0, 0), (0, 0, 0.04), 0.17, "dark"),
        can((0, 0, 0.04), (0, 0, 0.62), 0.025, "dark"),
        ball((0, 0, 0.94), 0.025, "dark"),
    ]
    for index in range(7):  # a cone, slice by slice
        z = 0.54 + 0.054 * index
        parts.append(can((0, 0, z), (0, 0, z + 0.055), 0.27 - 0.024 * index, "glow"))
    return parts


_SHAPES: dict[str, Callable[[], list[Part]]] = {
    "dog": _dog,
    "cat": _cat,
    "bird": _bird,
    "car": _car,
    "train": _train,
    "clock": _clock,
    "phone": _phone,
    "piano": _piano,
    "guitar": _guitar,
    "drum": _drum,
    "kettle": _kettle,
    "vacuum": _vacuum,
    "radio": _radio,
    "fan": _fan,
    "ball": _plain_ball,
    "chair": _chair,
    "plant": _plant,
    "lamp": _lamp,
}
