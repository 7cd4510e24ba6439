"""A stream of a recording as if it happened now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from sensebind.errors import InputError, UnusableSourceError
from sensebind.perception.modality import Modality
from sensebind.perception.observation import Observation
from sensebind.perception.sources.file_source import PlayedSource, Sample


class Replay(PlayedSource):
    """One stream of a recording of `sensebind record`; observations keep their capture times.

    Args:
        target: The file.
        stream: Name of the stream.
        recorded: Its name in the recording, if that is another.
        speed: 1 is real time, 0 as fast as it is read.
        loop: Begin again at the end.
    """

    def __init__(
        self,
        target: str,
        stream: str,
        recorded: str = "",
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        super().__init__(stream, f"recording {target}", speed, loop)
        self._path = target
        self._recorded = recorded or stream

    @cached_property
    def modality(self) -> Modality:  # type: ignore[override]
        """What kind of samples the stream has; read from the file at first need.

        Raises:
            UnusableSourceError: The file cannot be read, or has no such stream.
        """
        from sensebind.perception.frames.recording import Recording

        try:
            streams = Recording(self._path).streams()
        except InputError as error:
            raise UnusableSourceError(str(error)) from error
        if self._recorded not in streams:
            raise UnusableSourceError(
                f"{self._name} has no stream {self._recorded!r}; it has {', '.join(streams)}"
            )
        return streams[self._recorded]

    def _samples(self) -> Iterator[Sample]:
        from sensebind.perception.frames.recording import Recording

        _ = self.modality
        recording = Recording(self._path)
        for recorded in recording.entries(self._recorded):
            entry = recorded.entry
            self._refused = recording.refused + recording.damaged
            if not isinstance(entry, Observation):
                continue
            yield Sample(
                entry.data,
                recorded.at,
                entry.captured_at,
                entry.sequence,
                entry.frame_id,
                entry.rate,
            )
