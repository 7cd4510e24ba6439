"""Where words that ask for several things are cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from sensebind.agent.reader.segments import pieces_of, segments_of, stripped


@dataclass
class Read:
    """What a network would say of a text."""

    act: Mapping[str, float] = field(default_factory=dict)
    category: Mapping[str, float] = field(default_factory=dict)
    ask: Mapping[str, float] = field(default_factory=dict)


def network(texts: Sequence[str]) -> list[Read]:
    """Orders name a device, questions ask for a state, and anything else is talk."""
    found = []
    for text in texts:
        low = text.lower()
        act = {
            name: 0.98
            for name, words in {
                "lamp_on": "the lamp",
                "door_open": "open the door",
                "radio_state": "radio is on",
            }.items()
            if words in low
        }
        request = 0.95 if low.startswith("bring") else 0.0
        found.append(Read(act, {"request": request, "question": 0.0}))
    return found


@pytest.mark.parametrize(
    ("words", "clauses"),
    [
        (
            "Turn on the lamp and open the door.",
            ["Turn on the lamp", "open the door"],
        ),
        (
            "First turn on the lamp. Then tell me whether the radio is on?",
            ["turn on the lamp", "tell me whether the radio is on?"],
        ),
        (
            "open the door, bring me some tea and finally turn on the lamp",
            ["open the door", "bring me some tea", "turn on the lamp"],
        ),
        ("turn on the lamp, but nothing else", ["turn on the lamp, but nothing else"]),
        ("when I am gone, turn on the lamp", ["when I am gone, turn on the lamp"]),
    ],
)
def test_what_stands_alone_is_a_clause_of_its_own(words: str, clauses: list[str]) -> None:
    assert [one.text for one in segments_of(words, network)] == clauses


def test_one_clause_is_not_cut() -> None:
    assert segments_of("turn on the lamp", network) == []


@pytest.mark.parametrize(
    ("words", "pieces"),
    [
        ("Drive 1.5 metres, then turn left", ["Drive 1.5 metres", "turn left"]),
        ("it is 1,000 m", ["it is 1,000 m"]),
        ("Is it on? Close the door", ["Is it on?", "Close the door"]),
        ("先开门，然后关灯，最后走一米", ["开门", "关灯", "走一米"]),
        ("去球那里然后告诉我时间", ["去球那里", "告诉我时间"]),
        ("两米，再见", ["两米", "再见"]),
    ],
)
def test_marks_and_conjunctions_cut_but_not_numbers(words: str, pieces: list[str]) -> None:
    assert [stripped(one) for one in pieces_of(words)] == pieces
