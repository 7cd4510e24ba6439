"""What an adapter has learned: held-out phrasings answered right, and how it still talks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import torch

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.tuning.conditions import Embeddings
from sensebind.agent.training.tuning.dialogs import (
    IGNORE,
    Dialog,
    Example,
    TemplateEncoder,
    collate,
)
from sensebind.agent.training.tuning.simhome import ASKED, SimHomeDialogs
from sensebind.agent.training.tuning.talk import talked

AT_ONCE = 16
_SENSE_OF = {"see": "sight", "hear": "hearing", "scan": "scan"}


@torch.inference_mode()
def right_shares(
    model: ConditionedLM,
    encoder: TemplateEncoder,
    embeddings: Embeddings,
    dialogs: SimHomeDialogs,
    pad: int,
    each: int = 32,
) -> dict[str, float]:
    """Shares of answers that greedy decoding gives word by word, to held-out phrasings.

    Images fill all slots here; `sensebind eval simhome` asks with sounds and point clouds.

    Args:
        model: In eval mode.
        encoder: Of its tokenizer.
        embeddings: Not moved here.
        dialogs: Of held-out phrasings.
        pad: Token that fills rows up.
        each: Questions of each kind.

    Returns:
        By kind of question; "sight", "hearing" and "scan" where there is something, and "absent"
        where there is nothing.
    """
    asked: list[tuple[str, Dialog]] = []
    for intent in ASKED:
        rng = random.Random(f"check {intent}")
        asked += [(intent, dialogs.asked(rng, intent)) for _ in range(each)]
    examples = [(name, dialog, encoder.encode(dialog)) for name, dialog in asked]
    rights: dict[str, list[bool]] = {}
    flat = [(name, dialog, one) for name, dialog, some in examples for one in some]
    for begin in range(0, len(flat), AT_ONCE):
        some = flat[begin : begin + AT_ONCE]
        found = _right(model, embeddings, [one for _, _, one in some], pad)
        for (name, dialog, _), right in zip(some, found, strict=True):
            rights.setdefault(name, []).append(right)
            if name in _SENSE_OF:
                nothing = "nothing" in str(dialog.messages[-1]["content"])
                rights.setdefault("absent" if nothing else _SENSE_OF[name], []).append(right)
    return {name: sum(some) / len(some) for name, some in rights.items()}


@torch.inference_mode()
def talk_losses(
    model: ConditionedLM,
    encoder: TemplateEncoder,
    embeddings: Embeddings,
    replies: Sequence[tuple[str, str]],
    pad: int,
) -> dict[str, float]:
    """Mean loss a token of what the base says to held-out prompts.

    Returns:
        "talk_alone" without a condition, "talk_perceiving" with all slots filled.
    """
    rng, slots = random.Random("talk"), len(embeddings.reach)
    count = embeddings.images.shape[1]
    kinds: dict[str, Callable[[], tuple[int, ...]]] = {"talk_alone": lambda: (ABSENT,) * slots}
    if count:
        kinds["talk_perceiving"] = lambda: tuple(rng.randrange(count) for _ in range(slots))
    losses = {}
    for name, rows in kinds.items():
        examples = [
            one for asked, reply in replies for one in encoder.encode(talked(asked, reply, rows()))
        ]
        total, tokens = 0.0, 0
        for begin in range(0, len(examples), AT_ONCE):
            loss, number = _loss(model, embeddings, examples[begin : begin + AT_ONCE], pad)
            total, tokens = total + loss, tokens + number
        losses[name] = total / max(1, tokens)
    return losses


def _logits(
    model: ConditionedLM, embeddings: Embeddings, examples: Sequence[Example], pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    batch = collate(examples, pad, model.config.slots)
    still = Embeddings(embeddings.images[:1], (0.0,) * len(embeddings.reach))
    conditions, present = still.gather(batch.rows, torch.Generator())
    logits = model(
        input_ids=batch.input_ids,
        conditions=conditions,
        present=present,
        condition_ids=batch.condition_ids,
        use_cache=False,
    ).logits
    return logits[:, :-1].float(), batch.labels[:, 1:]


def _right(
    model: ConditionedLM, embeddings: Embeddings, examples: Sequence[Example], pad: int
) -> list[bool]:
    """Whether every labelled token is the likeliest after those before it."""
    logits, labels = _logits(model, embeddings, examples, pad)
    fits = (logits.argmax(-1) == labels) | (labels == IGNORE)
    return [bool(row.all()) for row in fits]


def _loss(
    model: ConditionedLM, embeddings: Embeddings, examples: Sequence[Example], pad: int
) -> tuple[float, int]:
    logits, labels = _logits(model, embeddings, examples, pad)
    spoken = labels != IGNORE
    loss = torch.nn.functional.cross_entropy(logits[spoken], labels[spoken], reduction="sum")
    return float(loss), int(spoken.sum())
