"""What the grammar of a sentence says against an order."""

import pytest

from sensebind.agent.reader.hedges import hedged, reports_an_act


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
