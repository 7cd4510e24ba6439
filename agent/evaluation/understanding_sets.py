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
    """A call of a tool; an argument may be `{"any_of": […]}`, where null leaves it out."""

    tool: str
    arguments: dict[str, Any]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """What all lines have."""

    id: str
    language: str
    text: str
    category: str


class Acts(msgspec.Struct, forbid_unknown_fields=True):
    """The acting calls that may be made, and those that a misreading leads to."""

    acts: list[Call]
    never: list[str | Call]


class MustNotAct(Line):
    """Words that are no order, or only half of one."""

    expected: Acts
    device: str = ""


class Calls(msgspec.Struct, forbid_unknown_fields=True):
    """The calls that are to be made, or what the answer is about."""

    calls: list[Call]
    about: str = ""


class PlainOrder(Line):
    """An order; `approved` says whether its tool runs without a question."""

    approved: bool
    expected: Calls


class Relative(msgspec.Struct, forbid_unknown_fields=True):
    """Reading a value first, and setting it by a change."""

    read: str
    then: str
    argument: str
    change: int


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of a number: a call, or a question."""

    outcome: Literal["call", "ask"]
    calls: list[Call] = []
    reason: Literal[
        "", "no_number", "out_of_range", "not_whole", "not_in_steps", "ambiguous", "relative"
    ] = ""
    never: list[str] = []
    or_relative: Relative | None = None


class Number(Line):
    """An order with a number in it, or one that lacks it."""

    expected: Wanted


class Phrasing(Line):
    """A question or an order in words that nobody here has phrased."""

    expected: Calls


class Foreign(Line):
    """Words for a robot that has the tools of one set."""

    set: str
    expected: Calls


class Remembered(msgspec.Struct, forbid_unknown_fields=True):
    """Something that was perceived some minutes ago."""

    kind: str
    sense: Literal["sight", "hearing"]
    minutes_ago: int


class Setup(msgspec.Struct, forbid_unknown_fields=True):
    """The home that a task is given in."""

    in_view: list[str]
    not_in_view: list[str]
    devices: dict[str, str | int]
    free_metres: float = 0.0
    remembered: list[Remembered] = []


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One step of a task; without a tool where no tool can make it."""

    tool: str | None
    arguments: dict[str, Any]
    possible: bool


class Final(msgspec.Struct, forbid_unknown_fields=True):
    """How everything stands when the task is done."""

    devices: dict[str, str | int]
    robot: dict[Literal["near", "moved", "turned"], str | float]
    watching: list[str] = []


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that the answer must say."""

    about: str
    value: str | int | None = None
    kind: str = ""
    step: int = 0
    reason: str = ""
    optional: bool = False


class Task(msgspec.Struct, forbid_unknown_fields=True):
    """What a task of several steps must come to."""

    steps: list[Step]
    final: Final
    report: list[Report]
    optional_steps: list[int] = []


class Steps(Line):
    """A task of several steps."""

    possible: bool
    setup: Setup
    expected: Task


class ToolOfSet(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A tool as MCP's `tools/list` gives it."""

    name: str
    description: str
    input_schema: dict[str, Any]


class ToolSet(msgspec.Struct, forbid_unknown_fields=True):
    """Tools that a robot has in `foreign_tools`, and where they come from."""

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
