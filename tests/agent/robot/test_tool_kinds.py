"""A kind of tool is one row of one table, or one entry point of a package."""

import sys
from contextlib import ExitStack
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, cast

import pytest

from sensebind.agent.robot import config as robot_config
from sensebind.agent.robot import tool_kinds
from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config, read_config
from sensebind.agent.robot.doctor_tools import examine_tools
from sensebind.agent.robot.sections import Section
from sensebind.agent.robot.tool_kinds import TOOL_KINDS, ToolKind
from sensebind.agent.robot.tools import ToolContext, make_tools
from sensebind.errors import ConfigurationError

STREAMS = "streams: {camera: {source: 'camera:0'}}\n"

CODE = '''
from langchain_core.tools import tool


def make_lamps(context, section):
    made = []
    for room in section.rooms:
        @tool(f"lamp_{room}")
        def lamp() -> str:
            """Says whether a lamp is on."""
            return "on"
        made.append(lamp)
    return made


def probe_lamps(probe):
    return f"{len(probe.section.rooms)} lamps"


def plugged(context):
    return make_lamps(context, type("", (), {"rooms": ["hall"]}))
'''


class Lamps(Section):
    """Made up for the test."""

    rooms: tuple[str, ...] = ("kitchen",)


@pytest.fixture
def lamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "made_up_lamps.py").write_text(CODE)
    monkeypatch.delitem(sys.modules, "made_up_lamps", raising=False)


def context(config: RobotConfig) -> ToolContext:
    return ToolContext(config, cast(Any, None), None, None, ExitStack())


def test_a_made_up_kind_is_one_row(lamps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ToolKind(Lamps, "made_up_lamps:make_lamps", "made_up_lamps:probe_lamps")
    monkeypatch.setitem(TOOL_KINDS, "lamps", row)

    config = parse_config(STREAMS + "tools: [clock, lamps: {rooms: [hall, bath]}]\n")
    assert [tool.name for tool in make_tools(context(config))] == [
        "clock",
        "lamp_hall",
        "lamp_bath",
    ]
    _, found = examine_tools(config, None)
    assert (found.name, found.verdict, found.found) == ("tool lamps", Verdict.OK, "2 lamps")
    with pytest.raises(ConfigurationError, match="rooms"):
        parse_config(STREAMS + "tools: [lamps: {rooms: 3}]\n")
    with pytest.raises(ConfigurationError, match="lamps, mcp"):
        parse_config(STREAMS + "tools: [lamp]\n")


def test_a_row_says_what_it_needs(lamps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ToolKind(Lamps, "made_up_lamps:make_lamps", "made_up_lamps:probe_lamps", "memory")
    monkeypatch.setitem(TOOL_KINDS, "lamps", row)
    with pytest.raises(ConfigurationError, match="the tool lamps needs memory:"):
        parse_config(STREAMS + "tools: [lamps]\n")
    parse_config(STREAMS + "memory: {}\ntools: [lamps]\n")


def test_a_package_adds_a_kind_by_an_entry_point(
    lamps: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("lamps", "made_up_lamps:plugged", tool_kinds.TOOL_GROUP)
    installed = tmp_path / "made_up_lamps-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-lamps\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[{point.group}]\n{point.name} = {point.value}\n")

    robot = tmp_path / "rover.yaml"
    robot.write_text(STREAMS + "tools: [lamps]\n")
    config = read_config(robot)
    assert [tool.name for tool in make_tools(context(config))] == ["lamp_hall"]
    [found] = examine_tools(config, None)
    assert found.verdict is Verdict.OK and "made_up_lamps:plugged" in found.found


@pytest.mark.parametrize("name", TOOL_KINDS)
def test_rows_name_functions_that_there_are(name: str) -> None:
    assert callable(TOOL_KINDS[name].maker) and callable(TOOL_KINDS[name].prober)
    assert robot_config.TOOL_KINDS is TOOL_KINDS
