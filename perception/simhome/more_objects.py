"""Twenty kinds that no weights were trained with: what a robot can be taught is measured on them.

They are built as those of `objects` are, and stand in a scene only where `sample_scene` is asked
for one by name with `taught=True`; the catalogue, its seeds and its renderings do not know them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sensebind.perception.simhome.parts import Part, ball, box, can, egg, rod


def _mug() -> list[Part]:
    return [
        can((0, 0, 0), (0, 0, 0.48), 0.22),
        can((0, 0, 0.47), (0, 0, 0.485), 0.19, "dark"),
        rod((0, 0.21, 0.38), (0, 0.38, 0.36), 0.035),
        rod((0, 0.38, 0.36), (0, 0.38, 0.14), 0.035),
        rod((0, 0.38, 0.14), (0, 0.21, 0.12), 0.035),
    ]


def _bottle() -> list[Part]:
    return [
        can((0, 0, 0), (0, 0, 0.55), 0.15),
        can((0, 0, 0.15), (0, 0, 0.40), 0.153, "contrast"),
        egg((0, 0, 0.55), (0.15, 0.15, 0.12)),
        can((0, 0, 0.60), (0, 0, 0.86), 0.05),
        can((0, 0, 0.84), (0, 0, 0.92), 0.062, "dark"),
    ]


def _stool() -> list[Part]:
    parts = [can((0, 0, 0.55), (0, 0, 0.62), 0.24)]
    for index in range(3):
        angle = index * 2 * math.pi / 3
        x, y = math.cos(angle), math.sin(angle)
        parts.append(rod((0.30 * x, 0.30 * y, 0.03), (0.14 * x, 0.14 * y, 0.55), 0.03))
        next_x, next_y = math.cos(angle + 2 * math.pi / 3), math.sin(angle + 2 * math.pi / 3)
        parts.append(rod((0.24 * x, 0.24 * y, 0.22), (0.24 * next_x, 0.24 * next_y, 0.22), 0.016))
    return parts


def _bucket() -> list[Part]:
    parts = [
        can((0, 0, 0.08 * index), (0, 0, 0.08 * index + 0.082), 0.20 + 0.022 * index)
        for index in range(5)
    ]
    parts.append(can((0, 0, 0.40), (0, 0, 0.412), 0.26, "dark"))
    previous = (0.0, -0.30, 0.40)
    for index in range(1, 9):
        angle = math.pi * index / 8
        point = (0.0, -0.30 * math.cos(angle), 0.40 + 0.34 * math.sin(angle))
        parts.append(rod(previous, point, 0.014, "grey"))
        previous = point
    return parts


def _umbrella() -> list[Part]:
    parts = [
        rod((0, 0, 0.06), (0, 0, 0.98), 0.022, "dark"),
        can((0, 0, 0), (0, 0, 0.05), 0.14, "dark"),
    ]
    for index in range(6):
        z = 0.72 + 0.04 * index
        parts.append(can((0, 0, z), (0, 0, z + 0.041), 0.46 - 0.075 * index))
    return parts


def _boat() -> list[Part]:
    return [
        box((0, 0, 0.16), (0.34, 0.17, 0.09)),
        box((0.38, 0, 0.18), (0.12, 0.12, 0.07), turn=(0, 0, math.pi / 4)),
        box((-0.02, 0, 0.255), (0.30, 0.13, 0.01), "contrast"),
        rod((0.04, 0, 0.25), (0.04, 0, 1.0), 0.018, "dark"),
        box((-0.12, 0, 0.56), (0.13, 0.01, 0.24), "light"),
        box((-0.07, 0, 0.86), (0.08, 0.01, 0.07), "light"),
    ]


def _airplane() -> list[Part]:
    return [
        rod((-0.40, 0, 0.42), (0.36, 0, 0.42), 0.09),
        egg((0.40, 0, 0.42), (0.12, 0.08, 0.08), "contrast"),
        box((0.05, 0, 0.42), (0.12, 0.52, 0.016), "shade"),
        box((-0.40, 0, 0.44), (0.07, 0.20, 0.014), "shade"),
        box((-0.42, 0, 0.58), (0.07, 0.014, 0.12)),
        rod((0.05, 0.12, 0.02), (0.05, 0.05, 0.36), 0.016, "dark"),
        rod((0.05, -0.12, 0.02), (0.05, -0.05, 0.36), 0.016, "dark"),
        rod((-0.35, 0, 0.02), (-0.35, 0, 0.36), 0.016, "dark"),
    ]


def _robot() -> list[Part]:
    parts = [
        box((0, 0, 0.46), (0.13, 0.20, 0.20)),
        box((0, 0, 0.80), (0.12, 0.14, 0.11)),
        box((0.135, 0, 0.48), (0.01, 0.11, 0.09), "contrast"),
        rod((0, 0, 0.90), (0, 0, 1.03), 0.012, "grey"),
        ball((0, 0, 1.04), 0.035, "contrast"),
    ]
    for y in (-1, 1):
        parts += [
            ball((0.12, 0.06 * y, 0.83), 0.03, "contrast"),
            box((0, 0.10 * y, 0.13), (0.08, 0.06, 0.13), "shade"),
            rod((0, 0.25 * y, 0.60), (0.10, 0.30 * y, 0.34), 0.045, "grey"),
        ]
    return parts


def _mushroom() -> list[Part]:
    parts = [
        can((0, 0, 0), (0, 0, 0.36), 0.10, "light"),
        egg((0, 0, 0.42), (0.34, 0.34, 0.17)),
        can((0, 0, 0.35), (0, 0, 0.36), 0.30, "light"),
    ]
    for index in range(7):
        angle = index * 2 * math.pi / 7
        parts.append(ball((0.22 * math.cos(angle), 0.22 * math.sin(angle), 0.53), 0.045, "light"))
    return parts


def _snowman() -> list[Part]:
    return [
        ball((0, 0, 0.26), 0.26),
        ball((0, 0, 0.62), 0.19),
        ball((0, 0, 0.90), 0.13),
        rod((0.12, 0, 0.90), (0.26, 0, 0.89), 0.022, "contrast"),
        ball((0.11, 0.05, 0.95), 0.022, "dark"),
        ball((0.11, -0.05, 0.95), 0.022, "dark"),
        rod((0, 0.16, 0.68), (0, 0.40, 0.82), 0.016, "dark"),
        rod((0, -0.16, 0.68), (0, -0.40, 0.82), 0.016, "dark"),
        can((0, 0, 1.00), (0, 0, 1.02), 0.17, "dark"),
        can((0, 0, 1.02), (0, 0, 1.16), 0.11, "dark"),
    ]


def _cactus() -> list[Part]:
    return [
        can((0, 0, 0), (0, 0, 0.20), 0.17, "grey"),
        rod((0, 0, 0.20), (0, 0, 0.90), 0.10),
        rod((0, 0.10, 0.50), (0, 0.28, 0.50), 0.06),
        rod((0, 0.28, 0.50), (0, 0.28, 0.74), 0.06),
        rod((0, -0.10, 0.40), (0, -0.27, 0.40), 0.055),
        rod((0, -0.27, 0.40), (0, -0.27, 0.58), 0.055),
    ]


def _trophy() -> list[Part]:
    parts = [
        box((0, 0, 0.06), (0.16, 0.16, 0.06), "dark"),
        can((0, 0, 0.12), (0, 0, 0.34), 0.045),
        egg((0, 0, 0.56), (0.22, 0.22, 0.24)),
        can((0, 0, 0.66), (0, 0, 0.80), 0.22),
        can((0, 0, 0.79), (0, 0, 0.81), 0.24, "shade"),
    ]
    for y in (-1, 1):
        parts += [
            rod((0, 0.21 * y, 0.74), (0, 0.36 * y, 0.70), 0.025),
            rod((0, 0.36 * y, 0.70), (0, 0.20 * y, 0.46), 0.025),
        ]
    return parts


def _hammer() -> list[Part]:
    return [
        can((0, 0, 0), (0, 0, 0.04), 0.16, "grey"),
        rod((0, 0, 0.04), (0, 0, 0.78), 0.04, "grey"),
        box((0, 0, 0.84), (0.11, 0.26, 0.11)),
        box((0, 0.27, 0.84), (0.13, 0.03, 0.13), "shade"),
        box((0, -0.27, 0.84), (0.13, 0.03, 0.13), "shade"),
    ]


def _rocket() -> list[Part]:
    parts = [
        can((0, 0, 0.14), (0, 0, 0.74), 0.14),
        egg((0, 0, 0.74), (0.14, 0.14, 0.30), "contrast"),
        can((0.12, 0, 0.56), (0.145, 0, 0.56), 0.06, "light"),
        can((0, 0, 0.04), (0, 0, 0.14), 0.10, "dark"),
    ]
    for index in range(4):
        angle = index * math.pi / 2 + math.pi / 4
        at = (0.20 * math.cos(angle), 0.20 * math.sin(angle), 0.18)
        parts.append(box(at, (0.12, 0.014, 0.16), "contrast", (0, 0, angle)))
    return parts


def _ladder() -> list[Part]:
    parts = []
    for y in (-1, 1):
        parts += [
            rod((0.16, 0.20 * y, 0.03), (0, 0.16 * y, 1.04), 0.028),
            rod((-0.22, 0.20 * y, 0.03), (-0.02, 0.16 * y, 1.04), 0.022, "shade"),
        ]
    for index in range(5):
        z = 0.20 + 0.18 * index
        x = 0.16 * (1.04 - z) / 1.01
        parts.append(box((x, 0, z), (0.035, 0.18, 0.014)))
    return parts


def _vase() -> list[Part]:
    widths = (0.13, 0.20, 0.25, 0.26, 0.22, 0.15, 0.09, 0.09, 0.13, 0.17)
    return [
        can(
            (0, 0, 0.08 * index),
            (0, 0, 0.08 * index + 0.081),
            width,
            "main" if index % 3 else "shade",
        )
        for index, width in enumerate(widths)
    ]


def _bench() -> list[Part]:
    parts = [box((0.08 * index - 0.12, 0, 0.40), (0.034, 0.50, 0.02)) for index in range(4)]
    for y in (-0.42, 0.42):
        parts += [
            box((0.10, y, 0.19), (0.03, 0.03, 0.19), "dark"),
            box((-0.12, y, 0.19), (0.03, 0.03, 0.19), "dark"),
        ]
    parts.append(box((0, 0, 0.10), (0.02, 0.42, 0.02), "dark"))
    return parts


def _cart() -> list[Part]:
    parts = [
        box((0, 0, 0.30), (0.34, 0.22, 0.02), "shade"),
        box((0, 0.22, 0.42), (0.34, 0.015, 0.12)),
        box((0, -0.22, 0.42), (0.34, 0.015, 0.12)),
        box((0.34, 0, 0.42), (0.015, 0.22, 0.12)),
        box((-0.34, 0, 0.42), (0.015, 0.22, 0.12)),
        rod((-0.34, 0, 0.34), (-0.56, 0, 0.80), 0.022, "dark"),
        rod((-0.56, -0.12, 0.80), (-0.56, 0.12, 0.80), 0.022, "dark"),
    ]
    for x in (-0.22, 0.22):
        for y in (-1, 1):
            parts.append(can((x, 0.23 * y, 0.14), (x, 0.28 * y, 0.14), 0.14, "dark"))
    return parts


def _windmill() -> list[Part]:
    parts = [
        can((0, 0, 0.12 * index), (0, 0, 0.12 * index + 0.121), 0.24 - 0.022 * index)
        for index in range(6)
    ]
    parts += [egg((0, 0, 0.74), (0.15, 0.15, 0.12), "shade"), ball((0.20, 0, 0.74), 0.04, "dark")]
    for index in range(4):
        angle = index * math.pi / 2 + 0.4
        at = (0.20, -0.22 * math.sin(angle), 0.74 + 0.22 * math.cos(angle))
        parts.append(box(at, (0.012, 0.06, 0.20), "light", (angle, 0, 0)))
    return parts


def _teapot() -> list[Part]:
    return [
        egg((0, 0, 0.24), (0.30, 0.30, 0.20)),
        can((0, 0, 0), (0, 0, 0.08), 0.18, "shade"),
        rod((0, -0.26, 0.18), (0, -0.44, 0.38), 0.045),
        rod((0, 0.28, 0.32), (0, 0.46, 0.30), 0.03),
        rod((0, 0.46, 0.30), (0, 0.44, 0.12), 0.03),
        rod((0, 0.44, 0.12), (0, 0.27, 0.14), 0.03),
        can((0, 0, 0.42), (0, 0, 0.45), 0.14, "contrast"),
        ball((0, 0, 0.48), 0.045, "contrast"),
    ]


MORE_SHAPES: dict[str, Callable[[], list[Part]]] = {
    "mug": _mug,
    "bottle": _bottle,
    "stool": _stool,
    "bucket": _bucket,
    "umbrella": _umbrella,
    "boat": _boat,
    "airplane": _airplane,
    "robot": _robot,
    "mushroom": _mushroom,
    "snowman": _snowman,
    "cactus": _cactus,
    "trophy": _trophy,
    "hammer": _hammer,
    "rocket": _rocket,
    "ladder": _ladder,
    "vase": _vase,
    "bench": _bench,
    "cart": _cart,
    "windmill": _windmill,
    "teapot": _teapot,
}
