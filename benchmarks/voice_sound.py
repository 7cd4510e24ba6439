"""What the benchmarks of the voice are made of: voices, noise, blocks of a microphone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import numpy as np

from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.parts import BLOCK, RATE
from sensebind.perception.imagebind.preprocess.audio import mono, resample
from sensebind.perception.simhome.sounds import sound

LEVEL = 0.1
"""Of speech: its root mean square, of full scale; -20 dBFS."""
VOICES = (
    ("en-us", 160),
    ("en-us+f3", 150),
    ("en", 170),
    ("en+f2", 180),
    ("en-us+m3", 140),
    ("en-gb-x-rp", 160),
    ("en-us+f4", 175),
    ("en+m7", 150),
)
"""Voices of eSpeak NG, and words per minute."""


@cache
def spoken(text: str, voice: str, speed: int) -> np.ndarray:
    """Return a text as sound, 16 kHz, at `LEVEL`, without silence around it."""
    library = espeak_library()
    return levelled(heard_at(made(text, voice, speed), library.rate))


def made(text: str, voice: str, speed: int) -> np.ndarray:
    """Return a text as eSpeak NG makes it."""
    pieces: list[np.ndarray] = []
    espeak_library().speak(text, voice, speed, lambda piece: not pieces.append(piece))
    return np.concatenate(pieces)


def heard_at(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return sound of any rate at that of a microphone."""
    return resample(mono(samples[None], rate), rate, RATE)[0].numpy().astype(np.float32)


def levelled(samples: np.ndarray) -> np.ndarray:
    """Return speech at `LEVEL`, without the silence around it."""
    loud = np.abs(samples) > 0.01 * np.abs(samples).max()
    first, last = int(loud.argmax()), len(loud) - int(loud[::-1].argmax())
    samples = samples[first:last]
    return (samples * LEVEL / np.sqrt(np.mean(samples**2))).astype(np.float32)


def noisy(speech: np.ndarray, level: float, rng: random.Random) -> np.ndarray:
    """Return speech with half a second before and two after it, and a radio or a dog with it."""
    whole = np.pad(speech, (RATE // 2, 2 * RATE))
    return whole + noise(len(whole), level, rng)


def noise(count: int, level: float, rng: random.Random) -> np.ndarray:
    """Return a radio or a dog, so many dB below speech."""
    kind = rng.choice(("radio", "dog"))
    heard = np.asarray(sound(kind, rng.randrange(1000), rng.randrange(10**5), count), np.float32)
    power = np.sqrt(np.mean(heard**2))
    return heard * (LEVEL * 10 ** (-level / 20) / max(float(power), 1e-9))


def blocks(samples: np.ndarray) -> Iterator[Block]:
    """Yield sound as a microphone gives it."""
    for begin in range(0, len(samples) - BLOCK + 1, BLOCK):
        yield Block(samples[begin : begin + BLOCK], (begin + BLOCK) / RATE)
