"""The primitives that things are made of."""

from __future__ import annotations

from dataclasses import dataclass

Vec = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """One primitive.

    Attributes:
        shape: MuJoCo geom type: box, sphere, ellipsoid, cylinder or capsule.
        size: Half extents or radii (cylinder and capsule: the radius), metres.
        at: Its middle; for cylinders and capsules the first end.
        to: The second end of a cylinder or capsule.
        turn: Roll, pitch, yaw of boxes and ellipsoids, radians.
        role: How it is painted.
        spins: Whether it belongs to the part that turns while a fan is on.
    """

    shape: str
    size: tuple[float, ...]
    at: Vec
    to: Vec | None = None
    turn: Vec = (0.0, 0.0, 0.0)
    role: str = "main"
    spins: bool = False


def box(at: Vec, half: Vec, role: str = "main", turn: Vec = (0.0, 0.0, 0.0)) -> Part:
    """A box; `half` has half its sides."""
    return Part("box", half, at, None, turn, role)


def ball(at: Vec, radius: float, role: str = "main") -> Part:
    """A sphere."""
    return Part("sphere", (radius,), at, role=role)


def egg(at: Vec, radii: Vec, role: str = "main", turn: Vec = (0.0, 0.0, 0.0)) -> Part:
    """An ellipsoid."""
    return Part("ellipsoid", radii, at, None, turn, role)


def rod(at: Vec, to: Vec, radius: float, role: str = "main") -> Part:
    """A capsule."""
    return Part("capsule", (radius,), at, to, role=role)


def can(at: Vec, to: Vec, radius: float, role: str = "main") -> Part:
    """A cylinder."""
    return Part("cylinder", (radius,), at, to, role=role)
