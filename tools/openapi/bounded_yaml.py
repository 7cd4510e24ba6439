"""YAML of API documents: of version 1.2, and bounded.

OpenAPI asks for YAML 1.2 (3.0.4 and 3.1.1, "Format"), where `on`, `no` and `12:30` are words.
PyYAML reads 1.1, in which they are true, false and 750, `0777` is 511, and `2024-01-01` is a date.

A few lines can make a document arbitrarily large. An alias stands for all that its anchor holds,
which may hold aliases itself: 400 bytes of YAML can name a thousand million values. As they are
loaded they share one object, but whoever walks through them, or writes them down, meets each.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from sensebind.errors import InputError

MAX_EXPANDED = 8_000_000
"""Characters and values of a document with each alias written out; four times the largest document
that is read, so that one without aliases never comes near."""
_MAX_MERGED = 100_000  # pairs of merge keys (`<<`) while a document is loaded
_Base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_TAG = "tag:yaml.org,2002:"
# YAML 1.2.2, 10.3.2 (core schema): what a plain scalar is, and with which characters it begins.
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
    ("merge", r"<<", ["<"]),  # of 1.1, and still in use
)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Kinds of plain scalars by their first character, as PyYAML has them."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for name, pattern, beginnings in _CORE:
        for first in beginnings:
            found.setdefault(first, []).append((_TAG + name, re.compile(f"(?:{pattern})$")))
    return found


def _whole(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text if base == 10 else text[2:], base)


class _Loader(_Base):
    """The safe loader for YAML 1.2; with libyaml ten times as fast, with bounded merge keys."""

    yaml_implicit_resolvers: ClassVar = _resolvers()
    yaml_constructors: ClassVar = {**_Base.yaml_constructors, f"{_TAG}int": _whole}
    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > _MAX_MERGED:
            raise InputError("the API document merges too many keys (`<<`)")
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):  # keys are texts in JSON: "200", "true"
                key.tag = f"{_TAG}str"


def load_yaml(text: str) -> Any:
    """Loads a document that is bounded also with its aliases written out.

    Raises:
        InputError: It is larger than `MAX_EXPANDED` then, or contains itself.
        yaml.YAMLError, ValueError: It is not YAML, or a text is not what its tag says.
    """
    document = yaml.load(text, _Loader)  # a safe loader: plain values only
    size = _expanded(document, {})
    if size > MAX_EXPANDED:
        raise InputError(
            f"the API document is larger than {MAX_EXPANDED} characters with its aliases written "
            "out"
        )
    return document


def _expanded(value: Any, known: dict[int, int]) -> int:
    """Returns the size of a value, each alias counted where it stands; each object is met once."""
    if isinstance(value, str | bytes):
        return 1 + len(value)
    if not isinstance(value, dict | list | set | tuple):
        return 8
    key = id(value)
    if key in known:
        if known[key] < 0:
            raise InputError("the API document contains itself by an alias")
        return known[key]
    known[key] = -1  # being counted
    size = 1
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    for part in parts:
        size = min(size + _expanded(part, known), MAX_EXPANDED + 1)
    known[key] = size
    return size
