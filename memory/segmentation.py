"""Cuts a stream of percepts into episodes, where what is perceived changes.

A change must be clear and last: an episode ends when `confirm` percepts in a row lie farther than
`change` from its mean, and a percept nearer than `settle` ends the suspicion (hysteresis). It also
ends when what is perceived becomes known or unknown to the weights, when the sense perceives
nothing any more, when nothing came for a while, when the wall clock jumps, when the encoder
changes, when the robot has gone too far, or when it has lasted long enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sensebind.memory.episodes import Episode, Moment
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.modality import modality_info
from sensebind.perception.percept import Percept, PerceptHeader, observation_reference

_CLOCK_JUMP = 1.0  # seconds that wall and monotonic clock may part between two percepts
_SAMPLES = 16  # percepts of which the one nearest to the mean gives the mean its frame


class SegmentSettings(BaseModel):
    """When an episode ends.

    Attributes:
        change: Cosine distance from the episode's mean at which something else may have begun.
        settle: Distance below which it has not.
        confirm: Percepts in a row that make a change; one alone may be a flash or a click.
        gap: Seconds without percepts that end an episode.
        longest: Seconds after which an episode is ended and the next begun.
        unusual: How many percepts unlike the mean are kept as moments of their own.
        moved: Metres from where it began after which an episode is ended and the next begun, so
            that an episode is of one place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: float = Field(0.30, gt=0, le=2)
    settle: float = Field(0.15, gt=0, le=2)
    confirm: int = Field(2, ge=1, le=100)
    gap: float = Field(5.0, gt=0)
    longest: float = Field(600.0, gt=0)
    unusual: int = Field(3, ge=0, le=16)
    moved: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.settle > self.change:
            raise ValueError("settle must not be above change")
        return self


class _Placed(NamedTuple):
    """A percept, and where the robot was when it was captured."""

    percept: Percept
    pose: Pose | None

    @property
    def header(self) -> PerceptHeader:
        return self.percept.header

    @property
    def embedding(self) -> np.ndarray:
        return self.percept.embedding


@dataclass(slots=True)
class _Draft:
    """An episode in the making."""

    first: _Placed
    last: _Placed
    total: np.ndarray  # float64 [D], sum of the embeddings
    count: int = 0
    stride: int = 1
    samples: list[_Placed] = field(default_factory=list)
    unusual: list[_Placed] = field(default_factory=list)
    origin: Pose | None = None  # the first that is known

    @property
    def mean(self) -> np.ndarray:
        """float32 [D], unit norm; the last embedding where percepts cancel out."""
        norm = float(np.linalg.norm(self.total))
        return (self.total / norm).astype(np.float32) if norm > 1e-6 else self.last.embedding

    def add(self, percept: _Placed, settings: SegmentSettings) -> None:
        if self.count and settings.unusual:
            self._consider(percept, settings)
        self.total += percept.embedding
        self.last = percept
        self.origin = self.origin or percept.pose
        if self.count % self.stride == 0:
            self.samples.append(percept)
            if len(self.samples) > _SAMPLES:  # keep every second one, spread over all the time
                del self.samples[1::2]
                self.stride *= 2
        self.count += 1

    def _consider(self, percept: _Placed, settings: SegmentSettings) -> None:
        """Keep a percept that is unlike the mean and unlike what is kept for that already."""
        mean = self.mean
        distance = _distance(percept.embedding, mean)
        if distance < settings.settle:
            return
        if any(_distance(percept.embedding, p.embedding) < settings.settle for p in self.unusual):
            return
        if len(self.unusual) == settings.unusual:
            distances = [_distance(p.embedding, mean) for p in self.unusual]
            nearest = int(np.argmin(distances))
            if distances[nearest] >= distance:
                return
            del self.unusual[nearest]
        self.unusual.append(percept)

    def episode(self, open: bool) -> Episode:
        mean = self.mean
        # A robot that has just started does not know where it is: what came later says it.
        placed = [one for one in self.samples if one.pose is not None]
        typical = min(placed or self.samples, key=lambda p: _distance(p.embedding, mean))
        header = self.first.header
        return Episode(
            stream=header.stream,
            modality=header.modality.value,
            model=header.model,
            started_at=header.captured_at,
            ended_at=self.last.header.captured_at,
            percepts=self.count,
            moments=(_moment(typical, mean), *(_moment(p, p.embedding) for p in self.unusual)),
            open=open,
            description="" if header.known else modality_info(header.modality.value).unknown,
        )


class Segmenter:
    """Cuts one stream. Deterministic: the same percepts give the same episodes.

    Attributes:
        disordered: Percepts that were not younger than the one before, and were left out.
    """

    def __init__(self, settings: SegmentSettings | None = None) -> None:
        self._settings = settings or SegmentSettings()
        self._draft: _Draft | None = None
        self._suspects: list[_Placed] = []  # what may be the beginning of something else
        self._newest: Percept | None = None
        self._nothing = 0  # percepts in a row that were empty
        self.disordered = 0

    def take(self, percept: Percept, pose: Pose | None = None) -> Episode | None:
        """Take the next percept of the stream.

        Args:
            percept: It.
            pose: Where the robot was when it was captured; None where that is not known.

        Returns:
            The episode that it ended, if it did.
        """
        before = self._newest
        ended = None
        if before is not None:
            if self._interrupted(before, percept):
                ended = self.finish()
            elif percept.header.monotonic <= before.header.monotonic:
                self.disordered += 1
                return None
        self._newest = percept
        if percept.header.present:
            self._nothing = 0
            # After an interruption it only begins: None.
            placed = self._place(_Placed(percept, pose))
            return ended or placed
        self._nothing += 1
        return ended or (self.finish() if self._nothing >= self._settings.confirm else None)

    def current(self) -> Episode | None:
        """Return the episode as far as it has come, or None between two."""
        return self._draft.episode(open=True) if self._draft else None

    def finish(self) -> Episode | None:
        """End the episode that is going on, if any, and return it."""
        draft, self._draft = self._draft, None
        for percept in self._suspects:  # a change that never was confirmed belongs to it
            if draft is not None:
                draft.add(percept, self._settings)
        self._suspects.clear()
        return draft.episode(open=False) if draft else None

    def _place(self, percept: _Placed) -> Episode | None:
        """Add a percept to the episode, or end it and begin another."""
        settings, draft = self._settings, self._draft
        if draft is None:
            self._draft = _begin([percept], settings)
            return None
        lasted = percept.header.monotonic - draft.first.header.monotonic
        if lasted > settings.longest or _gone(draft.origin, percept.pose, settings.moved):
            ended = self.finish()
            self._draft = _begin([percept], settings)
            return ended
        # Hysteresis: it takes more to raise a suspicion than to keep it.
        limit = settings.settle if self._suspects else settings.change
        same = percept.header.known == draft.first.header.known
        if same and _distance(percept.embedding, draft.mean) <= limit:
            for one in (*self._suspects, percept):
                draft.add(one, settings)
            self._suspects.clear()
            return None
        self._suspects.append(percept)
        if len(self._suspects) < settings.confirm:
            return None
        self._draft = _begin(self._suspects, settings)
        self._suspects = []
        return draft.episode(open=False)

    def _interrupted(self, before: Percept, now: Percept) -> bool:
        """Whether a percept cannot belong to the same episode as the one before, whatever it is."""
        old, new = before.header, now.header
        passed = new.monotonic - old.monotonic
        parted = abs((new.captured_at - old.captured_at) / 1e9 - passed)
        return (
            new.model != old.model
            or new.shape != old.shape
            or parted > _CLOCK_JUMP
            or passed > self._settings.gap
        )


def _gone(first: Pose | None, pose: Pose | None, most: float) -> bool:
    """Whether the robot is farther from where it was than so many metres, or nobody can say."""
    if first is None or pose is None:
        return False
    return pose.frame != first.frame or pose.distance(first.x, first.y) > most


def _begin(percepts: list[_Placed], settings: SegmentSettings) -> _Draft:
    first = percepts[0]
    draft = _Draft(first, first, np.zeros(len(first.embedding)))
    for percept in percepts:
        draft.add(percept, settings)
    return draft


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return 1.0 - float(a @ b)


def _moment(percept: _Placed, embedding: np.ndarray) -> Moment:
    header = percept.header
    reference = header.observation or observation_reference(header.stream, header.captured_at)
    return Moment(header.captured_at, reference, embedding.copy(), percept.pose)
