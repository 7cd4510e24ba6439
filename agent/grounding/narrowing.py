"""The schema of one call, narrowed to the values that the words and results of a turn give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sensebind.agent.grounding.names import choices, holds, pieces, things, wanted
from sensebind.agent.grounding.parameters import (
    Admitted,
    Lack,
    Parameter,
    admitted,
    as_json,
    structured,
)
from sensebind.agent.grounding.quantities import Doubt
from sensebind.agent.grounding.sources import Sources

MAX_TEXTS = 1000
"""Pieces of words and results among which a text of a call may be chosen."""
_ENFORCED = ("pattern", "format", "const", "enum", "$ref", "anyOf", "oneOf", "allOf", "not", "if")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a tool may be called with.

    Attributes:
        schema: Of the arguments. A number that nothing gives is not in it.
        lacks: Why a number that the call must have is not there, by parameter.
    """

    schema: Mapping[str, Any]
    lacks: Mapping[str, tuple[Parameter, Admitted]] = field(default_factory=dict)


def narrowed(schema: Mapping[str, Any], sources: Sources) -> Narrowed:
    """Narrows the schema of an acting tool's arguments.

    Numbers become those that were said (or, where none was, those of the results and the
    schema's default); texts become pieces of what was said; choices those that were named, where
    any was. What lies deeper, and what the schema describes by a pattern, is checked afterwards.

    Args:
        schema: JSON Schema of an object.
        sources: Of the turn.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return Narrowed(schema)
    required = [one for one in schema.get("required") or () if isinstance(one, str)]
    kept: dict[str, Any] = {}
    lacks: dict[str, tuple[Parameter, Admitted]] = {}
    for name, one in properties.items():
        if not isinstance(one, Mapping):
            kept[name] = one
            continue
        parameter = Parameter.of(name, one, required=name in required)
        if parameter is None:
            kept[name] = _text(one, sources)
            continue
        found = admitted(parameter, sources.quantities, sources.clauses)
        values = found.values or offered(parameter, found, sources)
        if parameter.default is not None:
            values = (*values, parameter.default)
        if values:
            kept[name] = {"enum": [as_json(value) for value in dict.fromkeys(values)]}
        elif parameter.required:
            lacks[name] = parameter, found
    changed = {**schema, "properties": kept}
    if "required" in schema:
        changed["required"] = [name for name in required if name in kept]
    return Narrowed(changed, lacks)


def offered(parameter: Parameter, found: Admitted, sources: Sources) -> tuple[Fraction, ...]:
    """Returns what the results of the turn give for a number that the words do not give.

    Args:
        parameter: Of the tool.
        found: What the words give, and why it is nothing.
        sources: Of the turn.
    """
    read = [number for result in sources.results for number in result.numbers]
    if found.lack is Lack.NO_NUMBER:
        return structured(parameter, read)
    if found.lack is Lack.RELATIVE:
        own = [number for one in sources.results if one.trusted for number in one.numbers]
        way = _way(sources)
        changes = [abs(one.value) for one in sources.quantities if one.doubt is Doubt.CHANGE]
        if way and len(changes) == 1:
            return structured(parameter, [number + way * changes[0] for number in own])
    return ()


_MORE = ("warmer", "hotter", "higher", "more", "up", "raise", "increase", "louder", "brighter")
_LESS = ("cooler", "colder", "lower", "less", "down", "reduce", "decrease", "quieter", "dimmer")
_MORE_ZH, _LESS_ZH = "高热暖升加大亮", "低冷凉降减小暗"


def _way(sources: Sources) -> int:
    """1 where the words ask for more, -1 for less, 0 where they do not say which."""
    words = set(sources.said.lower().replace(".", " ").replace(",", " ").split())
    more = bool(words & {*_MORE}) or any(char in sources.said for char in _MORE_ZH)
    less = bool(words & {*_LESS}) or any(char in sources.said for char in _LESS_ZH)
    return more - less


def _text(schema: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    if allowed := choices(schema):
        kept = wanted(sources.said)
        said = [one for one in allowed if holds(kept, one)]
        said = said or [one for one in allowed if holds(sources.said, one)]
        named = list(dict.fromkeys([*said, *_default(schema, allowed)]))
        return {**schema, "enum": named} if said else schema
    if schema.get("type") != "string" or any(key in schema for key in _ENFORCED):
        return schema
    longest = schema.get("maxLength")
    longest = longest if isinstance(longest, int) else 200
    least = schema.get("minLength")
    least = least if isinstance(least, int) else 0
    texts = [*things(sources.said), *pieces(sources.said)]
    for result in (*sources.results, *sources.earlier[::-1]):
        texts += pieces(result.text)
    texts += [one for one in (schema.get("default"),) if isinstance(one, str)]
    fitting = [one for one in dict.fromkeys(texts) if least <= len(one) <= longest]
    fitting = fitting[:MAX_TEXTS]
    return {"enum": fitting} if fitting else schema


def _default(schema: Mapping[str, Any], allowed: tuple[str, ...]) -> tuple[str, ...]:
    default = schema.get("default")
    return (default,) if isinstance(default, str) and default in allowed else ()
