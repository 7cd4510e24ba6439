"""Several embeddings in one slot: the official weighted sums.

`agent/conditioning/condition.py` lays single percepts out in slots; this is the batched
arithmetic for torch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from sensebind.errors import InputError

POINT_SCALE = 5.0  # divides the point trunk's prenorm output before image generation


def mix(embeddings: Sequence[Tensor], weights: Sequence[float] | None = None) -> Tensor:
    """Mixes embeddings [B, D]: `sum_i w_i e_i/|e_i| / (sum w + 1e-6)`, not normalised again.

    The 1e-6 is official: even a single embedding comes out shorter than 1 by a millionth.
    """
    units = [F.normalize(embedding, dim=-1) for embedding in embeddings]
    return mix_prenorm(units, weights)


def mix_prenorm(embeddings: Sequence[Tensor], weights: Sequence[float] | None = None) -> Tensor:
    """The same without normalising the inputs: how prenorm outputs are mixed for pictures.

    Raises:
        InputError: No embeddings, or not one weight each, or a weight below 0.
    """
    weights = [1.0] * len(embeddings) if weights is None else list(weights)
    if not embeddings or len(weights) != len(embeddings):
        raise InputError(f"got {len(weights)} weights for {len(embeddings)} embeddings")
    if min(weights) < 0:
        raise InputError(f"weights must be at least 0, got {min(weights)}")
    shares = torch.tensor(weights) / (sum(weights) + 1e-6)
    return sum(
        (share * embedding for share, embedding in zip(shares, embeddings, strict=True)),
        start=torch.zeros_like(embeddings[0]),
    )


def fill_slots(slots: Sequence[Tensor | None], dim: int) -> tuple[Tensor, Tensor]:
    """Stacks one embedding [B, D] per slot, None for an absent one.

    Returns:
        `conditions` [B, 1, S, D] and `present` [B, 1, S], as the model takes them: one condition.
    """
    first = next((embedding for embedding in slots if embedding is not None), torch.zeros(1, dim))
    empty = first.new_zeros(first.shape[0], dim)
    rows = torch.stack([empty if row is None else row for row in slots], dim=1)
    present = torch.tensor([row is not None for row in slots], device=first.device)
    return rows[:, None], present.expand(first.shape[0], -1)[:, None]
