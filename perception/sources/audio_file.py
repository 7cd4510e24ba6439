"""Sound files as if a microphone heard them now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.audio_windows import (
    HOP_SECONDS,
    RATE,
    WINDOW_SECONDS,
    Windows,
    on_grid,
)
from sensebind.perception.sources.file_source import PlayedSource, Sample

ENDINGS = (
    ".wav",
    ".flac",
    ".ogg",
    ".mp3",
    ".aiff",
    ".aif",
    ".opus",
    ".m4a",
    ".aac",
    ".caf",
    ".w64",
    ".webm",
    ".mka",
    ".wma",
    ".amr",
)


class AudioFile(PlayedSource):
    """A sound file, or all of a folder in order of name, in windows of 2 s as a microphone gives.

    Channels become one as `perception.downmix` says, other rates are brought to 16 kHz. A file
    shorter than a window is one observation.

    Args:
        target: The file or folder.
        stream: Name of the stream.
        hop: Seconds from one window to the next.
        speed: 1 is real time, 0 as fast as it is read.
        loop: Begin again at the end.
        frame_id: Coordinate frame of the microphone.

    Raises:
        ConfigurationError: The hop is not more than 0 and at most a window.
    """

    modality = Modality.AUDIO

    def __init__(
        self,
        target: str,
        stream: str,
        hop: float = HOP_SECONDS,
        speed: float = 1.0,
        loop: bool = False,
        frame_id: str = "microphone",
    ) -> None:
        if not 1 / RATE <= hop <= WINDOW_SECONDS:
            raise ConfigurationError(f"{stream}: a hop of {hop} s; at most {WINDOW_SECONDS:g} s")
        super().__init__(stream, f"sound {target}", speed, loop)
        self._path = Path(target)
        self._hop = hop
        self.frame_id = frame_id

    def _samples(self) -> Iterator[Sample]:
        from sensebind.perception.imagebind.preprocess.audio import mono, resample
        from sensebind.perception.imagebind.preprocess.audio_files import read_audio

        begun = 0.0
        for path in self._files():
            try:
                samples, rate = read_audio(path)
                wave = mono(samples, rate)
            except InputError:
                if path == self._path:
                    raise
                self._refused += 1
                continue
            sound = on_grid(resample(wave, rate, RATE)[0].numpy())
            length = min(round(WINDOW_SECONDS * RATE), len(sound))
            windows = Windows(length, round(self._hop * RATE))
            for after, window in windows.add(sound):
                yield Sample(window, begun + (len(sound) - after) / RATE, rate=RATE)
            begun += len(sound) / RATE

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        files = sorted(file for file in self._path.iterdir() if file.suffix.lower() in ENDINGS)
        if not files:
            raise SourceError(f"no sound files in {self._path}: put {' '.join(ENDINGS)} there")
        return files
