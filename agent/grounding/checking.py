"""Whether the values of a call are grounded: said by the person, or read by the robot itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sensebind.agent.grounding.names import choices, holds
from sensebind.agent.grounding.narrowing import offered
from sensebind.agent.grounding.parameters import Parameter, admitted
from sensebind.agent.grounding.sources import Sources
from sensebind.agent.grounding.units import compatible


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where the values of a call come from.

    Attributes:
        missing: Arguments that nobody has said and nothing gives: "metres = 3".
        outside: Arguments that stand only in words of others, or in what was remembered:
            "x = 1.2, from read".
        own: Arguments that the robot's own tools gave in this turn: "x = 1.2, from locate".
    """

    missing: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """What a person who approves the call is shown of it; "" where they said it all."""
        nobody = [f"{one}, which you did not say" for one in self.missing]
        return "; ".join([*nobody, *self.outside, *self.own])


def grounds_of(
    schema: Mapping[str, Any], arguments: Mapping[str, Any], sources: Sources
) -> Grounds:
    """Returns where each argument of an acting call comes from.

    Args:
        schema: JSON Schema of the arguments.
        arguments: As the call has them.
        sources: Of the turn.
    """
    missing: list[str] = []
    outside: list[str] = []
    own: list[str] = []
    properties = schema.get("properties")
    described = properties if isinstance(properties, Mapping) else {}
    for name, value in arguments.items():
        one = described.get(name)
        one = one if isinstance(one, Mapping) else {}
        if "default" in one and value == one["default"]:
            continue
        for leaf in _leaves(value):
            source = (
                _number(name, one, leaf, sources)
                if _is_number(leaf)
                else _words(one, leaf, sources)
            )
            if source is None:
                continue
            where, trusted = source
            shown = f"{name} = {leaf}" + (f", from {where}" if where else "")
            (own if trusted else outside if where else missing).append(shown)
    return Grounds(tuple(missing), tuple(outside), tuple(own))


def _leaves(value: Any) -> Iterator[Any]:
    """The numbers and texts in a value."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif _is_number(value) or isinstance(value, str):
        yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(
    name: str, schema: Mapping[str, Any], value: float, sources: Sources
) -> tuple[str, bool] | None:
    """None where the words give it; else its tool ("" for none) and whether that is trusted."""
    exact = Fraction(repr(value))
    parameter = Parameter.of(name, schema)
    if parameter is not None:
        found = admitted(parameter, sources.quantities, sources.clauses)
        if _near(exact, found.values):
            return None
        if not found.values and _near(exact, offered(parameter, found, sources)):
            result = sources.result_with(exact)
            if result is None:  # a change of what was read
                return _first_trusted(sources), True
            return result.tool, result.trusted
        return "", False
    # A number deeper down: as it was said, in whatever unit.
    if _near(exact, tuple(one.value for one in sources.quantities if compatible(one.unit, None))):
        return None
    result = sources.result_with(exact)
    return (result.tool, result.trusted) if result is not None else ("", False)


def _near(value: Fraction, values: tuple[Fraction, ...]) -> bool:
    return any(abs(value - one) <= abs(one) * Fraction(1, 10**9) for one in values)


def _first_trusted(sources: Sources) -> str:
    return next((one.tool for one in sources.results if one.trusted), "")


def _words(schema: Mapping[str, Any], value: str, sources: Sources) -> tuple[str, bool] | None:
    if holds(sources.said, value) or (len(choices(schema)) == 1 and value in choices(schema)):
        return None
    known = (*sources.results, *sources.earlier)
    holding = [one for one in known if holds(one.text, value)]
    if not holding:
        return "", False
    result = next((one for one in holding if one.trusted), holding[0])
    return result.tool, result.trusted
