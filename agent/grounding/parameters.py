"""Numbers that a tool's parameter may be given, and why a number that was said may not be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sensebind.agent.grounding.quantities import Clause, Doubt, Heading, Quantity
from sensebind.agent.grounding.units import (
    DEGREE,
    Dimension,
    Unit,
    compatible,
    converted,
    unit_of,
)

_ROUNDED = Fraction(2, 100)  # share by which a number said in feet or radians may be rounded
_WORDS = {
    Heading.LEFT: r"left|counter-?clockwise|anti-?clockwise",
    Heading.RIGHT: r"right|(?<!counter)(?<!counter-)(?<!anti)(?<!anti-)clockwise",
    Heading.FORWARD: r"forwards?|ahead|front",
    Heading.BACK: r"back(?:wards?)?|reverse|behind",
    Heading.UP: r"up(?:wards?)?|raise|higher",
    Heading.DOWN: r"down(?:wards?)?|lower",
}
_OPPOSITE = {
    Heading.LEFT: Heading.RIGHT,
    Heading.RIGHT: Heading.LEFT,
    Heading.FORWARD: Heading.BACK,
    Heading.BACK: Heading.FORWARD,
    Heading.UP: Heading.DOWN,
    Heading.DOWN: Heading.UP,
}
_CHANGES = re.compile(r"\b(?:by|delta|change|offset|increment|step|relative|more|less|adjust\w*)\b")


class Lack(StrEnum):
    """Why words give a parameter no number."""

    NO_NUMBER = "no_number"
    OUT_OF_RANGE = "out_of_range"
    NOT_IN_STEPS = "not_in_steps"
    AMBIGUOUS = "ambiguous"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of a tool's schema.

    Attributes:
        name: Of the parameter.
        unit: As its name or its description says; None where they say none.
        low: Least value; None without a bound.
        high: Greatest value; None without a bound.
        step: What values are multiples of; None where any is allowed.
        choices: Values of an `enum`; empty where any is allowed.
        default: That of the schema; None without one.
        required: Whether a call must have it.
        positive: The direction of positive values, as the description says; None where it does not.
        change: Whether it is a change of something, and not a value to be set.
    """

    name: str
    unit: Unit | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    step: Fraction | None = None
    choices: tuple[Fraction, ...] = ()
    default: Fraction | None = None
    required: bool = True
    positive: Heading | None = None
    change: bool = False

    @classmethod
    def of(cls, name: str, schema: Mapping[str, Any], *, required: bool = True) -> Parameter | None:
        """Reads a property of a JSON Schema; None where it is no number.

        Args:
            name: Of the property.
            schema: Its schema; a number, perhaps one of several types.
            required: Whether a call must have it.
        """
        number = _number_schema(schema)
        if number is None:
            return None
        described = str(schema.get("description") or number.get("description") or "")
        low, high = _bounds(number)
        step = _exact(number.get("multipleOf"))
        if number.get("type") == "integer":
            # whole numbers that are multiples of 3/2 are multiples of 3
            step = Fraction(1) if step is None else Fraction(step.numerator)
        words = described.lower()
        choices = tuple(
            value for one in number.get("enum", ()) if (value := _exact(one)) is not None
        )
        if (constant := _exact(number.get("const"))) is not None:
            choices = (constant,)
        return cls(
            name,
            unit_of(name, described),
            low,
            high,
            step,
            choices,
            _exact(schema.get("default")),
            required,
            _positive(words),
            bool(_CHANGES.search(f"{name.lower().replace('_', ' ')} {words}"))
            or (low is not None and low < 0),
        )

    def allows(self, value: Fraction) -> Lack | None:
        """Returns why the schema does not allow a value; None where it does."""
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            return Lack.OUT_OF_RANGE
        if self.choices and value not in self.choices:
            return Lack.NOT_IN_STEPS
        if self.step and (value / self.step).denominator != 1:
            return Lack.NOT_IN_STEPS
        return None

    def rounded(self, value: Fraction, said: Unit | None) -> Fraction:
        """Returns a value on the nearest step, where it was said in a unit that is not exact."""
        if said is None or said.exact or not self.step or not value:
            return value
        near = round(value / self.step) * self.step
        return near if near and abs(near - value) <= _ROUNDED * abs(value) else value


@dataclass(frozen=True, slots=True)
class Admitted:
    """The numbers that words admit for a parameter.

    Attributes:
        values: Exact values in the parameter's unit, as they were said first.
        lack: Why there is none; None where there is one.
        refused: The values that were said and cannot be taken, in the parameter's unit.
    """

    values: tuple[Fraction, ...] = ()
    lack: Lack | None = None
    refused: tuple[Fraction, ...] = field(default=())


def admitted(parameter: Parameter, said: Sequence[Quantity], clauses: Sequence[Clause]) -> Admitted:
    """Returns which numbers of a person's words a parameter may be given.

    Args:
        parameter: Of the tool.
        said: The quantities of the words.
        clauses: The clauses of the words.
    """
    meant = [one for one in said if compatible(one.unit, parameter.unit)]
    if parameter.unit is not None and any(one.unit is not None for one in meant):
        meant = [one for one in meant if one.unit is not None]  # "I am 15 and want 21 degrees"
    values: list[Fraction] = []
    refused: dict[Lack, list[Fraction]] = {}
    ways = _headings(parameter, clauses)
    for one in meant:
        value = converted(one.value, one.unit, parameter.unit)
        if one.doubt is Doubt.CHANGE and not parameter.change:
            refused.setdefault(Lack.RELATIVE, []).append(value)
        elif one.doubt in (Doubt.CHOICE, Doubt.LIMIT):
            refused.setdefault(Lack.AMBIGUOUS, []).append(value)
        else:
            value = parameter.rounded(_signed(parameter, one, value, ways), one.unit)
            if (lack := parameter.allows(value)) is None:
                values.append(value)
            else:
                refused.setdefault(lack, []).append(value)
    for value in _by_words(parameter, meant, clauses):
        if parameter.allows(value) is None:
            values.append(value)
    if values:
        return Admitted(tuple(dict.fromkeys(values)))
    for lack in (Lack.AMBIGUOUS, Lack.OUT_OF_RANGE, Lack.NOT_IN_STEPS, Lack.RELATIVE):
        if lack in refused:
            return Admitted(lack=lack, refused=tuple(dict.fromkeys(refused[lack])))
    return Admitted(lack=Lack.NO_NUMBER)


def structured(parameter: Parameter, numbers: Iterable[Fraction]) -> tuple[Fraction, ...]:
    """Returns the numbers of structured results that a parameter may be given.

    Args:
        parameter: Of the tool.
        numbers: What the results hold, in the units of the robot's own tools.
    """
    return tuple(dict.fromkeys(one for one in numbers if parameter.allows(one) is None))


def _headings(parameter: Parameter, clauses: Sequence[Clause]) -> frozenset[Heading]:
    """Directions of the parameter's axis in all the words, for numbers said without one."""
    if parameter.positive is None:
        return frozenset()
    axis = {parameter.positive, _OPPOSITE[parameter.positive]}
    return frozenset(way for clause in clauses for way in clause.headings if way in axis)


def _signed(
    parameter: Parameter, one: Quantity, value: Fraction, everywhere: frozenset[Heading]
) -> Fraction:
    """A value with the sign of its direction by the schema's convention."""
    if one.signed or parameter.positive is None:
        return value
    opposite = _OPPOSITE[parameter.positive]
    own = one.headings & {parameter.positive, opposite} or everywhere
    return -value if own == {opposite} else value


def _by_words(
    parameter: Parameter, meant: Sequence[Quantity], clauses: Sequence[Clause]
) -> Iterable[Fraction]:
    """The short table: "turn around" and 转身 are 180°, "turn left" 90°, "fully" and "half"."""
    numbered = {one.clause for one in meant}
    unit = parameter.unit
    if unit is not None and unit.dimension is Dimension.ANGLE and parameter.change:
        single = len(clauses) == 1 or not meant
        for number, clause in enumerate(clauses):
            if number in numbered or (meant and _beside(number, numbered, clauses)):
                continue
            if clause.around:
                yield converted(Fraction(180), DEGREE, unit)
            elif parameter.positive is not None and not clause.vague:
                opposite = _OPPOSITE[parameter.positive]
                ways = clause.headings & {parameter.positive, opposite}
                if len(ways) == 1 and (single or not meant):
                    quarter = converted(Fraction(90), DEGREE, unit)
                    yield -quarter if opposite in ways else quarter
    extremes = {clause.extreme for clause in clauses} - {""}
    if len(extremes) == 1 and not meant and not parameter.change:
        end = parameter.high if "maximum" in extremes else parameter.low
        if end is not None:
            yield end


def _beside(number: int, numbered: set[int], clauses: Sequence[Clause]) -> bool:
    """Whether a clause only adds a number to its neighbour: "turn left, 45 degrees"."""
    return any(abs(number - other) == 1 and not clauses[other].headings for other in numbered)


def _number_schema(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "number" in kinds or "integer" in kinds:
        chosen = "integer" if "number" not in kinds else "number"
        return {**schema, "type": chosen}
    for joined in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(joined) or ():
            if isinstance(one, Mapping) and (found := _number_schema(one)) is not None:
                return found
    values = schema.get("enum") or ()
    if values and all(_exact(one) is not None for one in values):
        return schema
    return None


def _bounds(schema: Mapping[str, Any]) -> tuple[Fraction | None, Fraction | None]:
    low, high = _exact(schema.get("minimum")), _exact(schema.get("maximum"))
    tiny = Fraction(1, 10**9)
    if (above := _exact(schema.get("exclusiveMinimum"))) is not None:
        low = above + tiny if low is None else max(low, above + tiny)
    if (below := _exact(schema.get("exclusiveMaximum"))) is not None:
        high = below - tiny if high is None else min(high, below - tiny)
    return low, high


def _exact(value: Any) -> Fraction | None:
    """A number as it is written: 0.1 is a tenth."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Fraction(repr(value)) if math.isfinite(value) else None


def _positive(description: str) -> Heading | None:
    """The direction of positive values, from "negative is back" or "to the left if positive"."""
    for heading, words in _WORDS.items():
        said = rf"\b(?:{words})\b"
        for sign, way in (("positive", heading), ("negative", _OPPOSITE[heading])):
            if re.search(
                rf"{said}\W+(?:\w+\W+){{0,2}}{sign}\b|\b{sign}\b\W+(?:\w+\W+){{0,3}}{said}",
                description,
            ):
                return way
    return None


def as_json(value: Fraction) -> int | float:
    """Returns a number as JSON has it: whole ones as integers."""
    return int(value) if value.denominator == 1 else float(value)
