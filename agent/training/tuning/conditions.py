"""Embeddings that conditions are made of in training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.training.llama.condition_pool import moved

TALKED_UNDER = 0.6  # share of plain dialogs that are held under some condition


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings of images.

    Attributes:
        images: [V, N, D] float32 unit vectors: V copies (plain, enhanced …) of N images.
        reach: For each slot, the largest length of the noise that is added to an embedding.
        enhanced: Share of embeddings taken from the copies after the first.
    """

    images: Tensor
    reach: tuple[float, ...]
    enhanced: float = 0.0

    def gather(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Conditions for the rows of a batch.

        Args:
            rows: [B, C, slots] long, `ABSENT` for an empty slot.
            generator: Source of the augmentation.

        Returns:
            Embeddings [B, C, slots, D] (zeros where absent) and present [B, C, slots] bool.
        """
        images = self.images
        if not images.shape[1]:  # nothing but text: all rows are absent
            images = images.new_zeros(1, 1, images.shape[2])
        return moved(images, rows, generator, self.reach, self.enhanced)

    def any_rows(self, rng: random.Random) -> tuple[int, ...]:
        """What may be perceived while a plain dialog goes on."""
        nothing: Sequence[int] = [ABSENT] * len(self.reach)
        if not self.images.shape[1] or rng.random() >= TALKED_UNDER:
            return tuple(nothing)
        return tuple(
            rng.randrange(self.images.shape[1]) if rng.random() < 0.7 else ABSENT for _ in nothing
        )
