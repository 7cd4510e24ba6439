"""Stages B and C of `sensebind train bind`: sounds and scans move into the space of pictures.

The vision trunk is frozen, and only its embeddings are met here: a sound belongs to the pictures
that show what makes it, a scan cluster to the pictures that show what was scanned. No text.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.agent.training.bind.optimising import Average, cosine, optimizer
from sensebind.agent.training.bind.scenes import NOTHING
from sensebind.agent.training.simhome_data import SOUND_RATE
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor

log = logging.getLogger(__name__)

ROOM_NOISE = 10 ** (-62 / 20)  # rms of the microphone's own noise


@dataclass(frozen=True, slots=True)
class SenseStage:
    """How stage B or C trains.

    Attributes:
        steps: Optimiser steps.
        batch: Sounds or sweeps per step.
        rate: Peak learning rate.
        weight_decay: AdamW's, on matrices only.
        average: Decay of the running average of the weights that is kept at the end.
        scale: Factor on the cosines within the contrastive loss.
        bank: Image embeddings per step to distinguish.
        pull: Weight of the cosine to the mean image of the right kind.
    """

    steps: int = 900
    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    average: float = 0.995
    scale: float = 20.0
    bank: int = 1024
    pull: float = 1.0


def mel_clips(
    sounds: np.ndarray, processor: ImageBindProcessor, *, variants: int = 1, seed: int = 0
) -> Tensor:
    """Mel spectrograms of 2 s sounds.

    Args:
        sounds: [K, samples] int16.
        processor: Makes the spectrograms.
        variants: How many of each; the first is the sound as it is, the others start elsewhere
            and are up to 14 dB quieter over the room's noise, as from farther away.
        seed: Draws the variants.

    Returns:
        [K, variants, 1, mel, frames].
    """
    rng = np.random.default_rng(seed)
    # A sound is as long as one clip: all its clips are the same, and one is enough.
    settings = processor.settings
    audio = settings.audio.model_copy(update={"clips": 1})
    single = ImageBindProcessor(settings.model_copy(update={"audio": audio}))
    rows: list[Tensor] = []
    for sound in sounds:
        samples = sound.astype(np.float32) / 32767
        for variant in range(variants):
            if variant:
                gain = 10 ** (-rng.uniform(0, 14) / 20)
                noise = rng.standard_normal(len(samples), dtype=np.float32) * ROOM_NOISE
                changed = np.roll(samples, rng.integers(len(samples))) * gain
                samples_now = (changed + noise).astype(np.float32)
            else:
                samples_now = samples
            rows.append(single.audio(samples_now, SOUND_RATE)[0])
    shape = rows[0].shape
    return torch.stack(rows).view(len(sounds), variants, *shape)


def mask_mel(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Blanks a short stretch of time and a few mel bins of each clip [B, 1, mel, frames]."""
    clips = clips.clone()
    bins, frames = clips.shape[2:]
    for clip in clips:
        for axis, length, widest in ((1, bins, 16), (2, frames, 40)):
            width = int(torch.randint(0, widest, (), generator=generator))
            start = int(torch.randint(0, length - width, (), generator=generator))
            clip.narrow(axis, start, width).fill_(float(clip.mean()))
    return clips


def turn_points(points: Tensor, generator: torch.Generator) -> Tensor:
    """Clouds [B, N, 3] turned about the vertical, mirrored at times, jittered, sampled again."""
    count, size = points.shape[:2]
    angle = torch.rand(count, generator=generator) * 2 * torch.pi
    mirror = (torch.rand(count, generator=generator) < 0.5).float() * 2 - 1
    cos, sin = angle.cos(), angle.sin()
    turn = torch.zeros(count, 3, 3)
    turn[:, 0, 0], turn[:, 0, 1] = cos, -sin * mirror
    turn[:, 1, 0], turn[:, 1, 1] = sin, cos * mirror
    turn[:, 2, 2] = 1
    chosen = torch.randint(size, (count, size), generator=generator)  # with repetition: thins out
    keep = torch.rand(count, 1, generator=generator) < 0.5
    chosen = torch.where(keep, torch.arange(size).expand(count, -1), chosen)
    points = points.gather(1, chosen.unsqueeze(2).expand(-1, -1, 3))
    zoom = 1 + (torch.rand(count, 1, 1, generator=generator) - 0.5) * 0.1
    noise = torch.randn(points.shape, generator=generator) * 0.006
    return (points * zoom) @ turn.transpose(1, 2) + noise


Inputs = Callable[[np.ndarray, torch.Generator], Tensor]


def sound_inputs(sounds: np.ndarray, processor: ImageBindProcessor, variants: int) -> Inputs:
    """Augmented spectrograms of rows of int16 sounds [K, samples]."""
    clips = mel_clips(sounds, processor, variants=variants)

    def inputs(rows: np.ndarray, generator: torch.Generator) -> Tensor:
        variant = torch.randint(variants, (len(rows),), generator=generator)
        return mask_mel(clips[torch.from_numpy(rows), variant], generator)

    return inputs


def point_inputs(points: np.ndarray) -> Inputs:
    """Augmented clouds of rows of [M, P, 3] metres."""
    clouds = torch.from_numpy(points)

    def inputs(rows: np.ndarray, generator: torch.Generator) -> Tensor:
        return turn_points(clouds[torch.from_numpy(rows)], generator)

    return inputs


def train_sense(
    model: ImageBind,
    modality: str,
    inputs: Inputs,
    kinds: np.ndarray,
    images: Tensor,
    image_kind: np.ndarray,
    stage: SenseStage,
    *,
    seed: int = 0,
    check: Callable[[ImageBind], str] | None = None,
    check_every: int = 300,
) -> ImageBind:
    """Binds one modality to frozen image embeddings.

    Args:
        model: Only the parts of `modality` change.
        modality: "audio" or "point".
        inputs: Gives the augmented inputs of some rows.
        kinds: [K] kind number of each input, from the picture it was recorded with.
        images: [N, D] frozen image embeddings of the training scenes, unit norm.
        image_kind: [N] their kind numbers, as `image_kinds` gives them.
        stage: Steps, rates and sizes.
        seed: Draws batches and augmentation.
        check: Says how good the averaged model is; logged now and then.
        check_every: Steps between checks.

    Returns:
        The model with averaged weights, in evaluation mode.
    """
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    usable = np.flatnonzero(image_kind >= 0)
    means = torch.stack([_mean(images, image_kind == kind) for kind in range(NOTHING + 1)])
    model.train().requires_grad_(False)
    for name, value in model.named_parameters():
        part = name.split(".")
        value.requires_grad_(modality in part[1:2] or part[0] == f"{modality}_trunk")
    adam = optimizer(model.parameters(), stage.rate, stage.weight_decay)
    average = Average(model, stage.average)
    weight = 1 / np.sqrt(np.bincount(kinds, minlength=NOTHING + 1)[kinds])  # rare kinds more often
    weight /= weight.sum()
    started, losses = time.monotonic(), []
    for step in range(stage.steps):
        rows = rng.choice(len(kinds), stage.batch, p=weight)
        bank = rng.choice(usable, min(stage.bank, len(usable)), replace=False)
        embedded = F.normalize(model.encode(modality, inputs(rows, generator)), dim=-1)
        kind, bank_kind = torch.from_numpy(kinds[rows]), torch.from_numpy(image_kind[bank])
        right = kind[:, None] == bank_kind[None, :]  # [B, bank]
        logits = stage.scale * embedded @ images[bank].T
        some = right.any(dim=1)
        total = logits.logsumexp(dim=1)
        chance = logits.masked_fill(~right, -torch.inf).logsumexp(dim=1) - total
        loss = -chance[some].mean()
        loss = loss + F.cross_entropy(stage.scale * embedded @ means.T, kind)
        loss = loss + stage.pull * (1 - (embedded * means[kind]).sum(dim=1)).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in adam.param_groups:
            group["lr"] = stage.rate * cosine(step, stage.steps, stage.steps // 20 + 1)
        adam.step()
        adam.zero_grad(set_to_none=True)
        average.update()
        losses.append(float(loss.detach()))
        if (step + 1) % check_every == 0 or step + 1 == stage.steps:
            score = check(average.model) if check is not None else ""
            spent = time.monotonic() - started
            log.info(
                "%s %d/%d: loss %.3f, %.0f s %s",
                modality,
                step + 1,
                stage.steps,
                np.mean(losses[-check_every:]),
                spent,
                score,
            )
    return average.model.eval()


def _mean(images: Tensor, rows: np.ndarray) -> Tensor:
    """The mean picture [D], unit norm; zeros when there is none."""
    if not rows.any():
        return torch.zeros(images.shape[1])
    return F.normalize(images[torch.from_numpy(rows)].mean(dim=0), dim=-1)
