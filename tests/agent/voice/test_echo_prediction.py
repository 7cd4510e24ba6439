"""What follows from what was played is predicted, and nothing else is taken out."""

import numpy as np
import pytest

from sensebind.agent.voice.echo_prediction import EchoPrediction
from sensebind.agent.voice.parts import BLOCK, RATE


def sound(seconds: float, seed: int) -> np.ndarray:
    """Noise whose loudness and colour change every 50 ms, as those of speech do."""
    rng = np.random.default_rng(seed)
    pieces = []
    for _ in range(round(seconds / 0.05)):
        piece = np.convolve(rng.normal(0, 1, RATE // 20), rng.normal(0, 1, 8), "same")
        pieces.append(piece * rng.uniform(0.0, 0.05))
    return np.concatenate(pieces).astype(np.float32)


def room(seed: int, late: float = 0.1) -> np.ndarray:
    """An impulse response: a direct sound at half the amplitude, and 0.1 s of noise behind it."""
    rng = np.random.default_rng(seed)
    tail = rng.normal(0, 1, RATE // 10) * 10 ** (-3 * np.arange(RATE // 10) / (RATE // 10))
    tail *= 0.2 / np.linalg.norm(tail)
    tail[0] = 0.5
    return np.concatenate([np.zeros(round(late * RATE)), tail])


def left(prediction: EchoPrediction, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
    """What is not predicted, in the time of `heard`; the last block is not known yet."""
    count = len(heard) // BLOCK
    pairs = zip(
        heard[: count * BLOCK].reshape(count, -1),
        played[: count * BLOCK].reshape(count, -1),
        strict=True,
    )
    return np.concatenate([prediction.left_of(*pair) for pair in pairs])[BLOCK:]


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(one**2) / np.mean(other**2)))


@pytest.mark.parametrize("late", [0.02, 0.1, 0.2])
def test_an_echo_is_learned_while_it_is_first_heard(late: float) -> None:
    played = sound(3.0, 1)
    heard = np.convolve(played, room(2, late))[: len(played)].astype(np.float32)
    found = left(EchoPrediction(), heard, played)
    half, end = slice(RATE // 2, RATE), slice(2 * RATE, len(found))
    assert decibels(found[half], heard[half]) < -6
    assert decibels(found[end], heard[end]) < -12


def test_what_was_not_played_stays_as_it_is() -> None:
    heard = sound(1.0, 4)
    found = left(EchoPrediction(), heard, np.zeros_like(heard))
    assert np.abs(found - heard[: len(found)]).max() < 1e-6


def test_a_person_who_speaks_at_the_same_time_is_left() -> None:
    played, person = sound(4.0, 1), sound(4.0, 9)
    person[: 2 * RATE] = 0.0
    heard = (np.convolve(played, room(2))[: len(played)] + person).astype(np.float32)
    found = left(EchoPrediction(), heard, played)
    both = slice(2 * RATE, len(found))
    alike = np.corrcoef(found[both], person[both])[0, 1]
    assert alike > 0.9 and abs(decibels(found[both], person[both])) < 1.5


def test_another_room_is_learned_too_and_nothing_diverges() -> None:
    """Recursions in single precision diverge when rounding makes a variance negative."""
    prediction, played = EchoPrediction(), sound(40.0, 1)
    for seed in (2, 3):
        heard = np.convolve(played, room(seed))[: len(played)].astype(np.float32)
        for _ in range(2):
            found = left(prediction, heard, played)
        assert decibels(found[-10 * RATE :], heard[-10 * RATE :]) < -14
    variances = np.linalg.eigvalsh(prediction._variance)
    assert variances.min() > 0 and variances.max() < 20
