"""JSON schemas from outside, made finite and self-contained, and values checked against them.

The result is for a grammar: each of its values is valid by the schema that was given, and nothing
in it can grow without an end. A keyword that no grammar can express is named in `Bounded.later`:
values must be checked afterwards (`problem`), by the schema as it was given.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sensebind.errors import ConfigurationError
from sensebind.tools.schema_checks import (
    Dialect,
    dialect_of,
    matches,
    problem,
    registry_of,
)
from sensebind.tools.schema_length import ending, shortest
from sensebind.tools.schema_normal_form import ArrayPart, Facts, NormalForm, ObjectPart, Part
from sensebind.tools.schema_scalars import number_schemas, string_schema, trouble

__all__ = ["Bounded", "bound_schema", "bounded", "ending", "problem", "shortest"]

MAX_ITEMS = 16  # elements of an array, or of a map, whose schema sets no limit
MAX_KEY = 64  # characters of the names in a map
MAX_DEPTH = 8  # levels of nesting kept of a recursive schema
MAX_NODES = 5000  # nodes of a schema with its references written out
MAX_CHOICES = 256  # combinations of an array of unique choices that are written out
MAX_VARIANTS = 16  # choices of optional properties, or places of an item, that are written out
_LONG_KEY = f"^(?s:.{{{MAX_KEY + 1},}})$"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A schema for a grammar.

    Attributes:
        schema: Equal to what was given, or narrower, but for the keywords in `later`.
        later: Keywords that it does not enforce, so that values must be checked afterwards.
    """

    schema: dict[str, Any]
    later: frozenset[str] = frozenset()


def bounded(
    schema: Mapping[str, Any] | bool,
    *,
    root: Mapping[str, Any] | None = None,
    patterns: bool = True,
    arguments: bool = False,
) -> Bounded:
    """Returns a schema in which references are written out and nothing can grow without end.

    Strings, numbers, arrays, maps and nesting get limits where they have none, so that a call
    always ends within a foreseeable number of tokens. Each value of the result satisfies the
    schema that was given, but for keywords that `Bounded.later` names.

    Args:
        schema: JSON schema; that of a tool's arguments, for instance.
        root: Document in which references are looked up; the schema itself by default.
        patterns: Keep `pattern` and `format`.
        arguments: The value is the object of a tool's arguments: properties that are not declared
            are left out unless they are invited.

    Raises:
        ConfigurationError: Nothing finite can satisfy the schema, a reference is broken, or it is
            larger than `MAX_NODES` when its references are written out.
    """
    whole = schema if root is None else root
    for depth in range(MAX_DEPTH, 1, -1):
        try:
            bounder = _Bounder(whole, patterns)
            try:
                return bounder.whole(schema, depth, arguments)
            except _TooLarge as error:
                if not bounder.normal.recursive:
                    raise
                larger = error
        except RecursionError as error:
            raise ConfigurationError("the schema refers to itself without an end") from error
        except (AttributeError, TypeError, ValueError, OverflowError, KeyError) as error:
            raise ConfigurationError(f"the schema is malformed: {str(error)[:120]}") from error
    raise larger


def bound_schema(
    schema: Mapping[str, Any] | bool,
    *,
    root: Mapping[str, Any] | None = None,
    patterns: bool = True,
) -> dict[str, Any]:
    """Returns the schema of `bounded` alone, whatever it leaves to be checked afterwards."""
    return bounded(schema, root=root, patterns=patterns).schema


class _TooLarge(ConfigurationError):
    """More than `MAX_NODES`."""


class _Bounder:
    """Bounds the nodes of one schema, and counts them."""

    def __init__(self, root: Any, patterns: bool) -> None:
        self.dialect: Dialect = dialect_of(root)
        self.normal = NormalForm(self.dialect, self._disjoint)
        self._registry, self._base = registry_of(root, self.dialect)
        self._root = root
        self._patterns = patterns
        self._nodes = 0
        self._depth = MAX_DEPTH
        self._later: set[str] = set()
        self._cut: set[str] = set()  # why something that may be possible was left out

    def whole(self, schema: Any, depth: int, arguments: bool) -> Bounded:
        """Bounds the whole schema."""
        resolver = self._registry.resolver(self._base)
        if schema is not self._root:
            resolver = resolver.in_subresource(self.dialect.specification.create_resource(schema))
        parts = [Part(schema, resolver)]
        if arguments:
            parts.append(Part({"type": "object"}, resolver))
        found = self.bound(parts, depth, arguments)
        if found is None and self._cut and self.normal.recursive:
            raise ConfigurationError(f"the schema recurses without an end: {str(schema)[:120]}")
        if found is None:
            raise ConfigurationError(f"nothing satisfies the schema: {str(schema)[:120]}")
        return Bounded(found, frozenset(self._later))

    def bound(
        self, parts: Sequence[Part], depth: int, arguments: bool = False
    ) -> dict[str, Any] | None:
        """Bounds schemas that hold together; None if nothing within `depth` satisfies them."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooLarge(
                f"the schema has more than {MAX_NODES} parts when its references are written out"
            )
        if depth < 0:
            self._cut.add("depth")
            return None
        if all(part.node is True or _says_nothing(part.node) for part in parts):
            return _anything(min(depth, 1))
        self._depth = depth
        found: list[dict[str, Any]] = []
        for facts in list(self.normal.alternatives(parts)):
            self._depth = depth
            before, self._later = self._later, set()
            ways = self._of_facts(facts, parts, depth, arguments)
            self._later = before | (self._later | facts.unenforced if ways else set())
            found += ways
        return _any_of(found)

    def _disjoint(self, one: Part, other: Part) -> bool:
        """Whether certainly no value satisfies both."""
        kept = self._nodes, self._later, self._cut, self._depth
        self._later, self._cut = set(), set()
        try:
            return self.bound([one, other], self._depth) is None and not self._cut
        finally:
            self._nodes, self._later, self._cut, self._depth = kept

    def _valid(self, value: Any, part: Part) -> bool:
        validator = self.dialect.validator(
            part.node, registry=self._registry, _resolver=part.resolver
        )
        return bool(validator.is_valid(value))

    def _of_facts(
        self, facts: Facts, parts: Sequence[Part], depth: int, arguments: bool
    ) -> list[dict[str, Any]]:
        """The schemas of one alternative."""
        if facts.values is not None:
            fit = [one for one in facts.values if all(self._valid(one, part) for part in parts)]
            facts.unenforced.clear()  # each value was checked by the schemas as they were given
            return [_choice(fit)] if fit else []
        found: list[dict[str, Any]] = []
        kinds = facts.types
        if "string" in kinds and (one := string_schema(facts, self._patterns, self._later)):
            found.append(one)
        if "fraction" in kinds:
            found += number_schemas(facts, False, self._cut)
            if "integer" not in kinds and found:
                self._later.add("not")
        elif "integer" in kinds:
            found += number_schemas(facts, True, self._cut)
        if "boolean" in kinds:
            kept = [one for one in (True, False) if not any(one is v for v in facts.excluded)]
            found += [{"type": "boolean"} if len(kept) == 2 else {"enum": kept}] if kept else []
        if "null" in kinds and not any(one is None for one in facts.excluded):
            found.append({"type": "null"})
        if "array" in kinds:
            if [] in facts.excluded:
                facts.min_items = max(facts.min_items, 1)
            self._leave(any(isinstance(one, list) and one for one in facts.excluded))
            found += self._arrays(facts, depth)
        if "object" in kinds:
            if {} in facts.excluded:
                facts.min_properties = max(facts.min_properties, 1)
            self._leave(any(isinstance(one, dict) and one for one in facts.excluded))
            found += self._objects(facts, depth, arguments)
        return found

    def _leave(self, excluded: bool) -> None:
        if excluded:
            self._later.add("not")

    # --- arrays ---------------------------------------------------------------------------------

    def _arrays(self, facts: Facts, depth: int) -> list[dict[str, Any]]:
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
            one = self._array(prefix, rest, fewest, most, facts.unique, depth)
            return [one] if one else []
        ways = [
            self._array(row, after, max(fewest, len(row)), most, facts.unique, depth)
            for row, after in self._containing(wanted, prefix, rest, most)
        ]
        found = [one for one in ways if one]
        if not found:
            self._cut.add("contains")
        return found

    def _containing(
        self,
        wanted: Sequence[tuple[Part, int, int | None]],
        prefix: Sequence[list[Part]],
        rest: list[Part],
        most: int,
    ) -> Iterator[tuple[list[list[Part]], list[Part]]]:
        """Yields first items and further items that hold as many as `contains` asks for."""

        def others(*but: Part) -> list[Part]:
            """What an item must not be, where the number of some items is limited."""
            return [
                self.normal.child(schema, {"not": schema.node})
                for schema, _, limit in wanted
                if limit is not None and schema not in but
            ]

        def at(index: int) -> list[Part]:
            return list(prefix[index]) if index < len(prefix) else list(rest)

        if len(wanted) == 1:
            schema, fewest, limit = wanted[0]
            if limit is None and fewest == 1:
                for index in range(min(most, MAX_VARIANTS)):
                    before = [at(one) for one in range(index)]
                    tail = [at(one) for one in range(index + 1, len(prefix))]
                    yield [*before, [*at(index), schema], *tail], rest
                return
            highest = fewest if limit is None else min(limit, most, fewest + MAX_VARIANTS)
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
        self,
        prefix: Sequence[Sequence[Part]],
        rest: Sequence[Part],
        fewest: int,
        most: int,
        unique: bool,
        depth: int,
    ) -> dict[str, Any] | None:
        first: list[dict[str, Any]] = []
        for parts in prefix[:most]:
            one = self.bound(parts, depth - 1)
            if one is None:
                most = len(first)
                break
            first.append(one)
        items = self.bound(rest, depth - 1) if most > len(first) else None
        if items is None:
            most = min(most, len(first))
        if most < fewest:
            return None
        if unique and most > 1:
            if not first and (choices := _choices(items)) is not None:
                ways = list(_subsets(choices, fewest, most))
                return {"enum": ways} if ways else None
            if not _apart(first[:most]) or most > len(first):
                if fewest > 1:
                    self._later.add("uniqueItems")  # a grammar cannot compare items
                most = min(most, max(fewest, 1))
                first = first[:most]
        if not most:
            return {"type": "array", "items": False, "maxItems": 0}
        found: dict[str, Any] = {"type": "array"}
        if first:
            found["prefixItems"] = first
        further = items if items is not None and most > len(first) else False
        return {**found, "items": further, "minItems": fewest, "maxItems": most}

    # --- objects --------------------------------------------------------------------------------

    def _objects(self, facts: Facts, depth: int, arguments: bool) -> list[dict[str, Any]]:
        objects = [*facts.objects, *_unevaluated_properties(facts)]
        names = [*dict.fromkeys([*(n for one in objects for n in one.properties), *facts.required])]
        keys = self._key_schema(facts, depth)
        if keys and "enum" in keys:
            names += [one for one in keys["enum"] if one not in names]
        properties: dict[str, Any] = {}
        for name in names:
            child = None
            if all(self._valid(name, part) for part in facts.names):
                child = self.bound(_property(objects, name), depth - 1)
            if child is not None:
                properties[name] = child
            elif name in facts.required:
                return []
        invited = any(
            one.patterns or (one.additional is not None and one.additional.node is not False)
            for one in objects
        )
        if any(one.described for one in objects) or arguments:
            further = self._further(objects, names, keys, depth) if invited else {}
        else:
            further = self._further(objects, names, keys, depth)
        banned = [name for name in names if name not in properties]
        found = list(_object_variants(facts, properties, banned, further))
        if not found:
            self._cut.add("properties")
        if any(
            int(one.get("minProperties", 0)) > len(one["required"]) + 1 for one in found
        ):  # names that the grammar chooses may be equal
            self._later.add("minProperties")
        return found

    def _key_schema(self, facts: Facts, depth: int) -> dict[str, Any] | None:
        """What names may be, where `propertyNames` says it."""
        if not facts.names:
            return None
        resolver = facts.names[0].resolver
        later, self._later = self._later, set()
        found = self.bound([*facts.names, Part({"type": "string"}, resolver)], depth)
        if self._later:
            found = {"enum": []}  # a name that may be wrong is not offered
        self._later = later
        return found or {"enum": []}

    def _further(
        self,
        objects: Sequence[ObjectPart],
        names: Sequence[str],
        keys: Mapping[str, Any] | None,
        depth: int,
    ) -> dict[str, Any]:
        """Returns the keywords of properties that have no name of their own; empty if none."""
        rest = [one.additional for one in objects if one.additional is not None]
        patterns = list(dict.fromkeys(name for one in objects for name in one.patterns))
        if keys is not None:
            if patterns or keys.get("type") != "string":
                return {}
            if "pattern" not in keys:
                return self._named_by_length(keys, rest, depth)
            alone = int(keys.get("minLength", 0)) == 0 and "format" not in keys
            if not alone or any(matches(keys["pattern"], name) for name in names):
                return {}
            # The pattern's own length is not known; a limit of 200 is the grammar's, not its own.
            value = self.bound(rest, depth - 1)
            if value is None or keys.get("maxLength") not in (None, 200):
                return {}
            return {"patternProperties": {keys["pattern"]: value}, "additionalProperties": False}
        if not patterns:
            value = self.bound(rest, depth - 1)
            return {} if value is None else (
                {"patternProperties": {_LONG_KEY: False}, "additionalProperties": value}
            )  # fmt: skip
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
        written: dict[str, Any] = {}
        for pattern, parts in by_pattern.items():
            written[pattern] = self.bound(parts, depth - 1) or False
        other = self.bound(rest, depth - 1)
        return {
            "patternProperties": written,
            "additionalProperties": False if other is None else other,
        }

    def _named_by_length(
        self, keys: Mapping[str, Any], rest: Sequence[Part], depth: int
    ) -> dict[str, Any]:
        value = self.bound(rest, depth - 1)
        if value is None:
            return {}
        low, high = int(keys.get("minLength", 0)), int(keys.get("maxLength", MAX_KEY))
        banned = [f"^(?s:.{{{max(min(high, MAX_KEY), low) + 1},}})$"]
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
        subsets = _some_of(optional, max(fewest - len(required), 0),
                           len(optional) if most is None else most - len(required))  # fmt: skip
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
        if any(one.additional is not None for one in seen) or _inner(facts, keyword, serial):
            continue
        free = Part(True, schema.resolver)
        yield ObjectPart(
            {name: free for one in seen for name in one.properties},
            {name: free for one in seen for name in one.patterns},
            schema,
        )


def _unevaluated_items(facts: Facts) -> Iterator[ArrayPart]:
    """`unevaluatedItems`, as the `items` after all that its schema looks at."""
    for keyword, schema, (*_, serial) in facts.unevaluated:
        seen = [one for one in facts.arrays if serial in one.scope]
        if keyword != "unevaluatedItems" or any(one.items is not None for one in seen):
            continue
        if _inner(facts, keyword, serial):
            continue
        length = max((len(one.prefix) for one in seen), default=0)
        yield ArrayPart([Part(True, schema.resolver)] * length, schema)


def _inner(facts: Facts, keyword: str, serial: int) -> bool:
    """Whether a schema inside of this one looks at all that is left."""
    return any(keyword == other and serial in scope[:-1] for other, _, scope in facts.unevaluated)


def _items_at(arrays: Sequence[ArrayPart], index: int) -> list[Part]:
    found = []
    for one in arrays:
        part = one.prefix[index] if index < len(one.prefix) else one.items
        if part is not None:
            found.append(part)
    return found


def _says_nothing(node: Any) -> bool:
    annotations = {"title", "description", "default", "examples", "deprecated", "$comment"}
    return isinstance(node, Mapping) and node.keys() <= annotations


def _anything(levels: int) -> dict[str, Any]:
    """Any value; arrays and maps of scalars where there is another level."""
    scalars = [
        {"type": "string", "maxLength": 200},
        {"type": "number", "minimum": -(10**6), "maximum": 10**6, "multipleOf": 1e-4},
        {"type": "boolean"},
        {"type": "null"},
    ]
    if not levels:
        return {"anyOf": scalars}
    inner = _anything(0)
    return {
        "anyOf": [
            *scalars,
            {"type": "array", "items": inner, "minItems": 0, "maxItems": MAX_ITEMS},
            {
                "type": "object", "properties": {}, "required": [],
                "patternProperties": {_LONG_KEY: False}, "additionalProperties": inner,
                "maxProperties": MAX_ITEMS,
            },
        ]
    }  # fmt: skip


def _any_of(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """One of some schemas, each once; a union of unions is written flat."""
    flat: list[dict[str, Any]] = []
    for one in found:
        flat += one["anyOf"] if "anyOf" in one else [one]
    once = list({json.dumps(one, sort_keys=True): one for one in flat}.values())
    if len(once) < 2:
        return once[0] if once else None
    return {"anyOf": once}


def _choice(values: Sequence[Any]) -> dict[str, Any]:
    once = list({json.dumps(one, sort_keys=True): one for one in values}.values())
    return {"const": once[0]} if len(once) == 1 else {"enum": once}


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


def _named(*patterns: str) -> dict[str, Any]:
    return {"type": "object", "patternProperties": dict.fromkeys(patterns, {"type": "null"})}
