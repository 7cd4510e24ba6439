"""Arguments of a call, taken from a person's words as the tool's schema asks for them.

Nothing is made up: a choice must be named, a number must stand in the words in a unit that fits, a
text is a part of the words. What is optional is left out unless the words speak of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sensebind.agent.grounding.numerals import normal, numerals
from sensebind.agent.grounding.parameters import Parameter, admitted, as_json
from sensebind.agent.grounding.quantities import Clause, Quantity, quantities
from sensebind.agent.grounding.units import compatible
from sensebind.agent.reader.text_spans import TextSpans, kind_of, listed
from sensebind.agent.reader.tool_matcher import ToolText, choices_of
from sensebind.agent.reader.tool_words import alike, stem, stems_of, words_of

_TRUE = re.compile(
    r"\b(?:on|true|yes|enabled?|activate|with|start|open|including)\b|打开|开启|开", re.I
)
_FALSE = re.compile(
    r"\b(?:off|false|no|not|disabled?|deactivate|without|stop|close|never)\b|关", re.I
)
_SWITCH = re.compile(r"(?:is_?)?(?:on|off|power|powered|enabled?|active|state|value|switch)", re.I)
_SWITCHED = re.compile(r"\b(?:turn|switch|put|power|set|activate|deactivate)\b", re.I)
"""Verbs that a parameter which is on or off accounts for."""
_FEW = re.compile(
    r"\b(?:first|last|next|top|latest|newest|only|just|at most|up to|maximum|limit|no more than)"
    r"(?:\s+(?:of|to|the))?\s+(\d+)\b|\b(\d+)\s+(?:results?|entries|items|hits|rows|messages|commits)",
    re.I,
)
_MANY = frozenset(("limit", "max", "count", "size", "top", "number", "num", "results", "n"))


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a schema's arguments are, by words.

    Attributes:
        values: By name.
        missing: Names of required ones that the words do not give.
        explained: Parts of the words that are values.
        sure: How many of them are there beyond doubt: numbers, choices, codes, what is quoted.
        left: How many numbers, codes and quoted texts of the words are in none of them.
        texts: Names of those that are texts, cut out of the words.
    """

    values: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    sure: int = 0
    left: int = 0
    texts: tuple[str, ...] = ()


class _Filling:
    """Fills one tool's arguments from one sentence."""

    def __init__(self, words: str, tool: ToolText) -> None:
        self.words, self.tool = words, tool
        properties = tool.parameters.get("properties")
        self.properties: dict[str, Mapping[str, Any]] = {
            str(name): value if isinstance(value, Mapping) else {}
            for name, value in (properties.items() if isinstance(properties, Mapping) else ())
        }
        self.required = set(map(str, tool.parameters.get("required") or ()))
        self.values: dict[str, Any] = {}
        self.explained: list[str] = []
        self.spans = TextSpans(words)
        self.sure = 0
        self.numbers_left = 0
        self.stems = stems_of(words)

    def fill(self) -> Arguments:
        order = sorted(self.properties, key=lambda name: name not in self.required)
        for kind in (self._choice, self._boolean):
            for name in order:
                if name not in self.values:
                    kind(name, self.properties[name])
        self.sure = len(self.values)
        for name in order:
            if name not in self.values and _takes_text(self.properties[name]):
                required = name in self.required
                found = self.spans.sure(name, self.properties[name], required=required)
                self._keep(name, found, sure=True)
        self._numbers(order)
        # what is quoted is rather a message than anything else
        for name in sorted(order, key=lambda one: kind_of(one, self.properties[one]) != "message"):
            if name not in self.values and name in self.required:
                self._text(name, self.properties[name])
        missing = tuple(name for name in order if name in self.required and name not in self.values)
        left = self.numbers_left + self.spans.left()
        return Arguments(self.values, missing, tuple(self.explained), self.sure, left, self.texts())

    def texts(self) -> tuple[str, ...]:
        """Names of the values that are parts of the words, and no choices."""
        return tuple(name for name in self.values if _takes_text(self.properties[name]))

    def _keep(self, name: str, text: str | None, *, sure: bool = False) -> None:
        if text:
            self.values[name] = text
            self.explained.append(text)
            self.sure += sure

    # --- choices --------------------------------------------------------------------------------

    def _choice(self, name: str, schema: Mapping[str, Any]) -> None:
        choices = [one for one in choices_of(schema) if isinstance(one, str)]
        if not choices:
            if (many := schema.get("items")) and isinstance(many, Mapping):
                inner = [one for one in choices_of(many) if isinstance(one, str)]
                if found := [one for one in inner if self._names(one) >= 0.99]:
                    self.values[name] = found
            return
        scored = sorted(((self._names(one), len(one), one) for one in choices), reverse=True)
        if not scored:
            return
        best, _, value = scored[0]
        least = 0.7 if name in self.required else 0.75
        if best >= least and (
            len(scored) < 2 or best > scored[1][0] or len(scored[1][2]) < len(value)
        ):
            if name not in self.required and value == schema.get("default"):
                return
            self.values[name] = value
            self.explained += [
                word
                for word in self.words.split()
                if alike(stem(word.lower()), stem(value.lower())) >= 0.99
            ]

    def _names(self, value: str) -> float:
        """How surely words name a choice."""
        said = words_of(self.words)
        parts = words_of(value)
        if not parts:
            return 0.0
        if (language := _LANGUAGES.get(value.lower())) and language in said:
            return 1.0
        shares = []
        for part in parts:
            if len(part) == 1 or part[0].isdigit():
                shares.append(1.0 if part in said else 0.0)
            else:
                exact = 1.0 if part in said else 0.0
                shares.append(
                    max((exact, *(alike(stem(part), one) for one in self.stems if len(one) > 2)))
                )
        return sum(shares) / len(shares)

    def _boolean(self, name: str, schema: Mapping[str, Any]) -> None:
        if "boolean" not in _types(schema):
            return
        yes, no = _TRUE.search(self.words), _FALSE.search(self.words)
        about = any(alike(one, part) >= 0.75 for part in stems_of(name) for one in self.stems)
        if name not in self.required and not about:
            return
        if no and not (yes and yes.start() > no.start() and name in self.required):
            self.values[name] = False
        elif yes or about:
            self.values[name] = True
        if name in self.values and _SWITCH.fullmatch(name):
            self.explained += _SWITCHED.findall(self.words)

    # --- numbers --------------------------------------------------------------------------------

    def _numbers(self, order: Sequence[str]) -> None:
        said, clauses = quantities(self.words)
        coded = [(one.start, one.end) for one in self.spans.codes]
        coded += [(start, end) for start, end, _ in self.spans.quoted]
        free = [one for one in said if not any(start <= one.start < end for start, end in coded)]
        for name in order:
            few = _FEW.search(self.words)
            if few and name not in self.values and self._is_few(name, few[0].lower()):
                number = int(few[1] or few[2])
                parameter = Parameter.of(name, self.properties[name])
                if parameter is not None and not parameter.allows(Fraction(number)):
                    self.values[name] = number
                    self.sure += 1
                    free = [one for one in free if one.value != number]
        wanted = []
        for name in order:
            if name in self.values:
                continue
            parameter = Parameter.of(name, self.properties[name], required=name in self.required)
            if parameter is not None and not ({"string"} & _types(self.properties[name])):
                wanted.append((name, parameter))
        # those whose unit or name the words give take their numbers first
        for sure in (True, False):
            for name, parameter in wanted:
                if name in self.values:
                    continue
                for one in self._ordered(name, parameter, free, clauses, sure):
                    found = admitted(parameter, [one], clauses)
                    if found.values and (sure or name in self.required):
                        self.values[name] = as_json(found.values[0])
                        free.remove(one)
                        self.sure += 1
                        break
        used = [(one.start, one.end) for one in said if one not in free]
        self._bare_numbers(wanted, [*used, *coded])

    def _is_few(self, name: str, said: str) -> bool:
        """Whether a parameter says how many are wanted: by its name, or as "the first N lines"."""
        if set(words_of(name)) & _MANY:
            return True
        described = str(self.properties[name].get("description") or "").lower()
        first = said.split()[0]
        ends = {"last": r"\blast\b|\bend\b", "first": r"\bfirst\b", "top": r"\bfirst\b|\btop\b"}
        return first in ends and re.search(ends[first], described) is not None

    def _bare_numbers(
        self, wanted: Sequence[tuple[str, Parameter]], used: Sequence[tuple[int, int]]
    ) -> None:
        """Numbers that are names of something ("hive number 4"), or changes ("by -2.5 mm")."""
        text = normal(self.words)
        taken = {place for start, end in used for place in range(start, end)}
        for one in numerals(text):
            if one.start in taken or one.end - 1 in taken:
                continue
            minus = re.search(r"(?:(?<![\w])-|\bminus )$|负$", text[: one.start])
            value = -one.value if minus else one.value
            for name, parameter in wanted:
                if name in self.values or parameter.allows(value) or name not in self.required:
                    continue
                self.values[name] = as_json(value)
                self.sure += 1
                break
            else:
                self.numbers_left += 1

    def _ordered(
        self,
        name: str,
        parameter: Parameter,
        free: Sequence[Quantity],
        clauses: Sequence[Clause],
        sure: bool,
    ) -> list[Quantity]:
        if not sure:
            return list(free)
        found = []
        text = self.words.lower()
        parts = [part for part in stems_of(name) if len(part) > 2]
        for one in free:
            by_unit = (
                parameter.unit is not None
                and one.unit is not None
                and compatible(one.unit, parameter.unit)
            )
            before = stems_of(text[max(0, one.start - 24) : one.start])[-2:]
            after = stems_of(text[one.end : one.end + 16])[:1]
            by_name = any(alike(part, near) >= 0.75 for part in parts for near in (*before, *after))
            if by_unit or by_name:
                found.append(one)
        return found

    # --- texts ----------------------------------------------------------------------------------

    def _text(self, name: str, schema: Mapping[str, Any]) -> None:
        kinds = _types(schema)
        if "array" in kinds:
            self._array(name, schema)
        elif _takes_text(schema):
            self._keep(name, self.spans.likely(name, schema))

    def _array(self, name: str, schema: Mapping[str, Any]) -> None:
        items = schema.get("items")
        kinds = _types(items) if isinstance(items, Mapping) else set()
        if kinds & {"number", "integer"}:
            said, _ = quantities(self.words)
            if said:
                self.values[name] = [as_json(one.value) for one in said]
            return
        found = []
        while (text := self.spans.sure(name, {}, required=False)) is not None:
            found.append(text)
        if not found and (text := self.spans.likely(name, {})) is not None:
            found = listed(text)
        if found:
            self.values[name] = found
            self.explained += found


def _takes_text(schema: Mapping[str, Any]) -> bool:
    kinds = _types(schema)
    return (not kinds or "string" in kinds) and not choices_of(schema)


_LANGUAGES = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "zh": "chinese",
    "ja": "japanese",
    "pt": "portuguese",
    "nl": "dutch",
    "ru": "russian",
    "ko": "korean",
    "ar": "arabic",
}


def _types(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type")
    found: set[str] = {kind} if isinstance(kind, str) else {str(one) for one in kind or ()}
    for key in ("anyOf", "oneOf"):
        for part in schema.get(key) or ():
            if isinstance(part, Mapping):
                found |= _types(part)
    return found - {"null"}


def arguments_of(words: str, tool: ToolText) -> Arguments:
    """What words give of a tool's arguments.

    Args:
        words: What a person says.
        tool: With its schema.
    """
    return _Filling(words, tool).fill()
