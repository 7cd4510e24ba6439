"""Wires how a robot moves: its base or mover, the driving process, and where it is sent to."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import msgspec
from langchain_core.tools import BaseTool

from sensebind.agent.robot.sections import MotionConfig
from sensebind.errors import ConfigurationError, one_line
from sensebind.perception.percept import Observation
from sensebind.tools.detection import Detector, FrameProvider, locator
from sensebind.tools.motion import (
    Footprint,
    LidarMount,
    Limits,
    Motion,
    MotionClient,
    MotionServer,
    MotionSettings,
    Mover,
    Part,
    Sight,
    motion_tools,
)
from sensebind.tools.motion.ride import Report
from sensebind.tools.ranging import CameraSight, Mount, Ranging

CAMERA = Mount(field_of_view=math.radians(62), forward=0.12, up=0.02, tilt=math.radians(9))
"""How SimHome's camera sits on its robot. (The simulator says so, too, but is slow to import.)"""
RADIUS = 0.24
"""Metres of SimHome's robot; likewise."""
LIDAR_HEIGHT = 0.60
"""Metres above the floor of SimHome's lidar; likewise."""
REACH = Limits(distance=6.0, keep_away=0.4)
"""Across the room in one movement, and not into what is there."""
MAX_SIGHT_AGE = 1.0
"""Seconds after which a picture is too old to go by."""

Ages = Callable[[], Mapping[str, float]]


def simhome_settings(robot: str, sensors: str) -> MotionSettings:
    """Return how the base of a SimHome is driven.

    Args:
        robot: Address of its base, `SimHomeServer.robot`.
        sensors: Address of its lidar, `SimHomeServer.sensors`.
    """
    return MotionSettings(
        base=Part(
            factory="sensebind.perception.simhome.base:SimHomeBase", arguments={"address": robot}
        ),
        footprint=Footprint.round(RADIUS),
        lidar={"source": f"simhome:{sensors}"},
        mount=LidarMount(height=LIDAR_HEIGHT),
        keep_away=0.05,  # its rooms are full, and its base stops by itself, too
        speed=0.6,
        turn_rate=1.2,
        braking=2.0,
        turn_braking=8.0,
        delay=0.05,
        sweep_age=1.0,  # it renders its sweeps on the processors that all share
    )


def simhome_motion(
    robot: str,
    sensors: str,
    stack: ExitStack,
    ages: Ages | None = None,
    report: Report | None = None,
) -> Motion:
    """Start the driving process of a SimHome, and return what moves its robot.

    Args:
        robot: Address of its base, `SimHomeServer.robot`.
        sensors: Address of its lidar, `SimHomeServer.sensors`.
        stack: Ends the process.
        ages: Returns the age of each camera's newest image, seconds.
        report: Called about stops.

    Raises:
        ConfigurationError: The process does not start.
    """
    server = stack.enter_context(MotionServer(simhome_settings(robot, sensors)))
    client = stack.enter_context(MotionClient(server.address))
    sight = CameraSight(ages, {"camera": CAMERA}) if ages is not None else None
    return Motion(client, REACH, sight=sight, report=report)


def own_motion(
    config: MotionConfig, stack: ExitStack, ages: Ages | None = None, report: Report | None = None
) -> Motion:
    """Make the `Mover` or `Base` that a robot's file names, and return what moves it.

    A class with a method `velocity` is a `Base`: it is made and driven by the driving process.

    Args:
        config: Section `motion:` of the file.
        stack: Ends what was started.
        ages: Returns the age of each camera's newest image, seconds; None without cameras.
        report: Called about stops.

    Raises:
        ConfigurationError: The class cannot be used.
    """
    kind = _class(config.class_)
    sight: Sight | None = CameraSight(ages) if ages is not None else None
    if hasattr(kind, "velocity"):
        server = stack.enter_context(MotionServer(_settings(config)))
        robot: Mover = stack.enter_context(MotionClient(server.address))
    else:
        try:
            robot = kind(**config.arguments)
        except Exception as error:  # the constructor of a robot of the user's may raise anything
            raise ConfigurationError(
                f"motion: {config.class_} cannot be made: {one_line(error)}"
            ) from error
    missing = [name for name in ("drive", "turn", "pose", "stop") if not hasattr(robot, name)]
    if missing:
        raise ConfigurationError(
            f"motion: {config.class_} is neither a Base (velocity, odometry) nor a Mover: "
            f"it has no {', '.join(missing)}"
        )
    limits = Limits(config.max_distance, config.fence, config.keep_away)
    return Motion(robot, limits, sight=sight, report=report)


def _class(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"motion: cannot find {path!r}: {one_line(error)}") from error


def _settings(config: MotionConfig) -> MotionSettings:
    fields: dict[str, Any] = {
        **config.driving,
        "base": {"factory": config.class_, "arguments": config.arguments},
        "fence": config.fence,
    }
    try:
        return msgspec.convert(fields, MotionSettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"motion: driving: {error}") from error


def moving_tools(
    motion: Motion,
    detector: Detector | None,
    frame: FrameProvider,
    sweep: Callable[[], Observation],
) -> list[BaseTool]:
    """Return `drive`, `turn`, `stop`, and with a detector `approach`.

    `go_to` is left out: its places are those of a map, which the agent does not have.

    Args:
        motion: What moves, and how far.
        detector: Finds objects on the newest image.
        frame: Gives it, or raises SourceError.
        sweep: Gives the newest sweep of the lidar, or raises SourceError.
    """
    locate = None
    if detector is not None:
        locate = locator(detector, frame, Ranging(sweep, CAMERA), max_age=MAX_SIGHT_AGE)
    return [tool for tool in motion_tools(motion, locate) if tool.name != "go_to"]
