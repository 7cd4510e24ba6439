"""What sound of ROS is encoded in, as a user or an AudioInfo says it; see `ros_sound.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sensebind.errors import ConfigurationError, InputError

SoundFormat = Literal["auto", "s16le", "s32le", "f32le", "mp3"]
"""What sound is encoded in; auto looks at it."""


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """How to read the bytes.

    Attributes:
        format: Never "auto".
        rate: Hz; of MP3 what its frames say.
        channels: Interleaved; of MP3 what its frames say.
    """

    format: SoundFormat
    rate: int
    channels: int


def checked_format(stream: str, given: str) -> SoundFormat:
    """The format that a user gave.

    Raises:
        ConfigurationError: There is no such format.
    """
    known = {name: name for name in get_args(SoundFormat)}
    if given.lower() not in known:
        raise ConfigurationError(f"{stream}: sound_format {given!r}; there are {', '.join(known)}")
    return known[given.lower()]


def announced(coding: str, sample_format: str) -> SoundFormat:
    """The format that an AudioInfo names.

    Args:
        coding: Its `coding_format`, "mp3" or "wave".
        sample_format: Its `sample_format`, such as "S16LE".

    Raises:
        InputError: It is not one that is read.
    """
    named = "mp3" if coding.lower() == "mp3" else sample_format.lower()
    for known in get_args(SoundFormat):
        if known == named and known != "auto":
            return known
    raise InputError(
        f"sound of {coding!r} in {sample_format!r} is not read; record it as wave of S16LE, or MP3"
    )
