"""The held-out sets of tests/data/understanding: digests, counts, and each line by its schema."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal, TypeVar, cast

import jsonschema
import msgspec
import pytest
import yaml
from pydantic import BaseModel

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


class Call(msgspec.Struct, forbid_unknown_fields=True):
    tool: str
    arguments: dict[str, object]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    language: str
    text: str
    category: str


class Acts(msgspec.Struct, forbid_unknown_fields=True):
    acts: list[Call]
    never: list[str | Call]


class MustNotAct(Line):
    expected: Acts
    device: str = ""


class Calls(msgspec.Struct, forbid_unknown_fields=True):
    calls: list[Call]
    about: str = ""


class PlainOrder(Line):
    approved: bool
    expected: Calls


class Relative(msgspec.Struct, forbid_unknown_fields=True):
    read: str
    then: str
    argument: str
    change: int


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    outcome: Literal["call", "ask"]
    calls: list[Call] = []
    reason: Literal[
        "", "no_number", "out_of_range", "not_whole", "not_in_steps", "ambiguous", "relative"
    ] = ""
    never: list[str] = []
    or_relative: Relative | None = None


class Number(Line):
    expected: Outcome


class Phrasing(Line):
    expected: Calls


class Foreign(Line):
    set: str
    expected: Calls


class Remembered(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    sense: Literal["sight", "hearing"]
    minutes_ago: int


class Setup(msgspec.Struct, forbid_unknown_fields=True):
    in_view: list[str]
    not_in_view: list[str]
    devices: dict[str, str | int]
    free_metres: float = 0.0
    remembered: list[Remembered] = []


class Step(msgspec.Struct, forbid_unknown_fields=True):
    tool: str | None
    arguments: dict[str, object]
    possible: bool


class Final(msgspec.Struct, forbid_unknown_fields=True):
    devices: dict[str, str | int]
    robot: dict[Literal["near", "moved", "turned"], str | float]
    watching: list[str] = []


class Report(msgspec.Struct, forbid_unknown_fields=True):
    about: str
    value: str | int | None = None
    kind: str = ""
    step: int = 0
    reason: str = ""
    optional: bool = False


class Task(msgspec.Struct, forbid_unknown_fields=True):
    steps: list[Step]
    final: Final
    report: list[Report]
    optional_steps: list[int] = []


class Steps(Line):
    possible: bool
    setup: Setup
    expected: Task


class ToolOfSet(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    description: str
    input_schema: dict[str, object]


class ToolSet(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    origin: Literal["package", "invented"]
    tools: list[ToolOfSet]
    about: str = ""
    package: str = ""
    version: str = ""
    registry: str = ""
    licence: str = ""
    read_from: str = ""


SETS: Mapping[str, tuple[type[Line], int]] = {
    "must_not_act": (MustNotAct, 300),
    "plain_orders": (PlainOrder, 200),
    "numbers": (Number, 100),
    "phrasings": (Phrasing, 100),
    "foreign_tools": (Foreign, 200),
    "tasks_of_steps": (Steps, 100),
}


LINE = TypeVar("LINE", bound=Line)


def lines(name: str, kind: type[LINE]) -> list[LINE]:
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [msgspec.json.decode(line, type=kind) for line in text.splitlines()]


@cache
def tool_sets() -> dict[str, ToolSet]:
    files = sorted((FOLDER / "foreign_tool_sets").glob("*.json"))
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=ToolSet) for file in files}


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


def ways(arguments: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Every choice of the alternatives of a call's arguments; None leaves one out."""
    choices = [
        value["any_of"] if isinstance(value, dict) and "any_of" in value else [value]
        for value in arguments.values()
    ]
    for chosen in product(*choices):
        pairs = zip(arguments, chosen, strict=True)
        yield {name: value for name, value in pairs if value is not None}


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
    kind, count = SETS[name]
    rows = lines(name, kind)
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
