"""What each sense has to say at one moment: on a robot, in a recording, in simulated time.

Who knows the newest percept of each stream and its age asks here, so that all of them agree on what
is present, unknown, stale or missing, and on which percepts the language model is conditioned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sensebind.agent.conditioning.condition import Condition, compose
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.perception.modality import sense_of
from sensebind.perception.percept import Percept


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest percept of a stream.

    Attributes:
        modality: What the stream perceives.
        percept: None before the first.
        age: Seconds since its capture.
    """

    modality: str
    percept: Percept | None
    age: float


class Perceived(NamedTuple):
    """What is perceived at one moment.

    Attributes:
        percepts: The fresh percepts by stream.
        sensed: Of every stream, what its sense had to say.
    """

    percepts: dict[str, Percept]
    sensed: tuple[Sensed, ...]

    def condition(
        self, senses: Sequence[str], dim: int, weights: Mapping[str, float] | None = None
    ) -> Condition:
        """Return what the language model is conditioned on.

        Args:
            senses: Slot names of the model, in the order of its config.
            dim: Width of the embeddings that the model takes.
            weights: Modality to weight; 1 where not named.

        Raises:
            InputError: The percepts have another width, or a sense has no slot.
        """
        shown = {one.stream for one in self.sensed if one.state is SenseState.PRESENT}
        present = [percept for name, percept in self.percepts.items() if name in shown]
        embeddings: dict[str, np.ndarray] = {}
        # Of several streams of one modality, the one captured last is the sense.
        for percept in sorted(present, key=lambda one: one.header.monotonic):
            embeddings[percept.header.modality.value] = percept.embedding
        return compose(embeddings, senses=senses, dim=dim, weights=weights, sensed=self.sensed)


def perceived(
    newest: Mapping[str, Newest],
    max_age: float,
    name_of: Callable[[Percept], str] = lambda _percept: "",
) -> Perceived:
    """Return what is perceived at one moment.

    Args:
        newest: The newest percept of each stream.
        max_age: Seconds after which a percept is stale.
        name_of: Gives the taught name of what a percept is of, or "".
    """
    percepts: dict[str, Percept] = {}
    sensed: list[Sensed] = []
    for stream, one in newest.items():
        sense = sense_of(one.modality)
        if one.percept is None:
            sensed.append(Sensed(sense, stream, SenseState.MISSING))
            continue
        header, called = one.percept.header, ""
        if one.age > max_age:
            state = SenseState.STALE
        else:
            percepts[stream] = one.percept
            called = name_of(one.percept) if header.present else ""
            state = _state(present=header.present, known=header.known, called=called)
        sensed.append(
            Sensed(
                sense,
                stream,
                state,
                header.observation,
                header.captured_at,
                1000 * one.age,
                header.confidence,
                called,
            )
        )
    return Perceived(percepts, tuple(sensed))


def _state(*, present: bool, known: bool, called: str) -> SenseState:
    """What a fresh percept says."""
    if not present:
        return SenseState.NOTHING
    if called:
        return SenseState.NAMED
    return SenseState.PRESENT if known else SenseState.UNKNOWN
