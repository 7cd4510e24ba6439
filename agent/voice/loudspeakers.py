"""Where speech goes: a loudspeaker, or a WAV file that is written at the pace of one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import soundfile

from sensebind.agent.voice.parts import missing
from sensebind.errors import ConfigurationError, StorageError

PIECE_SECONDS = 0.02
"""In which sound is written: so long goes on what was begun when the voice is cut."""


_PAUSE_SECONDS = 1.5  # between two answers in a file


class Loudspeaker(Protocol):
    """Plays sound. A context manager; used by one thread."""

    def __enter__(self) -> Self:
        """Open it."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close it."""
        ...

    def write(self, piece: np.ndarray) -> None:
        """Play a piece after those before; returns when there is room for the next one.

        Args:
            piece: float32 [n] in -1..1.
        """
        ...

    def drop(self) -> None:
        """Drop what was written and is not heard yet."""
        ...

    def drain(self) -> None:
        """Wait until all that was written is heard."""
        ...


class DeviceLoudspeaker:
    """A loudspeaker of this machine, by PortAudio."""

    def __init__(self, target: str, rate: int) -> None:
        """Prepare.

        Args:
            target: "default", the number of a device, or a part of its name.
            rate: Samples per second.
        """
        self._target = target
        self._rate = rate
        self._stream: Any = None

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            MissingDependencyError: sounddevice or PortAudio is not installed.
            ConfigurationError: There is no such device.
        """
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise missing("sounddevice with PortAudio", error) from error
        target = self._target
        chosen: Any = int(target) if target.isdecimal() else None if target == "default" else target
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=self._rate, device=chosen, channels=1, dtype="float32", latency="low"
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise ConfigurationError(
                f"voice: loudspeaker: {target!r} cannot be opened ({error}); a file can be named "
                "instead: --loudspeaker answer.wav"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream.close()
            self._stream = None

    def write(self, piece: np.ndarray) -> None:
        """Play a piece; see `Loudspeaker.write`."""
        self._stream.write(np.ascontiguousarray(piece, np.float32)[:, None])

    def drop(self) -> None:
        """Drop what is not heard yet; see `Loudspeaker.drop`."""
        self._stream.abort()
        self._stream.start()

    def drain(self) -> None:
        """Wait until all is heard; see `Loudspeaker.drain`."""
        self._stream.stop()
        self._stream.start()


class FileLoudspeaker:
    """A WAV file: what a loudspeaker would have played, answer after answer, with pauses."""

    def __init__(self, path: Path, rate: int) -> None:
        """Prepare.

        Args:
            path: Of the file.
            rate: Samples per second.
        """
        self._path = path
        self._rate = rate
        self._file: Any = None
        self._heard = 0.0  # monotonic, when what was written so far will have been heard

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            StorageError: It cannot be written.
        """
        try:
            self._file = soundfile.SoundFile(
                self._path, "w", self._rate, 1, subtype="PCM_16", format="WAV"
            )
        except (OSError, RuntimeError) as error:
            raise StorageError(f"{self._path} cannot be written: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, piece: np.ndarray) -> None:
        """Write a piece, in the time that it takes to hear it."""
        self._file.write(piece)
        self._heard = max(self._heard, time.monotonic()) + len(piece) / self._rate
        time.sleep(max(0.0, self._heard - time.monotonic()))

    def drop(self) -> None:
        """There is nothing that was written and is not heard."""

    def drain(self) -> None:
        """Everything that was written is heard; a pause parts it from what is said next."""
        self._file.write(np.zeros(round(_PAUSE_SECONDS * self._rate), np.float32))


def loudspeaker_of(target: str, rate: int) -> Loudspeaker:
    """Return where a voice speaks.

    Args:
        target: A file that ends in .wav, or a device.
        rate: Samples per second.
    """
    if target.casefold().endswith(".wav"):
        return FileLoudspeaker(Path(target), rate)
    return DeviceLoudspeaker(target, rate)
