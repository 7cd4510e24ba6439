"""One rule for sound of several channels: nothing on any of them is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.perception.downmix import Downmixer, downmix, weights

RATE = 16_000
TIME = np.arange(2 * RATE) / RATE
TONE = (0.5 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
OTHER = (0.5 * np.sin(2 * np.pi * 1000 * TIME)).astype(np.float32)
NONE = np.zeros_like(TONE)
NOISE = np.random.default_rng(0).normal(0, 0.1, (8, len(TONE))).astype(np.float32)


def power(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of a tone."""
    return float(2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * hertz * TIME))))


def streamed(samples: np.ndarray) -> np.ndarray:
    mixer = Downmixer(RATE)
    return np.concatenate([mixer.add(samples[:, at : at + 800].T) for at in range(0, 32_000, 800)])


@pytest.mark.parametrize("mixed", [downmix, streamed])
@pytest.mark.parametrize(
    "channels",
    [
        [TONE],
        [TONE, TONE],
        [TONE, NONE],
        [NONE, TONE],
        [NONE, NONE, TONE, NONE, NONE, NONE],  # the centre of 5.1
        [NONE, TONE, TONE, TONE],
        [NONE] * 63 + [TONE],
    ],
)
def test_a_sound_is_itself_on_whichever_channels_it_is(mixed, channels) -> None:
    np.testing.assert_allclose(mixed(np.stack(channels)), TONE, atol=1e-6)


@pytest.mark.parametrize("mixed", [downmix, streamed])
@pytest.mark.parametrize(
    "channels",
    [
        [TONE, -TONE],
        [-TONE, TONE],
        [TONE, -0.3 * TONE],
        [TONE + 0.2, -TONE + 0.2],  # offsets of a cheap input resemble each other
        [TONE, np.roll(-TONE, 5)],
        [OTHER, 0.2 * TONE, -0.2 * TONE],  # inverted behind something louder
        [TONE, TONE, -TONE, -TONE],
    ],
)
def test_an_inverted_channel_silences_nothing(mixed, channels) -> None:
    heard = mixed(np.stack(channels).astype(np.float32))
    assert power(heard, 440) > 0.6 * min(power(np.asarray(one), 440) for one in channels[-2:])


@pytest.mark.parametrize("mixed", [downmix, streamed])
def test_different_sounds_are_all_heard(mixed) -> None:
    heard = mixed(np.stack([TONE, OTHER]))
    assert power(heard, 440) == pytest.approx(0.25, rel=0.01)
    assert power(heard, 1000) == pytest.approx(0.25, rel=0.01)
    faint = mixed(np.concatenate([NOISE[:7], 0.1 * TONE[None]]))
    assert power(faint, 440) > 0.005


def test_a_stream_that_changes_has_no_clicks() -> None:
    left = np.concatenate([TONE, NONE, TONE])
    right = np.concatenate([NONE, TONE, -TONE])
    mixer = Downmixer(RATE)
    stereo = np.stack([left, right], 1)
    heard = np.concatenate([mixer.add(stereo[at : at + 800]) for at in range(0, len(left), 800)])
    assert np.abs(np.diff(heard)).max() < 1.5 * np.abs(np.diff(TONE)).max()
    assert np.sqrt(np.mean(heard[-RATE:] ** 2)) > 0.25


def test_blocks_that_are_empty_or_broken_do_no_harm() -> None:
    mixer = Downmixer(RATE)
    assert mixer.add(np.zeros((0, 2))).shape == (0,)
    assert np.isnan(mixer.add(np.full((10, 2), np.nan))).all()
    np.testing.assert_allclose(mixer.add(np.stack([TONE, TONE], 1)), TONE, atol=1e-6)
    assert (downmix(np.zeros((4, 100))) == 0).all()


@pytest.mark.parametrize("offset", [0.0, 0.05, 0.9])
@pytest.mark.parametrize("count", [3, 1000, 200_003])
def test_single_precision_changes_nothing(offset: float, count: int) -> None:
    """Also where a channel is hardly more than the offset of a cheap input."""
    rng = np.random.default_rng(0)
    one = rng.normal(0, 0.01, count)
    sound = np.stack([one, 0.5 * rng.normal(0, 0.01, count) - one, 1e-4 * one]) + offset
    samples = sound.astype(np.float32)
    exact = weights(np.atleast_2d(np.cov(samples.astype(np.float64)))) @ samples
    for layout in (samples, np.asfortranarray(samples)):
        np.testing.assert_allclose(downmix(layout), exact, atol=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_mix_is_never_louder_than_its_loudest_channels_together(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (rng.normal(size=(count, 500)) * rng.uniform(0, 1, (count, 1))).astype(np.float32)
    heard = downmix(samples)
    assert heard.shape == (500,) and np.isfinite(heard).all()
    assert np.abs(heard).max() <= np.abs(samples).sum(axis=0).max() + 1e-6
    np.testing.assert_allclose(np.abs(downmix(-samples)), np.abs(heard), atol=1e-5)
