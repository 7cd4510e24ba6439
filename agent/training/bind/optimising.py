"""What all stages of `sensebind train bind` optimise with: AdamW, a cosine, averaged weights."""

import math
from collections.abc import Iterable
from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

Averaged = TypeVar("Averaged", bound=nn.Module)


class Average(Generic[Averaged]):
    """A running average of a module's parameters; buffers are copied.

    Attributes:
        module: The module whose parameters are averaged.
        model: A copy of it with the averaged parameters, in eval mode and without gradients.
        decay: Share of the average that an update keeps, 0..1; less in the first updates.
        updates: Updates so far.
    """

    def __init__(self, module: Averaged, decay: float) -> None:
        self.module = module
        self.model = deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the module's present weights."""
        self.updates += 1
        decay = min(self.decay, self.updates / (10 + self.updates))  # young averages forget fast
        for mine, theirs in zip(self.model.parameters(), self.module.parameters(), strict=True):
            mine.lerp_(theirs, 1 - decay)
        for kept, new in zip(self.model.buffers(), self.module.buffers(), strict=True):
            kept.copy_(new)


def optimizer(parameters: Iterable[nn.Parameter], rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices but neither norms, biases nor single learned tokens."""
    trained = [value for value in parameters if value.requires_grad]

    def is_matrix(value: nn.Parameter) -> bool:
        return value.ndim >= 2 and value.shape[0] > 1

    groups = [
        {"params": [v for v in trained if is_matrix(v)], "weight_decay": decay},
        {"params": [v for v in trained if not is_matrix(v)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def cosine(step: int, steps: int, warmup: int) -> float:
    """Factor on the learning rate: linear up, then a half cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
