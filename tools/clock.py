"""The time of day, as a tool."""

from collections.abc import Callable
from datetime import datetime

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

from sensebind.tools.risk import Origin, Risk, label


class _NoArguments(BaseModel):
    """No arguments."""


def clock_tool(now: Callable[[], datetime] = datetime.now) -> BaseTool:
    """Returns the `clock` tool, which answers like `14:05`.

    Args:
        now: Where the time comes from; tests give a fixed one.
    """

    def clock() -> str:
        return f"{now():%H:%M}"

    return StructuredTool.from_function(
        clock,
        name="clock",
        description="Tells the time of day.",
        args_schema=_NoArguments,
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
    )
