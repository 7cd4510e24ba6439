"""Wires how a robot moves: its base or mover, the driving process, and where it is sent to."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import msgspec
from langchain_core.tools import BaseTool

from sensebind.agent.robot.body_sections import FootprintConfig, MotionConfig, PolicyConfig
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.places import Places
from sensebind.errors import ConfigurationError, one_line
from sensebind.perception.modality import Modality
from sensebind.tools.motion import (
    LidarMount,
    Limits,
    Locator,
    Motion,
    MotionClient,
    MotionServer,
    MotionSettings,
    Mover,
    Sight,
    ToBase,
    motion_tools,
)
from sensebind.tools.motion.ride import Report
from sensebind.tools.ranging import CameraSight

REACH = Limits(distance=6.0, keep_away=0.4, route=40.0)
"""SimHome: across the room in one movement, through all rooms, and not into what is there."""
SIMHOME_FOOTPRINT = FootprintConfig(front=0.24, back=0.24, half_width=0.24, disc=True)
MAX_SIGHT_AGE = 1.0
"""Seconds after which a picture is too old to go by."""
_NEAREST = 0.5  # metres: `approach` brings no robot's middle nearer to anything
_DISTANCE = 1.0  # metres of one movement, unless the file says more

Ages = Callable[[], Mapping[str, float]]


class DrivingProcess:
    """The driving process of a robot: its lidar is paused with its stream, it ends with the robot.

    Args:
        paused: Names on the bus of the streams that are paused at the start.
    """

    def __init__(self, paused: frozenset[str] = frozenset()) -> None:
        self._paused = paused
        self._streams: frozenset[str] = frozenset()  # that the lidar is paused with
        self._server: MotionServer | None = None

    def start(
        self, config: RobotConfig, settings: MotionSettings, stack: ExitStack
    ) -> MotionServer:
        """Start the driving process, with its lidar closed where that is paused.

        Args:
            config: The robot's file.
            settings: How to drive.
            stack: Ends the process.

        Raises:
            ConfigurationError: It does not start.
        """
        names, modalities = config.stream_names, config.modalities
        lidars = [one for one in names if modalities[names[one]] == Modality.POINT.value]
        stream = config.guarding_stream(lidars)
        # A lidar that no stream shows is closed when every stream is.
        self._streams = frozenset(names.values() if stream is None else [names[stream]])
        self._server = MotionServer(settings, paused=self._streams <= self._paused)
        return stack.enter_context(self._server)

    @property
    def pid(self) -> int:
        """Id of the process; 0 while there is none."""
        return self._server.pid if self._server is not None else 0

    def hold(self, paused: frozenset[str]) -> None:
        """Close the lidar if its stream is among those that are paused, and else open it."""
        self._paused = paused
        if self._server is not None:
            self._server.pause(self._streams <= paused)

    def begin_to_end(self) -> None:
        """Have the process stop the base and end, without waiting for it."""
        if self._server is not None:
            self._server.begin_to_end()


_SIMHOME: dict[str, Any] = {
    "footprint": SIMHOME_FOOTPRINT.model_dump(),
    "keep_away": 0.05,  # its rooms are full, and its base stops by itself, too
    "speed": 0.6,
    "turn_rate": 1.2,
    "braking": 2.0,
    "turn_braking": 8.0,
    "delay": 0.05,
    "sweep_age": 1.0,  # it renders its sweeps on the processors that all share
}
"""How SimHome's base is driven, unless the file says otherwise."""
_FIELDS = {
    "footprint": "footprint",
    "lidar": "lidar",
    "relay": "relay",
    "max_speed": "speed",
    "max_turn_rate": "turn_rate",
    "max_acceleration": "acceleration",
    "max_turn_acceleration": "turn_acceleration",
    "braking": "braking",
    "turn_braking": "turn_braking",
    "delay": "delay",
    "keep_away": "keep_away",
    "off_course": "off_course",
    "sweep_age": "sweep_age",
}
"""Keys of `motion:`, and what `MotionSettings` calls them."""


def simhome_motion(
    config: RobotConfig,
    places: Places,
    addresses: tuple[str, str],
    stack: ExitStack,
    ages: Ages | None = None,
    report: Report | None = None,
    driving: DrivingProcess | None = None,
) -> Motion:
    """Start the driving process of a SimHome, and return what moves its robot.

    Args:
        config: The robot's file.
        places: Where its sensors sit.
        addresses: Of its base and of its lidar, `SimHomeServer.robot` and `.sensors`.
        stack: Ends the process.
        ages: Returns the age of each camera's newest image, seconds.
        report: Called about stops.
        driving: Starts the process; one by default that is never paused.

    Raises:
        ConfigurationError: The process does not start, or the lidar has no mount.
    """
    assert config.motion is not None
    base, sensors = addresses
    fields = {
        **_SIMHOME,
        "base": {
            "factory": "sensebind.perception.simhome.base:SimHomeBase",
            "arguments": {"address": base},
        },
        **_stated(config.motion),
        "lidar": {"source": f"simhome:{sensors}"},
    }
    limits = _limits(config.policy, fields, REACH.distance, REACH.keep_away, REACH.route)
    return _driven(config, places, fields, limits, stack, ages, report, driving)


def own_motion(
    config: RobotConfig,
    places: Places,
    stack: ExitStack,
    ages: Ages | None = None,
    report: Report | None = None,
    driving: DrivingProcess | None = None,
) -> Motion:
    """Make the `Mover` or `Base` that a robot's file names, and return what moves it.

    A class with a method `velocity` is a `Base`: it is made and driven by the driving process.

    Args:
        config: The robot's file.
        places: Where its sensors sit.
        stack: Ends what was started.
        ages: Returns the age of each camera's newest image, seconds; None without cameras.
        report: Called about stops.
        driving: Starts the process; one by default that is never paused.

    Raises:
        ConfigurationError: The class cannot be used, or the lidar of a base has no mount.
    """
    section = config.motion
    assert section is not None
    kind = _class(section.class_)
    fields = _stated(section)
    limits = _limits(config.policy, fields, _DISTANCE, _NEAREST)
    if hasattr(kind, "velocity"):
        fields["base"] = {"factory": section.class_, "arguments": section.arguments}
        return _driven(config, places, fields, limits, stack, ages, report, driving)
    try:
        robot: Mover = kind(**section.arguments)
    except Exception as error:  # the constructor of a robot of the user's may raise anything
        raise ConfigurationError(
            f"motion: {section.class_} cannot be made: {one_line(error)}"
        ) from error
    missing = [name for name in ("drive", "turn", "pose", "stop") if not hasattr(robot, name)]
    if missing:
        raise ConfigurationError(
            f"motion: {section.class_} is neither a Base (velocity, odometry) nor a Mover: "
            f"it has no {', '.join(missing)}"
        )
    return Motion(robot, limits, sight=_sight(config, places, ages), report=report)


def _driven(
    config: RobotConfig,
    places: Places,
    fields: dict[str, Any],
    limits: Limits,
    stack: ExitStack,
    ages: Ages | None,
    report: Report | None,
    driving: DrivingProcess | None,
) -> Motion:
    """Start the driving process of a base."""
    assert config.motion is not None
    fields["fence"] = config.policy.fence
    if fields.get("lidar") is not None and "mount" not in fields:
        mount = LidarMount.at(config.guarding_lidar(places), config.motion.heights)
        fields["mount"] = msgspec.to_builtins(mount)
    try:
        settings = msgspec.convert(fields, MotionSettings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"motion: {error}") from error
    server = (driving or DrivingProcess()).start(config, settings, stack)
    client = stack.enter_context(MotionClient(server.address))
    return Motion(client, limits, sight=_sight(config, places, ages), report=report)


def _stated(section: MotionConfig) -> dict[str, Any]:
    """Return what the file says, as fields of `MotionSettings`."""
    given = section.model_dump(include=set(_FIELDS) & section.model_fields_set)
    return {_FIELDS[key]: value for key, value in given.items()} | section.driving


def _limits(
    policy: PolicyConfig,
    fields: dict[str, Any],
    distance: float,
    near: float,
    route: float | None = None,
) -> Limits:
    """Return how far the tools may move the robot.

    `approach` stops `keep_away` before what it goes to, as the driving process does.
    """
    outline = fields.get("footprint") or {}
    front = float(outline.get("front", 0.0)) if isinstance(outline, dict) else 0.0
    return Limits(
        distance=policy.max_distance or distance,
        fence=policy.fence,
        keep_away=max(near, front + float(fields.get("keep_away", 0.1))),
        max_sight_age=policy.max_sight_age,
        route=policy.max_route or (route if policy.max_distance is None else None),
    )


def _sight(config: RobotConfig, places: Places, ages: Ages | None) -> Sight | None:
    if ages is None:
        return None
    names = config.stream_names
    return CameraSight(ages, {names[stream]: one for stream, one in places.cameras.items()})


def _class(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"motion: cannot find {path!r}: {one_line(error)}") from error


def moving_tools(
    motion: Motion, locate: Locator | None, to_base: ToBase | None = None
) -> list[BaseTool]:
    """Return `drive`, `turn`, `stop`, with a locator `approach`, and with places `go_to`.

    Args:
        motion: What moves, and how far.
        locate: Says where objects are; None where that is not known.
        to_base: Turns a place that is remembered into one of the base's odometry; None for an agent
            that has no places.
    """
    tools = motion_tools(motion, locate, to_base)
    return tools if to_base is not None else [tool for tool in tools if tool.name != "go_to"]
