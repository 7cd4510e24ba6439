"""Sound of ROS, which comes in messages, as windows that an audio trunk takes."""

from __future__ import annotations

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.downmix import Downmixer
from sensebind.perception.imagebind.preprocess.audio import resample, waveform
from sensebind.perception.sources.audio_windows import (
    HOP_SECONDS,
    RATE,
    WINDOW_SECONDS,
    Windows,
    on_grid,
)
from sensebind.perception.sources.ros_sound import SoundDecoder, recognized_format
from sensebind.perception.sources.ros_sound_format import SoundInfo

_LOOKED_AT = 1 << 14  # bytes: half a second of 16 bits at 16 kHz, one or two of MP3


class SoundWindows:
    """Puts the sound of message after message together.

    Args:
        info: How to read the bytes of the messages.
    """

    def __init__(self, info: SoundInfo) -> None:
        self._decoder = SoundDecoder(info)
        self._windows, self._mixer = Windows(1, 1), Downmixer(RATE)
        self._form = (0, 0)  # rate and channels of what was heard last

    def clear(self) -> None:
        """Forget what was heard: what comes next does not continue it."""
        self._decoder.clear()
        self._form = (0, 0)

    def add(self, data: bytes) -> list[tuple[float, np.ndarray]]:
        """Take the sound of the next message.

        Returns:
            For every window that it completes, how much of this message comes after the window's
            end, in seconds, and the window: float32 [32000], 2 s at 16 kHz in -1..1.

        Raises:
            InputError: It is not a whole number of samples, or damaged; what was heard before is
                forgotten.
        """
        try:
            samples, hertz = self._decoder.add(data)
        except InputError:
            self.clear()
            raise
        if not len(samples):
            return []
        if (form := (hertz, samples.shape[1])) != self._form:
            self._form = form
            self._windows = Windows(round(WINDOW_SECONDS * hertz), round(HOP_SECONDS * hertz))
            self._mixer = Downmixer(hertz)
        return [
            (after / hertz, on_grid(resample(waveform(window, hertz), hertz, RATE)[0].numpy()))
            for after, window in self._windows.add(self._mixer.add(samples))
        ]


class LiveSound:
    """The same for sound that is heard live, whose format is found out by how it looks.

    Args:
        info: How to read the bytes; where its format is `auto`, the first bytes are looked at.
    """

    def __init__(self, info: SoundInfo) -> None:
        self._info = info
        self._first: list[bytes] = []
        self._windows = SoundWindows(info) if info.format != "auto" else None

    def clear(self) -> None:
        """Forget what was heard: what comes next does not continue it."""
        self._first.clear()
        if self._windows is not None:
            self._windows.clear()

    def add(self, data: bytes) -> list[tuple[float, np.ndarray]]:
        """Take the sound of the next message; see `SoundWindows.add`.

        Raises:
            InputError: It cannot be read, or is in a container.
        """
        if self._windows is not None:
            return self._windows.add(data)
        self._first.append(data)
        if sum(map(len, self._first)) < _LOOKED_AT:
            return []
        whole, info = b"".join(self._first), self._info
        self._first.clear()
        form = recognized_format(whole[:_LOOKED_AT], info.channels)
        self._windows = SoundWindows(SoundInfo(form, info.rate, info.channels))
        return self._windows.add(whole)
