"""The spectrogram of the page: levels of tones, their bands, and what is new of each window."""

import numpy as np
import pytest

from sensebind.agent.server.spectrum import BANDS, LOWEST, Spectra, spectrum

RATE = 16_000


def tone(hertz: float, level: float = 1.0, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.mark.parametrize("hertz", [1000, 2500, 6000])
@pytest.mark.parametrize("decibels", [0, -30, -60])
def test_a_tone_is_in_its_band_at_its_level(hertz: float, decibels: float) -> None:
    columns = spectrum(tone(hertz, 10 ** (decibels / 20)), RATE, 1.0)
    assert columns.shape == (50, BANDS)
    edges = np.geomspace(LOWEST, RATE / 2, BANDS + 1)
    wanted = np.searchsorted(edges, hertz) - 1
    assert np.abs(columns.argmax(axis=1) - wanted).max() <= 1  # at the edge of two
    assert columns.max(axis=1) == pytest.approx(255 * (1 + decibels / 90), abs=1)


def test_silence_and_what_is_too_short() -> None:
    assert not spectrum(np.zeros(RATE, np.float32), RATE, 1.0).any()
    assert spectrum(np.zeros(100, np.float32), RATE, 1.0).shape == (0, BANDS)
    assert spectrum(tone(1000), RATE, 0.0).shape == (0, BANDS)


def test_each_window_gives_what_is_new_in_it() -> None:
    spectra, second = Spectra(), 10**9
    assert len(spectra.columns("a", second, tone(1000), RATE)) == 97  # 2 s less the window of one
    assert len(spectra.columns("a", second + second // 5, tone(1000), RATE)) == 10
    assert len(spectra.columns("a", second + second // 5, tone(1000), RATE)) == 0
    assert len(spectra.columns("b", second, tone(1000), RATE)) == 97
    assert len(spectra.columns("a", 60 * second, tone(1000), RATE)) == 97  # after a gap


def test_channels_are_mixed() -> None:
    left = np.stack([tone(1000), np.zeros_like(tone(1000))], axis=1)
    columns = Spectra().columns("a", 1, left, RATE)
    assert columns.max() == pytest.approx(255 * (1 - 6.02 / 90), abs=1)
