"""The synthesised sounds: deterministic, endless, never silent for long, and told apart."""

import numpy as np
import pytest

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import SILENT_KINDS, SOUNDING_KINDS
from sensebind.perception.simhome.sounds import sound, sound_loop
from sensebind.perception.simhome.synthesis import LOOP, RATE

WINDOW = 2 * RATE


@pytest.mark.parametrize("kind", SOUNDING_KINDS)
def test_every_two_second_window_holds_the_sound(kind: str) -> None:
    for seed in range(4):
        loop = sound_loop(kind, seed)
        assert loop.shape == (LOOP,) and loop.dtype == np.float32
        assert np.isfinite(loop).all() and np.abs(loop).max() < 1
        power = np.cumsum(np.square(np.concatenate([loop, loop]), dtype=np.float64))
        quietest = np.sqrt((power[WINDOW:] - power[:-WINDOW]).min() / WINDOW)
        assert 20 * np.log10(quietest) > -25


@pytest.mark.parametrize("kind", SOUNDING_KINDS)
def test_same_seed_same_sound_other_seed_another(kind: str) -> None:
    first = sound_loop(kind, 5).copy()
    sound_loop.cache_clear()
    np.testing.assert_array_equal(first, sound_loop(kind, 5))
    assert np.abs(first - sound_loop(kind, 6)).max() > 0.05


@pytest.mark.parametrize("kind", SOUNDING_KINDS)
def test_loop_joins_on_to_itself(kind: str) -> None:
    loop = sound_loop(kind, 3)
    steps = np.abs(np.diff(loop))
    assert abs(loop[0] - loop[-1]) <= steps.max()


def test_windows_agree_where_they_overlap_even_before_time_zero() -> None:
    early, late = sound("dog", 1, -5000, 9000), sound("dog", 1, 0, LOOP + 4000)
    np.testing.assert_array_equal(early[5000:], late[:4000])
    np.testing.assert_array_equal(late[:4000], late[LOOP:])


@pytest.mark.parametrize("kind", [*SILENT_KINDS, "dragon"])
def test_silent_kinds_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match="makes no sound"):
        sound(kind, 0, 0, 10)


def test_kinds_are_told_apart_by_a_nearest_centroid() -> None:
    """Unseen instances in random windows with noise, by simple statistics of the spectrum."""
    rng = np.random.default_rng(0)
    known, wanted = _examples(rng, first_seed=0, count=12)
    unseen, truth = _examples(rng, first_seed=1000, count=8)
    mean, spread = known.mean(0), known.std(0) + 1e-3
    known, unseen = (known - mean) / spread, (unseen - mean) / spread
    centroids = np.stack([known[wanted == kind].mean(0) for kind in range(len(SOUNDING_KINDS))])
    guesses = np.square(unseen[:, None] - centroids).sum(2).argmin(1)
    assert (guesses == truth).mean() >= 0.97


def _examples(
    rng: np.random.Generator, first_seed: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    features, kinds = [], []
    for number, kind in enumerate(SOUNDING_KINDS):
        for seed in range(first_seed, first_seed + count):
            window = sound(kind, seed, int(rng.integers(LOOP)), WINDOW) * rng.uniform(0.2, 1.0)
            features.append(_statistics(window + rng.normal(0, 8e-4, WINDOW)))
            kinds.append(number)
    return np.array(features), np.array(kinds)


def _statistics(window: np.ndarray) -> np.ndarray:
    """Mean, spread and change of log energies in 32 bands, whatever the loudness."""
    frames = np.lib.stride_tricks.sliding_window_view(window, 512)[::240] * np.hanning(512)
    power = np.square(np.abs(np.fft.rfft(frames)))
    edges = np.unique(np.geomspace(2, 256, 33).astype(int))
    bands = np.log(np.add.reduceat(power[:, :256], edges[:-1], axis=1) + 1e-5)
    bands -= bands.mean()
    return np.concatenate([bands.mean(0), bands.std(0), np.abs(np.diff(bands, axis=0)).mean(0)])
