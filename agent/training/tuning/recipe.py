"""How an adapter is trained on a frozen language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Stage = Literal["stage1", "stage2"]
STAGES: tuple[Stage, ...] = ("stage1", "stage2")
PHASES = {"stage1": "pretrain", "stage2": "finetune"}
"""What the official recipe calls them, see `llama.schedule.trainable_name`."""


@dataclass(frozen=True, slots=True)
class TuneRecipe:
    """Everything that decides what comes out, next to the adapter and the dialogs.

    Attributes:
        bind_steps: Optimiser steps of stage 1: gates, prefix, bind network, maps.
        lora_steps: Optimiser steps of stage 2: LoRA, norms, and the biases that the base has.
        batch: Dialogs of one pass through the model.
        accumulate: Passes whose gradients are summed before a step.
        longest: Most tokens of a dialog; its last turns are left out until it fits.
        bind_rate: Peak learning rate of stage 1. A frozen SmolLM2-135M learned three slots with it
            in 400 steps of 16 dialogs.
        lora_rate: That of stage 2.
        warmup: Steps of linear warm-up.
        floor: Share of the peak rate at which a stage ends.
        decay: Weight decay of matrices.
        rank: Of the LoRA.
        talk: Share of plain dialogs, which the base answered itself: it keeps talking as it did.
        tools: Share of dialogs in which tools are called, in stage 2; a frozen base cannot learn
            when to call one.
        bfloat16: Compute in bfloat16, with float32 copies of what is trained.
        checkpointing: Compute the layers a second time on the way back instead of keeping what
            they put out.
        seed: Of dialogs, augmentation and LoRA.
    """

    bind_steps: int = 600
    lora_steps: int = 300
    batch: int = 16
    accumulate: int = 1
    longest: int = 768
    bind_rate: float = 2e-3
    lora_rate: float = 3e-4
    warmup: int = 20
    floor: float = 0.05
    decay: float = 0.01
    rank: int = 8
    talk: float = 0.2
    tools: float = 0.12
    bfloat16: bool = False
    checkpointing: bool = False
    seed: int = 0

    def steps(self, stage: Stage) -> int:
        """Steps of a stage."""
        return self.bind_steps if stage == "stage1" else self.lora_steps

    def rate(self, stage: Stage) -> float:
        """Peak learning rate of a stage."""
        return self.bind_rate if stage == "stage1" else self.lora_rate


def stages_of(named: str | None) -> Sequence[Stage]:
    """The stages that a name asks for; both without one."""
    return [stage for stage in STAGES if named in (None, stage)]


def with_steps(recipe: TuneRecipe, steps: int | None) -> TuneRecipe:
    """The same recipe with so many steps in each stage; as it is without."""
    return recipe if steps is None else replace(recipe, bind_steps=steps, lora_steps=steps)


def with_rate(recipe: TuneRecipe, rate: float | None) -> TuneRecipe:
    """The same recipe with this peak rate in each stage; as it is without."""
    return recipe if rate is None else replace(recipe, bind_rate=rate, lora_rate=rate)
