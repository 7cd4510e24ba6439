"""Numbers, signs and units in words, before they are spoken."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.agent.voice.written_out import number_words, ordinal_words, written_out


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It is -3 °C.", "It is minus three degrees Celsius."),
        ("It is \N{MINUS SIGN}0.5 m/s.", "It is minus zero point five meters per second."),
        ("0.5 m/s", "zero point five meters per second"),
        ("1 m ahead", "one meter ahead"),
        ("1.0 m ahead", "one point zero meter ahead"),
        ("90° to the left", "ninety degrees to the left"),
        ("at (1.2, -0.4)", "at (one point two, minus zero point four)"),
        ("3-5 minutes", "three to five minutes"),
        ("between 3 and 5 min", "between three and five minutes"),
        ("55% of 1,234", "fifty five percent of one thousand two hundred thirty four"),
        ("14:05", "fourteen oh five"),
        ("at 9:00", "at nine o'clock"),
        ("at 14:05:01", "at fourteen oh five and one second"),
        ("on 2026-11-29", "on November twenty ninth, twenty twenty six"),
        ("the 3rd of 21", "the third of twenty one"),
        ("≥ 2 kg ± 1 g", "at least two kilograms plus or minus one gram"),
        ("lamp_on is done", "lamp on is done"),
        ("version 1.10.2", "version one point ten point two"),
        ("number 007", "number zero zero seven"),
        ("10 km/h and 20 dB", "ten kilometers per hour and twenty decibels"),
        ("well-known words stay", "well-known words stay"),
        ("no units: 5 more", "no units: five more"),
        ("x-1 is not minus", "x-one is not minus"),
        ("温度是-3°C。", "温度是负三摄氏度。"),
        ("走0.5米,再走12 m", "走零点五米,再走十二米"),
        ("现在14:05", "现在十四点零五分"),
        ("百分比:55%", "百分比:百分之五十五"),
    ],
)
def test_a_text_is_written_out(text: str, spoken: str) -> None:
    assert written_out(text) == spoken


@given(st.text(max_size=80))
def test_no_digit_and_no_sign_of_a_number_is_left(text: str) -> None:
    said = written_out(text)
    assert not re.search(r"[0-9°%±≤≥<>=_*]|[-\N{MINUS SIGN}]\s?[0-9]", said)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (110, "one hundred ten"),
        (1001, "one thousand one"),
        (2_000_017, "two million seventeen"),
    ],
)
def test_whole_numbers(number: int, words: str) -> None:
    assert number_words(number) == words


def test_ordinals() -> None:
    said = [ordinal_words(one) for one in (1, 2, 3, 5, 8, 9, 12, 20, 21, 30, 100)]
    assert ", ".join(said) == (
        "first, second, third, fifth, eighth, ninth, twelfth, twentieth, twenty first, thirtieth, "
        "one hundredth"
    )
