"""`sensebind train detector`: a small RT-DETR that finds SimHome's things in camera frames.

Architecture, loss (one-to-one matching with denoising queries) and file format are those of
`transformers`; only the sizes and the data are ours. Published RT-DETR checkpoints load through the
same `AutoModelForObjectDetection` path in `sensebind.tools.detection`.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress, TimeElapsedColumn
from torch import Tensor
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from sensebind.agent.training.detector_data import load_frames
from sensebind.perception.simhome.catalog import KINDS

SAVE_EVERY = 250  # steps; a training that was cut off leaves a detector that works


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that decides the trained detector, besides the frames.

    Attributes:
        image_size: Side of the square model input, pixels.
        steps: Optimiser steps.
        batch: Frames per step.
        learning_rate: Peak of the cosine schedule.
        warmup: Steps of linear warm-up.
        ema: Decay of the averaged weights that are saved.
        seed: Seed of weights, order and augmentation.
    """

    image_size: int = 128
    steps: int = 2200
    batch: int = 16
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 1e-4
    ema: float = 0.998
    seed: int = 0


def small_config() -> RTDetrConfig:
    """Sizes of the shipped detector: 0.7 M parameters, three feature levels, 20 queries."""
    channels, width = [16, 32, 64, 96], 64
    backbone = RTDetrResNetConfig(
        embedding_size=channels[0],
        hidden_sizes=channels,
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_indices=[2, 3, 4],  # pyright: ignore[reportCallIssue]
    )
    return RTDetrConfig(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        encoder_in_channels=channels[1:],
        encoder_hidden_dim=width,
        encoder_ffn_dim=2 * width,
        encoder_attention_heads=4,
        hidden_expansion=0.5,
        d_model=width,
        decoder_in_channels=[width] * 3,
        decoder_ffn_dim=2 * width,
        decoder_layers=2,
        decoder_attention_heads=4,
        num_queries=20,
        num_denoising=20,
        id2label=dict(enumerate(KINDS)),
        label2id={kind: index for index, kind in enumerate(KINDS)},
    )


def augment(
    frames: Tensor, boxes: list[Tensor], rng: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """Mirrors half of the frames and varies their brightness; hue is left alone.

    Args:
        frames: Float RGB in 0..1, [B, 3, H, W].
        boxes: Per frame [n, 4], centre x, centre y, width, height, each 0..1.
        rng: Source of randomness.

    Returns:
        New frames and boxes of the same shapes.
    """
    count = len(frames)
    mirrored = torch.rand(count, generator=rng) < 0.5
    gain = 1 + 0.25 * (2 * torch.rand(count, 1, 1, 1, generator=rng) - 1)
    frames = (torch.where(mirrored[:, None, None, None], frames.flip(3), frames) * gain).clamp(0, 1)
    flipped = []
    for box, mirror in zip(boxes, mirrored, strict=True):
        box = box.clone()
        if mirror:
            box[:, 0] = 1 - box[:, 0]
        flipped.append(box)
    return frames, flipped


def batches(
    data: Path, recipe: DetectorRecipe, rng: torch.Generator
) -> Iterator[tuple[Tensor, list[dict[str, Tensor]]]]:
    """Endless shuffled batches of (pixels [B, 3, S, S], labels as `transformers` wants them)."""
    frames, things = load_frames(data)  # each uint8 [H, W, 3]
    side = frames[0].shape[0]
    while True:
        order = torch.randperm(len(frames), generator=rng).tolist()
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            chosen = sorted(order[start : start + recipe.batch])
            pixels = torch.from_numpy(np.stack([frames[i] for i in chosen])).permute(0, 3, 1, 2)
            pixels = torch.nn.functional.interpolate(
                pixels.float() / 255, size=recipe.image_size, mode="bilinear", antialias=True
            )
            corners = [
                torch.tensor([t.box for t in things[i]], dtype=torch.float32).reshape(-1, 4) / side
                for i in chosen
            ]
            boxes = [
                torch.cat([(c[:, :2] + c[:, 2:]) / 2, c[:, 2:] - c[:, :2]], 1) for c in corners
            ]
            classes = [
                torch.tensor([KINDS.index(t.kind) for t in things[i]], dtype=torch.long)
                for i in chosen
            ]
            pixels, boxes = augment(pixels, boxes, rng)
            labels = [{"class_labels": c, "boxes": b} for c, b in zip(classes, boxes, strict=True)]
            yield pixels, labels


def learning_rate_factor(step: int, recipe: DetectorRecipe) -> float:
    """Linear warm-up, then half a cosine down to two percent."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Moves the averaged weights towards the model; counters and statistics are copied."""
    for ours, new in zip(average.parameters(), model.parameters(), strict=True):
        ours.lerp_(new, 1 - decay)
    for ours, new in zip(average.buffers(), model.buffers(), strict=True):
        ours.copy_(new)


def train_detector(data: Path, output: Path, recipe: DetectorRecipe | None = None) -> None:
    """Trains the detector on rendered frames and saves it in the `transformers` layout.

    Args:
        data: Folder written by `sensebind.agent.training.detector_data.render_frames`.
        output: Directory to write: config.json, model.safetensors (fp16), preprocessor_config.json.
        recipe: Sizes, schedule and seed; the shipped recipe when omitted.

    Raises:
        InputError: `data` holds no rendered frames.
    """
    recipe = recipe or DetectorRecipe()
    torch.manual_seed(recipe.seed)
    rng = torch.Generator().manual_seed(recipe.seed)
    model = RTDetrForObjectDetection(small_config()).train()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, recipe)
    )
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
    source = batches(data, recipe, rng)
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, refresh_per_second=1) as progress:
        task = progress.add_task("detector", total=recipe.steps)
        for step in range(recipe.steps):
            pixels, labels = next(source)
            loss = model(pixel_values=pixels, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            update_average(average, model, min(recipe.ema, (step + 1) / (step + 10)))
            progress.update(task, advance=1, description=f"detector loss {loss.item():.2f}")
            if step % 100 == 0:
                progress.console.print(f"step {step} loss {loss.item():.3f}")
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == recipe.steps:
                save(average, recipe, output)


def save(model: RTDetrForObjectDetection, recipe: DetectorRecipe, output: Path) -> None:
    """Writes config.json, model.safetensors (fp16) and preprocessor_config.json."""
    copy.deepcopy(model).half().save_pretrained(output)
    size = {"height": recipe.image_size, "width": recipe.image_size}
    RTDetrImageProcessorPil(size=size).save_pretrained(output)
