"""The sounds of a SimHome: one seeded, endless loop of samples per sounding thing.

Every sound is a loop of `LOOP_SECONDS` that joins on to itself without a click, so that the sample
at any instant is a look-up and a window of any length at any time is a pure function of (kind,
seed, time). No loop has a pause as long as a second, so every two-second window holds the sound.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import SOUNDING_KINDS
from sensebind.perception.simhome.synthesis import (
    LOOP,
    LOOP_SECONDS,
    RATE,
    TABLE,
    Signal,
    Wave,
    add_grain,
    band,
    event_times,
    filtered,
    formants,
    hum_of,
    moments,
    oscillate,
    rms,
    samples_of,
    spectrum_of,
    swell,
    to_level,
    wave_table,
    white_noise,
    whole_cycles,
    window,
)

# Loudness at one metre, dBFS rms. Clicky sounds are quieter on average for the same peak.
LEVELS = {kind: -14.5 for kind in SOUNDING_KINDS} | {"clock": -19.0, "drum": -16.0}


@lru_cache(maxsize=64)
def sound_loop(kind: str, seed: int) -> Signal:
    """One instance of a kind's sound, as heard at one metre.

    Args:
        kind: One of `SOUNDING_KINDS`.
        seed: Which dog, which piano: pitch, tempo, timbre and phase follow from it.

    Returns:
        Samples at `RATE`, shape [LOOP], read-only, within ±1; the end joins on to the beginning.

    Raises:
        InputError: The kind makes no sound.
    """
    if kind not in _MAKERS:
        raise InputError(f"{kind!r} makes no sound; sounding kinds: {', '.join(SOUNDING_KINDS)}")
    rng = np.random.default_rng([seed & 0xFFFF_FFFF_FFFF_FFFF, SOUNDING_KINDS.index(kind)])
    signal = _MAKERS[kind](rng)
    signal = np.roll(signal, int(rng.integers(LOOP)))
    signal = to_level(signal, 10 ** (LEVELS[kind] / 20))
    signal.setflags(write=False)
    return signal


def sound(kind: str, seed: int, start: int, count: int) -> Signal:
    """A window of a thing's sound.

    Args:
        kind: One of `SOUNDING_KINDS`.
        seed: The instance.
        start: Index of the first sample since time zero (may be negative: a sound never began).
        count: How many samples.

    Returns:
        float32 [count] at `RATE`.

    Raises:
        InputError: The kind makes no sound.
    """
    return window(sound_loop(kind, seed), start, count)


# --- the kinds -------------------------------------------------------------------------------


def _dog(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    base = rng.uniform(260, 520)
    size = base / 380
    table = wave_table(np.arange(1, 16) ** -rng.uniform(0.6, 1.0), rng.uniform(0, 6.28, 15))
    rough = white_noise(rng)
    at = 0.0
    while at < LOOP_SECONDS - 0.35:
        for _ in range(int(rng.integers(1, 4))):
            t = moments(rng.uniform(0.13, 0.22))
            u = t / t[-1]
            pitch = base * rng.uniform(0.9, 1.1) * (0.75 + 0.75 * np.sin(np.pi * u**0.7))
            breath = rough[int(rng.integers(LOOP - len(t))) :][: len(t)]
            grain = (oscillate(table, pitch) + 0.25 * breath) * np.sin(3.14 * u**0.5) ** 1.5
            add_grain(out, at, grain.astype(np.float32))
            at += len(t) / RATE + rng.uniform(0.06, 0.16)
        at += rng.uniform(0.2, 0.5)
    return filtered(
        out, formants((700 * size, 250, 1.0), (1500 * size, 350, 0.7), (2700, 600, 0.2))
    )


def _cat(rng: np.random.Generator) -> Wave:
    source = np.zeros(LOOP, np.float32)
    opened = np.zeros(LOOP, np.float32)  # how far the mouth is open at each sample
    base = rng.uniform(480, 760)
    table = wave_table(np.arange(1, 9) ** -rng.uniform(0.4, 0.8), rng.uniform(0, 6.28, 8))
    at = 0.0
    while at < LOOP_SECONDS - 0.45:
        t = moments(min(rng.uniform(0.6, 1.0), LOOP_SECONDS - at))
        u = t / t[-1]
        vibrato = 1 + 0.015 * np.sin(2 * np.pi * rng.uniform(5, 8) * t)
        pitch = base * (0.8 + 0.45 * np.sin(np.pi * u**0.6)) * rng.uniform(0.92, 1.08) * vibrato
        add_grain(source, at, oscillate(table, pitch) * swell(len(t), 0.08, 0.25))
        add_grain(opened, at, np.sin(np.pi * u))
        at += len(t) / RATE + rng.uniform(0.15, 0.4)
    closed = filtered(source, formants((500, 150, 1.0), (2600, 300, 0.35)))
    wide = filtered(source, formants((1050, 250, 1.0), (1900, 300, 0.9), (3300, 400, 0.4)))
    return closed * (1 - opened) + wide * opened


def _bird(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    base, span = rng.uniform(3000, 4800), rng.uniform(600, 1600)
    table = wave_table(np.array([1.0, 0.12]))
    at = 0.0
    while at < LOOP_SECONDS - 0.2:
        length, up = rng.uniform(0.05, 0.13), rng.choice([-1.0, 1.0])
        centre, curve = base + rng.uniform(-500, 700), rng.uniform(-0.5, 0.5)
        for _ in range(int(rng.integers(1, 6))):  # a phrase repeats one chirp
            t = moments(length)
            u = t / t[-1]
            pitch = centre + span * (up * (u - 0.5) + curve * np.sin(np.pi * u))
            add_grain(out, at, oscillate(table, pitch) * np.sin(np.pi * u))
            at += length + rng.uniform(0.015, 0.05)
        at += rng.uniform(0.08, 0.35)
    return out


def _car(rng: np.random.Generator) -> Wave:
    idle = rng.uniform(26, 44)
    t = moments(LOOP_SECONDS)
    sway = whole_cycles(rng.uniform(0.25, 0.7))
    pitch = idle * (1 + 0.18 * np.sin(2 * np.pi * sway * t))
    pitch *= round(float(pitch.mean()) * LOOP_SECONDS) / LOOP_SECONDS / float(pitch.mean())
    strength = rng.uniform(0.3, 1.0, 24) * np.arange(1, 25) ** -0.5
    engine = oscillate(wave_table(strength, rng.uniform(0, 6.28, 24)), pitch)
    rumble = filtered(white_noise(rng), band(40, 350))
    out = engine / rms(engine) + 0.5 * rumble / rms(rumble)
    horn = rng.uniform(360, 470)
    tone = wave_table(np.arange(1, 14) ** -0.7, rng.uniform(0, 6.28, 13))
    for beat in event_times(rng, 1.1, 1.5):
        span = rng.uniform(0.3, 0.6)
        flat = np.ones(int(span * RATE))
        honk = oscillate(tone, flat * horn) + oscillate(tone, flat * horn * 1.26)
        add_grain(out, float(beat), 1.4 * honk * swell(len(honk), 0.02, 0.05))
    return out.astype(np.float32)


def _train(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    steam = filtered(white_noise(rng), band(rng.uniform(150, 300), rng.uniform(1200, 2000)))
    steam = steam / rms(steam)
    beats = event_times(rng, 0.17, 0.3)
    decay = rng.uniform(14, 22)
    t = moments(0.28)
    envelope = np.minimum(t / 0.02, 1) * np.exp(-decay * t)
    for number, beat in enumerate(beats):
        loud = 1.0 if number % 4 == 0 else rng.uniform(0.55, 0.75)
        first = int(beat * RATE)
        add_grain(out, float(beat), 2.0 * loud * envelope * window(steam, first, len(t)))
    base = rng.uniform(270, 380)
    chord = base * np.array([1.0, 1.19, 1.5, 1.78])
    tone = wave_table(np.array([1.0, 0.35, 0.2, 0.1]))
    for beat in event_times(rng, 1.9, 2.1):
        t = moments(rng.uniform(0.7, 1.1))
        bend = 1 - 0.06 * np.exp(-t / 0.08)
        whistle = sum(oscillate(tone, note * bend) for note in chord)
        add_grain(out, float(beat), 0.45 * whistle * swell(len(t), 0.08, 0.2))
    return out


def _clock(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    t = moments(0.08)
    body = rng.uniform(0.85, 1.2)
    strokes = []
    for share in (1.0, rng.uniform(0.7, 0.82)):  # tick, then the lower tock
        stroke = np.zeros_like(t)
        for mode, decay in ((1300, 60), (2500, 80), (4100, 130), (5600, 200)):
            stroke += np.sin(2 * np.pi * mode * share * body * t) * np.exp(-decay * t)
        strokes.append(stroke.astype(np.float32))
    for number, beat in enumerate(event_times(rng, 0.22, 0.4)):
        add_grain(out, float(beat), strokes[number % 2] * np.float32(rng.uniform(0.9, 1.1)))
    if rng.random() < 0.4:
        t = moments(1.6)
        pitch = rng.uniform(480, 700)
        bell = np.zeros_like(t)
        for partial, share, decay in ((1, 1.0, 2.2), (2.0, 0.5, 3), (2.76, 0.5, 4), (5.4, 0.25, 7)):
            bell += share * np.sin(2 * np.pi * pitch * partial * t) * np.exp(-decay * t)
        add_grain(out, rng.uniform(0, LOOP_SECONDS), 0.3 * bell)
    return out


def _phone(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    low = rng.uniform(850, 1250)
    flutter = rng.uniform(16, 25)
    bells = rng.random() < 0.5
    high = low * (rng.uniform(1.18, 1.3))
    tone = wave_table(np.array([1, 0.1, 0.45, 0.05, 0.2]) if bells else np.array([1.0, 0.1, 0.3]))
    beats = event_times(rng, 0.9, 1.34)
    on = float(beats[1]) * rng.uniform(0.6, 0.75)
    t = moments(on)
    if bells:  # a clapper between two bells
        strike = np.exp(-12 * ((t * flutter) % 1) / flutter)
        ring = (
            oscillate(tone, np.full(len(t), low)) + oscillate(tone, np.full(len(t), high))
        ) * strike
    else:  # an electronic warble
        ring = oscillate(tone, np.where((t * flutter) % 1 < 0.5, low, high))
    ring = (ring * swell(len(t), 0.01, 0.03)).astype(np.float32)
    for beat in beats:
        add_grain(out, float(beat), ring)
    return out


def _piano(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    root = 57 + int(rng.integers(-5, 8))  # MIDI number
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19])
    t = moments(1.0)
    bright = rng.uniform(1.0, 1.5)
    fade = swell(len(t), 0.004, 0.15)
    partials = np.arange(1, 9)[:, None]
    notes: dict[int, Wave] = {}
    for number, beat in enumerate(event_times(rng, 0.24, 0.42)):
        chord = [scale[rng.integers(2, 9)]] + ([0, 7] if number % 4 == 0 else [])
        for step in chord:
            if step not in notes:
                pitch = 440 * 2 ** ((root + int(step) - 69) / 12)
                stretched = partials * np.sqrt(1 + 4e-4 * partials**2)  # stiff strings
                waves = np.sin((2 * np.pi * pitch * stretched).astype(np.float32) * t)
                waves *= np.exp(-(2.0 + 1.1 * partials).astype(np.float32) * t)
                waves *= (partials**-bright).astype(np.float32)
                notes[step] = waves.sum(0) * fade
            add_grain(out, float(beat), notes[step] * np.float32(rng.uniform(0.7, 1.0)))
    return out


def _guitar(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    root = 40 + int(rng.integers(0, 8))
    shape = np.array([0, 7, 12, 16, 19, 24])
    pick = rng.uniform(0.1, 0.22)
    strings = [_pluck(rng, 440 * 2 ** ((root + int(s) - 69) / 12), 0.8, pick) for s in shape]
    for number, beat in enumerate(event_times(rng, 0.2, 0.36)):
        played = range(1, 5) if number % 4 == 0 else [int(rng.integers(0, 6))]  # strum or pick
        for delay, string in enumerate(played):
            add_grain(out, float(beat) + 0.018 * delay, strings[string])
    return filtered(out, lambda f: 0.7 + 1.2 / (1 + ((f - 210) / 90) ** 2))  # the wooden body


def _pluck(rng: np.random.Generator, pitch: float, seconds: float, pick: float) -> Wave:
    """A Karplus-Strong string, all its periods at once.

    Each period is the one before, averaged with its neighbour; in the frequency domain that is one
    factor per harmonic and period, so period r has the factor to the power r.
    """
    period = max(round(RATE / pitch - 0.5), 8)
    rows = int(seconds * RATE) // period
    burst = rng.standard_normal(period).astype(np.float32)
    burst -= np.roll(burst, max(int(pick * period), 1))  # plucked at a point, not everywhere
    harmonics = np.arange(period // 2 + 1)
    loss = 0.996 * (0.5 + 0.5 * np.exp(-2j * np.pi * harmonics / period))
    powers = np.exp(np.arange(rows)[:, None] * np.log(loss + 1e-9))  # [rows, harmonics]
    string = samples_of(spectrum_of(burst) * powers, n=period).reshape(-1)
    return (string * swell(len(string), 0.0005, 0.12)).astype(np.float32)


def _drum(rng: np.random.Generator) -> Wave:
    out = np.zeros(LOOP, np.float32)
    hiss = white_noise(rng)
    bright = np.diff(hiss, append=hiss[:1])
    low, tight = rng.uniform(48, 70), rng.uniform(0.8, 1.3)
    t = moments(0.3)
    kick = np.sin(2 * np.pi * (low * t + 2.0 * (1 - np.exp(-25 * t)))) * np.exp(-11 * tight * t)
    skin = rng.uniform(170, 230)
    snare = np.sin(2 * np.pi * skin * t) * np.exp(-22 * t)
    snare = 0.8 * snare + 0.5 * hiss[: len(t)] * np.exp(-20 * tight * t)
    hat = 0.25 * bright[: len(t)] * np.exp(-60 * tight * t)
    tom = np.sin(2 * np.pi * skin * 0.6 * (t + 0.03 * (1 - np.exp(-15 * t)))) * np.exp(-10 * t)
    fill = rng.random(8) < 0.3
    for number, beat in enumerate(event_times(rng, 0.2, 0.3)):
        place = number % 8
        add_grain(out, float(beat), hat.astype(np.float32))
        if place in (0, 4) or (place == 3 and fill[3]):
            add_grain(out, float(beat), 1.3 * kick)
        if place in (2, 6):
            add_grain(out, float(beat), snare.astype(np.float32))
        elif place % 2 and fill[place]:
            add_grain(out, float(beat), tom.astype(np.float32))
    return out


def _kettle(rng: np.random.Generator) -> Wave:
    t = moments(LOOP_SECONDS)
    rises = int(rng.integers(1, 3))
    u = (t * (rises / LOOP_SECONDS)) % 1
    start, end = rng.uniform(1400, 1900), rng.uniform(2400, 3200)
    wobble = 1 + 0.006 * np.sin(2 * np.pi * whole_cycles(rng.uniform(6, 11)) * t)
    pitch = (start + (end - start) * (1 - np.exp(-2.2 * u))) * wobble
    tone = wave_table(np.array([1.0, 0.25, 0.1]))
    whistle = oscillate(tone, pitch) + 0.6 * oscillate(tone, pitch * rng.uniform(1.04, 1.09))
    breath = np.minimum(np.minimum(u / 0.08, (1 - u) / 0.02), 1) * (0.35 + 0.65 * u)
    steam = filtered(white_noise(rng), band(2500, 7500))
    return (whistle * breath + 0.45 * steam / rms(steam)).astype(np.float32)


def _vacuum(rng: np.random.Generator) -> Wave:
    motor = rng.uniform(95, 150)
    strength = rng.uniform(0.3, 1.0, 40) / (1 + (np.arange(40) / 9.0) ** 2)
    strength[int(rng.integers(7, 13))] += 1.5  # the whine of the turbine
    hum = hum_of(rng, motor, strength)
    peak = rng.uniform(900, 1800)
    roar = filtered(
        white_noise(rng), lambda f: band(150, 5500)(f) * (0.6 + 1.2 / (1 + ((f - peak) / 500) ** 2))
    )
    return (hum / rms(hum) + 1.1 * roar / rms(roar)).astype(np.float32)


def _radio(rng: np.random.Generator) -> Wave:
    # A voice: glottal pulses through four vowels, cut into syllables.
    t = moments(LOOP_SECONDS)
    voice = rng.uniform(100, 210)
    bins = np.linspace(0, LOOP_SECONDS, 17)
    melody = np.interp(t, bins, np.append(tones := rng.uniform(0.85, 1.25, 16), tones[0]))
    vowels = (
        ((730, 90, 1.0), (1090, 110, 0.7), (2440, 170, 0.3)),
        ((270, 60, 1.0), (2290, 150, 0.6), (3010, 200, 0.3)),
        ((300, 60, 1.0), (870, 100, 0.5), (2240, 170, 0.15)),
        ((530, 80, 1.0), (1840, 130, 0.6), (2480, 170, 0.3)),
    )
    harmonics = np.arange(1, 34)
    tables = np.stack(
        [wave_table(harmonics**-0.6 * formants(*peaks)(harmonics * voice)) for peaks in vowels]
    )  # [vowels, TABLE]
    tables /= np.sqrt(np.square(tables).mean(1, keepdims=True))
    beats = event_times(rng, 0.15, 0.22)
    width = float(beats[1])
    order = rng.integers(0, len(vowels), len(beats))
    syllable = np.minimum((t / width).astype(np.int64), len(beats) - 1)
    rise = np.sin(np.pi * ((t / width) % 1)) ** 0.6
    stress = rng.uniform(0.5, 1.0, len(beats))[syllable] * rise
    phase = np.cumsum(voice * melody * (TABLE / RATE)).astype(np.int64) & (TABLE - 1)
    speech = (tables[order[syllable], phase] * stress).astype(np.float32)
    # Under it, sustained chords; then the narrow loudspeaker and its hiss.
    music = np.zeros(LOOP, np.float32)
    root = rng.uniform(180, 260)
    quarter = LOOP // 4
    reed = wave_table(np.arange(1, 8) ** -1.0)
    for part, chord in enumerate(
        ((1, 1.26, 1.5), (0.84, 1, 1.26), (0.89, 1.12, 1.33), (1, 1.19, 1.5))
    ):
        flat = np.ones(quarter)
        pad = sum(oscillate(reed, flat * root * note) for note in chord)
        add_grain(music, part * LOOP_SECONDS / 4, pad * swell(quarter, 0.05, 0.05))
    hiss = white_noise(rng)
    mix = 1.0 * speech / rms(speech) + rng.uniform(0.45, 0.7) * music / rms(music) + 0.08 * hiss
    return filtered(mix.astype(np.float32), band(280, 3600))


def _fan(rng: np.random.Generator) -> Wave:
    t = moments(LOOP_SECONDS)
    blades = whole_cycles(rng.uniform(7, 13))
    air = filtered(white_noise(rng), band(60, rng.uniform(350, 600)))
    whoosh = air / rms(air) * (0.45 + 0.55 * (0.5 + 0.5 * np.sin(2 * np.pi * blades * t)) ** 2)
    hum = hum_of(rng, rng.uniform(48, 62), np.array([0.5, 1.0, 0.2, 0.3]))
    return (whoosh + rng.uniform(0.2, 0.4) * hum / rms(hum)).astype(np.float32)


_MAKERS: dict[str, Callable[[np.random.Generator], Wave]] = {
    "dog": _dog,
    "cat": _cat,
    "bird": _bird,
    "car": _car,
    "train": _train,
    "clock": _clock,
    "phone": _phone,
    "piano": _piano,
    "guitar": _guitar,
    "drum": _drum,
    "kettle": _kettle,
    "vacuum": _vacuum,
    "radio": _radio,
    "fan": _fan,
}
