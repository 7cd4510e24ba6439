"""Stage A of `sensebind train bind`: pictures and captions meet in one space."""

import logging
import math
import random
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.agent.training import captions
from sensebind.agent.training.bind_scenes import SceneSet, image_statistics
from sensebind.agent.training.captions import ALL_NAMED, Named
from sensebind.agent.training.simhome_data import EMPTY, UNLABELED, SceneRecord
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS

log = logging.getLogger(__name__)

SECOND_PIXELS = 250
"""From this area in the 224 px picture on, a second thing is worth a word."""


@dataclass(frozen=True, slots=True)
class ImageStage:
    """How stage A trains.

    Attributes:
        steps: Optimiser steps.
        batch: Pictures per step.
        rate: Peak learning rate; warms up, then falls along a cosine.
        small_share: Part of the steps, from the first on, that sees smaller pictures.
        small_size: Their side in pixels, a multiple of the patch.
        weight_decay: AdamW's, on matrices only.
        average: Decay of the running average of the weights that is kept at the end.
        pairs: Pictures per step whose second thing is asked for among wrong ones.
    """

    steps: int = 1700
    batch: int = 128
    rate: float = 1.5e-3
    small_share: float = 0.6
    small_size: int = 64
    weight_decay: float = 0.05
    average: float = 0.995
    pairs: int = 16


class Average:
    """A running average of a model's parameters; buffers are copied."""

    def __init__(self, model: ImageBind, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Moves the average towards the present weights."""
        self.updates += 1
        decay = min(self.decay, self.updates / (10 + self.updates))  # young averages forget fast
        mine: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = [value.detach() for value in model.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for kept, new in zip(self.model.buffers(), model.buffers(), strict=True):
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


def augment(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Flips, shifts, zooms a little, and changes light and contrast, never the hue.

    Args:
        images: [B, 3, H, W] uint8.
        size: Side of the result.
        generator: Draws.

    Returns:
        [B, 3, size, size] float in 0..1.
    """
    count = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    flip = (torch.rand(count, generator=generator) < 0.5).float() * 2 - 1
    zoom = uniform(0.88, 1.06)
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0], affine[:, 1, 1] = flip * zoom, zoom
    affine[:, 0, 2], affine[:, 1, 2] = uniform(-0.1, 0.1), uniform(-0.08, 0.08)
    grid = F.affine_grid(affine, [count, 3, size, size], align_corners=False)
    pixels = images.float().div_(255)
    pixels = F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    contrast, light = uniform(0.85, 1.15), uniform(0.85, 1.15)
    pixels = (pixels - mean) * contrast.view(-1, 1, 1, 1) + mean
    return (pixels * light.view(-1, 1, 1, 1)).clamp_(0, 1)


def second_of(record: SceneRecord) -> Named | None:
    """The thing after the main one, if it is large enough for a word."""
    large = [other for other in record.others if other.pixels >= SECOND_PIXELS]
    return large[0].named if large else None


class ImageTextLoss:
    """Everything that stage A asks of a batch, from image–text pairs alone.

    * Which caption of the bank names the main thing (every kind in every colour, and nothing)?
      The same for captions that name the kind only, or the colour only.
    * Which of the batch's own captions is whose? Captions with the same meaning count as one.
    * Which second thing does a pair caption name, among wrong ones?
    """

    def __init__(self, model: ImageBind, processor: ImageBindProcessor, seed: int) -> None:
        self.model = model
        self.rng = random.Random(seed)
        self._ids: dict[str, Tensor] = {}
        self._processor = processor

    def texts(self, texts: list[str]) -> Tensor:
        """Text embeddings [B, D] with their logit scale."""
        for text in texts:
            if text not in self._ids:
                self._ids[text] = self._processor.text([text]).view(-1)
        return self.model.encode("text", torch.stack([self._ids[text] for text in texts]))

    def __call__(self, images: Tensor, records: list[SceneRecord], pairs: int) -> Tensor:
        """The loss of image embeddings [B, D] (unit norm) with their scenes."""
        rng = self.rng
        own = [self._own_caption(record) for record in records]
        asked = self._pair_questions(records, pairs)
        banks = [captions.main_bank(rng), captions.kind_bank(rng), captions.color_bank(rng)]
        groups = [*banks, [text for text, _ in own], [t for _, texts in asked for t in texts]]
        embedded = self.texts([text for group in groups for text in group])
        main, kind, color, mine, pair = embedded.split([len(group) for group in groups])

        label = torch.tensor([record.main_label for record in records])
        known, named = label != UNLABELED, (label != UNLABELED) & (label != EMPTY)
        kinds = label // len(COLORS)  # EMPTY becomes len(KINDS), the empty caption's place
        loss = F.cross_entropy(images[known] @ main.T, label[known])
        loss = loss + 0.5 * F.cross_entropy(images[known] @ kind.T, kinds[known])
        loss = loss + 0.25 * F.cross_entropy(images[named] @ color.T, label[named] % len(COLORS))
        loss = loss + 0.5 * in_batch(images @ mine.T, [key for _, key in own])
        if asked:
            rows = torch.tensor([row for row, _ in asked])
            choices = pair.view(len(asked), -1, pair.shape[1])  # [Q, choices, D], the first is true
            logits = torch.einsum("qd,qcd->qc", images[rows], choices)
            loss = loss + 0.3 * F.cross_entropy(logits, torch.zeros(len(asked), dtype=torch.long))
        return loss

    def _own_caption(self, record: SceneRecord) -> tuple[str, tuple]:
        """A caption of the whole picture, and what it means."""
        second = second_of(record)
        main = record.main.named if record.main is not None else None
        if main is not None and second is not None and self.rng.random() < 0.7:
            return captions.pair_caption(main, second, self.rng), (main, second)
        if main is None and record.others:
            far = record.others[0].named
            return captions.far_caption(far, self.rng), ("far", far)
        return captions.scene_caption(main, (), False, self.rng), (main,)

    def _pair_questions(self, records: list[SceneRecord], most: int) -> list[tuple[int, list[str]]]:
        """Rows with a second thing, each with its true caption and three wrong ones."""
        asked: list[tuple[int, list[str]]] = []
        for row, record in enumerate(records):
            second = second_of(record)
            if record.main is None or second is None or len(asked) == most:
                continue
            color = self.rng.choice([c for c in COLORS if c != second.color])
            kind = self.rng.choice([k for k in KINDS if k != second.kind])
            other = self.rng.choice(ALL_NAMED)
            wrong = [Named(second.kind, color), Named(kind, second.color)]
            wrong.append(other if other != second else Named(kind, color))
            main = record.main.named
            texts = [captions.pair_caption(main, it, self.rng) for it in (second, *wrong)]
            asked.append((row, texts))
        return asked


def in_batch(logits: Tensor, meanings: list) -> Tensor:
    """Contrastive loss both ways; entries whose captions mean the same share the target.

    Args:
        logits: [B, B] images by captions.
        meanings: B keys that are equal where captions mean the same.
    """
    keys = {meaning: number for number, meaning in enumerate(dict.fromkeys(meanings))}
    number = torch.tensor([keys[meaning] for meaning in meanings])
    same = (number[:, None] == number[None, :]).float()  # [B, B], symmetric
    target = same / same.sum(dim=1, keepdim=True)
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


def train_images(
    model: ImageBind,
    processor: ImageBindProcessor,
    scenes: SceneSet,
    stage: ImageStage,
    *,
    seed: int = 0,
    check: Callable[[ImageBind], str] | None = None,
    check_every: int = 100,
) -> ImageBind:
    """Trains the vision and text trunks on pictures and captions.

    Args:
        model: Fresh; only its vision and text parts change.
        processor: Its tokenizer, and its image mean and deviation.
        scenes: Rendered training scenes.
        stage: Steps, rates and sizes.
        seed: Draws batches, wordings and augmentation.
        check: Says how good the averaged model is; logged now and then.
        check_every: Steps between checks.

    Returns:
        The model with averaged weights, in evaluation mode.
    """
    generator = torch.Generator().manual_seed(seed)
    mean, std = image_statistics(processor)
    question = ImageTextLoss(model, processor, seed)
    adam = optimizer(model.parameters(), stage.rate, stage.weight_decay)
    average = Average(model, stage.average)
    size = scenes.images.shape[-1]
    order, place = torch.randperm(len(scenes), generator=generator), 0
    model.train()
    started, losses = time.monotonic(), []
    for step in range(stage.steps):
        if place + stage.batch > len(order):
            order, place = torch.randperm(len(scenes), generator=generator), 0
        rows = order[place : place + stage.batch].numpy()
        place += stage.batch
        side = stage.small_size if step < stage.small_share * stage.steps else size
        pixels = augment(torch.from_numpy(scenes.images[rows]), side, generator)
        images = model.encode("vision", (pixels - mean) / std)
        loss = question(images, [scenes.records[row] for row in rows], stage.pairs)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = stage.rate * cosine(step, stage.steps, stage.steps // 20 + 1)
        adam.step()
        adam.zero_grad(set_to_none=True)
        average.update(model)
        losses.append(float(loss.detach()))
        if (step + 1) % check_every == 0 or step + 1 == stage.steps:
            score = check(average.model) if check is not None else ""
            spent = time.monotonic() - started
            log.info(
                "images %d/%d: loss %.3f, %.0f s %s",
                step + 1, stage.steps, np.mean(losses[-check_every:]), spent, score,
            )  # fmt: skip
    return average.model.eval()
