"""Sound of ROS: what the bytes of audio_common's AudioData are, which the message does not say.

`audio_capture` sends MP3 by default, or samples in the format that it was given. AudioInfo, on a
topic of its own, names it; where there is none, the bytes of the first messages are looked at.
"""

from __future__ import annotations

import math

import av
import numpy as np
from av.error import FFmpegError

from sensebind.errors import InputError, one_line
from sensebind.perception.sources.ros_sound_format import SoundFormat, SoundInfo

PROBE_BYTES = 1 << 16
"""Of the first messages that are looked at."""

_SAMPLES = {"s16le": ("<i2", 2.0**15), "s32le": ("<i4", 2.0**31), "f32le": ("<f4", 1.0)}
_MP3_CHAIN = 3  # headers one after the other, each where the one before says that it ends
_LOUDEST_FLOAT = 8.0
_QUIETEST_FLOAT = 1e-4
_NOISE = 65_536 / math.sqrt(12)
"""Deviation of the low halves of 32-bit samples: any value is likely."""
_ENOUGH = 256  # samples
_CONTAINERS = {b"OggS": "Ogg", b"fLaC": "FLAC", b"RIFF": "WAV", b"\x1aE\xdf\xa3": "Matroska"}

# Kilobits per second of layer III by index, and samples per second: MPEG 1, then MPEG 2 and 2.5.
_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def recognized_format(data: bytes, channels: int) -> SoundFormat:
    """What the first bytes of a stream look like.

    Args:
        data: Of one or more messages, one after the other.
        channels: How many are said to be there.

    Raises:
        InputError: They are of a container, or may be of either 16 or 32 bits.
    """
    for mark, name in _CONTAINERS.items():
        if data.startswith(mark):
            raise InputError(f"sound in a container ({name}) is not read; record it as wave or MP3")
    if _is_mp3(data):
        return "mp3"
    pairs = np.frombuffer(data[: len(data) // 8 * 8], "<i2").reshape(-1, 2).astype(np.float64)
    if len(pairs) < _ENOUGH:
        return "s16le"
    floats = np.abs(np.frombuffer(data[: len(data) // 4 * 4], "<f4"))
    if (floats <= _LOUDEST_FLOAT).all() and floats.max() > _QUIETEST_FLOAT:  # NaN is neither
        return "f32le"
    low, high = pairs[:, 0], pairs[:, 1]
    if not high.any():
        return "s16le"
    if channels == 1 and not low.any():
        raise InputError(
            "every other sample is 0: give sound_channels: 2 if one channel is silent, or "
            "sound_format: s32le if samples have 32 bits"
        )
    return "s32le" if _is_noise(low) and not _is_noise(high) else "s16le"


def _is_noise(values: np.ndarray) -> bool:
    """Whether numbers are spread evenly over 16 bits, each independent of the one before."""
    if not 0.9 < values.std() / _NOISE < 1.1:
        return False
    return abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.2


def _is_mp3(data: bytes) -> bool:
    """Whether frames of MPEG layer III follow each other, wherever the first begins."""
    start = data.find(b"\xff")
    while 0 <= start < 8192:
        at, chain = start, 0
        while size := _frame_bytes(data, at):
            chain, at = chain + 1, at + size
            if chain == _MP3_CHAIN or (at == len(data) and start == 0):
                return True
        start = data.find(b"\xff", start + 1)
    return False


def _frame_bytes(data: bytes, at: int) -> int:
    """Length of the MP3 frame whose header is at a position; 0 if there is none."""
    header = data[at : at + 3]
    if len(header) < 3 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, hertz = header[2] >> 4, header[2] >> 2 & 3
    if layer != 1 or version == 1 or rate in (0, 15) or hertz == 3:
        return 0
    first = version == 3
    bits = (144_000 if first else 72_000) * _KBPS[1 if first else 2][rate]
    return bits // _HERTZ[version][hertz] + (header[2] >> 1 & 1)


class SoundDecoder:
    """Turns the bytes of message after message into samples.

    Args:
        info: How to read them.
    """

    def __init__(self, info: SoundInfo) -> None:
        self._info = info
        self.clear()

    def clear(self) -> None:
        """Forget what was heard: what comes next does not continue it."""
        compressed = self._info.format == "mp3"
        self._codec = av.CodecContext.create("mp3", "r") if compressed else None

    def add(self, data: bytes) -> tuple[np.ndarray, int]:
        """Read the next message.

        Returns:
            float32 [samples, channels] in -1..1, which may be none yet, and their rate, Hz.

        Raises:
            InputError: It is not a whole number of samples, or damaged.
        """
        if self._codec is not None:
            return self._decoded(data)
        kind, scale = _SAMPLES[self._info.format]
        row = np.dtype(kind).itemsize * self._info.channels
        if len(data) % row:
            raise InputError(
                f"sound of {len(data)} bytes; {self._info.channels} channels of "
                f"{self._info.format} are {row} bytes a sample"
            )
        samples = np.frombuffer(data, kind).astype(np.float32) / np.float32(scale)
        if not np.isfinite(samples).all():
            raise InputError("sound that is not finite")
        return samples.reshape(-1, self._info.channels), self._info.rate

    def _decoded(self, data: bytes) -> tuple[np.ndarray, int]:
        assert self._codec is not None
        pieces, rate = [], self._info.rate
        try:
            for packet in self._codec.parse(data):
                for frame in self._codec.decode(packet):
                    assert isinstance(frame, av.AudioFrame)
                    samples = frame.to_ndarray()  # [channels, samples], or [1, all] interleaved
                    if not frame.format.is_planar:
                        samples = samples.reshape(-1, frame.layout.nb_channels).T
                    if samples.dtype == np.int16:
                        samples = samples / np.float32(32768)
                    pieces.append(samples.T.astype(np.float32))
                    rate = frame.sample_rate
        except (FFmpegError, ValueError) as error:
            raise InputError(f"damaged MP3: {one_line(error)}") from error
        if not pieces or len({piece.shape[1] for piece in pieces}) > 1:
            return np.zeros((0, 1), np.float32), rate
        return np.concatenate(pieces).clip(-1, 1), rate
