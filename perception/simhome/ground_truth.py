"""What is really there. For tests, training and evaluation only: no agent may ever import this."""

from dataclasses import dataclass

import numpy as np

from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import NEAR, polar

MIN_PIXELS = 60
"""A thing with fewer pixels in the 224 x 224 image does not count as visible."""


@dataclass(frozen=True, slots=True)
class Visible:
    """A thing of the scene as the robot could perceive it.

    Attributes:
        kind: Its kind.
        color: Its colour.
        distance: From the robot's middle to its middle, metres.
        bearing: Where it is, radians from straight ahead, left positive.
        pixels: How many pixels of the camera show it.
        box: Left, top, right, bottom of those pixels (right and bottom exclusive); zeros if none.
    """

    kind: str
    color: str
    distance: float
    bearing: float
    pixels: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really there.

    Attributes:
        visible: Things with at least `MIN_PIXELS` in the camera's image, most pixels first.
        main: The one with the most pixels among those within 3 m.
        heard: (kind, dBFS) of what sounded in the last two seconds, loudest first.
        nearest: The thing whose outline is nearest to the robot, if its middle is within 3 m;
            in any direction, in view or not.
    """

    visible: tuple[Visible, ...]
    main: Visible | None
    heard: tuple[tuple[str, float], ...]
    nearest: Visible | None


def truth(home: SimHome) -> Truth:
    """Look behind the scenes of a home as it is now."""
    owners = home.view().owners
    count = len(home.scene.things)
    pixels = np.bincount(owners[owners >= 0].astype(np.int64), minlength=count)
    known: list[tuple[float, Visible]] = []  # with the distance of the outline
    for index, thing in enumerate(home.scene.things):
        distance, bearing = polar(thing, home.robot.pose)
        box = (0, 0, 0, 0)
        if pixels[index]:
            rows, columns = np.nonzero(owners == index)
            box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        seen = Visible(thing.kind, thing.color, distance, bearing, int(pixels[index]), box)
        known.append((distance - thing.radius, seen))
    visible = sorted((v for _, v in known if v.pixels >= MIN_PIXELS), key=lambda v: -v.pixels)
    main = next((v for v in visible if v.distance <= NEAR), None)
    near = min((k for k in known if k[1].distance <= NEAR), key=lambda k: k[0], default=None)
    heard = tuple(home.sound_levels())
    return Truth(tuple(visible), main, heard, near[1] if near else None)
