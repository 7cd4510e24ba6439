"""YAML of API documents, which a few lines can make arbitrarily large.

An alias stands for all that its anchor holds, which may hold aliases itself: 400 bytes of YAML can
name a thousand million values. As they are loaded they share one object, but whoever walks through
them, or writes them down, meets each of them.
"""

from __future__ import annotations

from typing import Any

import yaml

from sensebind.errors import InputError

MAX_EXPANDED = 8_000_000
"""Characters and values of a document with each alias written out; four times the largest document
that is read, so that one without aliases never comes near."""
_MAX_MERGED = 100_000  # pairs of merge keys (`<<`) while a document is loaded
_Base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """The safe loader; with libyaml ten times as fast, and with merge keys that are bounded."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > _MAX_MERGED:
            raise InputError("the API document merges too many keys (`<<`)")


def load_yaml(text: str) -> Any:
    """Loads a document that is bounded also with its aliases written out.

    Raises:
        InputError: It is larger than `MAX_EXPANDED` then, or contains itself.
        yaml.YAMLError: It is not YAML.
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
