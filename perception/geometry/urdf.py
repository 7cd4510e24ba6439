"""The fixed joints of a robot's description in URDF: where its sensors sit."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.tree import Transform

_MAX_BYTES = 20_000_000


def read_urdf(path: Path) -> dict[str, tuple[str, Transform]]:
    """Read the fixed joints of a URDF file; joints that move are left out.

    Returns:
        Parent link and pose in it by link, as `FrameTree` takes them.

    Raises:
        ConfigurationError: It cannot be read, is not URDF, still holds macros, or a joint is
            malformed; the message names the file and the joint.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB")
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    try:
        robot = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigurationError(f"{path}: not URDF: {error}") from error
    if robot.tag != "robot":
        raise ConfigurationError(f"{path}: not URDF: its root is <{robot.tag}>, not <robot>")
    if any("xacro" in one.tag for one in robot.iter()) or b"${" in text:
        raise ConfigurationError(
            f"{path} holds xacro macros: write `xacro {path.name} > robot.urdf`"
        )
    joints: dict[str, tuple[str, Transform]] = {}
    for joint in robot.iterfind("joint"):
        name = joint.get("name", "without a name")
        if joint.get("type") != "fixed":
            continue
        parent, child = (_link(joint, end) for end in ("parent", "child"))
        if not parent or not child:
            raise ConfigurationError(f"{path}: joint {name!r} lacks a parent or child link")
        if child in joints:
            raise ConfigurationError(f"{path}: link {child!r} is the child of two joints")
        origin = joint.find("origin")
        try:
            xyz, rpy = (_three(origin, key) for key in ("xyz", "rpy"))
        except ValueError as error:
            raise ConfigurationError(f"{path}: joint {name!r}: {error}") from error
        joints[child] = parent, Transform.of(xyz, rpy)
    return joints


def _link(joint: ElementTree.Element, end: str) -> str:
    found = joint.find(end)
    return found.get("link", "") if found is not None else ""


def _three(origin: ElementTree.Element | None, key: str) -> tuple[float, ...]:
    """Return three numbers of an attribute; zeros where it is absent.

    Raises:
        ValueError: It holds something else.
    """
    text = origin.get(key, "0 0 0") if origin is not None else "0 0 0"
    try:
        numbers = tuple(float(word) for word in text.split())
    except ValueError as error:
        raise ValueError(f"{key}={text!r} is not three numbers") from error
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{key}={text!r} is not three numbers")
    return numbers
