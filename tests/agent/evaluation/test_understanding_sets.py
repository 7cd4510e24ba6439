"""The held-out sets of tests/data/understanding: digests, counts, and each line by its schema."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar, cast

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from sensebind.agent.evaluation.understanding_sets import (
    SETS,
    TOOL_SETS,
    Call,
    Foreign,
    Line,
    MustNotAct,
    Number,
    Phrasing,
    PlainOrder,
    Steps,
    ToolSet,
    read_set,
    read_tool_set,
    ways,
)
from sensebind.agent.robot.motion import REACH
from sensebind.perception.simhome.catalog import DEVICES, KINDS
from sensebind.perception.simhome.house_api import Setting
from sensebind.tools.motion import Motion, Mover, motion_tools
from sensebind.tools.recall import Recall
from sensebind.tools.watch import WatchAdd, WatchRemove

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests/data/understanding"
SIMHOME = ROOT / "src/sensebind/agent/robot/simhome.yaml"
ON_OFF = ("lamp", "radio", "fan")
SWITCHES = (
    *(f"{device}_on" for device in ON_OFF),
    *(f"{device}_off" for device in ON_OFF),
    "door_open",
    "door_close",
)
ACTING = {*SWITCHES, "thermostat_set", "drive", "turn", "approach"}
LICENCES = ("MIT", "Apache-2.0", "BSD-3-Clause")
LINE = TypeVar("LINE", bound=Line)


COUNTS = {
    "must_not_act": 300,
    "plain_orders": 200,
    "numbers": 100,
    "phrasings": 100,
    "foreign_tools": 200,
    "tasks_of_steps": 100,
}


def lines(name: str, kind: type[LINE]) -> list[LINE]:
    return read_set(FOLDER, name, kind)


@cache
def tool_sets() -> dict[str, ToolSet]:
    files = sorted((FOLDER / TOOL_SETS).glob("*.json"))
    return {file.stem: read_tool_set(FOLDER, file.stem) for file in files}


class Nothing(BaseModel, extra="forbid"):
    """No arguments."""


class Detect(BaseModel, extra="forbid"):
    kind: Literal[KINDS]  # pyright: ignore[reportInvalidTypeForm]


@cache
def simhome_tools() -> dict[str, type[BaseModel]]:
    """The schemas of the demo's tools, by name."""
    nothing = (*SWITCHES, "thermostat_get", "house_status", "clock", "watch_list")
    moving = motion_tools(Motion(cast(Mover, object()), REACH), locate=lambda kind: (0.0, 0.0))
    schemas = {tool.name: cast(type[BaseModel], tool.args_schema) for tool in moving}
    del schemas["go_to"]  # as for the robot of a home
    return (
        schemas
        | dict.fromkeys(nothing, Nothing)
        | {"thermostat_set": Setting, "recall": Recall, "detect": Detect}
        | {"watch_add": WatchAdd, "watch_remove": WatchRemove}
    )


def check_simhome(calls: Iterable[Call]) -> None:
    for call in calls:
        schema = simhome_tools()[call.tool]
        for arguments in ways(call.arguments):
            schema.model_validate(arguments)
            assert set(arguments) <= set(schema.model_fields), call
        if call.tool == "approach":
            assert call.arguments["kind"] in KINDS


def test_digests() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    said = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.M)}
    files = [file for file in FOLDER.rglob("*") if file.is_file() and file.name != "README.md"]
    assert said == {
        file.relative_to(FOLDER).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@pytest.mark.parametrize("name", SETS)
def test_lines(name: str) -> None:
    count = COUNTS[name]
    rows = lines(name, SETS[name])
    assert len(rows) == count
    assert len({row.id for row in rows}) == count
    assert all(row.text.strip() and len(row.text) <= 500 for row in rows)
    if name != "foreign_tools":  # two lists may be asked the same
        assert len({row.text.casefold() for row in rows}) == count
    for row in rows:
        if row.language in ("en", "zh"):
            assert (re.search(r"[\u4e00-\u9fff]", row.text) is not None) == (row.language == "zh")
        else:
            assert row.category == "unknown_language"
    spoken = Counter(row.language for row in rows)
    assert 1.4 <= spoken["en"] / spoken["zh"] <= 2.7


def test_must_not_act() -> None:
    rows = lines("must_not_act", MustNotAct)
    for row in rows:
        check_simhome(row.expected.acts)
        check_simhome(one for one in row.expected.never if isinstance(one, Call))
        names = {one if isinstance(one, str) else one.tool for one in row.expected.never}
        assert names <= ACTING, row
        assert {call.tool for call in row.expected.acts} <= ACTING, row
        assert not row.expected.acts or row.category == "two_clauses"
        assert bool(row.device) == (row.category == "unknown_device")
    two = [row for row in rows if row.category == "two_clauses"]
    assert (len(two), sum(bool(row.expected.acts) for row in two)) == (60, 40)
    devices = {row.device for row in rows if row.device}
    assert len(devices) >= 20
    assert devices.isdisjoint(DEVICES)


def test_plain_orders() -> None:
    rows = lines("plain_orders", PlainOrder)
    approved = yaml.safe_load(SIMHOME.read_text(encoding="utf-8"))["policy"]["approved"]
    for row in rows:
        [call] = row.expected.calls
        check_simhome([call])
        assert row.category == call.tool
        assert row.approved == (call.tool in approved)
    assert sum(row.approved for row in rows) == 100


def test_numbers() -> None:
    for row in lines("numbers", Number):
        wanted = row.expected
        check_simhome(wanted.calls)
        assert (wanted.outcome == "call") == bool(wanted.calls)
        assert (wanted.outcome == "ask") == bool(wanted.reason) == bool(wanted.never)
        assert (wanted.reason == "relative") == (wanted.or_relative is not None)


def test_phrasings() -> None:
    for row in lines("phrasings", Phrasing):
        check_simhome(row.expected.calls)
        assert bool(row.expected.calls) != bool(row.expected.about)


def test_foreign_tool_sets() -> None:
    sets = tool_sets()
    assert Counter(one.origin for one in sets.values()) == {"package": 21, "invented": 20}
    for name, one in sets.items():
        assert one.id == name
        assert 1 <= len(one.tools) <= 8
        assert len({tool.name for tool in one.tools}) == len(one.tools)
        if one.origin == "package":
            assert one.package
            assert one.version
            assert one.licence.startswith(LICENCES)
        for tool in one.tools:
            assert tool.description
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)


def test_foreign_tools() -> None:
    rows = lines("foreign_tools", Foreign)
    for row in rows:
        tools = {tool.name: tool.input_schema for tool in tool_sets()[row.set].tools}
        assert row.category.startswith("real" if row.set.startswith("real") else "invented")
        assert row.category.endswith("fit" if row.expected.calls else "none")
        assert (row.expected.about == "cannot") == (not row.expected.calls)
        for call in row.expected.calls:
            assert set(call.arguments) <= set(
                cast(dict[str, object], tools[call.tool]["properties"])
            )
            for arguments in ways(call.arguments):
                jsonschema.validate(arguments, tools[call.tool])
    counts = Counter(row.category for row in rows)
    assert counts == dict(real_fit=75, real_none=25, invented_fit=75, invented_none=25)
    assert {row.set for row in rows} == set(tool_sets())


def test_tasks_of_steps() -> None:
    rows = lines("tasks_of_steps", Steps)
    assert sum(row.possible for row in rows) == 75
    for row in rows:
        steps, setup, final = row.expected.steps, row.setup, row.expected.final
        check_simhome(Call(one.tool, one.arguments) for one in steps if one.tool is not None)
        failing = [number for number, one in enumerate(steps, 1) if not one.possible]
        assert len(failing) == (not row.possible)
        assert all(one.tool is not None or not one.possible for one in steps)
        said = [one.step for one in row.expected.report if one.about == "failed"]
        assert said == failing
        assert all(one > failing[0] for one in row.expected.optional_steps)
        assert set(setup.devices) == set(final.devices) == set(DEVICES)
        assert {*setup.in_view, *setup.not_in_view} <= set(KINDS)
        for one in steps:  # what is gone to can be seen, or is the impossible step
            if one.tool == "approach":
                kinds = setup.in_view if one.possible else setup.not_in_view
                assert one.arguments["kind"] in kinds, row
        # The devices at the end are those at the start, changed by the steps that must be made.
        devices = dict(setup.devices)
        for number, one in enumerate(steps, 1):
            if one.possible and one.tool and number not in row.expected.optional_steps:
                name, _, way = one.tool.partition("_")
                if one.tool in SWITCHES:
                    devices[name] = {"close": "closed"}.get(way, way)
                elif one.tool == "thermostat_set":
                    devices[name] = cast(int, one.arguments["temperature"])
        assert devices == final.devices, row
