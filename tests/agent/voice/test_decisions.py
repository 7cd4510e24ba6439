"""Voice approves nothing that moves, and nothing that is not listed; refusals approve nothing."""

from itertools import product
from typing import Any

import pytest

from sensebind.agent.approval.requests import Request
from sensebind.agent.voice.decisions import QUIET_SECONDS, decision_of, question_of
from sensebind.agent.voice.phrases import Phrases

DOOR = Request("door_open", {}, id="d1")
LAMP = Request("lamp_on", {}, id="l1")
DRIVE = Request("drive", {"metres": 1.0}, id="m1")


def tool(name: str, risk: str) -> dict[str, Any]:
    return {"name": name, "risk": risk, "schema": {"properties": {}}}


PHRASES = Phrases(
    [tool("door_open", "change"), tool("lamp_on", "change"), tool("drive", "move")],
    spoken=frozenset({"door_open", "drive"}),
)
ENGLISH = [
    "don't do it",
    "don\N{RIGHT SINGLE QUOTATION MARK}t do it, yes I mean it",
    "do not open the door",
    "don't open the door",
    "yes, don't open the door",
    "yes but do not open the door",
    "yes, no",
    "no, yes",
    "no, go ahead",
    "no go ahead and see what happens",
    "not okay",
    "not ok",
    "that is not okay, yes?",
    "okay, no",
    "yes, open the window",
    "yes, open the fridge door",
    "yes, close the door",
    "yes, open the door, no wait",
    "yes, never open the door",
    "I said yes to him, not to you",
    "yes I would not open the door",
    "never say yes",
    "yes",
    "yes yes yes",
    "yeah right",
    "sure, over my dead body",
    "I'd say yes if I were mad",
    "yesterday I opened the door",
    "yes, open the door for whom",
    "who said yes, open the door",
    "yes, open the door?? no",
    "yes, do it",
    "do it",
    "go ahead",
    "absolutely not",
    "yes, we have no bananas",
    "open the door",
    "no, open the door later",
    "okay",
    "y",
    "yes, stop",
]
CHINESE = [
    "不是",
    "不行",
    "不要打开门",
    "别开门，好吗",
    "好，不要",
    "不好",
    "是的，但是不要开门",
    "不可以",
    "好什么好",
    "是吗",
    "不用了，好的",
    "谁说好了",
    "可以才怪",
    "是，别动",
    "我没说好",
    "是的",
    "好",
    "对，不对",
    "行不行",
    "不同意",
]
APOSTROPHES = ["don't", "don\N{RIGHT SINGLE QUOTATION MARK}t", "don\N{MODIFIER LETTER APOSTROPHE}t"]
REFUSALS = [
    *ENGLISH,
    *CHINESE,
    *(
        f"{yes} {dont} {what}"
        for yes, dont, what in product(
            ("yes,", "okay,", "sure,", ""),
            APOSTROPHES,
            ("do it", "open the door", "you open the door"),
        )
    ),
    "yes, open\N{ZERO WIDTH SPACE} the door not",
    "YES. NO.",
    "No! Yes, open the door!",
    "nope, yes, open the door",
]


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(REFUSALS)) >= 100


@pytest.mark.parametrize("said", REFUSALS)
def test_a_refusal_that_holds_a_yes_approves_nothing(said: str) -> None:
    decided = decision_of(said, 60.0, [DOOR], PHRASES) or []
    assert all(one.kind == "reject" for one in decided)


@pytest.mark.parametrize(
    "said", ["yes open the door", "Yes, open the door!", "yes please open the door"]
)
def test_a_yes_with_its_verb_approves(said: str) -> None:
    [decided] = decision_of(said, QUIET_SECONDS, [DOOR], PHRASES) or []
    assert (decided.kind, decided.request, decided.spoken) == ("approve", "d1", True)


def test_not_within_two_seconds_after_the_robots_own_speech() -> None:
    for quiet in (-1.0, 0.0, 1.99):
        assert decision_of("yes open the door", quiet, [DOOR], PHRASES) is None


def test_what_moves_and_what_is_not_listed_is_not_approved() -> None:
    assert decision_of("yes drive forward", 60.0, [DRIVE], PHRASES) is None
    assert decision_of("yes turn on the lamp", 60.0, [LAMP], PHRASES) is None
    assert decision_of("yes open the door", 60.0, [DOOR, LAMP], PHRASES) is None
    assert decision_of("yes open the door", 60.0, [], PHRASES) is None


def test_no_refuses_everything_at_any_time() -> None:
    decided = decision_of("no", 0.0, [DOOR, DRIVE], PHRASES) or []
    assert [(one.kind, one.request) for one in decided] == [("reject", "d1"), ("reject", "m1")]


def test_what_the_robot_asks() -> None:
    assert "say: yes, open the door." in question_of([DOOR], PHRASES)
    for requests in ([DRIVE], [LAMP], [DOOR, LAMP]):
        asked = question_of(requests, PHRASES)
        assert "say: yes" not in asked and "at the page or the terminal" in asked
    assert "drive metres one point zero" in question_of([DRIVE], PHRASES)
