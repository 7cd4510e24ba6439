"""A source with a device that fails on demand, for `sensebind chaos`: gone, or its clock jumps.

A control file says what is the matter now: "gone", "ahead" or "behind" (the device's clock, by an
hour), or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from sensebind.errors import SourceError
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.registry import open_source

FACTORY = "sensebind.perception.sources.faulty_source:open_disturbed"
_JUMPS = {"ahead": 3600.0, "behind": -3600.0}  # seconds


def open_disturbed(spec: str | Mapping[str, Any], *, stream: str, control: str) -> Source:
    """Build a source as `open_source` does, under the control of a file.

    Args:
        spec: As for `open_source`.
        stream: Likewise.
        control: Path of the control file; a missing one disturbs nothing.
    """
    return _Disturbed(open_source(spec, stream=stream), Path(control))


class _Disturbed:
    def __init__(self, source: Source, control: Path) -> None:
        self._source = source
        self._control = control

    @property
    def stream(self) -> str:
        return self._source.stream

    @property
    def modality(self) -> Modality:
        return self._source.modality

    @property
    def dropped(self) -> int:
        return self._source.dropped

    def __enter__(self) -> Self:
        self._trouble()
        self._source.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._source.__exit__(*error)

    def read(self, timeout: float = 5.0) -> Observation:
        self._trouble()
        return self._jumped(self._source.read(timeout))

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        self._trouble()
        return self._jumped(self._source.read_latest(max_age, timeout))

    def _trouble(self) -> str:
        """Return what is the matter.

        Raises:
            SourceError: The device is gone.
        """
        word = self._control.read_text(encoding="utf-8") if self._control.exists() else ""
        if word == "gone":
            raise SourceError(f"{self.stream}: the device is gone, by order of `sensebind chaos`")
        return word

    def _jumped(self, observation: Observation) -> Observation:
        seconds = _JUMPS.get(self._trouble(), 0.0)
        if not seconds:
            return observation
        return replace(
            observation,
            monotonic=observation.monotonic + seconds,
            captured_at=observation.captured_at + int(seconds * 1e9),
        )
