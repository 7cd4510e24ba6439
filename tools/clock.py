"""The time of day, as a tool."""

from collections.abc import Callable
from datetime import datetime

from langchain_core.tools import BaseTool

from sensebind.tools.base import make_tool
from sensebind.tools.risk import Origin, Risk, label


def clock_tool(now: Callable[[], datetime] = datetime.now) -> BaseTool:
    """Returns the `clock` tool, which answers like `14:05`.

    Args:
        now: Where the time comes from; tests give a fixed one.
    """

    def clock() -> str:
        return f"{now():%H:%M}"

    return make_tool(
        clock, "Tells the time of day.", metadata=label(Risk.OBSERVE, origin=Origin.ROBOT)
    )
