"""Arrays of a schema, written so that a grammar ends them and never goes beyond them."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from sensebind.tools.json_schema.context import Context, looked_at_inside
from sensebind.tools.json_schema.equality import json_key
from sensebind.tools.json_schema.facts import ArrayPart, Facts, Part

MAX_ITEMS = 16  # elements of an array, or of a map, whose schema sets no limit
MAX_CHOICES = 256  # combinations of an array of unique choices that are written out
MAX_PLACES = 16  # places of an item that `contains` asks for


def array_schemas(context: Context, facts: Facts, depth: int) -> list[dict[str, Any]]:
    """Return the forms that an array of these facts may have, each finite."""
    arrays = [*facts.arrays, *_unevaluated_items(facts)]
    length = max((len(one.prefix) for one in arrays), default=0)
    prefix = [_items_at(arrays, index) for index in range(length)]
    rest = [one.items for one in arrays if one.items is not None]
    fewest, most = facts.min_items, facts.max_items
    wanted = [one for one in facts.contains if one[1] or one[2] is not None]
    if most is None:
        closed = length >= fewest and bool(length) and not rest and not wanted
        most = length if closed else max(MAX_ITEMS, fewest, length)
    if fewest > most:
        return []
    if not wanted:
        one = _array(context, prefix, rest, fewest, most, facts.unique, depth)
        return [one] if one else []
    ways = [
        _array(context, row, after, max(fewest, len(row)), most, facts.unique, depth)
        for row, after in _containing(context, wanted, prefix, rest, most)
    ]
    found = [one for one in ways if one]
    if not found:
        context.cut.add("contains")
    return found


def _containing(
    context: Context,
    wanted: Sequence[tuple[Part, int, int | None]],
    prefix: Sequence[list[Part]],
    rest: list[Part],
    most: int,
) -> Iterator[tuple[list[list[Part]], list[Part]]]:
    """Yields first items and further items that hold as many as `contains` asks for."""

    def others(*but: Part) -> list[Part]:
        """What an item must not be, where the number of some items is limited."""
        return [
            context.normal.child(schema, {"not": schema.node})
            for schema, _, limit in wanted
            if limit is not None and schema not in but
        ]

    def at(index: int) -> list[Part]:
        return list(prefix[index]) if index < len(prefix) else list(rest)

    if len(wanted) == 1:
        schema, fewest, limit = wanted[0]
        if limit is None and fewest == 1:
            for index in range(min(most, MAX_PLACES)):
                before = [at(one) for one in range(index)]
                tail = [at(one) for one in range(index + 1, len(prefix))]
                yield [*before, [*at(index), schema], *tail], rest
            return
        highest = fewest if limit is None else min(limit, most, fewest + MAX_PLACES)
        for amount in range(fewest, highest + 1):
            first = [[*at(one), schema] for one in range(amount)]
            tail = [[*at(one), *others()] for one in range(amount, len(prefix))]
            yield [*first, *tail], [*rest, *others()]
        return
    row: list[list[Part]] = []
    for schema, fewest, _ in wanted:  # one kind after the other
        for _ in range(fewest):
            row.append([*at(len(row)), schema, *others(schema)])
    tail = [[*at(one), *others()] for one in range(len(row), len(prefix))]
    yield [*row, *tail], [*rest, *others()]


def _array(
    context: Context,
    prefix: Sequence[Sequence[Part]],
    rest: Sequence[Part],
    fewest: int,
    most: int,
    unique: bool,
    depth: int,
) -> dict[str, Any] | None:
    first: list[dict[str, Any]] = []
    for parts in prefix[:most]:
        one = context.bound(parts, depth - 1)
        if one is None:
            most = len(first)
            break
        first.append(one)
    items = context.bound(rest, depth - 1) if most > len(first) else None
    if items is None:
        most = min(most, len(first))
    if most < fewest:
        return None
    if unique and most > 1:
        if not first and (choices := _choices(items)) is not None:
            apart: dict[Hashable, Any] = {}
            for one in choices:
                apart.setdefault(json_key(one), one)
            ways = list(_subsets(list(apart.values()), fewest, most))
            return {"enum": ways} if ways else None
        if not _apart(first[:most]) or most > len(first):
            if fewest > 1:
                context.later.add("uniqueItems")  # a grammar cannot compare items
            most = min(most, max(fewest, 1))
            first = first[:most]
    if not most:
        return {"type": "array", "items": False, "maxItems": 0}
    found: dict[str, Any] = {"type": "array"}
    if first:
        found["prefixItems"] = first
    further = items if items is not None and most > len(first) else False
    return {**found, "items": further, "minItems": fewest, "maxItems": most}


def _unevaluated_items(facts: Facts) -> Iterator[ArrayPart]:
    """`unevaluatedItems`, as the `items` after all that its schema looks at."""
    for keyword, schema, (*_, serial) in facts.unevaluated:
        seen = [one for one in facts.arrays if serial in one.scope]
        if keyword != "unevaluatedItems" or any(one.items is not None for one in seen):
            continue
        if looked_at_inside(facts, keyword, serial):
            continue
        length = max((len(one.prefix) for one in seen), default=0)
        yield ArrayPart([Part(True, schema.resolver)] * length, schema)


def _items_at(arrays: Sequence[ArrayPart], index: int) -> list[Part]:
    found = []
    for one in arrays:
        part = one.prefix[index] if index < len(one.prefix) else one.items
        if part is not None:
            found.append(part)
    return found


def _choices(items: Mapping[str, Any] | None) -> list[Any] | None:
    """The values of an item that can only be one of a few."""
    if items is None:
        return None
    if "enum" in items:
        return list(items["enum"])
    if "const" in items:
        return [items["const"]]
    return {"boolean": [False, True], "null": [None]}.get(items.get("type", ""))


def _apart(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether items differ because each has a type, or choices, of its own."""
    kinds = ["number" if one.get("type") == "integer" else one.get("type") for one in items]
    return all(kinds) and len(set(kinds)) == len(kinds)


def _subsets(choices: Sequence[Any], fewest: int, most: int) -> Iterator[list[Any]]:
    """Arrays of different choices, short ones first; at most `MAX_CHOICES` of them."""
    given = 0
    for size in range(fewest, min(most, len(choices)) + 1):
        for subset in combinations(choices, size):
            if given >= MAX_CHOICES:
                return
            given += 1
            yield list(subset)
