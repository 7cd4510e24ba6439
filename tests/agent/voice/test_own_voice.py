"""What was played is known to the sample, and is taken out of what is heard."""

import numpy as np
import pytest

from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.own_voice import OwnVoice, Timeline
from sensebind.agent.voice.parts import BLOCK, RATE, Echo
from sensebind.agent.voice.webrtc import NoEcho

PLAYED_AT = 22_050
PIECE = 441  # 20 ms


def tone(instants: np.ndarray) -> np.ndarray:
    """Two tones that both rates can hold."""
    return 0.3 * np.sin(2 * np.pi * 440 * instants) + 0.2 * np.sin(2 * np.pi * 3100 * instants)


def playing(seconds: float, begin: float, ahead: float = 0.0) -> Timeline:
    """A timeline in which the tones are played, each piece given a little early."""
    timeline = Timeline(PLAYED_AT)
    for number in range(round(seconds * PLAYED_AT / PIECE)):
        at = begin + number * PIECE / PLAYED_AT
        instants = at + np.arange(PIECE) / PLAYED_AT
        timeline.add(tone(instants).astype(np.float32), at - (ahead if number else 0.0))
    return timeline


@pytest.mark.parametrize("begin", [3.0, 7.9, 123_456.0])  # also across the end of what is kept
@pytest.mark.parametrize("ahead", [0.0, 0.015])
def test_what_was_played_is_read_at_the_microphones_rate(begin: float, ahead: float) -> None:
    timeline = playing(1.0, begin, ahead)
    first = round((begin + 0.2) * RATE)
    expected = tone(np.arange(first, first + BLOCK) / RATE)
    assert np.abs(timeline.read(first, BLOCK) - expected).max() < 0.02


def test_what_was_not_played_is_silence() -> None:
    timeline = playing(1.0, 10.0)
    timeline.add(np.ones(PIECE, np.float32), 12.0)
    for instant in (9.5, 11.5, 12.5, 500.0, 0.0):
        assert not timeline.read(round(instant * RATE), BLOCK).any(), instant
    assert timeline.read(round(12.005 * RATE), 160).mean() == pytest.approx(1.0, abs=0.02)
    timeline.add(np.ones(PIECE, np.float32), 30.0)  # a pause longer than what is kept
    assert not timeline.read(round(12.005 * RATE), 160).any()
    assert timeline.read(round(30.005 * RATE), 160).mean() == pytest.approx(1.0, abs=0.02)


class Subtracting:
    """Cancels an echo that comes at once and unchanged."""

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        return heard - played


def test_blocks_meet_what_was_played_in_their_time_although_their_clock_is_uneven() -> None:
    rng = np.random.default_rng(2)
    own = OwnVoice(Subtracting(), playing(2.0, 5.0))
    left = []
    for number in range(40):
        first = round(5.2 * RATE) + number * BLOCK
        heard = tone(np.arange(first, first + BLOCK) / RATE).astype(np.float32)
        late = 0.0 if not number else float(rng.uniform(-0.01, 0.01))
        left.append(own.without(Block(heard, (first + BLOCK) / RATE + late)).samples)
    assert np.abs(np.concatenate(left)).max() < 0.02


def test_after_a_gap_of_the_microphone_the_time_is_looked_up_again() -> None:
    own = OwnVoice(Subtracting(), playing(3.0, 5.0))
    for first in (round(5.2 * RATE), round(7.1 * RATE)):
        heard = tone(np.arange(first, first + BLOCK) / RATE).astype(np.float32)
        assert np.abs(own.without(Block(heard, (first + BLOCK) / RATE)).samples).max() < 0.02


class Leaving:
    """Leaves a share of the amplitude of all that is heard."""

    def __init__(self, share: float) -> None:
        self.share = share

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        return heard * np.float32(self.share)


def noise(seconds: float, seed: int) -> np.ndarray:
    """Something that says nothing about anything else, at `RATE`."""
    found = np.random.default_rng(seed).normal(0.0, 0.1, round(seconds * RATE))
    return found.astype(np.float32)


SPEAKING = 94  # blocks, 3 s


def own_in(echo: Echo, heard: np.ndarray, played: np.ndarray) -> list[bool]:
    """Which blocks are the robot's own while it plays a sound, and after it."""
    timeline = Timeline(RATE)
    timeline.add(played, 0.0)
    voice = OwnVoice(echo, timeline)
    blocks = heard[: len(heard) // BLOCK * BLOCK].reshape(-1, BLOCK)
    return [
        voice.without(Block(one, number * BLOCK / RATE)).own
        for number, one in enumerate(blocks, start=1)
    ]


@pytest.mark.parametrize(("share", "own"), [(0.1, True), (0.19, True), (0.21, False), (1.0, False)])
def test_where_the_canceller_leaves_nothing_it_is_the_robots_own_voice(
    share: float, own: bool
) -> None:
    """The share of the power is that of the amplitude, squared: 0.04 lies at 0.2."""
    found = own_in(Leaving(share), noise(5.0, 1), noise(3.0, 2))  # which cannot be predicted
    assert found[:11] == [True] * 11  # nobody knows the room yet
    assert found[20:SPEAKING] == [own] * (SPEAKING - 20)
    assert not any(found[SPEAKING + 12 :])  # what is heard long after is not an echo


def test_what_can_be_predicted_is_the_robots_own_voice_and_a_person_is_not() -> None:
    played = noise(3.0, 2)
    echo = np.pad(0.3 * played, (round(0.15 * RATE), 2 * RATE))[: 5 * RATE]
    known = 16  # blocks from which on, at the latest, white noise is predicted
    assert all(own_in(Leaving(1.0), echo, played)[known:SPEAKING])
    person = 0.4 * noise(5.0, 3)
    person[: 2 * RATE] = 0.0
    found = own_in(Leaving(1.0), echo + person, played)
    speaks = 2 * RATE // BLOCK
    assert all(found[known:speaks]) and not any(found[speaks + 10 :])


def test_without_a_canceller_everything_is_somebody() -> None:
    played = noise(3.0, 2)
    assert not any(own_in(NoEcho(), played, played))


def test_a_person_is_looked_for_in_what_cannot_be_predicted() -> None:
    timeline = Timeline(RATE)
    timeline.add(noise(1.0, 2), 0.0)
    voice = OwnVoice(Leaving(0.0), timeline)
    heard = noise(2.88, 5).reshape(-1, BLOCK)
    found = [voice.without(Block(one, (n + 1) * BLOCK / RATE)) for n, one in enumerate(heard)]
    during, after = found[:32], found[45:]
    assert all(one.voice is not None and not one.samples.any() for one in during)
    assert all(one.voice is None for one in after)
