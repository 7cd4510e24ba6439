"""What the language model is conditioned on: the Condition of a turn, and a bounded store of them.

Messages and dialog checkpoints hold a reference (`condition:<id>`), never embeddings; the store
turns the reference back into numbers for as long as it remembers them.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import numpy as np

from sensebind.agent.conditioning.sensed import Sensed
from sensebind.agent.conditioning.sensed import SenseState as SenseState
from sensebind.errors import InputError
from sensebind.perception.modality import sense_of
from sensebind.perception.vectors import unit

Mix = Literal["slots", "sum"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What the language model is conditioned on in one turn.

    Attributes:
        reference: Name under which messages refer to it.
        embeddings: [slots, D] float32; zeros where a slot is empty.
        present: [slots] bool; an absent slot adds nothing to the model.
        sensed: The senses it was taken from, with streams, references and ages.
    """

    reference: str
    embeddings: np.ndarray
    present: np.ndarray
    sensed: tuple[Sensed, ...] = ()

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.present.shape != (self.embeddings.shape[0],):
            raise InputError(
                f"a condition needs embeddings [slots, D] and present [slots], got "
                f"{list(self.embeddings.shape)} and {list(self.present.shape)}"
            )
        if not np.isfinite(self.embeddings).all():
            raise InputError("a condition with NaN or infinite numbers cannot be used")

    @property
    def beyond_slots(self) -> dict[str, str]:
        """Senses that perceive what no slot can say, with its taught name; "" is unknown.

        What is known, of another stream of the same sense, goes first, and then what has a name.
        """
        known = {one.sense for one in self.sensed if one.state is SenseState.PRESENT}
        found: dict[str, str] = {}
        for one in self.sensed:
            if one.sense in known:
                continue
            if one.state is SenseState.NAMED:
                found[one.sense] = one.name
            elif one.state is SenseState.UNKNOWN:
                found.setdefault(one.sense, "")
        return found

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Equal for two conditions that condition the model equally."""
        return self.embeddings.tobytes(), self.present.tobytes()


def new_reference() -> str:
    """Returns a fresh condition reference."""
    return f"condition:{uuid4().hex[:16]}"


def is_sum(slots: int, mix: Mix | None) -> bool:
    """Whether all inputs go into one weighted sum: as asked, else what the model was made for.

    Raises:
        InputError: Slots are asked of a model that has none.
    """
    if mix == "slots" and slots < 2:
        raise InputError("this model has one slot for all senses: mix by sum")
    return slots < 2 or mix == "sum"


def compose(
    embeddings: Mapping[str, np.ndarray],
    *,
    senses: Sequence[str],
    dim: int,
    weights: Mapping[str, float] | None = None,
    sensed: Sequence[Sensed] = (),
    reference: str | None = None,
    mix: Mix | None = None,
) -> Condition:
    """Lays embeddings out in the slots of a model.

    A model with one slot (the official one) takes the weighted sum of unit vectors
    `sum_i w_i e_i / (sum w + 1e-6)`; one with several takes it in its first slot if asked to. A
    model with sense slots gives each sense its own slot, where a weight scales the vector and
    weight 0 leaves the slot empty. Inputs of one sense (a picture and a video) share its slot: it
    gets the direction of their weighted sum, as long as the greatest weight.

    Args:
        embeddings: Modality (`"vision"`, `"video"`, `"audio"`, …) to [D] vector.
        senses: Slot names of the model, in order; a model with one slot may name it anything.
        dim: Width D that the model expects.
        weights: Modality to weight; 1 where not named.
        sensed: Recorded in the condition.
        reference: Name of the condition; a fresh one by default.
        mix: `"slots"` or `"sum"`; slots where the model has them by default.

    Raises:
        InputError: A wrong width, a modality without a slot, a negative or non-finite weight, or
            slots of a model without them.
    """
    slots = max(1, len(senses))
    summed = is_sum(slots, mix)
    vectors = np.zeros((slots, dim), np.float32)
    totals, greatest = np.zeros(slots), np.zeros(slots)  # of the weights in each slot
    for modality, raw in embeddings.items():
        weight = float((weights or {}).get(modality, 1.0))
        if not np.isfinite(weight) or weight < 0:
            raise InputError(f"the weight of {modality} must be a number ≥ 0, got {weight}")
        vector = np.asarray(raw, np.float32).reshape(-1)
        if vector.shape[0] != dim:
            raise InputError(
                f"the {modality} embedding has {vector.shape[0]} numbers, the model expects {dim}"
            )
        if weight == 0 or not vector.any():
            continue
        slot = 0 if summed else _slot(modality, senses)
        vectors[slot] += weight * unit(vector)
        totals[slot] += weight
        greatest[slot] = max(greatest[slot], weight)
    present = totals > 0
    if summed:
        vectors[0] /= totals[0] + 1e-6
    for slot in np.flatnonzero(totals > greatest) if not summed else ():
        vectors[slot] *= greatest[slot] / max(float(np.linalg.norm(vectors[slot])), 1e-12)
    return Condition(reference or new_reference(), vectors, present, tuple(sensed))


def _slot(modality: str, senses: Sequence[str]) -> int:
    sense = sense_of(modality)
    if sense not in senses:
        raise InputError(
            f"this model has no slot for {modality}; its senses are {', '.join(senses)} "
            "(mixing by sum takes everything)"
        )
    return list(senses).index(sense)


class ConditionStore:
    """Remembers the newest conditions by reference; the oldest are evicted, and counted.

    Safe to share between threads.

    Attributes:
        evicted: How many conditions were forgotten to stay within the limit.
    """

    def __init__(self, limit: int = 256) -> None:
        """Begin empty.

        Args:
            limit: Most conditions kept; at least 1.
        """
        if limit < 1:
            raise InputError(f"a condition store keeps at least one condition, got limit {limit}")
        self._limit = limit
        self._conditions: OrderedDict[str, Condition] = OrderedDict()
        self._lock = threading.Lock()
        self.evicted = 0

    def put(self, condition: Condition) -> str:
        """Stores a condition and returns its reference."""
        with self._lock:
            self._conditions[condition.reference] = condition
            self._conditions.move_to_end(condition.reference)
            while len(self._conditions) > self._limit:
                self._conditions.popitem(last=False)
                self.evicted += 1
        return condition.reference

    def get(self, reference: str) -> Condition | None:
        """Returns the condition, or None if it was evicted or never known."""
        with self._lock:
            return self._conditions.get(reference)

    def __len__(self) -> int:
        return len(self._conditions)
