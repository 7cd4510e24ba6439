"""What a tool can do to the world: the risk class that every tool carries in its metadata."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from langchain_core.tools import BaseTool

KEY = "risk"


class Risk(StrEnum):
    """Risk classes, harmless first."""

    STOP = "stop"  # ends what is under way; always allowed
    OBSERVE = "observe"  # looks, remembers, reads: changes nothing
    CHANGE = "change"  # changes something: a device, a record, another system
    MOVE = "move"  # moves the robot


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
