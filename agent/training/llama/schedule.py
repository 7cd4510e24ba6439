"""Learning rate, parameter groups and sub-epochs of the official training recipe."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler


def base_rate(blr: float, batch: int, accumulate: int = 1, world: int = 1) -> float:
    """Peak learning rate for an effective batch: `blr` is meant for 256 samples."""
    return blr * batch * accumulate * world / 256


def learning_rate(
    epoch: float, *, peak: float, warmup: float, epochs: float, floor: float = 0.0
) -> float:
    """Linear warm-up to `peak`, then half a cosine down to `floor`.

    Args:
        epoch: Fractional epoch; official training sets the rate at every iteration.
        peak: Rate at the end of the warm-up.
        warmup: Epochs of warm-up.
        epochs: All epochs, warm-up included.
        floor: Rate at the end.
    """
    if epoch < warmup:
        return peak * epoch / warmup
    progress = (epoch - warmup) / (epochs - warmup)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def trainable_name(name: str, phase: str) -> bool:
    """Whether the official recipe trains the parameter of this (our) name.

    Args:
        name: Parameter name of a `GatedLlamaForCausalLM`.
        phase: "pretrain" (gates, prefix, bind network) or "finetune" (norms, biases and LoRA of
            the LLaMA; gates, prefix and bind network frozen).
    """
    if name.startswith("adapter."):
        return phase == "pretrain" and not name.startswith(("adapter.value_", "adapter.key_"))
    if phase != "finetune" or re.search(r"\.(k_proj|v_proj)\.bias$", name):
        return False  # official wk and wv have no bias; ours must stay zero
    return bool(re.search(r"norm|\.bias$|\.l[12]\.weight$", name))


def select_trainable(model: nn.Module, phase: str) -> list[str]:
    """Freezes everything the phase does not train; returns the names of what it does."""
    names = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trainable_name(name, phase))
        if parameter.requires_grad:
            names.append(name)
    return names


def parameter_groups(
    named: Iterable[tuple[str, Tensor]], weight_decay: float
) -> list[dict[str, Any]]:
    """Splits trainable parameters into a group without and one with weight decay.

    Vectors (norm weights, biases) do not decay; gates and prefix queries do.
    """
    decay, still = [], []
    for name, parameter in named:
        if parameter.requires_grad:
            (still if parameter.ndim == 1 or name.endswith(".bias") else decay).append(parameter)
    return [
        {"params": still, "weight_decay": 0.0},
        {"params": decay, "weight_decay": weight_decay},
    ]


class SubEpochSampler(Sampler[int]):
    """Cuts each pass over a large data set into `split` short epochs, for one of `world` ranks.

    Set `epoch` before each epoch; one permutation serves `split` epochs, so that together they
    see every sample (but the remainder) once.

    Attributes:
        epoch: Number of the short epoch that is drawn, from 0; set it before each.
    """

    def __init__(self, size: int, split: int, world: int = 1, rank: int = 0) -> None:
        self.size, self.split, self.world, self.rank = size, split, world, rank
        self.epoch = 0

    def __len__(self) -> int:
        return self.size // (self.world * self.split)

    def __iter__(self) -> Iterator[int]:
        seed = torch.Generator().manual_seed(self.epoch // self.split)
        order = torch.randperm(self.size, generator=seed)
        start = self.rank * self.split + self.epoch % self.split
        return iter(order[start :: self.world * self.split][: len(self)].tolist())
