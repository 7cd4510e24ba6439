"""What was played is known to the sample, and is taken out of what is heard."""

import numpy as np
import pytest

from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.own_voice import OwnVoice, Timeline
from sensebind.agent.voice.parts import BLOCK, RATE

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


class Halving:
    """Leaves a share of the amplitude of all that is heard."""

    def __init__(self, share: float) -> None:
        self.share = share

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        return heard * np.float32(self.share)


@pytest.mark.parametrize(("share", "own"), [(0.1, True), (0.4, True), (0.5, False), (1.0, False)])
def test_most_of_it_taken_out_is_the_robots_own_voice(share: float, own: bool) -> None:
    """The share of the power is that of the amplitude, squared: 0.2 lies between 0.4 and 0.5."""
    voice = OwnVoice(Halving(share), playing(2.0, 5.0))
    heard = np.full(BLOCK, 0.1, np.float32)
    first = round(5.1 * RATE)
    found = [voice.without(Block(heard, (first + n * BLOCK) / RATE)).own for n in range(1, 80)]
    speaking = 59  # blocks until it is silent, 5.1 to 7.0 s
    assert found[:speaking] == [own] * speaking
    assert not any(found[speaking + 12 :])  # what is heard long after is not an echo


def test_a_person_is_heard_a_window_after_the_echo() -> None:
    class Learned:
        """Takes an echo of 0.1 out, and leaves all that is louder."""

        def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
            return heard if heard[0] > 0.1 else np.zeros_like(heard)

    voice = OwnVoice(Learned(), playing(2.0, 5.0))
    first, found = round(5.1 * RATE), []
    for number in range(1, 31):
        level = 0.1 if number <= 20 else 0.15
        block = Block(np.full(BLOCK, level, np.float32), (first + number * BLOCK) / RATE)
        found.append(voice.without(block).own)
    assert found == [True] * 20 + [False] * 10
