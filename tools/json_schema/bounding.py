"""JSON schemas from outside, made finite and self-contained, and values checked against them.

The result is for a grammar: each of its values is valid by the schema that was given, and nothing
in it can grow without an end. A keyword that no grammar can express is named in `Bounded.later`:
values must be checked afterwards (`problem`), by the schema as it was given.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensebind.errors import ConfigurationError
from sensebind.tools.json_schema.arrays import MAX_ITEMS, array_schemas
from sensebind.tools.json_schema.facts import Facts, Part
from sensebind.tools.json_schema.normal_form import NormalForm
from sensebind.tools.json_schema.objects import further_properties, object_schemas
from sensebind.tools.json_schema.references import registry_of
from sensebind.tools.json_schema.scalars import (
    MAX_NUMBER,
    MAX_STRING,
    NUMBER_STEP,
    number_schemas,
    string_schema,
)
from sensebind.tools.json_schema.validation import Dialect, dialect_of

MAX_DEPTH = 8  # levels of nesting kept of a recursive schema
MAX_NODES = 5000  # nodes of a schema with its references written out


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
            return bounder.whole(schema, depth, arguments)
        except _TooLarge:
            if depth == 2 or not bounder.normal.recursive:
                raise
        except RecursionError as error:
            raise ConfigurationError("the schema refers to itself without an end") from error
        except (AttributeError, TypeError, ValueError, OverflowError, KeyError) as error:
            raise ConfigurationError(f"the schema is malformed: {str(error)[:120]}") from error
    raise AssertionError("the last depth returns or raises")


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
        self._registry, self._base = registry_of(root, self.dialect.specification)
        self._root = root
        self._patterns = patterns
        self._nodes = 0
        self._depth = MAX_DEPTH
        self.later: set[str] = set()
        self.cut: set[str] = set()  # why something that may be possible was left out

    def whole(self, schema: Any, depth: int, arguments: bool) -> Bounded:
        """Bounds the whole schema."""
        resolver = self._registry.resolver(self._base)
        if schema is not self._root:
            resolver = resolver.in_subresource(self.dialect.specification.create_resource(schema))
        parts = [Part(schema, resolver)]
        if arguments:
            parts.append(Part({"type": "object"}, resolver))
        found = self.bound(parts, depth, arguments)
        if found is None and self.cut and self.normal.recursive:
            raise ConfigurationError(f"the schema recurses without an end: {str(schema)[:120]}")
        if found is None and self.cut:
            raise ConfigurationError(
                "nothing that can be written as a grammar satisfies the schema "
                f"({', '.join(sorted(self.cut))}): {str(schema)[:120]}"
            )
        if found is None:
            raise ConfigurationError(f"nothing satisfies the schema: {str(schema)[:120]}")
        return Bounded(found, frozenset(self.later))

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
            self.cut.add("depth")
            return None
        if all(part.node is True or _says_nothing(part.node) for part in parts):
            return _anything(min(depth, 1))
        self._depth = depth
        found: list[dict[str, Any]] = []
        for facts in list(self.normal.alternatives(parts)):
            self._depth = depth
            before, self.later = self.later, set()
            ways = self._of_facts(facts, parts, depth, arguments)
            self.later = before | (self.later | facts.unenforced if ways else set())
            found += ways
        return _any_of(found)

    def _disjoint(self, one: Part, other: Part) -> bool:
        """Whether certainly no value satisfies both."""
        kept = self._nodes, self.later, self.cut, self._depth
        self.later, self.cut = set(), set()
        try:
            return self.bound([one, other], self._depth) is None and not self.cut
        finally:
            self._nodes, self.later, self.cut, self._depth = kept

    def valid(self, value: Any, part: Part) -> bool:
        validator = self.dialect.validator(
            part.node, registry=self._registry, _resolver=part.resolver
        )
        return bool(validator.is_valid(value))

    def _of_facts(
        self, facts: Facts, parts: Sequence[Part], depth: int, arguments: bool
    ) -> list[dict[str, Any]]:
        """The schemas of one alternative."""
        if facts.values is not None:
            fit = [one for one in facts.values if all(self.valid(one, part) for part in parts)]
            facts.unenforced.clear()  # each value was checked by the schemas as they were given
            return [_choice(fit)] if fit else []
        found: list[dict[str, Any]] = []
        kinds = facts.types
        if "string" in kinds and (one := string_schema(facts, self._patterns, self.later)):
            found.append(one)
        if "fraction" in kinds:
            found += number_schemas(facts, False, self.cut)
            if "integer" not in kinds and found:
                self.later.add("not")
        elif "integer" in kinds:
            found += number_schemas(facts, True, self.cut)
        if "boolean" in kinds:
            kept = [one for one in (True, False) if not any(one is v for v in facts.excluded)]
            found += [{"type": "boolean"} if len(kept) == 2 else {"enum": kept}] if kept else []
        if "null" in kinds and not any(one is None for one in facts.excluded):
            found.append({"type": "null"})
        if "array" in kinds:
            if [] in facts.excluded:
                facts.min_items = max(facts.min_items, 1)
            self._leave(any(isinstance(one, list) and one for one in facts.excluded))
            found += array_schemas(self, facts, depth)
        if "object" in kinds:
            if {} in facts.excluded:
                facts.min_properties = max(facts.min_properties, 1)
            self._leave(any(isinstance(one, dict) and one for one in facts.excluded))
            found += object_schemas(self, facts, depth, arguments)
        return found

    def _leave(self, excluded: bool) -> None:
        if excluded:
            self.later.add("not")


def _says_nothing(node: Any) -> bool:
    annotations = {"title", "description", "default", "examples", "deprecated", "$comment"}
    return isinstance(node, Mapping) and node.keys() <= annotations


def _anything(levels: int) -> dict[str, Any]:
    """Any value; arrays and maps of scalars where there is another level."""
    scalars = [
        {"type": "string", "maxLength": MAX_STRING},
        {
            "type": "number",
            "minimum": -MAX_NUMBER,
            "maximum": MAX_NUMBER,
            "multipleOf": float(NUMBER_STEP),
        },
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
                "type": "object",
                "properties": {},
                "required": [],
                **further_properties(inner),
                "maxProperties": MAX_ITEMS,
            },
        ]
    }


def _any_of(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """One of some schemas, each once; a union of unions is written flat."""
    flat: list[dict[str, Any]] = []
    for one in found:
        flat += one.get("anyOf", [one])
    once = list({json.dumps(one, sort_keys=True): one for one in flat}.values())
    if len(once) < 2:
        return once[0] if once else None
    return {"anyOf": once}


def _choice(values: Sequence[Any]) -> dict[str, Any]:
    once = list({json.dumps(one, sort_keys=True): one for one in values}.values())
    return {"const": once[0]} if len(once) == 1 else {"enum": once}
