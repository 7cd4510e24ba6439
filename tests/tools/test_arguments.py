"""What a person writes instead of a call's arguments runs word for word, or not at all."""

from typing import Any, Literal

import pytest
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from sensebind.errors import InputError
from sensebind.tools.arguments import check_arguments


class Place(BaseModel):
    x: int
    note: str | None = None


class Arguments(BaseModel):
    metres: float = Field(ge=-3, le=3, multiple_of=0.1)
    kind: Literal["ball", "cat"] = "ball"
    place: Place | None = None
    many: list[Place] = []


def nothing(**_: Any) -> str:
    return ""


PYDANTIC = StructuredTool(name="drive", description="d", args_schema=Arguments, func=nothing)
MCP_SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "metres": {"type": "number", "minimum": -3, "maximum": 3, "multipleOf": 0.1},
        "kind": {"enum": ["ball", "cat"]},
        "place": {"anyOf": [{"$ref": "#/$defs/place"}, {"type": "null"}]},
        "many": {"type": "array", "items": {"$ref": "#/$defs/place"}},
    },
    "required": ["metres"],
    "$defs": {
        "place": {
            "type": "object",
            "required": ["x"],
            "properties": {"x": {"type": "integer"}, "note": {"type": ["string", "null"]}},
        }
    },
}
MCP = StructuredTool(name="drive", description="d", args_schema=MCP_SCHEMA, func=nothing)


@pytest.mark.parametrize("tool", [PYDANTIC, MCP], ids=["pydantic", "mcp"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"metres": 0.3},
        {"metres": 1},
        {"metres": -2.9, "kind": "cat"},
        {"metres": 0, "place": {"x": 1}},
        {"metres": 0, "place": None},
        {"metres": 0, "many": [{"x": 1, "note": "n"}]},
    ],
)
def test_what_the_schema_says_is_taken(tool: BaseTool, arguments: dict[str, Any]) -> None:
    check_arguments(tool, arguments)


@pytest.mark.parametrize("tool", [PYDANTIC, MCP], ids=["pydantic", "mcp"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"metres": "0.3"},
        {"metres": True},
        {"metres": None},
        {"metres": 3.1},
        {"metres": 0.35},
        {"metres": float("nan")},
        {"metres": float("inf")},
        {"metres": 0.1, "fast": True},
        {"metres": 0.1, "Kind": "ball"},
        {"metres": 0.1, "kind": "dog"},
        {"metres": 0, "place": {"x": 1, "y": 2}},
        {"metres": 0, "place": {"x": "1"}},
        {"metres": 0, "place": {"x": 1.0}},
        {"metres": 0, "many": [{"x": 1, "y": 1}]},
        {"metres": 0, "many": {"x": 1}},
        {"metres": {1, 2}},
    ],
)
def test_everything_else_is_refused(tool: BaseTool, arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="drive"):
        check_arguments(tool, arguments)


M = {"properties": {"m": {"type": "number"}}}
INSIDE = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "taken", "refused"),
    [
        ({"anyOf": [M, {"properties": {"n": {}}}]}, {"m": 1.0}, {"m": 1.0, "x": 1}),
        ({"allOf": [M, {"properties": {"n": {}}}]}, {"m": 1.0, "n": 1}, {"m": 1.0, "x": 1}),
        (
            {"properties": {"o": INSIDE, "p": {"allOf": [M, INSIDE]}}},
            {"o": {"a": 1}, "p": {"a": 1, "m": 1.0}},
            {"o": {"a": 1, "x": 1}},
        ),
    ],
)
def test_keys_that_no_part_of_a_schema_names_are_refused(
    schema: dict[str, Any], taken: dict[str, Any], refused: dict[str, Any]
) -> None:
    tool = StructuredTool(name="drive", description="d", args_schema=schema, func=nothing)
    check_arguments(tool, taken)
    with pytest.raises(InputError, match="drive"):
        check_arguments(tool, refused)


def test_a_schema_may_allow_other_keys_and_fetches_nothing() -> None:
    loose = {"type": "object", "properties": {}, "additionalProperties": True}
    check_arguments(
        StructuredTool(name="loose", description="d", args_schema=loose, func=nothing), {"a": 1}
    )
    remote = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    with pytest.raises(InputError, match="cannot be checked"):
        check_arguments(
            StructuredTool(name="remote", description="d", args_schema=remote, func=nothing),
            {"a": 1},
        )
