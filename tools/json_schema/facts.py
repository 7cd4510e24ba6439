"""What a JSON schema says of a value, as plain facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import count
from typing import Any

from sensebind.errors import ConfigurationError

TYPES = "\0types"  # keywords of our own, which no document can hold
EXCLUDED = "\0excluded"
CHECKED_LATER = "\0later"
OURS = "\0ours"  # written here, in the newest form, whatever the dialect of the document

# "number" is "integer" and "fraction", so that "not an integer" can be said.
ALL_TYPES = frozenset({"string", "integer", "fraction", "boolean", "null", "array", "object"})
_NAMES = {
    **{name: frozenset({name}) for name in ("string", "integer", "boolean", "null", "array")},
    "object": frozenset({"object"}),
    "number": frozenset({"integer", "fraction"}),
}
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
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in values.items():
            if isinstance(value, list | set):
                values[name] = value.copy()
        return Facts(**values)


def types_of(named: Any) -> frozenset[str]:
    """Returns the types that `type` names.

    Raises:
        ConfigurationError: There is no such type.
    """
    found: frozenset[str] = frozenset()
    for name in named if isinstance(named, list) else [named]:
        if name not in _NAMES:
            raise ConfigurationError(f"the schema has an unknown type {name!r}")
        found |= _NAMES[name]
    return found


def dependencies(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields a property, and the names or the schema that its presence asks for."""
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, needed in node.get(keyword, {}).items():
            yield str(name), [needed] if isinstance(needed, str) else needed
