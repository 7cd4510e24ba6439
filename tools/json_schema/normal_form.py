"""A JSON schema as alternatives of plain facts, which can be written as a grammar.

`allOf`, references and siblings are intersected. `anyOf`, `oneOf`, `if`, `not`, `dependentRequired`
and `dependentSchemas` become alternatives; `not` by the negation of each keyword.
What has no such form is put aside in `Facts.unenforced`: values must be checked afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from referencing import jsonschema as drafts

from sensebind.errors import ConfigurationError
from sensebind.tools.json_schema.facts import (
    CHECKED_LATER,
    EXCLUDED,
    OURS,
    TYPES,
    ArrayPart,
    Facts,
    ObjectPart,
    Part,
    dependencies,
    types_of,
)
from sensebind.tools.json_schema.negation import negations
from sensebind.tools.json_schema.references import look_up
from sensebind.tools.json_schema.validation import Dialect, is_number

MAX_ALTERNATIVES = 256  # combinations of the options of one schema that are written out
_SINCE_2019 = frozenset(
    {
        "dependentRequired",
        "dependentSchemas",
        "minContains",
        "maxContains",
        "unevaluatedItems",
        "unevaluatedProperties",
        "$dynamicRef",
        "$recursiveRef",
        "prefixItems",
    }
)

Option = list[Part]
"""Schemas that hold together."""


@dataclass(slots=True)
class NormalForm:
    """Writes schemas as alternatives of facts.

    Attributes:
        dialect: That of the document.
        disjoint: Says whether no value satisfies two schemas at once.
        recursive: Whether a schema was met again inside of itself.
    """

    dialect: Dialect
    disjoint: Callable[[Part, Part], bool]
    recursive: bool = False

    def alternatives(self, parts: Sequence[Part]) -> Iterator[Facts]:
        """Yields the alternatives of a value that must satisfy all of some schemas."""
        yield from self._expand(Facts(), list(parts), [], 1)

    def child(self, part: Part, node: Any) -> Part:
        """Returns a schema for a value inside of the value of `part`."""
        return Part(node, self._inside(part, node), above=part.above | part.here)

    def _beside(self, part: Part, node: Any, *, negated: bool = False, own: bool = True) -> Part:
        """Another schema for the same value; with `own`, as a part of this one."""
        scope = (*part.scope, part.serial) if own and not negated else ()
        return Part(node, self._inside(part, node), negated, scope, part.here, part.above)

    def _inside(self, part: Part, node: Any) -> Any:
        if not isinstance(node, Mapping) or not ("$id" in node or "id" in node):
            return part.resolver
        return part.resolver.in_subresource(self.dialect.specification.create_resource(node))

    def _target(self, part: Part, keyword: str) -> Part:
        """Follows a reference."""
        reference = part.node[keyword]
        try:
            if keyword == "$recursiveRef":
                found = drafts.lookup_recursive_ref(part.resolver)
            else:
                found = look_up(part.resolver, reference)
        except LookupError as error:
            raise ConfigurationError(
                f"the schema refers to {str(reference)[:120]}, which it does not hold"
            ) from error
        if not isinstance(found.contents, Mapping | bool):
            raise ConfigurationError(
                f"the schema refers to {str(reference)[:120]}, which is not a schema"
            )
        target = id(found.contents)
        if target in part.here:
            raise ConfigurationError(
                f"the schema's references go in a circle, without an end, at {reference}"
            )
        self.recursive |= target in part.above
        scope = (*part.scope, part.serial)
        here = part.here | {target}
        return Part(found.contents, found.resolver, part.negated, scope, here, part.above)

    def _expand(
        self,
        facts: Facts,
        todo: list[Part],
        pending: list[tuple[str, Callable[[], list[Option]]]],
        width: int,
    ) -> Iterator[Facts]:
        """Applies schemas to facts; what has options waits until all else is known."""
        while todo:
            part = todo.pop(0)
            if isinstance(part.node, bool):
                if part.node == part.negated:
                    return
                continue
            if not isinstance(part.node, Mapping):
                raise TypeError(f"{str(part.node)[:60]!r} is not a schema")
            if part.negated:
                pending = [*pending, ("not", lambda part=part: list(self._negations(part)))]
            else:
                pending = [*pending, *self._apply(facts, part, todo)]
            if not facts.types:
                return
        if not pending:
            yield facts
            return
        (keyword, make), rest = pending[0], pending[1:]
        options = make()
        if len(options) * width > MAX_ALTERNATIVES and len(options) > 1:
            facts.unenforced.add(keyword)
            options = [[]]
        for option in options:
            yield from self._expand(facts.copy(), list(option), rest, width * len(options))

    # --- keywords -------------------------------------------------------------------------------

    def _known(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leaves out what the dialect does not know."""
        if OURS in node:
            return node
        if "$ref" in node and self.dialect.reference_alone:
            return {"$ref": node["$ref"]}
        if self.dialect.reference_alone:
            return {k: v for k, v in node.items() if k not in _SINCE_2019}
        return node

    def _apply(
        self, facts: Facts, part: Part, todo: list[Part]
    ) -> Iterator[tuple[str, Callable[[], list[Option]]]]:
        """Adds what a schema says to the facts, in place; yields what has options."""
        node = self._known(part.node)
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in node:
                todo.append(self._target(part, keyword))
        for one in node.get("allOf", ()):
            todo.append(self._beside(part, one))
        if "not" in node:
            todo.append(self._beside(part, node["not"], negated=True))
        self._general(facts, node)
        self._numbers(facts, node)
        self._strings(facts, node)
        self._arrays(facts, part, node)
        self._objects(facts, part, node)
        return self._branching(facts, part, node)

    def _branching(
        self, facts: Facts, part: Part, node: Mapping[str, Any]
    ) -> Iterator[tuple[str, Callable[[], list[Option]]]]:
        for union in ("anyOf", "oneOf"):
            if union not in node:
                continue
            listed = _listed(node[union])
            if listed is not None and facts.values is None:
                facts.values = listed  # checked one by one against the whole schema
            elif union == "anyOf":
                yield union, lambda: [[self._beside(part, one)] for one in node["anyOf"]]
            else:
                yield union, lambda: self._exactly_one(facts, part, node["oneOf"])
        if "if" in node:
            yield (
                "if",
                lambda: [
                    [self._beside(part, node["if"]), self._beside(part, node.get("then", True))],
                    [
                        self._beside(part, node["if"], negated=True),
                        self._beside(part, node.get("else", True)),
                    ],
                ],
            )
        for name, needed in dependencies(node):
            more: dict[str, Any] = {"required": [name]}
            if isinstance(needed, list):
                more["required"] += needed
            else:
                more["allOf"] = [needed]
            absent = {"properties": {name: False}}
            yield (
                "dependentSchemas",
                lambda absent=absent, more=more: [
                    [self._beside(part, absent)],
                    [self._beside(part, more)],
                ],
            )

    def _exactly_one(self, facts: Facts, part: Part, nodes: Sequence[Any]) -> list[Option]:
        """Options of `oneOf`: each one without those others that could hold with it."""
        chosen = [self._beside(part, one) for one in nodes]
        if len(chosen) > 32:
            facts.unenforced.add("oneOf")
            return [[one] for one in chosen]
        shared: dict[int, list[int]] = {index: [] for index in range(len(chosen))}
        for one, other in combinations(shared, 2):
            if not self.disjoint(chosen[one], chosen[other]):
                shared[one].append(other)
                shared[other].append(one)
        return [
            [chosen[one], *(self._beside(part, nodes[other], negated=True) for other in others)]
            for one, others in shared.items()
        ]

    @staticmethod
    def _general(facts: Facts, node: Mapping[str, Any]) -> None:
        if TYPES in node:
            facts.types &= node[TYPES]
        if "type" in node:
            facts.types &= types_of(node["type"])
        if "const" in node or "enum" in node:
            listed = [node["const"]] if "const" in node else list(node["enum"])
            if facts.values is None or len(listed) < len(facts.values):
                facts.values = listed
        facts.excluded += node.get(EXCLUDED, ())
        facts.unenforced |= set(node.get(CHECKED_LATER, ()))

    @staticmethod
    def _numbers(facts: Facts, node: Mapping[str, Any]) -> None:
        for side, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            flag = node.get(side)
            bounds = [(plain, flag is True), (side, True)]
            for keyword, exclusive in bounds:
                value = node.get(keyword)
                if value is None or isinstance(value, bool):
                    continue
                bound = _exact(value), exclusive
                if plain == "minimum":
                    facts.low = bound if facts.low is None else max(facts.low, bound)
                elif facts.high is None or (bound[0], not exclusive) < (
                    facts.high[0],
                    not facts.high[1],
                ):
                    facts.high = bound
        if "multipleOf" in node:
            facts.steps.append(_exact(node["multipleOf"]))
            if facts.steps[-1] <= 0:
                raise ValueError("multipleOf must be more than 0")

    @staticmethod
    def _strings(facts: Facts, node: Mapping[str, Any]) -> None:
        facts.min_length = max(facts.min_length, int(node.get("minLength", 0)))
        facts.max_length = _least(facts.max_length, node.get("maxLength"))
        if "pattern" in node:
            facts.patterns.append(str(node["pattern"]))
        if isinstance(node.get("format"), str):
            facts.formats.append(node["format"])

    def _arrays(self, facts: Facts, part: Part, node: Mapping[str, Any]) -> None:
        facts.min_items = max(facts.min_items, int(node.get("minItems", 0)))
        facts.max_items = _least(facts.max_items, node.get("maxItems"))
        facts.unique |= node.get("uniqueItems") is True
        prefix, items = list(node.get("prefixItems", ())), node.get("items")
        if isinstance(items, list) and (self.dialect.tuples or OURS in node):
            prefix, items = items, node.get("additionalItems")
        if prefix or items is not None:
            facts.arrays.append(
                ArrayPart(
                    [self.child(part, one) for one in prefix],
                    None if items is None else self.child(part, items),
                    (*part.scope, part.serial),
                )
            )
        if "contains" in node:
            most = node.get("maxContains")
            facts.contains.append(
                (
                    self.child(part, node["contains"]),
                    int(node.get("minContains", 1)),
                    None if most is None else int(most),
                )
            )
        if "unevaluatedItems" in node:
            child = self.child(part, node["unevaluatedItems"])
            facts.unevaluated.append(("unevaluatedItems", child, (*part.scope, part.serial)))

    def _objects(self, facts: Facts, part: Part, node: Mapping[str, Any]) -> None:
        facts.required += [one for one in node.get("required", ()) if one not in facts.required]
        facts.min_properties = max(facts.min_properties, int(node.get("minProperties", 0)))
        facts.max_properties = _least(facts.max_properties, node.get("maxProperties"))
        if "propertyNames" in node:
            facts.names.append(self.child(part, node["propertyNames"]))
        properties, additional = node.get("properties", {}), node.get("additionalProperties")
        patterns = node.get("patternProperties", {})
        if "properties" in node or patterns or additional is not None:
            facts.objects.append(
                ObjectPart(
                    {str(k): self.child(part, one) for k, one in properties.items()},
                    {str(k): self.child(part, one) for k, one in patterns.items()},
                    None if additional is None else self.child(part, additional),
                    "properties" in node
                    and (not properties or any(v is not False for v in properties.values())),
                    (*part.scope, part.serial),
                )
            )
        if "unevaluatedProperties" in node:
            child = self.child(part, node["unevaluatedProperties"])
            facts.unevaluated.append(("unevaluatedProperties", child, (*part.scope, part.serial)))

    # --- negation -------------------------------------------------------------------------------

    def _negations(self, part: Part) -> Iterator[Option]:
        """Yields the ways in which a value can fail a schema."""
        node = self._known(part.node)
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in node:
                yield [self._target(part, keyword)]
        for one in node.get("allOf", ()):
            yield [self._beside(part, one, negated=True)]
        if "anyOf" in node:
            yield [self._beside(part, one, negated=True) for one in node["anyOf"]]
        if "oneOf" in node:
            yield [self._beside(part, one, negated=True) for one in node["oneOf"]]
            for two in combinations(node["oneOf"], 2):
                yield [self._beside(part, one, own=False) for one in two]
        if "not" in node:
            yield [self._beside(part, node["not"], own=False)]
        if "if" in node:
            for branch, holds in (("then", True), ("else", False)):
                if branch in node:
                    yield [
                        self._beside(part, node["if"], negated=not holds, own=False),
                        self._beside(part, node[branch], negated=True),
                    ]
        for one in negations(node):
            yield [self._beside(part, one, own=False)]


def _exact(value: Any) -> Fraction:
    if not is_number(value):
        raise TypeError(f"{str(value)[:60]!r} is not a number")
    return Fraction(str(value))


def _least(known: int | None, value: Any) -> int | None:
    if value is None:
        return known
    return int(value) if known is None else min(known, int(value))


def _listed(nodes: Sequence[Any]) -> list[Any] | None:
    """The values of a union whose options are all `const` or `enum`."""
    found: list[Any] = []
    for node in nodes:
        if not isinstance(node, Mapping) or not ("const" in node or "enum" in node):
            return None
        found += [node["const"]] if "const" in node else list(node["enum"])
    return found
