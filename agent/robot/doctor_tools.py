"""Whether the tools of a robot work: each one is opened, and used where that changes nothing."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.sections import PythonToolConfig, Section
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.agent.robot.teaching import taught_names
from sensebind.agent.robot.tool_kinds import TOOL_GROUP, TOOL_KINDS, ToolConfig
from sensebind.agent.robot.tools import (
    house_api,
    mcp_servers,
    open_api,
    open_detector,
    open_finder,
    open_reader,
)
from sensebind.errors import ConfigurationError, SenseBindError, one_line
from sensebind.tools.clock import clock_tool
from sensebind.tools.markers import MarkerReader

_MEND = "correct it, or take it out of tools:"
_LISTED = 8  # names of tools that are printed
_FRAME = (480, 640, 3)  # of the gray image that detectors are tried on


@dataclass(frozen=True, slots=True)
class ToolProbe:
    """What a tool is tried with.

    Attributes:
        robot: The robot's file.
        section: What the file says about the tool.
        home: The simulated home; None where there is none, or it did not start.
    """

    robot: RobotConfig
    section: Any
    home: HomeProcess | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe found.

    Attributes:
        text: In words.
        unusable: Name of a tool that no model could call, and why.
    """

    text: str
    unusable: dict[str, str]


def examine_tools(
    robot: RobotConfig, home: HomeProcess | None, *, running: bool = False
) -> Iterator[Check]:
    """Open every tool of the file.

    Args:
        robot: The robot's file.
        home: Its simulated home; None where there is none, or it did not start.
        running: Whether the robot runs, and has its home to itself.
    """
    for tool in robot.tools:
        title, kind = f"tool {tool.kind}", TOOL_KINDS.get(tool.kind)
        if running and kind is not None and kind.needs == "simhome":
            yield Check(title, Verdict.OK, "the running robot has it")
            continue
        try:
            found = _probed(robot, tool, home)
        except Exception as error:  # a stranger's package raises what it likes when it is imported
            ours = isinstance(error, SenseBindError | OSError | ImportError)
            said = one_line(error) if ours else f"{type(error).__name__}: {one_line(error)}"
            yield Check(title, Verdict.BAD, said, _MEND)
            continue
        if not found.unusable:
            yield Check(title, Verdict.OK, found.text)
            continue
        name, why = next(iter(found.unusable.items()))
        rest = f"; {len(found.unusable)} cannot be used, such as {name}: {why}"
        yield Check(title, Verdict.WARNING, found.text + rest, "name those to offer with allow:")


def _probed(robot: RobotConfig, tool: ToolConfig, home: HomeProcess | None) -> Found:
    kind = TOOL_KINDS.get(tool.kind)
    if kind is None:
        [point] = entry_points(group=TOOL_GROUP, name=tool.kind)
        return Found(_callable(point.load(), point.value), {})
    section: Section = kind.section.model_validate(tool.options)
    found = kind.prober(ToolProbe(robot, section, home))
    return found if isinstance(found, Found) else Found(str(found), {})


def probe_clock(_probe: ToolProbe) -> str:
    """Ask what time it is."""
    return str(clock_tool().invoke({}))


def probe_codes(_probe: ToolProbe) -> str:
    """Look for codes on an empty image."""
    MarkerReader().read(np.full(_FRAME, 128, np.uint8))
    return "it looks for QR codes, barcodes and ArUco markers"


def probe_read(probe: ToolProbe) -> str:
    """Load the models, and read an empty image.

    Raises:
        MissingDependencyError: RapidOCR is not installed.
    """
    open_reader(probe.section).read(np.full(_FRAME, 128, np.uint8))
    return "it reads text, on this machine alone"


def probe_teach(probe: ToolProbe) -> str:
    """Open the names that were taught.

    Raises:
        SenseBindError: The file is damaged, or belongs to another encoder.
    """
    count = len(taught_names(probe.robot))
    return f"{count} name{'s' * (count != 1)} taught so far"


def probe_detect(probe: ToolProbe) -> str:
    """Load the detector, and let it look at an empty image.

    Raises:
        SenseBindError: There is none, or it cannot be loaded.
    """
    detector = open_detector(probe.robot, probe.section)
    if detector is None:
        raise ConfigurationError(
            f"no detector in {probe.robot.weights}: name one (`- detect: {{checkpoint: DIR}}`, see "
            "`sensebind pull`)"
        )
    seconds = _seconds(lambda: detector.detect(np.full(_FRAME, 128, np.uint8)))
    return f"{len(detector.labels)} kinds of objects, {seconds:.2f} s for one frame"


def probe_find(probe: ToolProbe) -> str:
    """Load the zero-shot detector, and let it look for something on an empty image.

    Raises:
        SenseBindError: It cannot be loaded.
    """
    finder = open_finder(probe.robot, probe.section)
    seconds = _seconds(lambda: finder.detect(np.full(_FRAME, 128, np.uint8), ["a cup"]))
    return f"{probe.robot.resolve(probe.section.checkpoint)}, {seconds:.2f} s for one frame"


def probe_house(probe: ToolProbe) -> str:
    """Read the document of the simulated home's API.

    Raises:
        SenseBindError: The home did not start, or does not answer.
    """
    if probe.home is None:
        raise ConfigurationError("the simulated home did not start")
    with house_api(probe.home) as api:
        return _listed([one.name for one in api.operations])


def probe_openapi(probe: ToolProbe) -> Found:
    """Read the document, its allowed operations, and the secrets that they need.

    Raises:
        SenseBindError: One of them is not there.
    """
    with open_api(probe.robot, probe.section) as api:
        names = [one.name for one in api.operations]
        return Found(f"{api.base_url}, {_listed(names)}", api.unusable)


def probe_mcp(probe: ToolProbe) -> Found:
    """Start or connect the servers, and ask for their tools.

    Raises:
        SenseBindError: One cannot be used.
    """
    with mcp_servers(probe.section) as remote:
        return Found(_listed([tool.name for tool in remote.tools()]), remote.unusable)


def probe_python(probe: ToolProbe) -> str:
    """Import the function; it is not called, as it may open a device.

    Raises:
        SenseBindError: Somebody else could have written the file, or it is not a function.
        ImportError: There is no such module.
    """
    probe.robot.check()  # nothing is imported for a file that somebody else could have written
    section: PythonToolConfig = probe.section
    module, _, name = section.factory.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ImportError(f"{module} has no {name}")
        found = getattr(found, part)
    return _callable(found, section.factory)


def probe_memory(probe: ToolProbe) -> str:
    """Name the memory, which has a check of its own."""
    return f"asks {probe.robot.memory_file}"


def _callable(found: Any, name: str) -> str:
    if not callable(found):
        raise ConfigurationError(f"{name} is not a function")
    return f"{name} can be imported; it is called when the robot starts"


def _seconds(use: Callable[[], object]) -> float:
    began = time.perf_counter()
    use()
    return time.perf_counter() - began


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    count = f"{len(names)} tool" + ("s" if len(names) != 1 else "")
    return f"{count}: {', '.join(names[:_LISTED])}{more}"
