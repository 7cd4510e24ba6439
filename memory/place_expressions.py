"""Reads places as people say them: "1.2, -0.4", "the sofa", "within 3 m of the sofa"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sensebind.errors import InputError
from sensebind.memory.episodes import Near, Query
from sensebind.memory.recall import EpisodeMemory

MAX_LENGTH = 80
RADIUS = 2.0
"""Metres that are near, unless said otherwise."""
_LOOKED = 10  # times that a thing was seen, newest first, until one of a known place is found
_NUMBER = r"[-+]?\d{1,6}(?:\.\d{1,9})?"
_AROUND = re.compile(
    rf"(?:within )?(?P<radius>{_NUMBER}) ?m(?:et(?:er|re)s?)? (?:of|from|around) (?P<what>.+)", re.I
)
_POINT = re.compile(
    rf"\(?\s*(?:x\s*=\s*)?(?P<x>{_NUMBER})\s*,\s*(?:y\s*=\s*)?(?P<y>{_NUMBER})\s*\)?", re.I
)


@dataclass(frozen=True, slots=True)
class Where:
    """A place as it was said.

    Attributes:
        radius: Metres around it.
        point: x and y in metres; None where a thing was named.
        what: The thing that was seen there; "" where a point was given.
    """

    radius: float
    point: tuple[float, float] | None = None
    what: str = ""


def parse_where(text: str, radius: float | None = None) -> Where:
    """Read a place.

    Args:
        text: As people say it.
        radius: Metres around it, where the text does not say them; `RADIUS` by default.

    Raises:
        InputError: It is not one.
    """
    words = " ".join(text.split()).strip(" .?!").removeprefix("near ")
    if not words or len(words) > MAX_LENGTH:
        raise InputError(
            f"a place of {len(words)} characters is not read: say x and y in metres, such as "
            '"1.2, -0.4", or what was seen there, such as "within 3 m of the sofa"'
        )
    if (around := _AROUND.fullmatch(words)) is not None:
        if radius is not None:
            raise InputError(f"{text!r} says how far around it already")
        radius, words = float(around["radius"]), around["what"]
    wide = RADIUS if radius is None else radius
    if not 0 < wide <= 1000:
        raise InputError(f"{wide:g} m around a place: give more than 0, and 1000 at most")
    if (point := _POINT.fullmatch(words)) is not None:
        return Where(wide, (float(point["x"]), float(point["y"])))
    return Where(wide, what=words)


def near_of(
    where: Where,
    memory: EpisodeMemory,
    embed: Callable[[str], tuple[np.ndarray, bool]],
    frame: str = "",
) -> Near:
    """Return the circle that a place means; that of a thing is around where it was seen last.

    Args:
        where: The place.
        memory: Says where things were seen.
        embed: Text to float32 [D], and whether that is of a thing that was shown.
        frame: That places are in, see `Pose.frame`; "" is that of the newest in the memory.

    Raises:
        InputError: The thing was not seen at a place that is known.
    """
    frame = frame or memory.store.newest_frame()
    if where.point is not None:
        return Near(*where.point, where.radius, frame)
    vector, example = embed(where.what)
    query = Query(vector, newest=True, limit=_LOOKED, example=example)
    for one in memory.search(query, describe=False):
        if one.pose is not None and one.pose.frame == frame:
            return Near(one.pose.x, one.pose.y, where.radius, frame)
    raise InputError(f"nothing says where {where.what} is: it was not seen at a known place")
