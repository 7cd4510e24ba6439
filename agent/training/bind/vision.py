"""Stage A of `sensebind train bind`: pictures and captions meet in one space.

Captions come first (`bind_words`): the text trunk learns where each meaning lies. Then pictures
move to the places of their captions. Letting both trunks begin together stalls: while pictures say
nothing of kinds yet, the text trunk unlearns to distinguish kinds, and pictures then have nothing
to learn them from.
"""

import logging
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.agent.training.bind.captions import Named
from sensebind.agent.training.bind.crops import Schedule, Views
from sensebind.agent.training.bind.initialisation import spread_positions, start_local
from sensebind.agent.training.bind.optimising import Average, cosine, optimizer
from sensebind.agent.training.bind.scenes import SceneSet, image_statistics
from sensebind.agent.training.bind.text import Meanings, train_words
from sensebind.agent.training.parallel import Workers
from sensebind.agent.training.simhome_data import EMPTY, UNLABELED, SceneRecord
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS

log = logging.getLogger(__name__)

PARTS = 4
"""Into how many parts a batch is cut, to be worked on side by side."""
LOOKED_AT = 400
"""How many development scenes are looked at for the log."""
SECOND_PIXELS = 250
"""From this area in the 224 px picture on, a second thing is worth a word."""


@dataclass(frozen=True, slots=True)
class ImageStage:
    """How stage A trains.

    Attributes:
        word_steps: Optimiser steps of the text trunk, on captions alone.
        steps: Optimiser steps of the vision trunk.
        batch: Pictures per step.
        rate: Peak learning rate; warms up, then falls along a cosine.
        views: When pictures widen from close-ups to whole ones.
        small_size: Side in pixels of all but whole pictures, a multiple of the patch.
        weight_decay: AdamW's, on matrices only.
        average: Decay of the running average of the weights that is kept at the end.
    """

    word_steps: int = 250
    steps: int = 2500
    batch: int = 96
    rate: float = 1.5e-3
    views: Schedule = field(default_factory=Schedule)
    small_size: int = 64
    weight_decay: float = 0.05
    average: float = 0.995


@dataclass(frozen=True, slots=True)
class CrowdStage:
    """How stage A ends: whole pictures, every second one of several things.

    Alone in its image an object is named 98 times of 100; next to another one, the two lend each
    other their colours, until they have been met often enough.

    Attributes:
        steps: Optimiser steps.
        rate: Peak learning rate.
    """

    steps: int = 800
    rate: float = 8e-4


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


class Words(nn.Module):
    """What a picture's embedding is asked for; thrown away after training.

    The embedding shall lie where the text trunk puts the caption, and the words of the caption
    shall be readable from it.

    Args:
        width: Width of the joint space.
        meanings: Where captions lie.
        scale: Length that the unit embedding is given before it is read.

    Attributes:
        kind: Logits [B, kinds + 1] of the main object; the last is nothing.
        color: Logits [B, colours] of the main object.
        second_kind: Logits [B, kinds + 1] of the second object; the last is no second object.
        second_color: Logits [B, colours] of the second object.
    """

    def __init__(self, width: int, meanings: Meanings, scale: float = 16.0) -> None:
        super().__init__()
        self.scale, self.meanings = scale, meanings
        self.kind = nn.Linear(width, len(KINDS) + 1)  # the last is nothing
        self.color = nn.Linear(width, len(COLORS))
        self.second_kind = nn.Linear(width, len(KINDS) + 1)  # the last is no second thing
        self.second_color = nn.Linear(width, len(COLORS))

    def loss(self, images: Tensor, records: list[SceneRecord]) -> Tensor:
        """How badly the captions of their scenes are read from embeddings [B, D]."""
        x = images * self.scale
        label = torch.tensor([record.main_label for record in records])
        known, named = label != UNLABELED, (label != UNLABELED) & (label != EMPTY)
        places = [
            self.meanings.of(record.main.named if record.main else None, second_of(record))
            for record in records
        ]
        cosine = (images * torch.stack(places)).sum(dim=1)
        loss = 2.0 * (1 - cosine[known]).mean()
        loss = loss + F.cross_entropy(self.kind(x[known]), label[known] // len(COLORS))
        loss = loss + 0.7 * F.cross_entropy(self.color(x[named]), label[named] % len(COLORS))
        seconds = [second_of(record) if record.main else None for record in records]
        second_kind = torch.tensor([KINDS.index(s.kind) if s else len(KINDS) for s in seconds])
        loss = loss + 0.5 * F.cross_entropy(self.second_kind(x[named]), second_kind[named])
        rows = torch.tensor([row for row, second in enumerate(seconds) if second], dtype=torch.long)
        if len(rows):
            colors = torch.tensor([list(COLORS).index(s.color) for s in seconds if s])
            loss = loss + 0.3 * F.cross_entropy(self.second_color(x[rows]), colors)
        return loss

    @torch.inference_mode()
    def scores(self, images: Tensor, labels: np.ndarray) -> str:
        """Shares of right main words for embeddings [N, D], as a text for the log."""
        kind, color = (
            head(images * self.scale).argmax(dim=1).numpy() for head in (self.kind, self.color)
        )
        named, empty = (labels >= 0) & (labels != EMPTY), labels == EMPTY
        right = kind[named] == labels[named] // len(COLORS)
        hue = color[named] == labels[named] % len(COLORS)
        nothing = kind[empty] == len(KINDS)
        return (
            f"both {(right & hue).mean():.1%} kind {right.mean():.1%} color {hue.mean():.1%} "
            f"empty {nothing.mean():.1%}"
        )


def train_images(
    model: ImageBind,
    processor: ImageBindProcessor,
    scenes: SceneSet,
    views: Views,
    stage: ImageStage,
    *,
    seed: int = 0,
    shown: SceneSet | None = None,
    check_every: int = 100,
) -> ImageBind:
    """Trains the text trunk, then the vision trunk.

    Args:
        model: Fresh; only its vision and text parts change.
        processor: Its tokenizer, and its image mean and deviation.
        scenes: Rendered training scenes.
        views: Their pictures, from near to whole.
        stage: Steps, rates and sizes.
        seed: Draws batches, wordings and augmentation.
        shown: Development scenes, looked at for the log.
        check_every: Steps between looks.

    Returns:
        The model with averaged weights, in evaluation mode.
    """
    train_words(model, processor, steps=stage.word_steps, seed=seed)
    spread_positions(model, "vision")
    start_local(model, "vision")
    feed = _Feed(processor, scenes, views, stage, seed)
    _fit(
        model,
        feed,
        stage,
        steps=stage.steps,
        rate=stage.rate,
        meanings=seed,
        shown=shown,
        check_every=check_every,
        progress=lambda step: step / stage.steps,
    )
    return model.eval()


def train_crowds(
    model: ImageBind,
    processor: ImageBindProcessor,
    scenes: SceneSet,
    views: Views,
    stage: ImageStage,
    crowds: CrowdStage,
    *,
    meanings: int = 0,
    seed: int = 0,
    shown: SceneSet | None = None,
    check_every: int = 100,
) -> ImageBind:
    """Goes on from `train_images` with whole pictures, every second one of several things.

    Args:
        model: As `train_images` left it; only its vision part changes.
        processor: As in `train_images`.
        scenes: Images to learn from.
        views: How they are cut out and changed.
        stage: The stage of `train_images`; only its steps and rate are not used.
        crowds: Steps and rate.
        meanings: The seed of `train_images`, which says where its captions lie.
        seed: Of the order of images.
        shown: Images of the reports on the way; None reports none.
        check_every: Steps between two reports.

    Returns:
        The model with averaged weights, in evaluation mode.
    """
    feed = _Feed(processor, scenes, views, stage, seed, crowded=True)
    _fit(
        model,
        feed,
        stage,
        steps=crowds.steps,
        rate=crowds.rate,
        meanings=meanings,
        shown=shown,
        check_every=check_every,
        progress=lambda _: 1.0,
    )
    return model.eval()


def _fit(
    model: ImageBind,
    feed: "_Feed",
    stage: ImageStage,
    *,
    steps: int,
    rate: float,
    meanings: int,
    shown: SceneSet | None,
    check_every: int,
    progress: Callable[[int], float],
) -> None:
    """Trains the vision trunk on what `feed` gives at `progress(step)`; averages its weights."""
    vision = nn.ModuleList(group["vision"] for group in _groups(model))
    words = Words(model.config.out_width, Meanings(model.config.out_width, meanings))
    average = Average(nn.ModuleList([vision, words]), stage.average)
    adam = optimizer(average.module.parameters(), rate, stage.weight_decay)
    model.train()
    started, losses = time.monotonic(), []
    with Workers() as workers:
        for step in range(steps):
            records, pictures = feed.next(progress(step))
            # Parts of the batch are encoded side by side, meet in the loss, and part again.
            ends = workers.map(
                lambda part, give=pictures: model.encode("vision", give(part)), range(PARTS)
            )
            leaves = [end.detach().requires_grad_() for end in ends]
            loss = words.loss(torch.cat(leaves), records)
            loss.backward()
            workers.backward(ends, [cast(Tensor, leaf.grad) for leaf in leaves], vision)
            nn.utils.clip_grad_norm_(average.module.parameters(), 1.0)
            for group in adam.param_groups:
                group["lr"] = rate * cosine(step, steps, steps // 20 + 1)
            adam.step()
            adam.zero_grad(set_to_none=True)
            average.update()
            losses.append(float(loss.detach()))
            if (step + 1) % check_every == 0 or step + 1 == steps:
                log.info(
                    "images %d/%d: loss %.3f, %.0f s %s",
                    step + 1,
                    steps,
                    np.mean(losses[-check_every:]),
                    time.monotonic() - started,
                    _look(model, vision, average, feed, shown),
                )
    vision.load_state_dict(average.model[0].state_dict())


@torch.no_grad()
def _look(
    model: ImageBind,
    vision: nn.ModuleList,
    average: Average[nn.ModuleList],
    feed: "_Feed",
    shown: SceneSet | None,
) -> str:
    """How good the averaged weights are; the model itself stays as it is."""
    if shown is None:
        return ""
    kept_vision, kept_words = average.model
    present = deepcopy(vision.state_dict())
    vision.load_state_dict(kept_vision.state_dict())
    looks = feed.normal(torch.from_numpy(shown.images[:LOOKED_AT]))
    images = torch.cat([model.encode("vision", part) for part in looks.split(80)])
    vision.load_state_dict(present)
    return cast(Words, kept_words).scores(images, shown.labels[:LOOKED_AT])


class _Feed:
    """Endless batches: rows, their views at the present progress, and the questions."""

    def __init__(
        self,
        processor: ImageBindProcessor,
        scenes: SceneSet,
        views: Views,
        stage: ImageStage,
        seed: int,
        *,
        crowded: bool = False,
    ) -> None:
        self.stage, self.scenes, self.views = stage, scenes, views
        self._mean, self._std = image_statistics(processor)
        self._draws = [torch.Generator().manual_seed(seed * 1000 + part) for part in range(PARTS)]
        self._chance = [np.random.default_rng([seed, part]) for part in range(PARTS)]
        self._order = _shuffled(np.arange(len(scenes)), stage.batch, self._draws[0])
        if crowded:
            rows = [row for row, it in enumerate(scenes.records) if it.main and second_of(it)]
            half = stage.batch // 2
            parts = [
                _shuffled(some, half, self._draws[0])
                for some in (np.arange(len(scenes)), np.array(rows or [0]))
            ]
            self._order = map(np.concatenate, zip(*parts, strict=True))

    def normal(self, pixels: Tensor) -> Tensor:
        """Pictures [B, 3, H, W], uint8 or in 0..1, as the trunk takes them."""
        pixels = pixels / 255 if pixels.dtype == torch.uint8 else pixels
        return (pixels - self._mean) / self._std

    def next(self, progress: float) -> tuple[list[SceneRecord], Callable[[int], Tensor]]:
        """The scenes of the next batch, and what gives their pictures part by part."""
        rows = next(self._order)
        widths = self.views.widths(rows, progress, self._chance[0])
        # In a part of a picture the second thing may be missing: it is not spoken of.
        found = [self.scenes.records[row] for row in rows]
        records = [
            record if width > 0.9 else replace(record, others=())
            for record, width in zip(found, widths, strict=True)
        ]
        small = progress < self.stage.views.part
        side = self.stage.small_size if small else self.scenes.images.shape[-1]
        parts = np.array_split(np.arange(len(rows)), PARTS)

        def pictures(part: int) -> Tensor:
            some = parts[part]
            pixels = self.views.take(rows[some], widths[some], side, self._chance[part])
            return self.normal(augment(pixels, side, self._draws[part]))

        return records, pictures


def _groups(model: ImageBind) -> list[nn.ModuleDict]:
    return [
        model.modality_preprocessors,
        model.modality_trunks,
        model.modality_heads,
        model.modality_postprocessors,
    ]


def _shuffled(rows: np.ndarray, batch: int, generator: torch.Generator) -> Iterator[np.ndarray]:
    """Rows in random order, batch after batch, for ever; no batch crosses a new order."""
    batch = min(batch, len(rows))
    while True:
        order = rows[torch.randperm(len(rows), generator=generator).numpy()]
        for start in range(0, len(rows) - batch + 1, batch):
            yield order[start : start + batch]
