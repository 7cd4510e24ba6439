"""The homes of the held-out sets: what a line says of its home is so, and nothing else is there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sensebind.agent.robot.motion import REACH
from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import COLORS, DEVICES, SOUNDING_KINDS
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import Furniture, Scene, Thing, polar, sample_scene

FIRST_SEED = 50_000_000
"""Of homes that no training and no other evaluation looks at."""
_HALL = (15.0, 15.0, 2.5)
"""Metres of a room in which every drive that the tools allow is free."""
_DEVICE_WORDS = {"on": 1, "off": 0, "open": 1, "closed": 0}
_TRIALS = 200


def composed(
    seed: int, in_view: Sequence[str] = (), *, heard: str = "", hall: bool = False
) -> Scene:
    """Returns a home in which exactly these kinds are in view, each of them to be reached.

    Args:
        seed: Of light, colours and places.
        in_view: Kinds in view, one thing each.
        heard: A kind that sounds behind the robot; "" for silence.
        hall: A room in which six metres ahead of and behind the robot are free.

    Raises:
        InputError: There is no room for them.
    """
    like = sample_scene(seed)
    room = _HALL if hall else like.room
    half_x = room[0] / 2
    door = Furniture("door", half_x, 0.8, math.pi, 0.9, 0.0, (0.55, 0.48, 0.40))
    robot = (0.0, 0.0, 0.0) if hall else (1.2 - half_x, 0.0, 0.0)
    for trial in range(_TRIALS):
        rng = np.random.default_rng([seed, 0x9F, trial])
        colors = [str(one) for one in rng.permutation(list(COLORS))]
        things = []
        for kind, color, side in zip(in_view, colors, _sides(len(in_view)), strict=False):
            distance = float(rng.uniform(1.9, 2.9))
            bearing = math.radians(side + float(rng.uniform(-4, 4)))
            x, y = robot[0] + distance * math.cos(bearing), robot[1] + distance * math.sin(bearing)
            front = math.pi + bearing + float(rng.uniform(-1, 1))
            things.append(Thing(kind, color, x, y, front))
        if heard:
            things.append(Thing(heard, colors[-1], robot[0] - 0.7, -1.2, 0.0, 0.9, sounding=True))
        scene = Scene(seed, tuple(things), robot, room, like.light, like.surfaces, (door,))
        if _as_said(scene, in_view):
            return scene
    raise InputError(f"no home of seed {seed} shows {', '.join(in_view)}")


def _sides(count: int) -> list[float]:
    """Bearings in degrees: far enough from the middle of the way that a drive is free."""
    return {0: [], 1: [0.0], 2: [-17.0, 17.0]}.get(count, list(np.linspace(-22, 22, count)))


def _as_said(scene: Scene, in_view: Sequence[str]) -> bool:
    with SimHome(scene) as home:
        home.step(0.1)
        if sorted(one.kind for one in truth(home).visible) != sorted(in_view):
            return False
    for thing in scene.things[: len(in_view)]:
        with SimHome(scene) as home:
            distance, bearing = polar(thing, scene.robot)
            way = distance - thing.radius - REACH.keep_away
            home.robot.turn(bearing)
            if way > 0 and home.robot.drive(way) < way - 0.05:
                return False
    return True


def showing(seed: int, kind: str, sense: str) -> Scene:
    """Returns a home in which a kind is the main thing in view, or the only one that sounds.

    Args:
        seed: Of the home.
        kind: What is perceived.
        sense: `sight` or `hearing`.

    Raises:
        InputError: The kind makes no sound.
    """
    if sense == "sight":
        return composed(seed, [kind])
    if kind not in SOUNDING_KINDS:
        raise InputError(f"{kind!r} makes no sound")
    return composed(seed, heard=kind)


def set_devices(home: SimHome, states: dict[str, str | int]) -> None:
    """Puts the devices of a home as a line has them: `on`, `open`, or degrees."""
    for name, state in states.items():
        home.devices.set(name, _DEVICE_WORDS[state] if isinstance(state, str) else state)


def devices_of(home: SimHome) -> dict[str, str | int]:
    """Returns how the devices stand, as lines have it."""
    states: dict[str, str | int] = {}
    for name in DEVICES:
        value = home.devices.get(name)
        if name == "thermostat":
            states[name] = value
        else:
            states[name] = (
                ("open" if value else "closed") if name == "door" else ("on" if value else "off")
            )
    return states
