"""Which of a user's own tools words may mean: a retriever over names, descriptions and parameters.

A tool's score is the share of the words that the tool accounts for, with the share of its name that
the words account for. BM25 alone ranks tools, but says nothing of whether one fits at all: its
scores depend on how many tools there are. Descriptions and words must be in one language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sensebind.agent.reader.tool_words import (
    WAYS,
    alike,
    opposed,
    stems_of,
    words_of,
)

_ALIKE = 0.45  # trigrams that two words must share at least
_NAME, _HEAD, _REST, _PARAMETER = 1.0, 0.9, 0.55, 0.8
_COVERED, _NAMED = 0.6, 0.4  # weights of the two shares
_OPPOSED = 0.3  # of a score, where words name the other direction
_CHANGED = 0.5  # of a score, where words ask something and the tool changes something
_DIRECTIONS = frozenset(one for ways in WAYS for side in ways for one in side)
_CHANGES = _DIRECTIONS | frozenset(
    [
        "set",
        "change",
        "create",
        "add",
        "delete",
        "remove",
        "update",
        "write",
        "send",
        "move",
        "register",
        "book",
        "cancel",
        "post",
        "edit",
        "rename",
        "insert",
        "clear",
        "reset",
        "drop",
        "assign",
        "mark",
        "complete",
        "publish",
        "order",
    ]
)
_GENERIC = frozenset(stems_of("state value request action command item data object resource"))
_TELLS = frozenset({"get", "show", "list", "read", "report", "status", "is", "how", "whether"})
_ASKS = re.compile(
    r"^\W*(?:what|how|when|where|which|who|whose|why|is|are|was|were|does|did|has|have|any)\b"
    r"|[吗呢]\W*$|多少|什么|几",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ToolText:
    """A tool as the retriever knows it.

    Attributes:
        name: Of the tool.
        fields: Stems with the weight of the best place that they stand in.
        named: Stems of its name.
        raw: Words of its name and of the first sentence of its description.
        parameters: Its JSON schema.
    """

    name: str
    fields: Mapping[str, float]
    named: tuple[str, ...]
    raw: frozenset[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, description: str, parameters: Mapping[str, Any]) -> ToolText:
        """Reads what a tool says of itself.

        Args:
            name: Of the tool.
            description: Its description.
            parameters: JSON schema of its arguments.
        """
        head, _, rest = description.strip().partition("\n")
        first, _, more = head.partition(". ")
        fields: dict[str, float] = {}

        def note(text: str, weight: float) -> None:
            for one in stems_of(text):
                fields[one] = max(fields.get(one, 0.0), weight)

        note(name, _NAME)
        note(first, _HEAD)
        note(f"{more} {rest}"[:2000], _REST)
        properties = parameters.get("properties")
        for key, value in properties.items() if isinstance(properties, Mapping) else ():
            note(str(key), _PARAMETER)
            if isinstance(value, Mapping):
                note(str(value.get("description", ""))[:500], _REST)
                for one in choices_of(value):
                    note(str(one), _PARAMETER)
        raw = frozenset((*words_of(name), *words_of(first)))
        return cls(name, fields, tuple(dict.fromkeys(stems_of(name))), raw, parameters)


def choices_of(schema: Mapping[str, Any]) -> list[Any]:
    """Values of an `enum` or `const`, also of one of several types."""
    found = list(schema.get("enum") or ())
    if "const" in schema:
        found.append(schema["const"])
    for key in ("anyOf", "oneOf"):
        for part in schema.get(key) or ():
            if isinstance(part, Mapping):
                found += choices_of(part)
    return found


@dataclass(frozen=True, slots=True)
class Match:
    """A tool that words may mean.

    Attributes:
        tool: As the retriever knows it.
        score: 0 to 1.
        covered: Share of the words that it accounts for.
        named: Share of its name that the words account for.
    """

    tool: ToolText
    score: float
    covered: float
    named: float


class ToolMatcher:
    """Ranks tools by words."""

    def __init__(self, tools: Sequence[ToolText]) -> None:
        """Counts in how many tools each stem stands.

        Args:
            tools: What can be called.
        """
        self._tools = tuple(tools)
        # a word that begins all names ("git_…") names none of them
        firsts = {one.named[0] if len(one.named) > 1 else "" for one in tools}
        self._common = firsts if len(firsts) == 1 and len(tools) > 1 else set[str]()
        counts: dict[str, int] = {}
        for tool in tools:
            for one in tool.fields:
                counts[one] = counts.get(one, 0) + 1
        # inverse document frequency as in BM25 (Robertson and Zaragoza, 2009), from 0.5 to 1
        total = len(tools)
        self._weight = (
            {
                one: 0.5
                + 0.5
                * math.log(1 + (total - count + 0.5) / (count + 0.5))
                / math.log(1 + total / 0.75)
                for one, count in counts.items()
            }
            if total
            else {}
        )

    def rank(self, words: str, explained: Sequence[str] = ()) -> list[Match]:
        """All tools, the best first.

        Args:
            words: What a person says.
            explained: Parts of the words that are values of arguments, and mean no tool.
        """
        found = [self.match(tool, words, explained) for tool in self._tools]
        return sorted(found, key=lambda one: -one.score)

    def match(
        self,
        tool: ToolText,
        words: str,
        explained: Sequence[str] = (),
        filled: Sequence[str] = (),
    ) -> Match:
        """How well one tool fits; see `rank`.

        Args:
            tool: As the retriever knows it.
            words: What a person says; of alternatives ("turn|rotate") one is meant.
            explained: Parts of the words that are values of arguments.
            filled: Names of arguments that the words surely give.
        """
        for part in explained:
            words = words.replace(part, " ")
        raw = words_of(words)
        groups = list(dict.fromkeys(tuple(stems_of(one)) for one in words.split() if stems_of(one)))
        said = list(dict.fromkeys(one for group in groups for one in group))
        whole = got = 0.0
        for group in groups:
            best, source = 0.0, ""
            for one in group:
                for other, place in tool.fields.items():
                    share = alike(one, other)
                    if share >= _ALIKE and share * place > best:
                        best, source = share * place, other
            weight = self._weight.get(source, 1.0) if source else 1.0
            whole += weight
            got += weight * best
        named_words = set(words_of(tool.name))
        ways = named_words & _DIRECTIONS
        shared = ways & set(raw)
        whole, got = whole + len(shared), got + len(shared)
        covered = got / whole if whole else 0.0
        given = stems_of(" ".join(filled))
        parts = [part for part in tool.named if part not in self._common]
        parts = [part for part in parts if part not in _GENERIC] or parts
        named = [
            1.0
            if part in given
            else max((share for one in said if (share := alike(one, part)) >= _ALIKE), default=0.0)
            for part in parts
        ]
        if ways - set(stems_of(tool.name)):  # "off" is no stem, and yet says what the tool does
            named.append(1.0 if shared or _one_way(raw, ways) else 0.0)
        name_share = sum(named) / len(named) if named else 0.0
        score = _COVERED * covered + _NAMED * name_share
        if opposed(raw, named_words):
            score *= _OPPOSED
        if asks(words) and named_words & _CHANGES and not tool.raw & _TELLS:
            score *= _CHANGED
        return Match(tool, score, covered, name_share)


def asks(words: str) -> bool:
    """Whether words are put as a question for something to be known, and not as a request.

    Args:
        words: What a person says.
    """
    return _ASKS.search(words) is not None


def _one_way(said: Sequence[str], named: Set[str]) -> bool:
    """Whether words say the direction of a name in another word: "stop" and `pump_off`."""
    return any(set(said) & side and named & side for ways in WAYS for side in ways)
