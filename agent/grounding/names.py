"""Names that a person's words or a structured result hold, for the texts of an acting call.

A thing's name is found by any of the names that the corpus has for it, in both languages, and with
one slip of the keyboard in it; other texts word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sensebind.agent.corpus import chinese, english
from sensebind.agent.corpus.phrasing import plural
from sensebind.agent.grounding.numerals import normal
from sensebind.agent.grounding.repairs import after_taking_back
from sensebind.perception.simhome.catalog import KINDS

MAX_PIECES = 400
"""Pieces of the words that a text may be, of all lengths together."""
_LONGEST = 8  # words of a piece, or Chinese characters
_LEAST_SLIP = 4  # letters of a name in which a slip is looked for
_TOKEN = re.compile(r"[a-z0-9][\w'.@:/+-]*[\w]|[a-z0-9]|[\u4e00-\u9fff]", re.I)


@cache
def _kinds() -> dict[str, str]:
    """Every name of a kind, in small letters, to the kind."""
    known: dict[str, str] = {}
    for kind in KINDS:
        names = {kind, *english.NOUNS[kind]}
        known |= dict.fromkeys({*names, *map(plural, names), *chinese.NOUNS[kind]}, kind)
    return known | {kind: kind for kind in KINDS} | {plural(kind): kind for kind in KINDS}


def things(words: str) -> tuple[str, ...]:
    """Returns the kinds of things that words name, in order, each once.

    Args:
        words: As they were said.
    """
    return tuple(dict.fromkeys(kind for _, _, kind in _named(words)))


def with_another(words: str, kind: str, other: str) -> str:
    """Returns words with another name in the places of a thing's.

    Args:
        words: As they were said.
        kind: Of the thing, as `things` finds it.
        other: What stands there instead, of which there may be several.
    """
    text = normal(words)
    for start, end, found in reversed(_named(words)):
        if found == kind:
            several = other.isascii() and text[start:end].endswith("s")
            text = text[:start] + other + "s" * several + text[end:]
    return text


def _named(words: str) -> list[tuple[int, int, str]]:
    """Where words name things: start, end and kind, in order."""
    text = normal(words)
    found: list[tuple[int, int, str]] = []
    for name, kind in _kinds().items():
        pattern = rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name)
        found += [(one.start(), one.end(), kind) for one in re.finditer(pattern, text)]
    if not found:
        found = list(_slipped(text))
    # The longest name at a place counts: a "toy car" is one thing.
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda one: (one[0] - one[1], one[0])):
        if not any(start < other and begin < end for begin, other, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def _slipped(text: str) -> Iterator[tuple[int, int, str]]:
    for word in re.finditer(r"[a-z]{3,}", text):
        for name, kind in _kinds().items():
            if not name.isascii() or len(name) < _LEAST_SLIP or not one_slip(word[0], name):
                continue
            # "call" and "all" are words of their own, and no "ball"
            if len(name) > _LEAST_SLIP or (word[0][0] == name[0] and not _wrong(word[0], name)):
                yield word.start(), word.end(), kind


def one_slip(typed: str, meant: str) -> bool:
    """Whether a word is another with one letter missed, doubled, swapped or wrong.

    Args:
        typed: As it was typed.
        meant: As it is spelled.
    """
    if typed == meant:
        return True
    if abs(len(typed) - len(meant)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), None)
    if at is None:
        return True  # the last letter is missing, or one too many
    return (
        typed[at + 1 :] == meant[at + 1 :]
        or typed[at:] == meant[at + 1 :]
        or typed[at + 1 :] == meant[at:]
        or (typed[at : at + 2] == meant[at : at + 2][::-1] and typed[at + 2 :] == meant[at + 2 :])
    )


def _wrong(typed: str, meant: str) -> bool:
    """Whether a letter is wrong, and not only missed, doubled or swapped."""
    return len(typed) == len(meant) and sorted(typed) != sorted(meant)


def pieces(words: str) -> tuple[str, ...]:
    """Returns every run of up to eight words (or Chinese characters) of a text, shortest first.

    Args:
        words: As they were said; case and spelling stay.
    """
    found = list(_TOKEN.finditer(words))
    cut: dict[str, None] = {}
    for length in range(1, _LONGEST + 1):
        for first in range(len(found) - length + 1):
            piece = words[found[first].start() : found[first + length - 1].end()]
            if len(cut) >= MAX_PIECES:
                return tuple(cut)
            cut[piece] = None
    return tuple(cut)


def holds(words: str, value: str) -> bool:
    """Whether words hold a text: as it is, by its parts, or by another name of the same thing.

    Args:
        words: What was said, or what a result says.
        value: An argument.
    """
    said, wanted = normal(words), normal(value).strip(" .")
    if not wanted:
        return True
    bare, sought = re.sub(r"\W+", "", said), re.sub(r"\W+", "", wanted)
    if sought and not sought.isascii() and sought in bare:
        return True
    parts = [one for one in re.split(r"[\W_]+", wanted) if one]
    spoken = {_stem(one) for one in re.split(r"[\W_]+", said)}
    if parts and all(_stem(one) in spoken for one in parts):
        return True
    named = things(value)
    return bool(named) and set(named) <= set(things(words))


def _stem(word: str) -> str:
    for end in ("ing", "ed", "es", "s"):
        if len(word) > len(end) + 2 and word.endswith(end):
            return word.removesuffix(end)
    return word


_REJECTED = re.compile(
    r"\b(?:but not|and not|not|don't|do not|dont|never|instead of|rather than|except(?: for)?)\b"
    r"(?:(?!\bbut\b)[^,.;!?])*"
    r"|(?:而不是|不是|别|不要|除了)[^，。；！？,;!?]*",
    re.I,
)


def wanted(words: str) -> str:
    """Returns words without the names that they reject: "to the ball but not to the chair".

    Where words take back what stands before ("to the ball, I mean the chair"), and name something
    afterwards, only that is wanted.

    Args:
        words: As they were said.
    """
    kept = _REJECTED.sub(" ", normal(words))
    last = after_taking_back(kept)
    return last if things(last) else kept


def choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the texts that a schema allows; empty where it allows any.

    Args:
        schema: Of one property.
    """
    values: Sequence[Any] = schema.get("enum") or ()
    if not values and isinstance(schema.get("const"), str):
        values = (schema["const"],)
    return tuple(one for one in values if isinstance(one, str))
