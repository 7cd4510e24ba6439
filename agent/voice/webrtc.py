"""Echo cancellation by WebRTC's audio processing, as LiveKit's SDK ships it. No network is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensebind.agent.voice.parts import RATE, Setup, load

_FRAME = RATE // 100  # samples that WebRTC takes at once, 10 ms
_FULL_SCALE = 32767.0


class WebrtcEcho:
    """WebRTC's echo canceller (AEC3), which estimates the delay by itself; 10 ms late."""

    def __init__(self, _setup: Setup | None = None) -> None:
        """Load it.

        Raises:
            MissingDependencyError: It is not installed.
        """
        self._rtc = load("livekit.rtc")
        self._processing: Any = self._rtc.AudioProcessingModule(
            echo_cancellation=True, high_pass_filter=True
        )
        self._heard = np.zeros(0, np.int16)
        self._played = np.zeros(0, np.int16)
        self._done = np.zeros(_FRAME, np.float32)

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        """Return what was heard without the echo; see `Echo.without`."""
        self._heard = np.concatenate([self._heard, _pcm(heard)])
        self._played = np.concatenate([self._played, _pcm(played)])
        whole = len(self._heard) // _FRAME * _FRAME
        frames = [self._done]
        for begin in range(0, whole, _FRAME):
            self._processing.process_reverse_stream(self._frame(self._played, begin))
            frame = self._frame(self._heard, begin)
            self._processing.process_stream(frame)
            frames.append(np.frombuffer(frame.data, np.int16).astype(np.float32) / _FULL_SCALE)
        self._heard, self._played = self._heard[whole:], self._played[whole:]
        done = np.concatenate(frames)
        self._done = done[len(heard) :]
        return done[: len(heard)]

    def _frame(self, sound: np.ndarray, begin: int) -> Any:
        data = bytearray(sound[begin : begin + _FRAME].tobytes())
        return self._rtc.AudioFrame(data, RATE, 1, _FRAME)


class NoEcho:
    """Leaves everything as it was heard: for headphones, and devices that cancel echoes."""

    def __init__(self, _setup: Setup | None = None) -> None:
        """There is nothing to load."""

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        """Return what was heard; see `Echo.without`."""
        return heard


def _pcm(sound: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(sound, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
