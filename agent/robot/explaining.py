"""How a sense came into an answer: its neighbours in the visual cache, and how far its gate opens.

Both are computed again from the kept frame, so they cost a robot nothing until somebody asks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.words import Words
from sensebind.agent.gated_llama.condition_vectors import condition_vectors
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.errors import InputError
from sensebind.perception.frames.store import Frame
from sensebind.perception.modality import Modality, sense_of


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One of the images of the visual cache that an embedding was blended with.

    Attributes:
        word: The word of the vocabulary that fits it best; "" where none does.
        similarity: Cosine to what was perceived.
        share: Its part of what the neighbours add, 0 to 1.
    """

    word: str
    similarity: float
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one sense came into an answer.

    Attributes:
        sense: Its slot.
        neighbours: Of its embedding in the visual cache, nearest first; empty where nothing is
            blended.
        gate: Mean of |tanh(gate)| over layers and heads, 0 to 1; None where the language model is
            not one of ours, or has no slot of its own for it.
        added: Mean length of the vector that the sense adds to a layer; None likewise.
    """

    sense: str
    neighbours: list[Neighbour] = field(default_factory=list)
    gate: float | None = None
    added: float | None = None


def explain(frame: Frame, embedder: Embedder, words: Words, chat: BaseChatModel) -> dict[str, Any]:
    """Return how what a frame shows came into the answers that were given under it.

    Args:
        frame: A kept frame of a percept.
        embedder: That of the robot.
        words: Names the neighbours.
        chat: The robot's language model.

    Returns:
        An `Explanation` as plain values.

    Raises:
        InputError: There is nothing in the frame to perceive, or it is a sweep: which object in it
            was perceived, only its worker knows, which knows where the lidar sits.
    """
    if frame.modality is Modality.POINT:
        raise InputError("a sweep is not explained: only its worker knows which object it took")
    found = embedder.blended(frame.modality.value, frame.decode(), frame.rate)
    neighbours = []
    for similarity, share, vector in found.neighbours:
        best = words.tags(vector, 1)
        neighbours.append(Neighbour(best[0].word if best else "", similarity, share))
    sense = sense_of(frame.modality.value)
    gate, added = _let_in(chat, sense, found.embedding)
    return asdict(Explanation(sense, neighbours, gate, added))


def _let_in(
    chat: BaseChatModel, sense: str, embedding: np.ndarray
) -> tuple[float | None, float | None]:
    """How far the gates of a slot are open, and how long the vectors are that it adds."""
    if not isinstance(chat, ChatSenseBind):
        return None, None
    llm = chat.llm
    model, senses = llm.model, llm.senses
    if len(senses) < 2 or sense not in senses or model.config.adapter_len > 1:
        return None, None
    slot = senses.index(sense)
    gates = model.adapter.gate_values()[:, slot].detach().abs().float()
    given = np.zeros((len(senses), len(embedding)), np.float32)
    given[slot] = embedding
    vectors = condition_vectors(model, given, np.arange(len(senses)) == slot)
    lengths = np.linalg.norm(vectors[-model.config.injected_layers :], axis=1)
    return round(float(gates.mean()), 4), round(float(lengths.mean()), 4)
