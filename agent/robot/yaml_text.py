"""`robot.yaml` as YAML, before any of its fields is checked. Without pydantic: clients read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sensebind.errors import ConfigurationError, one_line

MAX_BYTES = 1_000_000
"""What a robot's file may hold."""


def read_text(path: Path) -> str:
    """Return what stands in a robot's file.

    Raises:
        ConfigurationError: It cannot be read, is not UTF-8, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from error


def parse_fields(text: str, name: str) -> tuple[yaml.Node, dict[Any, Any]]:
    """Return the fields of a robot's description, and the node that they were made of.

    Args:
        text: YAML.
        name: Of the file, for errors.

    Raises:
        ConfigurationError: It is not YAML, has a key twice, or is not a mapping.
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
    if root is None or not isinstance(fields, dict):
        raise ConfigurationError(f"{name}: a robot is described by fields such as streams:")
    return root, fields


def line_of(node: yaml.Node | None, path: Sequence[int | str]) -> int:
    """Return the line of the node that a path of keys leads to, or as far as it leads."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            inner = node.value[part]
            node, line = inner, inner.start_mark.line + 1
            continue
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


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
                line, same = line_of(key, ()), (key.tag, str(key.value))
                if same in lines:
                    raise ConfigurationError(
                        f"{name}, line {line}: {key.value} stands in line {lines[same]} already"
                    )
                lines[same] = line
                waiting.append(value)
