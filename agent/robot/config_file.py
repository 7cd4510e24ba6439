"""Reads `robot.yaml`, and says in which line and field something is wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.tool_kinds import TOOL_KINDS, ToolConfig
from sensebind.agent.robot.yaml_text import line_of, parse_fields, read_text
from sensebind.errors import ConfigurationError

log = logging.getLogger(__name__)

_SECTION_ERRORS = frozenset({"model_type", "model_attributes_type"})
"""Kinds of pydantic's errors about something that is no mapping where a section stands."""


def read_config(path: Path) -> RobotConfig:
    """Read a robot's file.

    Raises:
        ConfigurationError: It cannot be read, is not YAML, or a field is wrong; the message names
            the line and the field.
    """
    config = parse_config(read_text(path), str(path)).located(path)
    for line in config.old_spellings:
        log.warning("%s: %s", path, line)
    return config


def parse_config(text: str, name: str = "robot.yaml") -> RobotConfig:
    """Read a robot's description; `name` is said in errors.

    Raises:
        ConfigurationError: It is not YAML, or a field is wrong.
    """
    root, fields = parse_fields(text, name)
    try:
        return RobotConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, root, fields, name)) from error


def _explain(error: ValidationError, root: yaml.Node, fields: Mapping[Any, Any], name: str) -> str:
    """Say for the first errors in which line and field they are."""
    found = []
    for one in error.errors(include_url=False)[:5]:
        path = _within_tool([part for part in one["loc"] if part != "[key]"], fields)
        field = ".".join(str(part) for part in path)
        message = one["msg"]
        if one["type"] == "value_error" and "ctx" in one:
            message = str(one["ctx"]["error"])
        if one["type"] == "extra_forbidden":
            message = _unknown(path)
        elif one["type"] == "tuple_type":
            message = "this takes a list, such as [a, b]"
        elif one["type"] in _SECTION_ERRORS:
            message = f"this takes fields; there are {', '.join(_fields(path))}"
        found.append(f"{name}, line {line_of(root, path)}, {field or 'the whole'}: {message}")
    return "; ".join(found)


def _within_tool(path: list[int | str], fields: Mapping[Any, Any]) -> list[int | str]:
    """Return where a field of a tool stands, whose options are checked without their tool's name.

    Args:
        path: Keys, such as `["tools", 0, "checkpoint"]`.
        fields: Of the whole file.
    """
    match path:
        case ["tools", int(number), field, *rest]:
            entry = fields["tools"][number]
            if isinstance(entry, dict) and "kind" not in entry and len(entry) == 1:
                return ["tools", number, *map(str, entry), field, *rest]
            if isinstance(entry, str):
                return ["tools", number, entry, field, *rest]
    return path


def _unknown(path: Sequence[int | str]) -> str:
    """Say that there is no such field, and which is meant or which there are."""
    import difflib

    known = _fields(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
    if near:
        return f"there is no such field: did you mean {near[0]}? There are {', '.join(known)}"
    return f"there is no such field; there are {', '.join(known) or 'none'}"


def _fields(path: Sequence[int | str]) -> list[str]:
    """Return the fields of the section that a path leads to."""
    model: type[BaseModel] = RobotConfig
    for part in path:
        if model is ToolConfig and (kind := TOOL_KINDS.get(str(part))) is not None:
            model = kind.section
            continue
        field = model.model_fields.get(str(part))
        inner = next(_models(field.annotation), None) if field is not None else None
        model = inner or model  # a stream's name leads into the section of a stream
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the sections that a field's annotation names, also within unions and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
