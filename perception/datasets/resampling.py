"""A recording as frames of a fixed rate: of every stream the newest sample that is not later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.frames.recording import Recorded, Recording
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation

IMAGES, EMBEDDINGS = "images", "embeddings"
MAX_GAP = 3600.0
"""Seconds without any entry after which a recording is refused: its clock was damaged, or what lies
behind the gap is another episode."""
_KINDS = {
    Modality.VISION: "images",
    Modality.AUDIO: "sound",
    Modality.POINT: "point clouds",
    Modality.DEPTH: "depth images",
    Modality.THERMAL: "thermal images",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest of one column.

    Attributes:
        at: When it was recorded, seconds; a percept that is unchanged says that its image still is.
        values: uint8 [H, W, 3] RGB, or float32 [D].
        space: What encoded an embedding, and what enhanced it; "" for an image.
    """

    at: float
    values: np.ndarray
    space: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What was newest at one time.

    Attributes:
        at: The time, seconds on the clock of the recording.
        samples: By column, such as `images.camera` or `embeddings.lidar`.
    """

    at: float
    samples: Mapping[str, Sample]


class EpisodeFrames:
    """The frames of one recording: images of cameras, embeddings of every stream.

    The first frame is where every column has a sample; the last one is not later than the last
    entry. Times are those at which entries were recorded: what a robot had by then, not what it
    would have known later.

    Attributes:
        columns: What each frame has, such as `images.camera` or `embeddings.lidar`.
        left_out: What the recording has and no column holds, in words.
        waited: Seconds before the first frame, in which some column had no sample yet. Known when
            that frame was made.
    """

    def __init__(self, recording: Recording, fps: int, streams: Sequence[str] = ()) -> None:
        """Look at what there is; nothing is decoded.

        Args:
            recording: What was recorded.
            fps: Frames a second.
            streams: Those to take; all if empty.

        Raises:
            InputError: The file cannot be read, has no such stream, or nothing that has a column.
        """
        observed, perceived = recording.kinds()
        known = sorted({*observed, *perceived}) or list(recording.streams())  # which says why
        if strange := sorted({*streams} - {*known}):
            raise InputError(
                f"{recording.path} has no stream {strange[0]!r}; it has {', '.join(known)}"
            )
        taken = [name for name in known if not streams or name in streams]
        self.columns = [
            *(f"{IMAGES}.{one}" for one in taken if observed.get(one) is Modality.VISION),
            *(f"{EMBEDDINGS}.{one}" for one in taken if one in perceived),
        ]
        self.left_out = [f"stream {name}" for name in known if name not in taken]
        self.left_out += [
            f"{_KINDS.get(modality, modality.value)} of {name}"
            for name, modality in observed.items()
            if name in taken and modality is not Modality.VISION
        ]
        if any(name in perceived for name in taken):
            self.left_out.append("of percepts all but their embeddings")
        if not self.columns:
            raise InputError(
                f"{recording.path} has nothing to export: neither images nor percepts of "
                f"{', '.join(taken)}"
            )
        self.waited = 0.0
        self._recording, self._fps = recording, fps

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order.

        Raises:
            InputError: A column never has a sample, changes its shape or its encoder, or there is a
                gap of more than `MAX_GAP`.
        """
        path = self._recording.path
        newest: dict[str, Sample] = {}
        first = start = last = None
        index = 0
        for recorded in self._recording:
            at = recorded.at
            first = at if first is None else first
            if last is not None and at - last > MAX_GAP:
                raise InputError(
                    f"{path} has a gap of {at - last:.0f} s after {last - first:.1f} s: at most "
                    f"{MAX_GAP:.0f} s are filled with the newest sample"
                )
            last = at
            while start is not None and start + index / self._fps < at:
                yield self._frame(start + index / self._fps, newest)
                index += 1
            self._take(recorded, newest, at - first)
            if start is None and len(newest) == len(self.columns):
                start, self.waited = at, at - first
        if start is None or last is None:
            lacking = ", ".join(one for one in self.columns if one not in newest)
            raise InputError(
                f"{path} has no readable sample of {lacking}: leave that stream out with --stream"
            )
        while start + index / self._fps <= last:
            yield self._frame(start + index / self._fps, newest)
            index += 1

    def _frame(self, at: float, newest: Mapping[str, Sample]) -> Frame:
        return Frame(at, {name: newest[name] for name in self.columns})

    def _take(self, recorded: Recorded, newest: dict[str, Sample], passed: float) -> None:
        """Note an entry, if it belongs to a column."""
        entry = recorded.entry
        if isinstance(entry, Observation):
            name = f"{IMAGES}.{entry.stream}"
            sample = Sample(recorded.at, entry.data)
        else:
            header = entry.header
            name = f"{EMBEDDINGS}.{header.stream}"
            space = " ".join(filter(None, (header.model, header.cache)))
            sample = Sample(recorded.at, entry.embedding, space)
            shown = f"{IMAGES}.{header.stream}"
            if header.unchanged and shown in newest:
                newest[shown] = replace(newest[shown], at=recorded.at)
        if name not in self.columns:
            return
        before = newest.get(name)
        if before is not None:
            check_alike(f"{self._recording.path}, {name} after {passed:.1f} s", before, sample)
        newest[name] = sample


def check_alike(where: str, before: Sample, sample: Sample) -> None:
    """Refuse a sample that cannot stand in one column with another.

    Raises:
        InputError: It has another shape, or was made by another encoder.
    """
    if sample.values.shape != before.values.shape:
        raise InputError(
            f"{where}: {list(sample.values.shape)} values, before {list(before.values.shape)}: "
            "a column has one shape"
        )
    if sample.space != before.space:
        raise InputError(
            f"{where}: an embedding of {sample.space or 'an unnamed encoder'}, before of "
            f"{before.space or 'an unnamed encoder'}: embeddings of two spaces are not mixed"
        )
