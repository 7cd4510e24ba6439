"""Loops of sound from oscillators and noise: what the sounds of a SimHome are built of.

Events are added modulo the loop, noise is shaped in the frequency domain, and pitch contours are
tables that are read by phase, so that a loop joins on to itself without a click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Signal = NDArray[np.float32]
Wave = NDArray[Any]  # while a sound is made; float64 is let through where it is not slow

RATE = 16_000
LOOP_SECONDS = 4.0
LOOP = int(RATE * LOOP_SECONDS)

TABLE = 2048


def window(loop: Wave, start: int, count: int) -> Wave:
    """`count` samples of an endless repetition of `loop`, from sample `start` on."""
    first = start % len(loop)
    if first + count <= len(loop):
        return loop[first : first + count]
    return np.take(loop, np.arange(first, first + count), mode="wrap")


def to_level(signal: Wave, level: float) -> Signal:
    """Scales to an rms level, bending peaks over softly so that nothing reaches ±1."""
    scaled = signal * np.float32(level / max(rms(signal), 1e-9))
    soft = np.tanh(scaled)
    return (soft * np.float32(min(level / max(rms(soft), 1e-9), 1.0))).astype(np.float32)


def rms(signal: Wave) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(signal))))


def spectrum_of(signal: Wave) -> Wave:
    """Its real Fourier transform, complex64 of float32."""
    return np.asarray(fft.rfft(signal))  # scipy keeps float32 and is fast at the loop's length


def samples_of(spectrum: Wave, n: int) -> Wave:
    """The `n` samples of a spectrum."""
    return np.asarray(fft.irfft(spectrum, n=n))


def moments(seconds: float) -> Wave:
    """The time of each sample of so many seconds, shape [n]."""
    return np.arange(int(seconds * RATE), dtype=np.float32) / np.float32(RATE)


def add_grain(out: Wave, at: float, grain: Wave) -> None:
    """Adds a grain (shorter than the loop) at `at` seconds, modulo the loop."""
    first = int(at * RATE) % LOOP
    head = min(len(grain), LOOP - first)
    out[first : first + head] += grain[:head]
    out[: len(grain) - head] += grain[head:]


def white_noise(rng: np.random.Generator) -> Wave:
    """Noise of one loop, shape [LOOP]."""
    return rng.standard_normal(LOOP, dtype=np.float32)


def filtered(signal: Wave, gain: Callable[[Wave], Wave]) -> Wave:
    """Filters circularly: `gain` maps frequencies in Hz, shape [F], to amplitudes, shape [F]."""
    spectrum = spectrum_of(signal)
    frequency = np.arange(len(spectrum), dtype=np.float32) * np.float32(RATE / len(signal))
    return samples_of(spectrum * gain(frequency).astype(np.float32), n=len(signal))


def band(low: float, high: float) -> Callable[[Wave], Wave]:
    """A band with gentle slopes (second order in amplitude)."""
    return lambda f: 1 / (1 + (low / (f + 1)) ** 4) / (1 + (f / high) ** 4)


def formants(*peaks: tuple[float, float, float]) -> Callable[[Wave], Wave]:
    """Resonances as (Hz, width in Hz, gain) over a faint floor."""

    def gain(f: Wave) -> Wave:
        return np.add.reduce([g / (1 + ((f - c) / w) ** 2) for c, w, g in peaks]) + 0.02

    return gain


def wave_table(amplitudes: Wave, phases: Wave | None = None) -> Wave:
    """One cycle of a wave with these harmonics (first = fundamental), shape [TABLE]."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    turn = 1 if phases is None else np.exp(1j * phases)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * TABLE * amplitudes * turn
    return samples_of(spectrum, n=TABLE)


def oscillate(table: Wave, pitch: Wave) -> Wave:
    """Reads a wave table along a pitch contour in Hz, shape [n] -> [n]."""
    phase = np.cumsum(pitch * (TABLE / RATE))
    return table[phase.astype(np.int64) & (TABLE - 1)]


def whole_cycles(pitch: float) -> float:
    """The nearest pitch that fits the loop a whole number of times (no click at the joint)."""
    return round(pitch * LOOP_SECONDS) / LOOP_SECONDS


def hum_of(rng: np.random.Generator, pitch: float, amplitudes: Wave) -> Wave:
    """A steady tone with harmonics over the whole loop, shape [LOOP]."""
    spectrum = np.zeros(LOOP // 2 + 1, np.complex64)
    step = round(pitch * LOOP_SECONDS)
    bins = step * np.arange(1, len(amplitudes) + 1)
    fits = bins < len(spectrum)
    turn = np.exp(2j * np.pi * rng.random(len(amplitudes)))
    spectrum[bins[fits]] = (0.5 * LOOP * amplitudes * turn)[fits]
    return samples_of(spectrum, n=LOOP)


def swell(count: int, attack: float, release: float) -> Wave:
    """An envelope that rises for `attack` and falls for `release` seconds, shape [count]."""
    envelope = np.ones(count, np.float32)
    up, down = min(int(attack * RATE), count // 2), min(int(release * RATE), count // 2)
    envelope[:up] = np.linspace(0, 1, up, dtype=np.float32)
    envelope[count - down :] = np.linspace(1, 0, down, dtype=np.float32)
    return envelope


def event_times(rng: np.random.Generator, low: float, high: float) -> Wave:
    """Evenly spaced event times with a seeded spacing in [low, high] that fits the loop."""
    count = int(np.clip(round(LOOP_SECONDS / rng.uniform(low, high)), 2, None))
    return np.arange(count) * (LOOP_SECONDS / count)
