"""`perceive`: what every stream perceives now, in words."""

from __future__ import annotations

from typing import Any, Protocol

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from sensebind.errors import SenseBindError
from sensebind.tools.risk import Origin, Risk, label


class _NoArguments(BaseModel):
    """No arguments."""


class Senses(Protocol):
    """The senses in words; `SensesInWords` is one."""

    def perceive(self) -> tuple[dict[str, Any], Any]:
        """Return, under "senses", what is perceived now."""
        ...


def perceive_tool(senses: Senses) -> BaseTool:
    """Return the `perceive` tool: what is perceived now, with scores and ages."""

    def perceive() -> str:
        try:
            carried, _ = senses.perceive()
        except SenseBindError as error:
            raise ToolException(str(error)) from error
        return str(carried.get("senses", "there are no senses"))

    return StructuredTool.from_function(
        perceive,
        name="perceive",
        description="Says what the robot sees, hears and scans now, with scores and ages.",
        args_schema=_NoArguments,
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
        handle_tool_error=lambda error: f"error: {error}",
    )
