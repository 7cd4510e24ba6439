"""Sentences that follow from a robot's tools, objects and streams."""

from typing import Any

import pytest

from sensebind.agent.voice.phrases import Phrases, plain_words, plural, wordings
from sensebind.errors import InputError


def tool(name: str, risk: str = "change", **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "risk": risk, "schema": schema}


LAMP, DOOR, DRIVE = tool("lamp_on"), tool("door_open"), tool("drive", "move")
HEAT = tool("thermostat_set", temperature={"type": "integer", "minimum": 10, "maximum": 30})
MUSIC = tool("play_music", genre={"enum": ["jazz", "hip hop"], "type": "string"})
NOTE = tool("write_note", text={"type": "string"})
LOCK = tool("lockFrontDoor")
PHRASES = Phrases(
    [LAMP, DOOR, DRIVE, HEAT, MUSIC, NOTE, LOCK],
    ["dog", "coffee mug", "r2d2"],
    ["camera", "microphone", "x9"],
    frozenset({"door_open", "drive"}),
    ["bring me (a|the) <object>"],
)
GRAMMAR = PHRASES.grammar()


@pytest.mark.parametrize(
    "said",
    [
        "turn on the lamp",
        "please switch the lamp on please",
        "could you open the door",
        "set the thermostat to twenty two degrees",
        "set the thermostat to thirty",
        "play music jazz",
        "play the music hip hop",
        "lock front door",
        "drive forward one meter",
        "what do you see",
        "is there a coffee mug",
        "bring me the dog",
        "stop",
        "stop moving",
        "pause the camera",
        "yes open the door",
        "no",
    ],
)
def test_what_is_expected(said: str) -> None:
    assert GRAMMAR.accepts(said)


@pytest.mark.parametrize(
    "said",
    [
        "yes",
        "yes turn on the lamp",  # not named in policy: spoken
        "yes drive forward one meter",  # it moves
        "set the thermostat to nine degrees",  # out of its bounds
        "resume the camera",  # a television could say so
        "write note hello",
        "turn on the",
        "bring me r2d2",
    ],
)
def test_what_is_not(said: str) -> None:
    assert not GRAMMAR.accepts(said)


def test_in_which_words_a_call_is_confirmed() -> None:
    assert wordings(DOOR, {}) == ["open the door"]
    assert wordings(LAMP, {})[0] == "turn on the lamp"
    assert wordings(HEAT, {"temperature": 22})[0] == "set the thermostat to twenty two degrees"
    assert wordings(MUSIC, {"genre": "hip hop"})[0] == "play music hip hop"
    assert wordings(DRIVE, {"metres": 1.0}) == []
    assert wordings(NOTE, {"text": "hello there"}) == []
    assert wordings(HEAT, {"temperature": -2}) == [] == wordings(HEAT, {"temperature": True})


def test_which_stream_is_paused() -> None:
    assert PHRASES.paused_by("mute the microphone") == "microphone"
    assert PHRASES.paused_by("turn off your camera") == "camera"
    assert PHRASES.paused_by("pause the lidar") == "" == PHRASES.paused_by("pause the x9")


def test_a_robot_without_tools_has_sentences() -> None:
    assert Phrases().grammar().accepts("what do you hear")


def test_a_sentence_of_the_file_that_cannot_be_read() -> None:
    with pytest.raises(InputError, match="no rule <colour>"):
        Phrases(more=["paint it <colour>"]).grammar()


@pytest.mark.parametrize(
    ("name", "words"),
    [("lamp_on", "lamp on"), ("lockFrontDoor", "lock front door"), ("r2d2", ""), ("", "")],
)
def test_a_name_in_words(name: str, words: str) -> None:
    assert plain_words(name) == words


def test_plurals() -> None:
    assert [plural(one) for one in ("dog", "box", "brush", "fly", "toy")] == [
        "dogs",
        "boxes",
        "brushes",
        "flies",
        "toys",
    ]


def test_numbers_that_people_say_are_expected_so_that_none_is_heard_as_another() -> None:
    grammar = Phrases([{"name": "drive", "schema": {}}, {"name": "turn", "schema": {}}]).grammar()
    for said in ("ten meters", "two and a half meters", "one point five meters", "half a meter"):
        assert grammar.accepts(f"go forward {said}"), said
    for degrees in ("ten", "one hundred thirty five", "three hundred sixty"):
        assert grammar.accepts(f"please turn left {degrees} degrees"), degrees
    assert not grammar.accepts("go forward eleven meters")
