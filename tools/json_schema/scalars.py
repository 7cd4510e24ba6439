"""Strings and numbers of a schema, written so that a grammar ends them and stays within them."""

import json
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, gcd, lcm, trunc
from typing import Any

from llguidance import LLMatcher

from sensebind.tools.json_schema.facts import Facts
from sensebind.tools.json_schema.formats import FORMATS, OF_LLGUIDANCE
from sensebind.tools.json_schema.validation import is_number

MAX_STRING = 200  # characters of a string whose schema sets no limit
MAX_INTEGER = 10**9
MAX_NUMBER = 10**6
NUMBER_STEP = Fraction(1, 10**4)  # four decimals at most, or a number could run to the token limit
MAX_MAGNITUDE = 10**15  # beyond it a double has no decimals left
_FINEST = Fraction(1, 10**12)
_FEWEST_STEPS = 100  # values that a range of numbers is divided into at least
_LARGEST_STEP = 1000  # a multiple of more is written out: its automaton has as many states
NOTHING = r"[^\s\S]"
"""A pattern of no text."""
MAX_WORDS = 256  # characters of the words that a pattern leaves out
_MAX_EXCLUDED = 16  # values of `not: {enum}` that are left out one by one


@lru_cache(maxsize=1024)
def _trouble(schema: str) -> str:
    lark = LLMatcher.grammar_from_lark(f"start: %json {schema}")
    return LLMatcher.validate_grammar(lark)


def trouble(schema: dict[str, Any]) -> str:
    """Says why llguidance cannot make a grammar of a schema; empty if it can."""
    return _trouble(json.dumps(schema))


def string_schema(facts: Facts, patterns: bool, later: set[str]) -> dict[str, Any] | None:
    """Returns a schema of strings; None if there are none.

    Args:
        facts: What holds for the string.
        patterns: Keep patterns and formats.
        later: Takes the keywords that the schema does not enforce.
    """
    shortest = facts.min_length
    longest = facts.max_length if facts.max_length is not None else max(MAX_STRING, shortest)
    kept: list[str] = []
    for pattern in dict.fromkeys(facts.patterns):
        if patterns and "Unsatisfiable" in (why := trouble({"type": "string", "pattern": pattern})):
            return None
        if not patterns or why:
            later.add("pattern")
        else:
            kept.append(pattern)
    words = [one for one in facts.excluded if isinstance(one, str)]
    if words and patterns and len(words) <= _MAX_EXCLUDED and can_be_left_out(words):
        kept.append(other_than(words))
    elif words:
        later.add("not")
    if longest < shortest:
        return None
    bounded: dict[str, Any] = {"type": "string", "maxLength": longest}
    if shortest:
        bounded["minLength"] = shortest
    if len(kept) == 1:
        bounded["pattern"] = kept[0]
    elif kept:
        bounded = {"allOf": [bounded, *({"type": "string", "pattern": one} for one in kept)]}
    if kept and trouble(bounded):
        if facts.max_length is not None:
            return None
        del (bounded["allOf"][0] if "allOf" in bounded else bounded)["maxLength"]
        if trouble(bounded):
            return None
    if patterns and len(kept) < 2:
        return _with_format(bounded, facts) or bounded
    return bounded


def _with_format(bounded: dict[str, Any], facts: Facts) -> dict[str, Any] | None:
    """Adds the first format that is known to a schema of strings; None if it does not fit."""
    for name in facts.formats:
        if name in OF_LLGUIDANCE:
            found = {**bounded, "format": name}
            free = "pattern" not in bounded and not facts.min_length and facts.max_length is None
            return found if free or not trouble(found) else None
        if name in FORMATS:
            form = FORMATS[name]
            found = {**bounded, "pattern": form.pattern}
            if facts.max_length is None or facts.max_length >= form.longest:
                del found["maxLength"]  # the pattern ends by itself
            if facts.min_length <= form.shortest:
                found.pop("minLength", None)
            if "pattern" in bounded:
                found = {"allOf": [bounded, {"type": "string", "pattern": form.pattern}]}
            return None if trouble(found) else found
    return None


def can_be_left_out(words: Sequence[str]) -> bool:
    """Whether `other_than` of some words is a pattern that holds for them as JSON.

    A class without a quotation mark or a line break still lets through their escapes in JSON.
    """
    escaped = any(json.dumps(one, ensure_ascii=False) != f'"{one}"' for one in words)
    return not escaped and sum(map(len, words)) <= MAX_WORDS


def other_than(words: Sequence[str], fewest: int = 0, most: int | None = None) -> str:
    """Returns a pattern of all texts but some words, without looking ahead.

    At each letter of a word a text may go on with another letter, and then with anything. A length
    is part of the pattern, and not left out of it afterwards: llguidance 1.9.1 does not see that
    nothing can end a text which has become too long, and lets a model write on.

    Args:
        words: What is left out.
        fewest: Characters of a text, at least.
        most: At most.
    """

    def anything(least: int, at: int) -> str:
        upper = "" if most is None else str(most - at)
        return f"(?s:.){{{max(least, fewest - at)},{upper}}}"

    def tail(rest: Sequence[str], at: int) -> str:
        heads = sorted({one[0] for one in rest if one})
        ways = [] if "" in rest or at < fewest else [""]
        if most is None or at < most:
            if heads:
                other = f"[^{''.join(_in_class(one) for one in heads)}]"
                ways.append(other + anything(0, at + 1))
            else:
                ways.append(anything(1, at))
            for head in heads:
                following = [one[1:] for one in rest if one[:1] == head]
                ways.append(_in_class(head) + tail(following, at + 1))
        return f"(?:{'|'.join(ways)})" if ways else NOTHING

    return f"^{tail(words, 0)}$"


def _in_class(letter: str) -> str:
    plain = letter.isalnum() or not letter.isascii() or not letter.isprintable() or letter == " "
    return letter if plain else "\\" + letter


def number_schemas(facts: Facts, whole: bool, cut: set[str]) -> list[dict[str, Any]]:
    """Returns schemas of numbers, ranges without a gap; none if no number fits.

    Bounds are inclusive and multiples of the step: llguidance 1.9.1 lets an exclusive bound
    through where the other one is less than a unit away. It also refuses 0.2 where the bound is
    0.25, so that what a bound begins with is listed in addition (`_beginnings`).

    Args:
        facts: What holds for the number.
        whole: Integers only.
        cut: Takes a word if a number may exist that this does not write.
    """
    limit = MAX_INTEGER if whole else MAX_NUMBER
    low, high = facts.low, facts.high
    bottom = low[0] if low else min(Fraction(-limit), high[0] - limit if high else Fraction(0))
    top = high[0] if high else max(Fraction(limit), bottom + limit if low else Fraction(0))
    if bottom > top:
        return []
    step = _step(facts.steps, whole)
    if not whole and not facts.steps:
        while step > _FINEST and (top - bottom) / step < _FEWEST_STEPS:
            step /= 10
    first, last = ceil(bottom / step), floor(top / step)
    first += bool(low and low[1] and first * step == bottom)
    last -= bool(high and high[1] and last * step == top)
    if not whole:  # a double holds no more than that exactly
        most = floor(MAX_MAGNITUDE / step)
        if last < -most or first > most:
            cut.add("number")
            return []
        first, last = max(first, -most), min(last, most)
    if first > last and not facts.steps and not whole:
        cut.add("number")
    gaps = sorted(
        {
            int(at)
            for one in facts.excluded
            if is_number(one) and (at := Fraction(str(one)) / step).denominator == 1
        }
    )
    if len(gaps) > _MAX_EXCLUDED:
        cut.add("number")
    if step.numerator > _LARGEST_STEP and step.numerator % 1000:
        middle = min(max(0, first), last)
        near = range(max(first, middle - 32), min(last, middle + 32) + 1)
        chosen = [_plain(at * step) for at in near if at not in gaps]
        return [{"enum": chosen}] if chosen else []
    found = []
    short = set[Fraction]()
    for gap in [*gaps, last + 1]:
        until = min(gap - 1, last)
        if first <= until:
            found.append(_range(first * step, until * step, step, whole))
            short |= set() if whole else _beginnings(first * step, until * step, step)
        first = max(first, gap + 1)
    if short:
        found.append({"enum": [_plain(one) for one in sorted(short)]})
    return found


def _beginnings(low: Fraction, high: Fraction, step: Fraction) -> set[Fraction]:
    """Numbers in a range that a bound begins with: 0.1 and 0.12 for one of 0.125.

    llguidance 1.9.1 takes such a text for the beginning of the bound alone, and asks for more
    digits. Bounds are multiples of a step with as few decimals as it has.
    """
    found = set[Fraction]()
    for bound in (low, high):
        unit = Fraction(1, 10)
        while bound % unit:
            found.add(trunc(bound / unit) * unit)  # towards 0, as digits are left out
            unit /= 10
    return {one for one in found if low <= one <= high and not one % step}


def _step(steps: Sequence[Fraction], whole: bool) -> Fraction:
    if not steps:
        return Fraction(1) if whole else NUMBER_STEP
    numerator = lcm(*(one.numerator for one in steps))
    return Fraction(numerator, 1 if whole else gcd(*(one.denominator for one in steps)))


def _range(low: Fraction, high: Fraction, step: Fraction, whole: bool) -> dict[str, Any]:
    bounded: dict[str, Any] = {
        "type": "integer" if whole else "number",
        "minimum": _plain(low),
        "maximum": _plain(high),
    }
    if not whole or step != 1:
        bounded["multipleOf"] = _plain(step)
    return bounded


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
