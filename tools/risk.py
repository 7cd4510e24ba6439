"""What a tool can do to the world, and whose words it brings: both stand in its metadata."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from langchain_core.tools import BaseTool

KEY = "risk"
ORIGIN = "origin"
DESCRIPTION_ORIGIN = "description_origin"
UNGUARDED = "unguarded"
"""Metadata of a tool that moves a robot which does not guard itself: why it does not."""
INCOMPLETE = "incomplete"
"""Key of a result's artifact (a mapping): whether a movement ended before it was made as asked.

Such a result is no error to a model, but what should begin where it ends must not."""


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
    """Returns whose words a tool's results are.

    A tool that acts reports what the robot did; one that reads, and does not say whose words it
    brings, is taken to bring those of others.
    """
    metadata: Mapping[str, Any] = tool.metadata or {}
    acts = metadata.get(KEY) in (Risk.CHANGE, Risk.MOVE, Risk.STOP)
    return _origin(metadata.get(ORIGIN, Origin.ROBOT if acts else Origin.OUTSIDE))


def description_origin_of(tool: BaseTool) -> Origin:
    """Returns who wrote a tool's description; the robot's own where it does not say."""
    return _origin((tool.metadata or {}).get(DESCRIPTION_ORIGIN, Origin.ROBOT))


def _origin(named: object) -> Origin:
    try:
        return Origin(str(named))
    except ValueError:
        return Origin.OUTSIDE


def unguarded(tool: BaseTool) -> str:
    """Returns why each call of a tool needs an approval of its own, or "" where none does.

    Such a tool moves a robot that does not stop by itself, see `sensebind.tools.motion`. A policy
    cannot approve it once and for all.
    """
    return str((tool.metadata or {}).get(UNGUARDED, ""))
