"""Words that take back what was said before them."""

from fractions import Fraction

import pytest

from sensebind.agent.grounding.names import things, wanted
from sensebind.agent.grounding.quantities import quantities
from sensebind.agent.grounding.repairs import takes_back
from sensebind.agent.reader.segments import pieces_of

TAKEN_BACK = [
    ("set the thermostat to 20, no wait, 22 degrees", 22),
    ("Set the heating to 19 degrees. No, 21.", 21),
    ("turn left 30 degrees, I mean 45", 45),
    ("set it to 25 – correction: 24 degrees", 24),
    ("Turn 45 degrees to the left... wait, 50", 50),
    ("drive back 30 cm, or rather 40 cm", 40),
    ("恒温器调到20度，不，22度", 22),
    ("左转30度，不对，45度", 45),
    ("前进1米，不是，2米", 2),
    ("把温度调到18，哦不，19度", 19),
]


@pytest.mark.parametrize(("words", "meant"), TAKEN_BACK)
def test_the_number_that_was_meant_is_the_last_and_the_words_stay_together(
    words: str, meant: int
) -> None:
    assert takes_back(words)
    assert [one.value for one in quantities(words)[0]] == [Fraction(meant)]
    assert pieces_of(words) == [words]


@pytest.mark.parametrize(
    "words",
    [
        "close the door, I mean open it",
        "turn on the lamp, no, the radio",
        "switch the fan on, sorry, off",
        "开灯，不对，开收音机",
    ],
)
def test_things_and_actions_are_taken_back_too(words: str) -> None:
    assert takes_back(words) and pieces_of(words) == [words]


@pytest.mark.parametrize(
    "words",
    [
        "no, turn on the lamp",
        "Actually, turn on the lamp",
        "turn on the lamp, not the fan",
        "开灯，不要开门",
        "先左转90度，再前进1米",
        "turn on the lamp and the radio",
    ],
)
def test_what_takes_nothing_back_is_left_as_it_is(words: str) -> None:
    assert not takes_back(words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("go to the ball, I mean the chair", ("chair",)),
        ("drive to the cup... no, wait, to the ball", ("ball",)),
        ("到球那里去，不对，到椅子那里去", ("chair",)),
        ("go to the ball, sorry to bother you", ("ball",)),
        ("to the ball but not to the chair", ("ball",)),
    ],
)
def test_a_thing_that_is_taken_back_is_not_wanted(words: str, named: tuple[str, ...]) -> None:
    assert things(wanted(words)) == named


def test_a_number_follows_a_chinese_comma() -> None:
    said, _ = quantities("好的，22度")
    assert [one.value for one in said] == [22]
    said, _ = quantities("1,000 metres")
    assert [one.value for one in said] == [1000]
