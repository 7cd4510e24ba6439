"""Arguments that a person gives a tool: as its schema says, word for word, or refused.

Tools are lenient with language models: pydantic turns "3" into 3 and drops keys that it does not
know. What a person approves must be what runs, so nothing is turned or dropped here.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.validators import extend
from langchain_core.tools import BaseTool
from pydantic import BaseModel
from pydantic import ValidationError as PydanticError
from pydantic.errors import PydanticInvalidForJsonSchema
from referencing import Registry
from referencing.exceptions import Unresolvable

from sensebind.errors import InputError, one_line

_JOINED = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")


def check_arguments(tool: BaseTool, arguments: Mapping[str, Any]) -> None:
    """Checks arguments against a tool's schema, pydantic's or JSON's (as MCP tools have).

    Args:
        tool: The tool.
        arguments: What a person wants it to run with.

    Raises:
        InputError: An unknown key, a value of another type or out of bounds, one that is missing,
            or one that JSON cannot hold (such as NaN).
    """
    try:
        text = json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{tool.name}: the arguments are not JSON: {one_line(error)}") from error
    schema: Any = tool.tool_call_schema
    described = schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            described = schema.model_json_schema()
        except PydanticInvalidForJsonSchema:
            described = {"type": "object"}
    if isinstance(described, dict):
        _check(tool.name, described, json.loads(text))
    if described is not schema:
        try:
            schema.model_validate_json(text, strict=True)
        except PydanticError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{tool.name}: {where}: {first['msg']}") from error


def _check(name: str, schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    defined = "allOf" not in json.dumps(schema, default=str)
    closed = _closed({"type": "object", **schema}, defined=defined)
    try:
        # An empty registry: a schema of somebody else's must not make us fetch addresses.
        validator = _Validator({**closed, "$schema": _DRAFT}, registry=Registry())
        trouble = best_match(validator.iter_errors(arguments))
    except (SchemaError, Unresolvable, RecursionError, ValueError) as error:
        raise InputError(f"{name}: its schema cannot be checked: {one_line(error)}") from error
    if trouble is not None:
        where = ".".join(str(part) for part in trouble.absolute_path)
        message = trouble.message
        raise InputError(f"{name}: {where}: {message}" if where else f"{name}: {message}")


def _closed(schema: Any, *, defined: bool, joined: bool = False) -> Any:
    """A schema that allows no keys but those that it names (unless it says that others may be).

    Args:
        schema: Any part of one.
        defined: Whether definitions are closed, too: not where an `allOf` may join them to others.
        joined: Whether it is one of several that are joined, whose keys each other does not name.
    """
    if isinstance(schema, list):
        return [_closed(one, defined=defined, joined=joined) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    if "allOf" not in schema:  # whose parts may name more keys of what lies inside
        for key, value in schema.items():
            if key in ("properties", "patternProperties") or (
                defined and key in ("$defs", "definitions")
            ):
                if isinstance(value, dict):
                    closed[key] = {k: _closed(one, defined=defined) for k, one in value.items()}
            elif key in ("items", "prefixItems", "additionalProperties"):
                closed[key] = _closed(value, defined=defined)
            elif key in _JOINED:
                closed[key] = _closed(value, defined=defined, joined=True)
    named = "properties" in schema or schema.get("type") == "object"
    if named and not joined and "additionalProperties" not in schema:
        closed.setdefault("unevaluatedProperties", False)
    return closed


def _multiple_of(
    _validator: Any, step: float, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    """As pydantic has it: 0.3 is a multiple of 0.1, whatever binary fractions say."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not step:
        return
    ratio = value / step
    if abs(ratio - round(ratio)) > 1e-6 * max(1.0, abs(ratio)):
        yield ValidationError(f"{value} is not a multiple of {step}")


def _integer(_checker: Any, value: Any) -> bool:
    """A number without a point: 1.0 would be turned into 1."""
    return isinstance(value, int) and not isinstance(value, bool)


_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_Validator: Any = extend(
    Draft202012Validator,
    {"multipleOf": _multiple_of},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _integer),
)
