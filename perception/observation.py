"""One raw sample of one stream, and what refers to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensebind.errors import InputError
from sensebind.perception.modality import Modality
from sensebind.perception.stream_names import STREAM_NAME

if TYPE_CHECKING:  # sources are named and checked without a sample
    import numpy as np

_REFERENCE = re.compile(f"frame:({STREAM_NAME})@([0-9]{{1,19}})")


@dataclass(frozen=True, slots=True)
class Observation:
    """One raw sample of one stream.

    Attributes:
        data: uint8 [H, W, 3] RGB, float32 [samples] in -1..1, or float32 [N, 3] metres.
        stream: Name of the stream, such as "camera".
        modality: What kind of sample it is.
        captured_at: Wall clock at capture, nanoseconds since 1970.
        monotonic: `time.monotonic()` at capture, seconds; ages are computed from this one.
        sequence: Counts up by one per sample that the device gave.
        frame_id: Coordinate frame of the sensor.
        rate: Audio sample rate in Hz; 0 for anything else.
    """

    data: np.ndarray
    stream: str
    modality: Modality
    captured_at: int
    monotonic: float
    sequence: int
    frame_id: str
    rate: int = 0

    @property
    def reference(self) -> str:
        """What dialogs and headers keep instead of the sample: `frame:<stream>@<ns>`."""
        return observation_reference(self.stream, self.captured_at)


def observation_reference(stream: str, captured_at: int) -> str:
    """Return the reference `frame:<stream>@<ns>` of an observation."""
    return f"frame:{stream}@{captured_at}"


def parse_reference(reference: str) -> tuple[str, int]:
    """Return stream and capture time (ns) of a reference `frame:<stream>@<ns>`.

    Raises:
        InputError: It is not such a reference.
    """
    match = _REFERENCE.fullmatch(reference[:200])
    if match is None or int(match[2]) >= 2**63:
        raise InputError(f"{reference[:200]!r} is not a reference such as frame:camera@1700000000")
    return match[1], int(match[2])
