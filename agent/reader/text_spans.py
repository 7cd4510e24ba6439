"""Parts of a person's words that may be the text of an argument, and which a parameter means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensebind.agent.reader.tool_words import STOP_WORDS, alike, stem, stems_of, words_of

_QUOTED = re.compile(
    r"[\"“「『《]([^\"”」』》]{1,300})[\"”」』》]|(?<![\w])'([^']{2,300})'(?![\w])"
)
_CODES: tuple[tuple[str, str], ...] = (
    ("url", r"https?://[^\s,;\"”]+|(?:www\.)[^\s,;\"”]+"),
    ("email", r"[\w.+-]+@[\w-]+\.[\w.]*\w"),
    ("date", r"\d{4}-\d{2}-\d{2}(?:T[\d:]+Z?)?"),
    ("time", r"\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]m)?"),
    ("zone", r"[A-Z]\w+/[A-Z]\w+(?:/[A-Z]\w+)?|UTC|GMT"),
    ("path", r"(?:[/~]|\.{1,2}/)[\w./~-]*\w|[\w-]+(?:/[\w.-]+)+|\w+:[\w/.-]+|[\w-]+\.[a-z]{1,5}"),
    ("id", r"#[\w-]+|[A-Za-z]\w*_\w+|\w+\.\w+_\w+|[A-Z]{1,6}-\d[\w-]*|[A-Z][A-Z0-9]*\d[A-Z0-9]*"),
    ("id", r"\+\d{6,15}"),
    ("id", r"(?=[\w-]*\d)[a-zA-Z]\w*(?:-\w+)+"),
    (
        "id",
        r"(?=\w*\d)(?=\w*[a-zA-Z])"
        r"(?!\d+(?:st|nd|rd|th|m|cm|mm|km|kg|g|c|s|h|x|rpm|pm|am)\b)\w{3,}",
    ),
)
_ANY_CODE = (
    r"(?<![\w@/.#:-])(?:"
    + "|".join(f"(?P<k{at}>{one})" for at, (_, one) in enumerate(_CODES))
    + r")(?![\w@])"
)
_CODE = re.compile(_ANY_CODE)
_CODE_ZH = re.compile(_ANY_CODE, re.ASCII)  # no Chinese character belongs to a code next to it
_CHINESE = re.compile(r"[一-鿿]")
_DIGITS = re.compile(r"(?<![\w.:-])\d{3,}(?![\w.:-])")
_DIGITS_ONLY = frozenset(("postcode", "zip", "zipcode", "postal", "pin", "plz"))
_NUMBERED = _DIGITS_ONLY | {"number", "no", "phone"}
"""Words of names of texts that may be digits alone; the first are never plain words."""
_PROPER = re.compile(
    r"(?:[A-Z][\w'’-]*)(?:\s+(?:of|the|de|la|van|von|&)\s+[A-Z][\w'’-]*"
    r"|\s+[A-Z][\w'’-]*|\s+\d+(?=\s|$|[,.?!]))*"
)
_AFTER = re.compile(
    r"\b(?:saying|that says|which says|called|named|titled|entitled|labelled|to say"
    r"|with the (?:text|message|words|title|name|subject)|the (?:text|message|words)"
    r"|(?:tell|inform|notify|remind|let)\b.{1,60}?\b(?:that|know|to))\s+(?:that\s+)?(.+)$|:\s+(.+)$",
    re.I | re.S,
)
_NAMED = re.compile(
    r"\b(?:called|named|titled|entitled|labelled|name it|call it|as)\s+(.+?)"
    r"(?=\s+(?:to|in|on|at|for|from|with|of|and)\s|[,;.!?]|$)",
    re.I,
)
_LEADS: tuple[tuple[str, str], ...] = (
    ("origin source start from departure begin base", r"\bfrom\s+"),
    ("destination target end to arrival recipient", r"\bto\s+"),
    ("query search term keyword pattern topic q question", r"\b(?:for|about|on|query|up)\s+"),
    (
        "city location place address area town region country pier port station site room zone",
        r"\b(?:in|at|for|near|from|of|to|is)\s+",
    ),
    ("date day when time deadline", r"\b(?:on|at|for|by|until)\s+"),
)
_SEARCH = re.compile(
    r"\b(?:google|search|find|look up|look for|show me)\s+(?:me\s+)?"
    r"(?:(?:\w+\s+){0,4}?(?:called|named|about|for|matching)\s+)?",
    re.I,
)
_END = re.compile(
    r"\s+(?:from|to|for|with|in|at|on|by|and|please|saying|until|into|as|of|about|using|via|within"
    r"|near)\s+|[,;!?。，！？；]|\.(?:\s|$)|\s+(?:please|now|again)\b|$",
    re.I,
)
_CLAUSE_END = re.compile(r"[,;!?]|\.(?:\s|$)|\s+please\b|$", re.I)
_AMOUNT = re.compile(r"^\d+(?:\.\d+)?\s+(?=[A-Z])")  # "250 USD"
_ARTICLE = re.compile(r"^(?:the|a|an|my)\s+", re.I)
_BETWEEN = r"(?:\s+(?:is|no\.?|number|called|named|with the name|id|of))*[\s:=#]+"

_KINDS: tuple[tuple[str, str], ...] = (
    ("url", "url uri link href website webpage"),
    ("email", "email mail"),
    ("zone", "timezone tz iana"),
    ("path", "path file files filename folder directory dir repo repository fs"),
    ("message", "text message body content note comment description msg prompt caption"),
    ("search", "query search term keyword keywords q question pattern"),
    ("named", "name title label subject"),
    ("time", "time"),
    ("date", "date day due"),
    (
        "id",
        "id ids channel list card topic entity node ts timestamp code reference serial selector",
    ),
)
_FOLDERS = frozenset(("repo", "repository", "folder", "directory", "dir", "root"))
_TAKES: dict[str, tuple[str, ...]] = {
    "url": ("url",),
    "email": ("email",),
    "zone": ("zone",),
    "path": ("path", "id"),
    "time": ("time",),
    "date": ("date",),
    "id": ("id", "path", "zone"),
    "named": ("id", "path"),
    "free": ("id", "path", "email", "url", "date", "time"),
}


@dataclass(frozen=True, slots=True)
class Code:
    """A part of the words that is written like a code.

    Attributes:
        kind: `url`, `email`, `date`, `time`, `zone`, `path` or `id`.
        text: As it stands there.
        start: Where it begins.
        end: Where it ends.
    """

    kind: str
    text: str
    start: int
    end: int


def kind_of(name: str, schema: Mapping[str, Any]) -> str:
    """What kind of text a parameter is, by its name, or else by its description."""
    keys = words_of(name)
    if len(keys) > 1 and keys[-1] in ("id", "ids"):  # `email_id` is the id of an email
        return "id"
    for kind, words in _KINDS:
        if set(keys) & set(words.split()) and not (kind == "named" and "file" in keys):
            return kind
    described = set(words_of(str(schema.get("description") or ""))[:12])
    for kind, words in _KINDS[:4]:
        if described & set(words.split()):
            return kind
    return "free"


class TextSpans:
    """The words of one turn, and which parts of them are taken.

    Attributes:
        words: What a person says.
        taken: Start and end of each part that an argument has taken, in characters.
        quoted: Start and end of each quotation with its marks, and the text between them.
        codes: Parts that are written like a code, outside of quotations.
    """

    def __init__(self, words: str) -> None:
        """Finds what is quoted and what is a code.

        Args:
            words: What a person says.
        """
        self.words = words
        self.taken: list[tuple[int, int]] = []
        self.quoted = [(m.start(), m.end(), m[1] or m[2]) for m in _QUOTED.finditer(words)]
        self.codes = []
        for match in (_CODE_ZH if _CHINESE.search(words) else _CODE).finditer(words):
            number = next(int(key[1:]) for key, one in match.groupdict().items() if one)
            code = Code(_CODES[number][0], match[0], *match.span())
            if not any(start <= code.start < end for start, end, _ in self.quoted):
                self.codes.append(code)

    def free(self, start: int, end: int) -> bool:
        """Whether no part of a span is taken."""
        return not any(start < stop and begin < end for begin, stop in self.taken)

    def left(self) -> int:
        """How many codes and quoted texts nothing has taken."""
        spans = [(start, end) for start, end, _ in self.quoted]
        spans += [(code.start, code.end) for code in self.codes]
        return sum(self.free(*span) for span in spans)

    def sure(self, name: str, schema: Mapping[str, Any], *, required: bool) -> str | None:
        """The text that stands next to a parameter's name, or is a code of its kind."""
        kind = kind_of(name, schema)
        loose = required and kind not in ("message", "search")
        if (found := self._named_by(name, loose=loose)) is not None:
            return found
        if kind in ("url", "email", "zone", "path", "time", "date"):
            return self._code(_TAKES[kind], rooted=bool(set(words_of(name)) & _FOLDERS))
        if kind == "named" and (match := _NAMED.search(self.words)) is not None:
            return self._take(match.start(1), match[1])
        return None

    def likely(self, name: str, schema: Mapping[str, Any]) -> str | None:
        """The text that a required parameter most likely means, of what is left."""
        kind = kind_of(name, schema)
        if set(words_of(name)) & _DIGITS_ONLY:
            return self._code(("id",)) or self._digits()
        if kind in ("message", "named", "search", "free"):
            for start, end, text in self.quoted:
                if self.free(start, end):
                    self.taken.append((start, end))
                    return text
        if kind == "message" and (match := _AFTER.search(self.words)) is not None:
            at = 1 if match[1] else 2
            return self._take(match.start(at), match[at])
        if (found := self._code(_TAKES.get(kind, ()))) is not None:
            return found
        if set(words_of(name)) & _NUMBERED and (found := self._digits()) is not None:
            return found
        if kind == "search" and (found := self._searched()) is not None:
            return found
        keys = set(words_of(name))
        for row, lead in _LEADS:
            if keys & set(row.split()) or (kind == "search" and row.startswith("query")):
                found = self._after(name, lead, whole=kind == "search")
                if found is not None:
                    return found
        if kind in ("url", "email", "zone", "path", "time"):
            return None
        if (found := self._proper()) is not None:
            return found
        lead = r"\b(?:for|of|about|called|named|to|in|on|at|from|with)\s+"
        return self._after(name, lead, whole=kind == "search")

    def _digits(self) -> str | None:
        """The first digits that nothing has taken."""
        free = (one for one in _DIGITS.finditer(self.words) if self.free(*one.span()))
        found = next(free, None)
        return self._take(found.start(), found[0]) if found is not None else None

    def _searched(self) -> str | None:
        """What is searched for, to the end of the clause: "google the height of Mount Fuji"."""
        match = _SEARCH.search(self.words)
        if match is None:
            return None
        rest = self.words[match.end() :]
        stop = _CLAUSE_END.search(rest)
        return self._take(match.end(), rest[: stop.start()] if stop else rest)

    def _take(self, start: int, text: str) -> str | None:
        kept = text.strip().strip(" ,;.!?。，！？\"“”'")
        span = (start, start + len(text))
        if not kept or not self.free(*span):
            return None
        self.taken.append(span)
        return kept

    def _code(self, kinds: tuple[str, ...], *, rooted: bool = False) -> str | None:
        """The first code of a kind; of paths those from a root first, if a folder is meant."""
        codes = sorted(self.codes, key=lambda one: rooted and one.text[0] not in "/~.")
        for kind in kinds:
            for code in codes:
                if code.kind == kind and self.free(code.start, code.end):
                    self.taken.append((code.start, code.end))
                    return code.text
        return None

    def _named_by(self, name: str, *, loose: bool) -> str | None:
        """What follows a word of a parameter's name: "list abc123", "branch develop"."""
        parts = [one for one in stems_of(name) if len(one) > 2 and one not in ("name", "text")]
        for match in re.finditer(r"[A-Za-z]+", self.words):
            said = stem(match[0].lower())
            if not any(
                alike(said, part) >= 0.95 or (len(said) > 3 and part.startswith(said))
                for part in parts
            ):
                continue
            gap = re.match(_BETWEEN, self.words[match.end() :], re.I)
            if gap is None:
                continue
            at = match.end() + gap.end()
            for start, end, text in self.quoted:
                if start == at and self.free(start, end):
                    self.taken.append((start, end))
                    return text
            for code in self.codes:
                if code.start == at and self.free(code.start, code.end):
                    self.taken.append((code.start, code.end))
                    return code.text
            proper = _PROPER.match(self.words, at)
            word = proper or re.compile(r"[\w-]+").match(self.words, at)
            coded = any(one.kind == "id" and self.free(one.start, one.end) for one in self.codes)
            if coded and proper is None and set(words_of(name)) & (_NUMBERED | {"id", "code"}):
                continue  # "track parcel JD014600": a plain word is no number
            if loose and word is not None and word[0].lower() not in STOP_WORDS:
                return self._take(at, word[0])
        return None

    def _after(self, name: str, lead: str, *, whole: bool) -> str | None:
        """What stands after a lead, up to the next one; a search goes to the end of the clause."""
        for match in re.finditer(lead, self.words, re.I):
            rest = self.words[match.end() :]
            stop = (_CLAUSE_END if whole else _END).search(rest)
            text = rest[: stop.start()] if stop else rest
            cut = _AMOUNT.sub("", _ARTICLE.sub("", text.strip()))
            first, _, more = cut.partition(" ")
            if more and alike(stem(first.lower()), stem(name.lower())) >= 0.9:
                cut = more  # "room B2" is B2 for a parameter that is called `room`
            start = self.words.find(cut, match.end()) if cut else -1
            if start >= 0 and (stems_of(cut) or re.search(r"\d", cut)):
                found = self._take(start, cut)
                if found is not None:
                    return found
        return None

    def _proper(self) -> str | None:
        """A name with capitals that nothing has taken yet."""
        first = re.match(r"\s*\S+", self.words)
        for match in _PROPER.finditer(self.words):
            text, start = match[0], match.start()
            if first and start <= first.start():  # the first word has a capital anyway
                text = text.partition(" ")[2]
                start = match.end() - len(text)
            text = _AMOUNT.sub("", text)
            start = match.end() - len(text)
            if text and text != "I" and self.free(start, match.end()):
                return self._take(start, text)
        return None


def listed(text: str) -> list[str]:
    """The items of a text that lists several."""
    return [one.strip() for one in re.split(r",|\band\b|、|和", text) if one.strip()]
