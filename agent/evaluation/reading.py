"""Reads what an answer says: which kinds, colours and numbers, in English or Chinese."""

import re
from dataclasses import dataclass
from functools import cache

from sensebind.agent.corpus import chinese, english
from sensebind.agent.corpus.phrasing import number_zh, plural
from sensebind.perception.simhome.catalog import COLORS, KINDS

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def is_chinese(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return _CHINESE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says.

    Attributes:
        named: (kind, colour) of things named with their colour, in order.
        kinds: Kinds named, in order.
        colors: Colours named, in order.
        nothing: Whether it says that there is nothing.
    """

    named: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    colors: tuple[str, ...]
    nothing: bool


@cache
def _kind_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for kind in KINDS:
        names = {kind, *english.NOUNS[kind]}
        words |= dict.fromkeys(names | {plural(name) for name in names}, kind)
        words |= dict.fromkeys(chinese.NOUNS[kind], kind)
    words |= {kind: kind for kind in KINDS} | {plural(kind): kind for kind in KINDS}
    return words


@cache
def _color_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for color in COLORS:
        words |= dict.fromkeys(english.COLOR_NAMES[color], color)
        words |= dict.fromkeys(chinese.COLOR_NAMES[color], color)
    return words | {color: color for color in COLORS}


@cache
def _pattern(words: tuple[str, ...]) -> str:
    """Matches the longest of the words; Latin ones as whole words only."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(rf"\b{re.escape(w)}\b" if w.isascii() else re.escape(w) for w in ordered)


def kinds_in(text: str) -> tuple[str, ...]:
    """Returns the kinds that a text names, by any of their names, in order."""
    words = _kind_words()
    found = re.findall(_pattern(tuple(words)), text.lower())
    return tuple(words[word] for word in found)


def read(text: str) -> Said:
    """Reads an answer."""
    low = text.lower()
    kinds, colors = _kind_words(), _color_words()
    kind, color = _pattern(tuple(kinds)), _pattern(tuple(colors))
    named = re.findall(rf"({color})(?:的| )({kind})", low)
    return Said(
        tuple((kinds[k], colors[c]) for c, k in named),
        kinds_in(text),
        tuple(colors[c] for c in re.findall(color, low)),
        "nothing" in low or "什么也没" in text,
    )


def numbers_in(text: str) -> tuple[int, ...]:
    """Returns the whole numbers in a text, as digits or in words, in order."""
    chinese_numbers = {number_zh(value): value for value in range(100)} | {"两": 2}
    latin = {word: value for value, word in enumerate(english.NUMBER_WORDS)}
    latin |= {word.replace("-", " "): value for word, value in latin.items()} | {"no": 0}
    table = {**latin, **(chinese_numbers if is_chinese(text) else {})}
    found = re.findall(rf"\d+|{_pattern(tuple(table))}", text.lower())
    return tuple(int(one) if one.isdigit() else table[one] for one in found)
