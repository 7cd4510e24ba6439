"""What a tool can do to the world, and whose words it brings: both stand in its metadata."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from langchain_core.tools import BaseTool

KEY = "risk"
ORIGIN = "origin"
DESCRIPTION_ORIGIN = "description_origin"


class Risk(StrEnum):
    """Risk classes, harmless first."""

    STOP = "stop"  # ends what is under way; always allowed
    OBSERVE = "observe"  # looks, remembers, reads: changes nothing
    CHANGE = "change"  # changes something: a device, a record, another system
    MOVE = "move"  # moves the robot


class Origin(StrEnum):
    """Whose words the text of a tool may be, trusted most first."""

    ROBOT = "robot"  # made by the robot's own code: numbers, names of a closed vocabulary
    MEMORY = "memory"  # what was perceived or said at another time
    OUTSIDE = "outside"  # others may have written it: codes, signs, web services, MCP servers


ACTING = frozenset({Risk.CHANGE, Risk.MOVE})


def label(risk: Risk, **more: Any) -> dict[str, Any]:
    """Returns metadata of a tool with a risk class."""
    return {KEY: risk.value, **more}


def labelled(tool: BaseTool, risk: Risk) -> BaseTool:
    """Gives a tool (of your own, or of a library) its risk class, and returns it."""
    tool.metadata = {**(tool.metadata or {}), KEY: risk.value}
    return tool


def risk_of(tool: BaseTool) -> Risk:
    """Returns a tool's risk class; a tool that carries none is taken to change something."""
    metadata: Mapping[str, Any] = tool.metadata or {}
    try:
        return Risk(str(metadata.get(KEY)))
    except ValueError:
        return Risk.CHANGE


def origin_of(tool: BaseTool) -> Origin:
    """Returns whose words a tool's results are; the robot's own where it does not say."""
    return _origin(tool, ORIGIN)


def description_origin_of(tool: BaseTool) -> Origin:
    """Returns who wrote a tool's description; the robot's own where it does not say."""
    return _origin(tool, DESCRIPTION_ORIGIN)


def _origin(tool: BaseTool, key: str) -> Origin:
    metadata: Mapping[str, Any] = tool.metadata or {}
    try:
        return Origin(str(metadata.get(key, Origin.ROBOT)))
    except ValueError:
        return Origin.OUTSIDE
