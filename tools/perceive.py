"""`perceive`: what every stream perceives now, in words."""

from __future__ import annotations

from typing import Any, Protocol

from langchain_core.tools import BaseTool

from sensebind.tools.base import make_tool
from sensebind.tools.risk import Origin, Risk, label


class Senses(Protocol):
    """The senses in words; `SensesInWords` is one."""

    def perceive(self) -> tuple[dict[str, Any], Any]:
        """Return, under "senses", what is perceived now."""
        ...


def perceive_tool(senses: Senses) -> BaseTool:
    """Return the `perceive` tool: what is perceived now, with scores and ages."""

    def perceive() -> str:
        carried, _ = senses.perceive()
        return str(carried.get("senses", "there are no senses"))

    return make_tool(
        perceive,
        "Says what the robot sees, hears and scans now, with scores and ages.",
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
    )
