"""What SimHome does not have, made of numbers: textures, noises, and compounds of random shapes.

A guard learns from them where the known ends. None of them is taken from a recording, a photograph
or a scan, so that those stay what the guard is measured with.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import ndimage, signal

from sensebind.perception.simhome.lidar import COLUMNS, ELEVATIONS, LIDAR_HEIGHT

RATE = 16_000
SIDE = 224
_SECONDS = 2.0
_COUNT = int(RATE * _SECONDS)
_LEAST_RMS = 10 ** (-48 / 20)  # of a sound that is not silence


def image(rng: np.random.Generator) -> np.ndarray:
    """A texture, or several in layers: uint8 [224, 224, 3]."""
    picture = _texture(rng)
    for _ in range(int(rng.integers(0, 4))):
        mask = _smooth(rng, rng.uniform(4, 40))[..., None] > rng.uniform(-0.8, 0.8)
        picture = np.where(mask, _texture(rng), picture)
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0.005, 0.08), picture.shape)
    if rng.random() < 0.4:
        picture = ndimage.gaussian_filter(picture, (*[rng.uniform(0.5, 4)] * 2, 0))
    contrast, light = rng.uniform(0.4, 1.3), rng.uniform(-0.2, 0.2)
    return (((picture - 0.5) * contrast + 0.5 + light).clip(0, 1) * 255).astype(np.uint8)


def sound(rng: np.random.Generator) -> np.ndarray:
    """Two seconds at 16 kHz: float32 within ±1, never silent."""
    makers = (_noise, _voice, _notes, _strokes, _sweep)
    mixed = makers[int(rng.integers(len(makers)))](rng)
    for _ in range(int(rng.random() < 0.35)):
        mixed = mixed + rng.uniform(0.1, 1) * makers[int(rng.integers(len(makers)))](rng)
    if rng.random() < 0.5:
        tail = np.exp(-np.arange(int(RATE * 0.6)) / (RATE * rng.uniform(0.02, 0.25)))
        echo = signal.fftconvolve(mixed, tail * rng.standard_normal(len(tail)))[:_COUNT]
        mixed = mixed + rng.uniform(0.1, 1) * echo * _rms(mixed) / max(_rms(echo), 1e-9)
    if rng.random() < 0.5:
        mixed = _filtered(mixed, float(rng.uniform(20, 400)), float(rng.uniform(2000, 7900)))
    if rng.random() < 0.3:  # begins late, or ends early
        begin, end = sorted(rng.uniform(0, 1, 2))
        gate = (np.linspace(0, 1, _COUNT) >= begin * 0.5) & (
            np.linspace(0, 1, _COUNT) <= 0.5 + end / 2
        )
        mixed = mixed * gate
    mixed = mixed / max(float(np.abs(mixed).max()), 1e-9) * 10 ** (rng.uniform(-30, 0) / 20)
    floor = rng.choice([0.0, 10 ** (rng.uniform(-80, -35) / 20)])
    mixed = mixed + floor * rng.standard_normal(_COUNT)
    if _rms(mixed) < _LEAST_RMS:
        mixed = mixed * _LEAST_RMS / max(_rms(mixed), 1e-9)
    return mixed.clip(-1, 1).astype(np.float32)


def cloud(rng: np.random.Generator) -> np.ndarray:
    """A compound of random shapes as the lidar sees it: float32 [N, 3] metres, with the floor."""
    parts = []
    for _ in range(int(rng.integers(1, 7))):
        part = _shape(rng, 20_000)
        part = part * rng.uniform(0.15, 1.0, 3) @ _turn(rng)
        parts.append(part + rng.uniform(-0.6, 0.6, 3))
    return seen_by_lidar(np.concatenate(parts), rng)


def seen_by_lidar(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What SimHome's lidar would have of an object, with the floor around it.

    The object is scaled to 0.4 to 1.1 m, turned about the vertical and put on the floor 0.9 to
    2.2 m in front of the lidar.

    Args:
        points: [N, 3], dense on the surface, in any unit, z up.
        rng: Draws size, place and turn.

    Returns:
        float32 [M, 3] metres in the sensor's frame.
    """
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    points = points / np.ptp(points, axis=0).max() * rng.uniform(0.4, 1.1)
    turn = rng.uniform(-math.pi, math.pi)
    cos, sin = math.cos(turn), math.sin(turn)
    points = points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    points[:, 2] -= points[:, 2].min() + LIDAR_HEIGHT
    points[:, 0] += rng.uniform(0.9, 2.2) - points[:, 0].min()
    floor = rng.uniform([0.5, -2, -LIDAR_HEIGHT], [5, 2, -LIDAR_HEIGHT], (20_000, 3))
    everything = np.concatenate([points, floor])
    distance = np.linalg.norm(everything, axis=1)
    column = np.round(np.arctan2(everything[:, 1], everything[:, 0]) * COLUMNS / (2 * math.pi))
    elevation = np.arcsin(everything[:, 2] / distance)
    beams = np.sort(np.array(ELEVATIONS))
    beam = np.searchsorted((beams[1:] + beams[:-1]) / 2, elevation)
    on_beam = np.flatnonzero(np.abs(elevation - beams[beam]) < math.radians(0.4))
    cell = column[on_beam].astype(np.int64) * len(beams) + beam[on_beam]
    order = np.lexsort((distance[on_beam], cell))  # of each direction the nearest comes first
    nearest = on_beam[order][np.diff(cell[order], prepend=-(2**62)) != 0]
    noise = 1 + 0.006 * rng.standard_normal((len(nearest), 1)) / distance[nearest, None]
    return (everything[nearest] * noise).astype(np.float32)


# --- images -------------------------------------------------------------------------------------


def _texture(rng: np.random.Generator) -> np.ndarray:
    low, high = rng.uniform(0, 1, (2, 3))
    makers: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
        lambda r: _smooth(r, r.uniform(0.5, 30)),
        _fractal,
        _cells,
        _stripes,
        lambda r: r.standard_normal((SIDE, SIDE)),
        lambda _: np.zeros((SIDE, SIDE)),
    )
    plane = makers[int(rng.integers(len(makers)))](rng)
    share = (0.5 + plane / 4).clip(0, 1)[..., None]
    picture = low * share + high * (1 - share)
    if rng.random() < 0.4:  # colours of their own
        picture = picture + 0.15 * np.stack([_fractal(rng) for _ in range(3)], -1)
    return picture


def _smooth(rng: np.random.Generator, width: float) -> np.ndarray:
    plane = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), width, mode="wrap")
    return plane / max(float(plane.std()), 1e-9)


def _fractal(rng: np.random.Generator) -> np.ndarray:
    """Noise with a spectrum of 1/f^p, as of clouds and foliage."""
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    f[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) / f ** rng.uniform(0.5, 2)
    spectrum[0, 0] = 0
    plane = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return plane / max(float(plane.std()), 1e-9)


def _cells(rng: np.random.Generator) -> np.ndarray:
    """Cells around random points, each of its own tone."""
    count = int(rng.integers(5, 300))
    spots = rng.uniform(0, SIDE, (count, 2))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    marks = np.ones((SIDE, SIDE), bool)
    at = spots.astype(int).clip(0, SIDE - 1)
    marks[at[:, 0], at[:, 1]] = False
    found = ndimage.distance_transform_edt(marks, return_distances=False, return_indices=True)
    where = np.asarray(found)
    tones = rng.standard_normal((SIDE, SIDE))
    return tones[where[0], where[1]] + 0 * rows * columns


def _stripes(rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    angle, wave = rng.uniform(0, math.pi), rng.uniform(2, 60)
    phase = 2 * math.pi * wave * (rows * math.sin(angle) + columns * math.cos(angle))
    plane = np.sin(phase + rng.uniform(0, 3) * _smooth(rng, 15))
    return 2 * (np.sign(plane) if rng.random() < 0.5 else plane)


# --- sounds -------------------------------------------------------------------------------------


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _filtered(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    sections = signal.butter(2, [low, max(high, low * 1.3)], "band", fs=RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, samples))


def _envelope(rng: np.random.Generator, rate: float) -> np.ndarray:
    """A loudness that changes `rate` times a second, 0 to 1."""
    points = max(int(rate * _SECONDS), 2) + 1
    levels = rng.random(points) ** rng.uniform(0.5, 3)
    return np.interp(np.linspace(0, points - 1, _COUNT), np.arange(points), levels)


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Noise of any colour, in bands that come and go."""
    f = np.fft.rfftfreq(_COUNT, 1 / RATE)
    tilt = (np.maximum(f, 20) / 1000) ** rng.uniform(-1.5, 0.7)
    bumps = np.interp(f, np.linspace(0, RATE / 2, 24), rng.uniform(-15, 15, 24))
    spectrum = np.fft.rfft(rng.standard_normal(_COUNT)) * tilt * 10 ** (bumps / 20)
    return np.fft.irfft(spectrum, _COUNT) * (0.1 + _envelope(rng, rng.uniform(0.5, 12)))


def _voice(rng: np.random.Generator) -> np.ndarray:
    """Pulses of a gliding pitch through moving resonances, in syllables."""
    rate = rng.uniform(2, 8)
    pitch = rng.uniform(70, 600) * 2 ** ((_envelope(rng, rate) - 0.5) * rng.uniform(0.1, 1.5))
    phase = np.cumsum(pitch) / RATE
    source = (phase % 1 < 0.1).astype(float) - 0.1 + 0.05 * rng.standard_normal(_COUNT)
    voiced = np.zeros(_COUNT)
    for begin in range(0, _COUNT, 2000):  # a new place of each resonance every eighth of a second
        part = source[max(begin - 400, 0) : begin + 2400]
        for middle in rng.uniform([250, 800, 2000], [900, 2400, 3600]):
            b, a = signal.iirpeak(middle, rng.uniform(4, 12), fs=RATE)
            found = signal.lfilter(b, a, part)
            window = np.hanning(len(found))
            voiced[max(begin - 400, 0) : begin + 2400] += found * window
    return voiced * _envelope(rng, rate)


def _notes(rng: np.random.Generator) -> np.ndarray:
    """Notes of any instrument: partials that decay, in tune or not."""
    played = np.zeros(_COUNT)
    for _ in range(int(rng.integers(1, 12))):
        begin = int(rng.integers(0, _COUNT - 2000))
        t = np.arange(_COUNT - begin) / RATE
        base, stretch = rng.uniform(60, 2000), rng.uniform(0.9, 1.4)
        for partial in range(1, int(rng.integers(2, 9))):
            frequency = base * partial**stretch
            if frequency < RATE / 2:
                decay = np.exp(-t * rng.uniform(0.5, 20)) * (1 - np.exp(-t * rng.uniform(20, 500)))
                vibrato = rng.uniform(0, 3) * np.sin(2 * math.pi * rng.uniform(3, 8) * t)
                tone = np.sin(2 * math.pi * frequency * t + vibrato)
                played[begin:] += tone * decay * rng.random() / partial
    return played


def _strokes(rng: np.random.Generator) -> np.ndarray:
    """Knocks, scratches and claps: bursts of filtered noise."""
    struck = np.zeros(_COUNT)
    for _ in range(int(rng.integers(1, 25))):
        begin, length = int(rng.integers(0, _COUNT - 800)), int(rng.uniform(200, 9000))
        burst = rng.standard_normal(min(length, _COUNT - begin))
        burst *= np.exp(-np.arange(len(burst)) / (length * rng.uniform(0.1, 0.6)))
        low = float(rng.uniform(30, 3000))
        struck[begin : begin + len(burst)] += _filtered(
            burst, low, low * rng.uniform(1.5, 8) % 7800
        )
    return struck


def _sweep(rng: np.random.Generator) -> np.ndarray:
    """A tone that is bent and modulated."""
    pitch = rng.uniform(50, 3000) * 2 ** (
        rng.uniform(0, 3) * (_envelope(rng, rng.uniform(1, 20)) - 0.5)
    )
    modulation = rng.uniform(0, 8) * np.sin(
        2 * math.pi * np.cumsum(pitch * rng.uniform(0.2, 3)) / RATE
    )
    return np.sin(2 * math.pi * np.cumsum(pitch) / RATE + modulation) * _envelope(
        rng, rng.uniform(1, 15)
    )


# --- clouds -------------------------------------------------------------------------------------


def _turn(rng: np.random.Generator) -> np.ndarray:
    """A random rotation [3, 3]."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return q * np.sign(np.diag(r))


def _shape(rng: np.random.Generator, count: int) -> np.ndarray:
    """Points [count, 3] on a random surface about a metre large."""
    u, v = rng.uniform(0, 2 * math.pi, count), np.arccos(rng.uniform(-1, 1, count))
    kind = int(rng.integers(4))
    if kind == 0:  # a superquadric: between a box, a ball and a star
        a, b = rng.uniform(0.2, 2.2, 2)
        x, y, z = np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), np.cos(v)
        return np.stack(
            [np.sign(x) * abs(x) ** a, np.sign(y) * abs(y) ** a, np.sign(z) * abs(z) ** b], 1
        )
    if kind == 1:  # a ring
        thin, w = rng.uniform(0.1, 0.45), rng.uniform(0, 2 * math.pi, count)
        ring = 1 + thin * np.cos(w)
        return np.stack([ring * np.cos(u), ring * np.sin(u), thin * np.sin(w)], 1)
    if kind == 2:  # a lump
        away = 1 + sum(
            rng.uniform(0, 0.35)
            * np.sin(rng.integers(1, 6) * u + rng.uniform(0, 6))
            * np.sin(v) ** rng.integers(1, 4)
            for _ in range(3)
        )
        return (
            np.stack([np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), np.cos(v)], 1)
            * np.asarray(away)[:, None]
        )
    t = rng.uniform(-1, 1, count)  # a bent tube
    bend, thick = rng.uniform(0, 1.5, 2), rng.uniform(0.03, 0.4)
    thick = thick * (1 + rng.uniform(0, 0.8) * np.sin(rng.uniform(1, 9) * t))
    middle = np.stack([bend[0] * t**2, bend[1] * np.sin(2 * t), t], 1)
    return middle + np.stack([thick * np.cos(u), thick * np.sin(u), 0 * t], 1)
