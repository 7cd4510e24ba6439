"""What the grammar of a sentence says against an order."""

import pytest

from sensebind.agent.reader.hedges import excepted, hedged, held_back, reports_an_act


@pytest.mark.parametrize(
    "words",
    [
        "Start the fan the instant it smells of smoke.",
        "close the door once the postman is gone",
        "If anybody coughs open the door",
        "The radio switched itself on.",
        "my brother has opened the door",
        "This key opens the door",
        "write a book about opening doors",
        "Close the hatch.",
        "could you open the lid of the box",
        "她开了灯，我关了门。",
        "等妹妹睡着了再关灯",
        "水一开就开风扇",
        "Will the radio turn itself off?",
        "Does the door open by itself?",
        "Is somebody turning on the lamp?",
        "Do not open the door and turn on the fan.",
        "Close the door, but only after Anna has left.",
        "Going forward, let's be more careful.",
        "Turn off the radio in the car.",
        "我来开门吧",
        "Let me open the door.",
        "no, let him switch the radio off",
        "I'll close the door.",
        "Open the door to your future.",
    ],
)
def test_these_are_asked_about(words: str) -> None:
    assert hedged(words)


@pytest.mark.parametrize(
    "words",
    [
        "turn on the lamp",
        "How about turning the radio on?",
        "Could you please open the front door for the cat?",
        "switch off the light when you can",
        "turn off the radio if you would",
        "It's dark when the sun is down, so turn on the lamp right now",
        "The film is over. Turn on the lamp.",
        "turn the bedside lamp off so I can sleep",
        "close the house door quietly",
        "put the music on",
        "我要睡了，关灯吧",
        "打开风扇，我很热",
        "Rotate left.",
        "Let me in, please.",
        "Let me hear the radio.",
        "open the door to the kitchen",
        "Face left!",
        "",
    ],
)
def test_these_are_not(words: str) -> None:
    assert not hedged(words)


def test_what_somebody_has_done_is_a_report() -> None:
    assert reports_an_act("I already booked the court for Monday")
    assert reports_an_act("my brother sent the parcel")
    assert not reports_an_act("Book the court for Monday")
    assert not reports_an_act("I need the court on Monday")


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("Do not open the door and turn on the fan.", True),
        ("please don't turn the lamp on and open the door", True),
        ("Don't open the door, turn on the fan.", False),
        ("Don't open the door and turn on the fan instead.", False),
        ("Open the door and do not turn on the fan.", False),
    ],
)
def test_a_negation_may_reach_over_two_doings(words: str, both: bool) -> None:
    assert held_back(words) is both


def test_what_is_excepted_is_named() -> None:
    assert excepted("Turn on everything except the lamp.") == ["the lamp"]
    assert excepted("Switch all but the radio off") == ["the radio"]
    assert excepted("除了灯以外都打开") == ["灯"]
    assert excepted("Turn on the lamp") == []
