"""Objects of a schema, written so that a grammar ends them and never goes beyond them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from sensebind.tools.json_schema.arrays import MAX_ITEMS
from sensebind.tools.json_schema.context import Context, looked_at_inside
from sensebind.tools.json_schema.facts import Facts, ObjectPart, Part
from sensebind.tools.json_schema.scalars import MAX_STRING, can_be_left_out, other_than, trouble
from sensebind.tools.json_schema.validation import matches

MAX_KEY = 64  # characters of the names in a map
MAX_VARIANTS = 16  # choices of optional properties that are written out


def object_schemas(
    context: Context, facts: Facts, depth: int, arguments: bool
) -> list[dict[str, Any]]:
    """Return the forms that an object of these facts may have, each finite."""
    objects = [*facts.objects, *_unevaluated_properties(facts)]
    names = [*dict.fromkeys([*(n for one in objects for n in one.properties), *facts.required])]
    keys = _key_schema(context, facts, depth)
    if keys and "enum" in keys:
        names += [one for one in keys["enum"] if one not in names]
    properties: dict[str, Any] = {}
    for name in names:
        child = None
        if all(context.valid(name, part) for part in facts.names):
            child = context.bound(_property(objects, name), depth - 1)
        if child is not None:
            properties[name] = child
        elif name in facts.required:
            return []
    invited = any(
        one.patterns or (one.additional is not None and one.additional.node is not False)
        for one in objects
    )
    if any(one.described for one in objects) or arguments:
        further = _further(context, objects, names, keys, depth) if invited else {}
    else:
        further = _further(context, objects, names, keys, depth)
    banned = [name for name in names if name not in properties]
    found = list(_object_variants(facts, properties, banned, further))
    if not found:
        context.cut.add("properties")
    if any(
        int(one.get("minProperties", 0)) > len(one["required"]) + 1 for one in found
    ):  # names that the grammar chooses may be equal
        context.later.add("minProperties")
    return found


def _key_schema(context: Context, facts: Facts, depth: int) -> dict[str, Any] | None:
    """What names may be, where `propertyNames` says it."""
    if not facts.names:
        return None
    resolver = facts.names[0].resolver
    later, context.later = context.later, set()
    found = context.bound([*facts.names, Part({"type": "string"}, resolver)], depth)
    if context.later:
        found = {"enum": []}  # a name that may be wrong is not offered
    context.later = later
    return found or {"enum": []}


def _further(
    context: Context,
    objects: Sequence[ObjectPart],
    names: Sequence[str],
    keys: Mapping[str, Any] | None,
    depth: int,
) -> dict[str, Any]:
    """Returns the keywords of properties that have no name of their own; empty if none."""
    rest = [one.additional for one in objects if one.additional is not None]
    patterns = list(dict.fromkeys(name for one in objects for name in one.patterns))
    if keys is not None and keys.get("type") != "string":
        return {}
    if keys is not None and not patterns:
        if "pattern" not in keys:
            return _named_by_length(context, keys, names, rest, depth)
        alone = int(keys.get("minLength", 0)) == 0 and "format" not in keys
        if not alone or any(matches(keys["pattern"], name) for name in names):
            return {}
        # The pattern's own length is not known; a limit of 200 is the grammar's, not its own.
        value = context.bound(rest, depth - 1)
        if value is None or keys.get("maxLength") not in (None, MAX_STRING):
            return {}
        return {"patternProperties": {keys["pattern"]: value}, "additionalProperties": False}
    if not patterns:
        value = context.bound(rest, depth - 1)
        return {} if value is None else further_properties(value, names)
    if any(trouble(_named(one)) or any(matches(one, n) for n in names) for one in patterns):
        return {}
    if len(patterns) > 1 and trouble(_named(*patterns)):
        patterns = ["|".join(f"(?:{one})" for one in patterns)]  # they overlap: all must hold
        by_pattern = {patterns[0]: [p for one in objects for p in one.patterns.values()] + rest}
    else:
        by_pattern = {
            pattern: [
                part
                for one in objects
                if (part := one.patterns.get(pattern, one.additional)) is not None
            ]
            for pattern in patterns
        }
    if keys is not None:  # of names that a pattern chooses, no grammar checks anything else
        context.later.add("propertyNames")
    written: dict[str, Any] = {}
    for pattern, parts in by_pattern.items():
        written[pattern] = context.bound(parts, depth - 1) or False
    other = context.bound(rest, depth - 1)
    return {
        "patternProperties": written,
        "additionalProperties": False if other is None else other,
    }


def _named_by_length(
    context: Context,
    keys: Mapping[str, Any],
    names: Sequence[str],
    rest: Sequence[Part],
    depth: int,
) -> dict[str, Any]:
    value = context.bound(rest, depth - 1)
    if value is None:
        return {}
    low, high = int(keys.get("minLength", 0)), int(keys.get("maxLength", MAX_KEY))
    return further_properties(value, names, low, max(min(high, MAX_KEY), low))


def further_properties(
    value: Any, names: Sequence[str] = (), low: int = 0, high: int = MAX_KEY
) -> dict[str, Any]:
    """Returns the keywords of properties with any name but some, of a limited length.

    Args:
        value: Schema of the properties.
        names: Those that have a schema of their own.
        low: Characters of a name, at least.
        high: At most.
    """
    if can_be_left_out(names):
        pattern = other_than(names, low, high)
        return {"patternProperties": {pattern: value}, "additionalProperties": False}
    banned = [f"^(?s:.{{{high + 1},}})$"]
    if low:
        banned.append(f"^(?s:.{{0,{low - 1}}})$")
    return {
        "patternProperties": dict.fromkeys(banned, False),
        "additionalProperties": value,
    }


def _object_variants(
    facts: Facts, properties: Mapping[str, Any], banned: Sequence[str], further: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yields objects that keep the number of properties that is asked for.

    llguidance counts properties only where all that have a name are required.
    """
    required = facts.required
    optional = [name for name in properties if name not in required]
    fewest, most = facts.min_properties, facts.max_properties
    if most is not None and most < len(required):
        return
    fits = fewest <= len(required) and (most is None or most >= len(properties))
    if fits and (optional or not further):
        yield _object(properties, required)
    if further and (not optional or not fits or 2 ** len(optional) <= MAX_VARIANTS):
        subsets = _some_of(optional, 0, len(optional))
    elif further:
        subsets = iter([optional, []])
    elif not fits:
        subsets = _some_of(
            optional,
            max(fewest - len(required), 0),
            len(optional) if most is None else most - len(required),
        )
    else:
        return
    for subset in subsets:
        named = [name for name in properties if name in required or name in subset]
        if most is not None and len(named) > most:
            continue
        if not further:
            yield _object({name: properties[name] for name in named}, named)
            continue
        largest = max(len(named) + MAX_ITEMS, fewest)
        out = [*banned, *(name for name in optional if name not in subset)]
        yield {
            "type": "object",
            "properties": {**{n: properties[n] for n in named}, **dict.fromkeys(out, False)},
            "required": named,
            **further,
            **({"minProperties": fewest} if fewest > len(named) else {}),
            "maxProperties": largest if most is None else min(largest, most),
        }


def _object(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _some_of(names: Sequence[str], fewest: int, most: int) -> Iterator[tuple[str, ...]]:
    """Choices of names, small ones first; at most `MAX_VARIANTS` of them."""
    given = 0
    for size in range(fewest, min(most, len(names)) + 1):
        for subset in combinations(names, size):
            if given >= MAX_VARIANTS:
                return
            given += 1
            yield subset


def _property(objects: Sequence[ObjectPart], name: str) -> list[Part]:
    """What holds for a property."""
    found: list[Part] = []
    for one in objects:
        here = [part for pattern, part in one.patterns.items() if matches(pattern, name)]
        if name in one.properties:
            here.append(one.properties[name])
        elif not here and one.additional is not None:
            here.append(one.additional)
        found += here
    return found


def _unevaluated_properties(facts: Facts) -> Iterator[ObjectPart]:
    """`unevaluatedProperties`, as the `additionalProperties` of all that its schema looks at."""
    for keyword, schema, (*_, serial) in facts.unevaluated:
        if keyword != "unevaluatedProperties":
            continue
        seen = [one for one in facts.objects if serial in one.scope]
        if any(one.additional is not None for one in seen) or looked_at_inside(
            facts, keyword, serial
        ):
            continue
        free = Part(True, schema.resolver)
        yield ObjectPart(
            {name: free for one in seen for name in one.properties},
            {name: free for one in seen for name in one.patterns},
            schema,
        )


def _named(*patterns: str) -> dict[str, Any]:
    return {"type": "object", "patternProperties": {one: {"type": "null"} for one in patterns}}
