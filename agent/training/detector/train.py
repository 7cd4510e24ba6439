"""`sensebind train detector`: a small RT-DETR that finds SimHome's things in camera frames.

The frames are those that `sensebind train bind` renders. Architecture, loss (one-to-one matching
with denoising queries) and file format are those of `transformers`; only the sizes and the data are
ours. Published RT-DETR checkpoints load through the same `AutoModelForObjectDetection` path in
`sensebind.tools.detection`.
"""

from __future__ import annotations

import copy
import logging
import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import Progress, TimeElapsedColumn
from torch import Tensor
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from sensebind.agent.evaluation.detection import mean_average_precision
from sensebind.agent.training import simhome_data
from sensebind.agent.training.detector.close_ups import CloseUps, teach_kinds
from sensebind.agent.training.progress import terminal
from sensebind.agent.training.simhome_data import RawScenes, SceneRecord
from sensebind.perception.simhome.camera_setup import SIZE
from sensebind.perception.simhome.catalog import KINDS
from sensebind.tools.detection import Detector

log = logging.getLogger(__name__)

SAVE_EVERY = 500  # steps; a training that was cut off leaves a detector that works


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that decides the trained detector, besides the frames.

    Attributes:
        image_size: Side of the square model input, pixels.
        close_up_steps: Optimiser steps of the backbone alone, on things that fill the picture.
        steps: Optimiser steps of the whole.
        batch: Frames per step.
        learning_rate: Peak of the cosine schedule.
        warmup: Steps of linear warm-up.
        weight_decay: AdamW's.
        ema: Decay of the averaged weights that are saved.
        seed: Seed of weights, order and augmentation.
    """

    image_size: int = 128
    close_up_steps: int = 600
    steps: int = 4000
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


@dataclass(frozen=True, slots=True)
class Frames:
    """Camera frames in memory and what they show.

    Attributes:
        pixels: [N, 3, S, S] uint8.
        labels: Per frame `class_labels` [n] and `boxes` [n, 4] (centre x, centre y, width,
            height, each 0..1), as `transformers` wants them.
    """

    pixels: Tensor
    labels: list[dict[str, Tensor]]

    @classmethod
    def of(cls, scenes: RawScenes, side: int) -> Frames:
        """Rendered scenes, resized to the model's input as its image processor would."""
        pixels = [
            F.interpolate(
                torch.from_numpy(part).permute(0, 3, 1, 2),
                (side, side),
                mode="bilinear",
                antialias=True,
            )
            for part in np.array_split(scenes.images, max(1, len(scenes.images) // 64))
        ]
        return cls(torch.cat(pixels), [_labels(record) for record in scenes.records])

    def __len__(self) -> int:
        return len(self.labels)


def _labels(record: SceneRecord) -> dict[str, Tensor]:
    seen = record.in_view
    corners = torch.tensor([thing.box for thing in seen], dtype=torch.float32).reshape(-1, 4) / SIZE
    low, high = corners.split(2, dim=1)
    return {
        "class_labels": torch.tensor([KINDS.index(thing.kind) for thing in seen], dtype=torch.long),
        "boxes": torch.cat([(low + high) / 2, high - low], dim=1),
    }


def augment(
    frames: Tensor, labels: list[dict[str, Tensor]], rng: torch.Generator
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Mirrors half of the frames and varies their brightness; hue is left alone.

    Args:
        frames: Float RGB in 0..1, [B, 3, H, W].
        labels: As in `Frames`.
        rng: Source of randomness.

    Returns:
        New frames and labels of the same shapes.
    """
    count = len(frames)
    mirrored = torch.rand(count, generator=rng) < 0.5
    gain = 1 + 0.25 * (2 * torch.rand(count, 1, 1, 1, generator=rng) - 1)
    frames = (torch.where(mirrored[:, None, None, None], frames.flip(3), frames) * gain).clamp(0, 1)
    turned = []
    for label, mirror in zip(labels, mirrored.tolist(), strict=True):
        boxes = label["boxes"].clone()
        if mirror:
            boxes[:, 0] = 1 - boxes[:, 0]
        turned.append({**label, "boxes": boxes})
    return frames, turned


def batches(
    frames: Frames, size: int, rng: torch.Generator
) -> Iterator[tuple[Tensor, list[dict[str, Tensor]]]]:
    """Endless shuffled, augmented batches of (pixels [B, 3, S, S], labels)."""
    while True:
        order = torch.randperm(len(frames), generator=rng)
        for rows in order.split(size)[: len(order) // size]:
            labels = [frames.labels[row] for row in rows.tolist()]
            yield augment(frames.pixels[rows].float() / 255, labels, rng)


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


def train_detector(
    scenes: RawScenes,
    output: Path,
    recipe: DetectorRecipe | None = None,
    *,
    shown: RawScenes | None = None,
) -> None:
    """Trains the detector on rendered scenes and saves it in the `transformers` layout.

    Args:
        scenes: Training scenes.
        output: Directory to write: config.json, model.safetensors (fp16), preprocessor_config.json.
        recipe: Sizes, schedule and seed; the shipped recipe when omitted.
        shown: Development scenes, looked at for the log.
    """
    recipe = recipe or DetectorRecipe()
    torch.manual_seed(recipe.seed)
    rng = torch.Generator().manual_seed(recipe.seed)
    frames = Frames.of(scenes, recipe.image_size)
    model = RTDetrForObjectDetection(small_config()).train()
    teach_kinds(
        model.model.backbone.model,
        CloseUps(frames.pixels, frames.labels, recipe.image_size // 2, rng),
        kinds=len(KINDS),
        steps=recipe.close_up_steps,
    )
    average = copy.deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, recipe)
    )
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
    source = batches(frames, recipe.batch, rng)
    begun, losses = time.monotonic(), []
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=terminal()) as progress:
        task = progress.add_task("detector", total=recipe.steps)
        for step in range(1, recipe.steps + 1):
            pixels, labels = next(source)
            loss = model(pixel_values=pixels, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            update_average(average, model, min(recipe.ema, step / (step + 10)))
            losses.append(loss.item())
            progress.update(task, advance=1, description=f"detector, loss {losses[-1]:.2f}")
            if step % SAVE_EVERY == 0 or step == recipe.steps:
                save(average, recipe, output)
                mean = np.mean(losses[-SAVE_EVERY:])
                precision = f", mAP50 {map50(output, shown):.1%}" if shown else ""
                log.info(
                    "detector %d/%d: loss %.2f%s, %.0f s",
                    step,
                    recipe.steps,
                    mean,
                    precision,
                    time.monotonic() - begun,
                )


def train_on_rendered(
    run: Path,
    output: Path,
    recipe: DetectorRecipe | None = None,
    *,
    scenes: int = simhome_data.SCENES,
    development: int = simhome_data.DEVELOPMENT_SCENES,
    workers: int | None = None,
) -> None:
    """Trains the detector on the scenes of a working folder, and renders those that are missing.

    PyTorch keeps to one thread from here on: sums in the same order, so the same weights, on
    every machine.

    Args:
        run: Working folder, as `sensebind train bind` fills it.
        output: Directory to write, see `train_detector`.
        recipe: Sizes, schedule and seed; the shipped recipe when omitted.
        scenes: How many to train on.
        development: How many to look at for the log.
        workers: Rendering processes; None takes one per core.

    Raises:
        StorageError: A folder cannot be written.
    """
    torch.set_num_threads(1)
    rendered, shown = simhome_data.render_sets(
        run, scenes=scenes, development=development, workers=workers
    )
    train_detector(simhome_data.load(rendered), output, recipe, shown=simhome_data.load(shown))


def map50(directory: Path, scenes: RawScenes, count: int = 200) -> float:
    """Mean average precision at an overlap of one half, on the first scenes.

    The detector is read back from its files and runs as it does for users.
    """
    detector = Detector.from_pretrained(directory, threshold=0.02)
    found = detector.detect_batch(list(scenes.images[:count]))
    truth = [
        [(thing.kind, thing.box) for thing in record.in_view] for record in scenes.records[:count]
    ]
    value, _ = mean_average_precision(
        [[(d.label, d.score, d.box) for d in detections] for detections in found],
        truth,
    )
    return value


def save(model: RTDetrForObjectDetection, recipe: DetectorRecipe, output: Path) -> None:
    """Writes config.json, model.safetensors (fp16) and preprocessor_config.json."""
    copy.deepcopy(model).half().save_pretrained(output)
    size = {"height": recipe.image_size, "width": recipe.image_size}
    RTDetrImageProcessorPil(size=size).save_pretrained(output)
