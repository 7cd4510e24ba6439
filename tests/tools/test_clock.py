"""The clock tool."""

from datetime import datetime

from sensebind.tools.clock import clock_tool


def test_clock_tells_hours_and_minutes() -> None:
    tool = clock_tool(lambda: datetime(2026, 11, 21, 14, 5, 59))
    assert tool.name == "clock"
    assert tool.invoke({}) == "14:05"
