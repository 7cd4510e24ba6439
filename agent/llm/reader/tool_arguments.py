"""Arguments of a call, taken from a person's words as the tool's schema asks for them.

Nothing is made up: a choice must be named, a number must stand in the words in a unit that fits, a
text is a part of the words. What is optional is left out unless the words speak of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sensebind.agent.grounding.numerals import normal, numerals
from sensebind.agent.grounding.parameters import Parameter, admitted, as_json
from sensebind.agent.grounding.quantities import Clause, Quantity, quantities
from sensebind.agent.llm.reader.tool_matcher import ToolText, choices_of
from sensebind.agent.llm.reader.tool_words import alike, stem, stems_of, words_of

_QUOTED = re.compile(
    r"[\"“「『《]([^\"”」』》]{1,300})[\"”」』》]|(?<![\w])'([^']{2,300})'(?![\w])"
)
_CODE = re.compile(
    r"(?<![\w@./-])(?:"
    r"https?://\S+|[\w.+-]+@[\w-]+\.[\w.]+"  # addresses
    r"|(?:[/~]|\./)[\w./~-]+|[\w-]+(?:/[\w.-]+)+|\w+\.\w{2,4}(?![\w])"  # paths and files
    r"|\d{4}-\d{2}-\d{2}(?:T[\d:]+Z?)?|\d{1,2}:\d{2}(?::\d{2})?"  # dates and times
    r"|[A-Z]{1,5}-?\d+[\w-]*|[A-Z][A-Z0-9]{1,}(?:[_-][A-Z0-9]+)*|\w+_\w+|[0-9a-f]{7,40}|#\w+"
    r")(?![\w])"
)
_PROPER = re.compile(
    r"(?:[A-Z][\w'’-]*)(?:\s+(?:of|the|de|la|van|von|and|&)\s+[A-Z][\w'’-]*"
    r"|\s+[A-Z][\w'’-]*|\s+\d+(?=\s|$|[,.?!]))*"
)
_AFTER = re.compile(
    r"\b(?:saying|that says|which says|called|named|titled|entitled|labelled|reading|to say"
    r"|with the (?:text|message|words|title|name|subject)|the (?:text|message|words)"
    r"|tell(?:ing)? (?:him|her|them|everyone))\s+(?:that\s+)?(.+)$|:\s*(.+)$",
    re.I | re.S,
)
# Words of a parameter's name, and what its value follows in a sentence.
_LEADS: tuple[tuple[str, str], ...] = (
    ("origin source start from departure begin base", r"\b(?:from)\s+"),
    ("destination target end to arrival recipient", r"\b(?:to)\s+"),
    (
        "query search term terms keyword keywords pattern topic text q question",
        r"\b(?:for|about|on|of)\s+",
    ),
    (
        "city location place address area town region country pier port station site room zone",
        r"\b(?:in|at|for|near|from|of|to)\s+",
    ),
    ("name title label subject", r"\b(?:called|named|titled|of|for|about|with)\s+"),
    ("date day when time deadline", r"\b(?:on|at|for|by|until)\s+"),
    ("url link page website site uri", r"\b(?:to|open|at)\s+"),
)
_END = re.compile(
    r"\s+(?:from|to|for|with|in|at|on|by|and|please|saying|until|into|as|of|about|using|via|within"
    r"|near)\s+|[,;!?。，！？；]|\.(?:\s|$)|\s+please\b|$",
    re.I,
)
_TRUE = re.compile(
    r"\b(?:on|true|yes|enabled?|activate|with|start|open|including)\b|打开|开启|开", re.I
)
_FALSE = re.compile(
    r"\b(?:off|false|no|not|disabled?|deactivate|without|stop|close|never)\b|关", re.I
)
_MESSAGE = frozenset(
    [
        "text",
        "message",
        "body",
        "content",
        "note",
        "comment",
        "description",
        "msg",
        "words",
        "prompt",
    ]
)
_SEARCHED = frozenset(["query", "search", "term", "keyword", "topic", "text", "q", "question"])
_ANY_LEAD = re.compile(r"\b(?:for|of|about|called|named|to|in|on|at|from)\s+")
_ARTICLE = re.compile(r"^(?:the|a|an|my)\s+")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a schema's arguments are, by words.

    Attributes:
        values: By name.
        missing: Names of required ones that the words do not give.
        explained: Parts of the words that are values.
    """

    values: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()


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
        self.spans: list[tuple[int, int]] = []
        self.quoted = [
            (one.start(), one.end(), one[1] or one[2]) for one in _QUOTED.finditer(words)
        ]
        self.stems = stems_of(words)

    def fill(self) -> Arguments:
        order = sorted(self.properties, key=lambda name: name not in self.required)
        for kind in (self._choice, self._boolean):
            for name in order:
                if name not in self.values:
                    kind(name, self.properties[name])
        self._numbers(order)
        for name in order:
            if name not in self.values and name in self.required:
                self._text(name, self.properties[name])
        for name in order:
            if name not in self.values and name not in self.required:
                self._optional_text(name, self.properties[name])
        missing = tuple(name for name in order if name in self.required and name not in self.values)
        return Arguments(self.values, missing, tuple(self.explained))

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

    # --- numbers --------------------------------------------------------------------------------

    def _numbers(self, order: Sequence[str]) -> None:
        said, clauses = quantities(self.words)
        free = list(said)
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
                        break
        self._bare_numbers(wanted, {(one.start, one.end) for one in said if one not in free})

    def _bare_numbers(
        self, wanted: Sequence[tuple[str, Parameter]], used: set[tuple[int, int]]
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
                break

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
                and parameter.unit.dimension == one.unit.dimension
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
            return
        if kinds and "string" not in kinds:
            return
        if choices_of(schema):
            return
        if (found := self._span(name, schema)) is not None:
            self._take(name, found)

    def _optional_text(self, name: str, schema: Mapping[str, Any]) -> None:
        kinds = _types(schema)
        if "string" not in kinds or choices_of(schema):
            return
        parts = [part for part in stems_of(name) if len(part) > 2]
        for part in parts:
            for match in re.finditer(r"[A-Za-z]+", self.words):
                if alike(stem(match[0].lower()), part) >= 0.9:
                    rest = self.words[match.end() :]
                    code = _QUOTED.search(rest) or _CODE.search(rest)
                    if code and code.start() < 12:
                        value = next((one for one in code.groups() if one), code[0])
                        self._take(name, value)
                        return

    def _take(self, name: str, text: str) -> None:
        text = text.strip().strip(" ,;.!?。，！？\"“”'")
        if text:
            self.values[name] = text
            self.explained.append(text)

    def _free(self, start: int, end: int) -> bool:
        return not any(start < stop and begin < end for begin, stop in self.spans)

    def _span(self, name: str, schema: Mapping[str, Any]) -> str | None:
        """The part of the words that a text parameter means; None where there is none."""
        keys = set(words_of(name))
        hints = keys | set(words_of(str(schema.get("description", ""))))
        for start, end, text in self.quoted:
            if self._free(start, end):
                self.spans.append((start, end))
                return text
        codes = [
            one
            for one in _CODE.finditer(self.words)
            if one[0] not in self.explained and self._free(*one.span())
        ]
        if hints & {"email", "address", "recipient", "to"} and (
            address := next((one for one in codes if "@" in one[0]), None)
        ):
            self.spans.append(address.span())
            return address[0]
        if keys & _MESSAGE and (match := _AFTER.search(self.words)):
            self.spans.append(match.span())
            return match[1] or match[2]
        for row, lead in _LEADS:
            if keys & set(row.split()) and (text := self._after(name, lead, keys)) is not None:
                return text
        for one in codes:
            if not one[0].isdigit() or "time" in hints:
                self.spans.append(one.span())
                return one[0]
        if (text := self._proper()) is not None:
            return text
        return self._after(name, _ANY_LEAD.pattern, set())

    def _after(self, name: str, lead: str, keys: Set[str]) -> str | None:
        """What stands after a lead, up to the next one; a search goes to the end of the clause."""
        for match in re.finditer(lead, self.words, re.I):
            rest = self.words[match.end() :]
            whole = bool(keys & _SEARCHED)
            stop = (
                re.search(r"[,;!?]|\.(?:\s|$)|\s+please\b|$", rest) if whole else _END.search(rest)
            )
            text = _ARTICLE.sub("", (rest[: stop.start()] if stop else rest).strip())
            text = self._without_name(name, text)
            span = (match.end(), match.end() + len(text))
            if text and self._free(*span) and not _trivial(text):
                self.spans.append(span)
                return text
        return None

    def _proper(self) -> str | None:
        """A name with capitals that nothing has taken yet."""
        first = re.match(r"\s*\S+", self.words)
        for match in _PROPER.finditer(self.words):
            text, start = match[0], match.start()
            if first and start <= first.start():  # the first word has a capital anyway
                text = text.partition(" ")[2]
                start = match.end() - len(text)
            if not text or text == "I" or text in self.explained:
                continue
            if self._free(start, match.end()):
                self.spans.append((start, match.end()))
                return text
        return None

    @staticmethod
    def _without_name(name: str, text: str) -> str:
        """ "Room B2" is B2 for a parameter that is called `room`."""
        first, _, rest = text.partition(" ")
        return rest if rest and alike(stem(first.lower()), stem(name.lower())) >= 0.9 else text

    def _array(self, name: str, schema: Mapping[str, Any]) -> None:
        items = schema.get("items")
        kinds = _types(items) if isinstance(items, Mapping) else set()
        if kinds & {"number", "integer"}:
            said, _ = quantities(self.words)
            if said:
                self.values[name] = [as_json(one.value) for one in said]
            return
        if texts := [text for start, end, text in self.quoted if self._free(start, end)]:
            self.values[name] = texts
            self.explained += texts
            return
        codes = [one[0] for one in _CODE.finditer(self.words) if one[0] not in self.explained]
        if codes:
            self.values[name] = codes
            self.explained += codes
            return
        if (found := self._span(name, {"description": ""})) is not None:
            parts = [one.strip() for one in re.split(r",|\band\b|、|和", found) if one.strip()]
            self.values[name] = parts
            self.explained += parts


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


def _trivial(text: str) -> bool:
    return not stems_of(text) and not re.search(r"\d", text)


def _types(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type")
    found = {kind} if isinstance(kind, str) else set(kind or ())
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
