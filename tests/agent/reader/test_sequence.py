"""Words that say in which order two things are done."""

import pytest

from sensebind.agent.reader.sequence import ordered, plain_order

VERBS = frozenset(("turn", "close", "open", "drive", "go", "shut", "move", "spin"))


def ways(words: str) -> list[tuple[str, str]]:
    return [(one.first, one.second) for one in ordered(words, VERBS.__contains__)]


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        ("Dim the lamp before you open the hatch.", "Dim the lamp", "open the hatch"),
        ("before closing the hatch, start the pump", "start the pump", "close the hatch"),
        ("After driving back a metre, turn left.", "drive back a metre", "turn left"),
        ("turn left after you have shut the hatch", "shut the hatch", "turn left"),
        ("Once you've moved to the ball, spin round", "move to the ball", "spin round"),
        ("shut the hatch as soon as you have gone back", "go back", "shut the hatch"),
        ("后退一米之前先关灯。", "关灯", "后退一米"),
        ("关好门以后打开收音机", "关好门", "打开收音机"),
        ("等你关好门再开灯", "关好门", "开灯"),
        ("开门，不过先关灯", "关灯", "开门"),
    ],
)
def test_what_is_done_first_stands_first(words: str, first: str, second: str) -> None:
    assert (first, second) in ways(words)


@pytest.mark.parametrize(
    "words",
    [
        "turn on the lamp before I leave",
        "turn on the lamp when it gets dark",
        "when you hear the dog, open the hatch",
        "always close the hatch before you turn on the fan",
        'the sign says "close the hatch before you leave"',
        "每次开门之前都要先关灯",
        "turn on the lamp and open the hatch",
        "往后退一米",
        "",
    ],
)
def test_what_somebody_else_does_or_is_done_at_other_times_is_not_moved(words: str) -> None:
    assert ways(words) == []


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (
            "Go to the chair and turn on the lamp once you are there.",
            "Go to the chair and turn on the lamp.",
        ),
        ("Turn around, and when you're done, tell me", "Turn around, and then tell me"),
        ("走到球那里，到了以后打开灯", "走到球那里，然后打开灯"),
        ("Turn the lamp off when you're done", "Turn the lamp off when you're done"),
        ("Once you are there, turn on the lamp", "Once you are there, turn on the lamp"),
    ],
)
def test_when_you_are_there_is_then(words: str, plain: str) -> None:
    assert plain_order(words) == plain


def test_two_orders_in_one_sentence() -> None:
    [english] = ordered("Close the hatch before you turn left", VERBS.__contains__)
    assert english.joined() == "Close the hatch, then turn left"
    [chinese] = ordered("左转之前先关门", VERBS.__contains__)
    assert chinese.joined() == "关门，然后左转"
