"""The held-out sets of tests/data/understanding: how their lines are laid out, and reading them.

What each line means and how it is judged, the README of that folder says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from sensebind.errors import InputError


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """A call of a tool; an argument may be `{"any_of": […]}`, where null leaves it out.

    Attributes:
        tool: Its name.
        arguments: By name; those that are not named must be left out or have the schema's default.
    """

    tool: str
    arguments: dict[str, Any]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """What all lines have.

    Attributes:
        id: Unique in its set.
        language: `en`, `zh`, or the code of a language that the robot does not speak.
        text: What the person says.
        category: The kind of line, for scores by category.
    """

    id: str
    language: str
    text: str
    category: str


class Acts(msgspec.Struct, forbid_unknown_fields=True):
    """The acting calls that may be made, and those that a misreading leads to.

    Attributes:
        acts: Calls that may be made, none of which must.
        never: Calls, or tools whatever their arguments, that a misreading would lead to.
    """

    acts: list[Call]
    never: list[str | Call]


class MustNotAct(Line):
    """Words that are no order, or only half of one.

    Attributes:
        expected: Which acting calls may be made.
        device: What the words name and SimHome does not have; "" in other categories.
    """

    expected: Acts
    device: str = ""


class Calls(msgspec.Struct, forbid_unknown_fields=True):
    """The calls that are to be made, or what the answer is about.

    Attributes:
        calls: Those to be made; empty where the robot only answers.
        about: What the answer is about then, such as `see`; "" where calls are to be made.
    """

    calls: list[Call]
    about: str = ""


class PlainOrder(Line):
    """An order; `approved` says whether its tool runs without a question.

    Attributes:
        approved: Whether the tool runs without a question.
        expected: Exactly the calls to be made.
    """

    approved: bool
    expected: Calls


class Relative(msgspec.Struct, forbid_unknown_fields=True):
    """Reading a value first, and setting it by a change.

    Attributes:
        read: Tool that reads the value.
        then: Tool that sets it.
        argument: The one of `then` that takes the new value.
        change: What is added to the value, in the unit of that argument.
    """

    read: str
    then: str
    argument: str
    change: int


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of a number: a call, or a question.

    Attributes:
        outcome: Whether a call is made, or the robot asks or names the range.
        calls: Those to be made, in the unit of the schema; empty if it asks.
        reason: Why it asks; "" for a call.
        never: Tools that must not be called.
        or_relative: What is right as well as asking, after a relative number.
    """

    outcome: Literal["call", "ask"]
    calls: list[Call] = []
    reason: Literal[
        "", "no_number", "out_of_range", "not_whole", "not_in_steps", "ambiguous", "relative"
    ] = ""
    never: list[str] = []
    or_relative: Relative | None = None


class Number(Line):
    """An order with a number in it, or one that lacks it.

    Attributes:
        expected: What becomes of the number.
    """

    expected: Wanted


class Phrasing(Line):
    """A question or an order in words that nobody here has phrased.

    Attributes:
        expected: The calls to be made, or what the answer is about.
    """

    expected: Calls


class Foreign(Line):
    """Words for a robot that has the tools of one set.

    Attributes:
        set: Name of the tool set, a file of `foreign_tool_sets`.
        expected: The one call that fits, or none, with `cannot` as what the answer is about.
    """

    set: str
    expected: Calls


class Remembered(msgspec.Struct, forbid_unknown_fields=True):
    """Something that was perceived some minutes ago.

    Attributes:
        kind: Of the thing or sound.
        sense: What perceived it.
        minutes_ago: How many minutes before the task it was.
    """

    kind: str
    sense: Literal["sight", "hearing"]
    minutes_ago: int


class Setup(msgspec.Struct, forbid_unknown_fields=True):
    """The home that a task is given in.

    Attributes:
        in_view: Kinds of things that the robot sees at the start.
        not_in_view: Kinds of things that it does not see.
        devices: State of each device at the start; degrees Celsius of the thermostat.
        free_metres: Free way ahead of and behind the robot, metres; 0 if none is needed.
        remembered: What was perceived before the task.
    """

    in_view: list[str]
    not_in_view: list[str]
    devices: dict[str, str | int]
    free_metres: float = 0.0
    remembered: list[Remembered] = []


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One step of a task; without a tool where no tool can make it.

    Attributes:
        tool: Name of the tool; None if no tool can make the step.
        arguments: Its arguments, by name.
        possible: False for the one step of an impossible task that cannot be made.
    """

    tool: str | None
    arguments: dict[str, Any]
    possible: bool


class Final(msgspec.Struct, forbid_unknown_fields=True):
    """How everything stands when the task is done.

    Attributes:
        devices: State of each device; degrees Celsius of the thermostat.
        robot: `near` the kind that it stands at, `moved` the sum of metres driven, `turned` that of
            degrees, both signed; those that matter.
        watching: Kinds that it watches for.
    """

    devices: dict[str, str | int]
    robot: dict[Literal["near", "moved", "turned"], str | float]
    watching: list[str] = []


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that the answer must say.

    Attributes:
        about: A device, or `count`, `where`, `when`, `time`, `see`, `hear`, `done` or `failed`.
        value: State of the device; None for what is no device.
        kind: What is counted, or asked for by place or time; "" for others.
        step: Number of the step that failed, from 1; 0 for others.
        reason: Why it failed, such as `out_of_range`; "" for others.
        optional: Whether it belongs to an optional step, and may be left out.
    """

    about: str
    value: str | int | None = None
    kind: str = ""
    step: int = 0
    reason: str = ""
    optional: bool = False


class Task(msgspec.Struct, forbid_unknown_fields=True):
    """What a task of several steps must come to.

    Attributes:
        steps: The calls to be made, in order.
        final: How everything stands afterwards, without the optional steps.
        report: What the answer must say.
        optional_steps: Numbers, from 1, of steps after an impossible one that may be made or left.
    """

    steps: list[Step]
    final: Final
    report: list[Report]
    optional_steps: list[int] = []


class Steps(Line):
    """A task of several steps.

    Attributes:
        possible: Whether all steps can be made.
        setup: The home that the task needs.
        expected: What it must come to.
    """

    possible: bool
    setup: Setup
    expected: Task


class ToolOfSet(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A tool as MCP's `tools/list` gives it.

    Attributes:
        name: Of the tool.
        description: What it does, as a model reads it.
        input_schema: JSON schema of its arguments.
    """

    name: str
    description: str
    input_schema: dict[str, Any]


class ToolSet(msgspec.Struct, forbid_unknown_fields=True):
    """Tools that a robot has in `foreign_tools`, and where they come from.

    Attributes:
        id: Name of its file, without the ending.
        origin: Whether the tools come out of a package or are invented.
        tools: 1 to 8 tools.
        about: What an invented set belongs to, such as "An aquarium".
        package: Name of the package; "" if invented.
        version: Of the package.
        registry: `PyPI` or `npm`.
        licence: Of the package.
        read_from: File of the package that the tools were read from.
    """

    id: str
    origin: Literal["package", "invented"]
    tools: list[ToolOfSet]
    about: str = ""
    package: str = ""
    version: str = ""
    registry: str = ""
    licence: str = ""
    read_from: str = ""


SETS: Mapping[str, type[Line]] = {
    "must_not_act": MustNotAct,
    "plain_orders": PlainOrder,
    "numbers": Number,
    "phrasings": Phrasing,
    "foreign_tools": Foreign,
    "tasks_of_steps": Steps,
}
TOOL_SETS = "foreign_tool_sets"

_LINE = TypeVar("_LINE", bound=Line)


def read_set(folder: Path, name: str, kind: type[_LINE]) -> list[_LINE]:
    """Reads the lines of a set.

    Args:
        folder: Where the sets lie.
        name: One of `SETS`.
        kind: The form of its lines.

    Raises:
        InputError: It is missing, or a line is not of its form; the message holds no text of it.
    """
    path = folder / f"{name}.jsonl"
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): the sets lie in tests/data/understanding "
            "of the source tree; name the folder with --folder"
        ) from error
    found: list[_LINE] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    return found


def read_tool_set(folder: Path, name: str) -> ToolSet:
    """Reads a list of tools.

    Raises:
        InputError: It is missing, or not of that form.
    """
    path = folder / TOOL_SETS / f"{name}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ToolSet)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error


def ways(arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields every choice among a call's arguments.

    Args:
        arguments: With `{"any_of": […]}` for alternatives; null leaves an argument out.
    """
    choices = [
        value["any_of"] if isinstance(value, dict) and "any_of" in value else [value]
        for value in arguments.values()
    ]
    for chosen in product(*choices):
        pairs = zip(arguments, chosen, strict=True)
        yield {name: value for name, value in pairs if value is not None}
