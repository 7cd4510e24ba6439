"""Numerals in words and digits, English and Chinese, held against how they are written."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.agent.grounding.numerals import normal, numerals

_BELOW_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
_ONES = (*_BELOW_TEN, *_TEENS, "eighteen", "nineteen")
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def english(value: int) -> str:
    if value < 20:
        return _ONES[value]
    if value < 100:
        rest = value % 10
        return _TENS[value // 10] + (f"-{_ONES[rest]}" if rest else "")
    if value < 1000:
        rest = value % 100
        return f"{_ONES[value // 100]} hundred" + (f" and {english(rest)}" if rest else "")
    rest = value % 1000
    return f"{english(value // 1000)} thousand" + (f" {english(rest)}" if rest else "")


def chinese(value: int) -> str:
    """As the numbers are read aloud: 105 is 一百零五, 110 is 一百一十."""
    digits = "零一二三四五六七八九"
    if value == 0:
        return digits[0]
    said, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // scale % 10
        if digit:
            said += ("零" if gap and said else "") + digits[digit] + name
            gap = False
        else:
            gap = True
    return said.removeprefix("一") if 10 <= value < 20 else said


def values(text: str) -> list[Fraction]:
    return [one.value for one in numerals(normal(text))]


@given(st.integers(0, 9999))
def test_english_words(value: int) -> None:
    assert values(english(value)) == [value]
    assert values(f"take {english(value)} of them") == [value]


@given(st.integers(0, 9999))
def test_chinese_words(value: int) -> None:
    assert values(chinese(value)) == [value]


@given(st.integers(0, 999), st.text("0123456789", min_size=1, max_size=4))
def test_decimals(whole: int, after: str) -> None:
    expected = [Fraction(f"{whole}.{after}")]
    spoken = " ".join(_ONES[int(digit)] for digit in after)
    assert values(f"{whole}.{after}") == expected
    assert values(f"{english(whole)} point {spoken}") == expected
    assert values(
        f"{chinese(whole)}点{''.join('零一二三四五六七八九'[int(d)] for d in after)}"
    ) == (expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,000", [1000]),
        ("1,5", [Fraction(3, 2)]),
        ("1 1/2", [Fraction(3, 2)]),
        ("1½", [Fraction(3, 2)]),
        ("¾", [Fraction(3, 4)]),
        ("three quarters", [Fraction(3, 4)]),
        ("two and two thirds", [Fraction(8, 3)]),
        ("a hundred and twenty", [120]),
        ("one eighty", [180]),
        ("一百二", [120]),
        ("两千五", [2500]),
        ("三万", [30_000]),
        ("一万零五十", [10_050]),
        ("二零二六", [2026]),
        ("５", [5]),
        ("零点六", [Fraction(3, 5)]),
        ("三分之二", [Fraction(2, 3)]),
        ("百分之二十五", [Fraction(1, 4)]),
        ("the third lamp", []),
        ("to the point", []),
        ("someone, anyone, lone wolf", []),
    ],
)
def test_forms(text: str, expected: list[Fraction]) -> None:
    assert values(text) == expected
