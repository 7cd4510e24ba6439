"""First lessons of the detector's backbone: what is it, close up?

A fresh detector learns quickly where things are, but not what they are: a few pixels among many
must first become worth looking at. Things that fill the picture teach their kinds within minutes,
and finding them afterwards is easy.
"""

import logging
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.backbone_utils import BackboneMixin

log = logging.getLogger(__name__)


class CloseUps:
    """Endless batches of things that fill the picture.

    Args:
        pixels: [N, 3, S, S] uint8 frames.
        labels: Per frame `class_labels` [n] and `boxes` [n, 4] as `transformers` wants them.
        side: Of the pictures.
        generator: Draws.
    """

    def __init__(
        self, pixels: Tensor, labels: list[dict[str, Tensor]], side: int, generator: torch.Generator
    ) -> None:
        self._pixels, self._side, self._generator = pixels, side, generator
        self._frames = torch.tensor([row for row, one in enumerate(labels) for _ in one["boxes"]])
        self._boxes = torch.cat([label["boxes"] for label in labels])
        self._kinds = torch.cat([label["class_labels"] for label in labels])

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Pictures [count, 3, side, side] in 0..1 and kinds [count]."""
        rows = torch.randint(len(self._kinds), (count,), generator=self._generator)
        boxes = self._boxes[rows]
        half = boxes[:, 2:].amax(dim=1) * self._uniform(0.8, 1.5, count)  # of a picture 2 wide
        shift = torch.stack([self._uniform(-0.2, 0.2, count) for _ in "xy"], dim=1)
        mirror = (torch.rand(count, generator=self._generator) < 0.5).float() * 2 - 1
        affine = torch.zeros(count, 2, 3)
        affine[:, 0, 0], affine[:, 1, 1] = half * mirror, half
        affine[:, :, 2] = boxes[:, :2] * 2 - 1 + shift * half[:, None]
        grid = F.affine_grid(affine, [count, 3, self._side, self._side], align_corners=False)
        frames = self._pixels[self._frames[rows]].float() / 255
        pictures = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
        gain = self._uniform(0.8, 1.2, count)[:, None, None, None]
        return (pictures * gain).clamp(0, 1), self._kinds[rows]

    def _uniform(self, low: float, high: float, count: int) -> Tensor:
        return torch.rand(count, generator=self._generator) * (high - low) + low


def teach_kinds(
    backbone: BackboneMixin,
    close_ups: CloseUps,
    *,
    kinds: int,
    steps: int,
    batch: int = 64,
    rate: float = 3e-3,
    check_every: int = 100,
) -> None:
    """Trains a backbone to distinguish kinds, by a linear reading of its last feature map.

    Args:
        backbone: Of a transformers detector; gives feature maps of pictures, finest first.
        close_ups: Pictures and kinds.
        kinds: How many.
        steps: Optimiser steps.
        batch: Pictures per step.
        rate: Peak learning rate of the one-cycle schedule.
        check_every: Steps between reports.
    """
    head = nn.Linear(backbone.channels[-1], kinds)
    weights = [*backbone.parameters(), *head.parameters()]
    adam = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=steps)
    begun, right = time.monotonic(), []
    for step in range(1, steps + 1):
        pictures, labels = close_ups.draw(batch)
        features = backbone(pictures).feature_maps[-1]  # [B, width, h, w]
        scores = head(features.mean(dim=(2, 3)))
        loss = F.cross_entropy(scores, labels)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        schedule.step()
        right.append(float((scores.argmax(dim=1) == labels).float().mean()))
        if step % check_every == 0 or step == steps:
            log.info(
                "close-ups %d/%d: %.1f %% of kinds right, %.0f s",
                step,
                steps,
                100 * np.mean(right[-check_every:]),
                time.monotonic() - begun,
            )
