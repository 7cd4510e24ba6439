"""A JSON schema as alternatives of plain facts, which can be written as a grammar.

`allOf`, references and siblings are intersected; `anyOf`, `oneOf`, `if`, `not`, `dependentRequired`
and `dependentSchemas` become alternatives, `not` by the negation of each keyword (De Morgan's laws).
What has no such form is put aside in `Facts.unenforced`: values must be checked afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import combinations, count
from typing import Any

from referencing import jsonschema as drafts
from referencing.exceptions import Unresolvable

from sensebind.errors import ConfigurationError
from sensebind.tools.schema_checks import Dialect, is_number

MAX_ALTERNATIVES = 256  # combinations of the options of one schema that are written out
_TYPES = "\0types"  # keywords of our own, which no document can hold
_EXCLUDED = "\0excluded"
_CHECKED_LATER = "\0later"
_OURS = "\0ours"  # written here, in the newest form, whatever the dialect of the document

# "number" is "integer" and "fraction", so that "not an integer" can be said.
ALL_TYPES = frozenset({"string", "integer", "fraction", "boolean", "null", "array", "object"})
_NAMES = {
    **{name: frozenset({name}) for name in ("string", "integer", "boolean", "null", "array")},
    "object": frozenset({"object"}),
    "number": frozenset({"integer", "fraction"}),
}
_SINCE_2019 = frozenset(
    {"dependentRequired", "dependentSchemas", "minContains", "maxContains", "unevaluatedItems",
     "unevaluatedProperties", "$dynamicRef", "$recursiveRef", "prefixItems"}
)  # fmt: skip
_serials = count()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One schema of those that a value must satisfy.

    Attributes:
        node: The schema.
        resolver: Looks references up where the schema stands.
        negated: Whether the value must not satisfy it.
        scope: Schemas that apply it to the same value, by serial.
        here: Targets of references that were followed for the same value, by id.
        above: Targets of references that were followed for the values around it, by id.
        serial: Its number.
    """

    node: Any
    resolver: Any
    negated: bool = False
    scope: tuple[int, ...] = ()
    here: frozenset[int] = frozenset()
    above: frozenset[int] = frozenset()
    serial: int = field(default_factory=_serials.__next__)


@dataclass(slots=True)
class ArrayPart:
    """What one schema says of the items of an array.

    Attributes:
        prefix: Of the first items, one by one.
        items: Of those after them; None if it says nothing.
        scope: See `Part.scope`, its own serial included.
    """

    prefix: list[Part]
    items: Part | None
    scope: tuple[int, ...] = ()


@dataclass(slots=True)
class ObjectPart:
    """What one schema says of the properties of an object.

    Attributes:
        properties: By name.
        patterns: By a pattern of the name.
        additional: Of all others; None if it says nothing.
        described: Whether it is a list of the properties that are meant.
        scope: See `Part.scope`, its own serial included.
    """

    properties: dict[str, Part]
    patterns: dict[str, Part]
    additional: Part | None
    described: bool = False
    scope: tuple[int, ...] = ()


@dataclass(slots=True)
class Facts:
    """What holds for a value in one alternative.

    Attributes:
        types: Its possible types.
        values: Candidates of `enum` and `const`; None if there is no such list.
        excluded: Values that it is not.
        low: Lower bound, and whether it is exclusive.
        high: Upper bound, and whether it is exclusive.
        steps: Numbers that it is a multiple of.
        min_length: Fewest characters.
        max_length: Most characters.
        patterns: Patterns that are found in it.
        formats: Formats that it should have.
        arrays: What schemas say of its items.
        min_items: Fewest items.
        max_items: Most items.
        unique: Whether items differ.
        contains: Schemas of which some items are, with the fewest and the most of them.
        objects: What schemas say of its properties.
        required: Properties that it has.
        min_properties: Fewest properties.
        max_properties: Most properties.
        names: Schemas of property names.
        unevaluated: Keyword and schema of what no other keyword of its scope has looked at.
        unenforced: Keywords that these facts do not cover.
    """

    types: frozenset[str] = ALL_TYPES
    values: list[Any] | None = None
    excluded: list[Any] = field(default_factory=list)
    low: tuple[Fraction, bool] | None = None
    high: tuple[Fraction, bool] | None = None
    steps: list[Fraction] = field(default_factory=list)
    min_length: int = 0
    max_length: int | None = None
    patterns: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    arrays: list[ArrayPart] = field(default_factory=list)
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False
    contains: list[tuple[Part, int, int | None]] = field(default_factory=list)
    objects: list[ObjectPart] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    min_properties: int = 0
    max_properties: int | None = None
    names: list[Part] = field(default_factory=list)
    unevaluated: list[tuple[str, Part, tuple[int, ...]]] = field(default_factory=list)
    unenforced: set[str] = field(default_factory=set)

    def copy(self) -> "Facts":
        """Returns a copy whose lists are its own."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return Facts(**{k: v.copy() if isinstance(v, list | set) else v for k, v in values.items()})


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
                found = part.resolver.lookup(reference)
        except (Unresolvable, ValueError, LookupError, TypeError) as error:
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
        if _OURS in node:
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
        for name, needed in _dependencies(node):
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
        if _TYPES in node:
            facts.types &= node[_TYPES]
        if "type" in node:
            facts.types &= _types(node["type"])
        if "const" in node or "enum" in node:
            listed = [node["const"]] if "const" in node else list(node["enum"])
            if facts.values is None or len(listed) < len(facts.values):
                facts.values = listed
        facts.excluded += node.get(_EXCLUDED, ())
        facts.unenforced |= set(node.get(_CHECKED_LATER, ()))

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
                    facts.high[0], not facts.high[1]
                ):  # fmt: skip
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
        if isinstance(items, list) and (self.dialect.tuples or _OURS in node):
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
        for one in [*_general_negations(node), *_array_negations(node), *_object_negations(node)]:
            yield [self._beside(part, {**one, _OURS: True}, own=False)]


def _types(named: Any) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for name in named if isinstance(named, list) else [named]:
        if name not in _NAMES:
            raise ConfigurationError(f"the schema has an unknown type {name!r}")
        found |= _NAMES[name]
    return found


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


def _dependencies(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields a property, and the names or the schema that its presence asks for."""
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, needed in node.get(keyword, {}).items():
            yield str(name), [needed] if isinstance(needed, str) else needed


def _general_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "type" in node:
        yield {_TYPES: ALL_TYPES - _types(node["type"])}
    if "const" in node or "enum" in node:
        yield {_EXCLUDED: [node["const"]] if "const" in node else list(node["enum"])}
    for plain, side, other in (
        ("minimum", "exclusiveMinimum", "Maximum"),
        ("maximum", "exclusiveMaximum", "Minimum"),
    ):
        if plain in node:
            beyond = other.lower() if node.get(side) is True else f"exclusive{other}"
            yield {"type": "number", beyond: node[plain]}
        if is_number(node.get(side)):
            yield {"type": "number", other.lower(): node[side]}
    if "multipleOf" in node:
        yield {"type": "number", _CHECKED_LATER: ["not"]}
    if int(node.get("minLength", 0)) > 0:
        yield {"type": "string", "maxLength": int(node["minLength"]) - 1}
    if "maxLength" in node:
        yield {"type": "string", "minLength": int(node["maxLength"]) + 1}
    if "pattern" in node:
        yield {"type": "string", _CHECKED_LATER: ["not"]}


def _array_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    array = {"type": "array"}
    if int(node.get("minItems", 0)) > 0:
        yield {**array, "maxItems": int(node["minItems"]) - 1}
    if "maxItems" in node:
        yield {**array, "minItems": int(node["maxItems"]) + 1}
    if node.get("uniqueItems") is True:
        yield {**array, "minItems": 2, _CHECKED_LATER: ["not"]}
    prefix, items = list(node.get("prefixItems", ())), node.get("items")
    if isinstance(items, list):
        prefix, items = items, node.get("additionalItems")
    for index, one in enumerate(prefix):
        before = [True] * index
        yield {**array, "minItems": index + 1, "prefixItems": [*before, {"not": one}]}
    if items is not None and prefix:
        yield {**array, "minItems": len(prefix) + 1, _CHECKED_LATER: ["not"]}
    elif items is not None:
        yield {**array, "contains": {"not": items}}
    if "contains" in node:
        fewest = int(node.get("minContains", 1))
        if fewest == 1:
            yield {**array, "items": {"not": node["contains"]}}
        elif fewest:
            some = {"contains": node["contains"], "minContains": 0, "maxContains": fewest - 1}
            yield {**array, **some}
        if "maxContains" in node:
            more = {"contains": node["contains"], "minContains": int(node["maxContains"]) + 1}
            yield {**array, **more}
    if "unevaluatedItems" in node:
        yield {**array, "minItems": 1, _CHECKED_LATER: ["not"]}


def _object_negations(node: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    thing = {"type": "object"}
    for name in node.get("required", ()):
        yield {**thing, "properties": {name: False}}
    for name, one in node.get("properties", {}).items():
        yield {**thing, "required": [name], "properties": {name: {"not": one}}}
    if int(node.get("minProperties", 0)) > 0:
        yield {**thing, "maxProperties": int(node["minProperties"]) - 1}
    if "maxProperties" in node:
        yield {**thing, "minProperties": int(node["maxProperties"]) + 1}
    for name, needed in _dependencies(node):
        if isinstance(needed, list):
            for other in needed:
                yield {**thing, "required": [name], "properties": {other: False}}
        else:
            yield {**thing, "required": [name], "not": needed}
    if any(
        keyword in node
        for keyword in (
            "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties",
        )
    ):  # fmt: skip
        yield {**thing, "minProperties": 1, _CHECKED_LATER: ["not"]}
