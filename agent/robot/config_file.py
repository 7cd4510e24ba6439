"""Reads `robot.yaml`, and says in which line and field something is wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import yaml
from pydantic import BaseModel, ValidationError

from sensebind.agent.robot.config import RobotConfig
from sensebind.errors import ConfigurationError, one_line

log = logging.getLogger(__name__)

_MAX_BYTES = 1_000_000


def read_config(path: Path) -> RobotConfig:
    """Read a robot's file.

    Raises:
        ConfigurationError: It cannot be read, is not YAML, or a field is wrong; the message names
            the line and the field.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from error
    config = parse_config(text, str(path)).located(path)
    for line in config.old_spellings:
        log.warning("%s: %s", path, line)
    return config


def parse_config(text: str, name: str = "robot.yaml") -> RobotConfig:
    """Read a robot's description; `name` is said in errors.

    Raises:
        ConfigurationError: It is not YAML, or a field is wrong.
    """
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _check_keys(root, name)
        fields = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or one_line(error)
        raise ConfigurationError(f"{name}{where}: not YAML: {problem}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{name}: nested too deeply") from error
    except ValueError as error:  # of what looks like a date or number, such as 2026-13-01
        raise ConfigurationError(f"{name}: not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise ConfigurationError(f"{name}: a robot is described by fields such as streams:")
    try:
        return RobotConfig.model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, root, name)) from error


def _check_keys(root: yaml.Node | None, name: str) -> None:
    """Refuse a key that stands twice: YAML forbids it, and its readers drop the first.

    Raises:
        ConfigurationError: One does; the message names both lines.
    """
    waiting: list[yaml.Node | None] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:  # an alias leads back to its anchor
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                line, same = _line(key, ()), (key.tag, str(key.value))
                if same in lines:
                    raise ConfigurationError(
                        f"{name}, line {line}: {key.value} stands in line {lines[same]} already"
                    )
                lines[same] = line
                waiting.append(value)


def _explain(error: ValidationError, root: yaml.Node | None, name: str) -> str:
    """Say for the first errors in which line and field they are."""
    found = []
    for one in error.errors(include_url=False)[:5]:
        path = [part for part in one["loc"] if part != "[key]"]
        field = ".".join(str(part) for part in path)
        message = str(one["ctx"]["error"]) if one["type"] == "value_error" else one["msg"]
        if one["type"] == "extra_forbidden":
            message = _unknown(path)
        found.append(f"{name}, line {_line(root, path)}, {field or 'the whole'}: {message}")
    return "; ".join(found)


def _line(node: yaml.Node | None, path: Sequence[int | str]) -> int:
    """Return the line of the node that a path of keys leads to, or as far as it leads."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _unknown(path: Sequence[int | str]) -> str:
    """Say that there is no such field, and which is meant or which there are."""
    import difflib

    known = _fields(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
    if near:
        return f"there is no such field: did you mean {near[0]}? There are {', '.join(known)}"
    return f"there is no such field; there are {', '.join(known)}"


def _fields(path: Sequence[int | str]) -> list[str]:
    """Return the fields of the section that a path leads to."""
    model: type[BaseModel] = RobotConfig
    for part in path:
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
