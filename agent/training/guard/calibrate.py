"""`sensebind train guard`: what the weights know, measured on scenes of their own.

Of the known inputs two thirds fit the Gaussians and the critic, and the rest set the thresholds;
scenes are never split. Outliers are made of numbers, see `outliers`.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from sensebind.agent.training.guard import outliers
from sensebind.agent.training.guard.samples import SCENES, SEEDS, Samples, known
from sensebind.perception.frames.codecs import from_jpeg, jpeg
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.imagebind.guard import (
    Critic,
    Gaussian,
    GuardSettings,
    is_input,
    novelty,
    pooled,
    save,
    scores,
)
from sensebind.perception.lidar.clustering import nearest_cluster

log = logging.getLogger(__name__)

_SHARD = 100  # outliers
KNOWN = "starts, drives, and what the robot went to"
"""What known inputs are; features of others are made again."""
TRAINED_ON = (
    "SimHome's rendered rooms: 18 kinds of objects in 8 colours, and the sounds of 14 of them"
)


def _layers(modality: str, blocks: Sequence[str]) -> tuple[str, ...]:
    return (*blocks, f"modality_heads.{modality}", f"modality_postprocessors.{modality}.0")


LAYERS = {
    "vision": _layers("vision", [f"modality_trunks.vision.blocks.{i}" for i in range(3)]),
    "audio": _layers("audio", [f"modality_trunks.audio.blocks.{i}" for i in range(2)]),
    "point": _layers("point", [f"point_trunk.point_encoder.blocks.blocks.{i}" for i in range(3)]),
}
"""What is looked at: the tokens of some blocks, what the head reads, and the unit embedding."""


@dataclass(frozen=True, slots=True)
class GuardRecipe:
    """How guards are calibrated.

    Attributes:
        scenes: Scenes of known inputs, each looked at from three places.
        outliers: Textures, noises and compounds, by modality.
        known: Share of known inputs below the threshold, by modality.
        floors: Least variance of the Gaussians, as a share of the largest, by modality.
        used: The scores that count, by modality; the last of them is the critic.
        hidden: Hidden units of the critics.
        steps: Optimiser steps of a critic.
        seed: Draws outliers, weights and batches.
    """

    scenes: int = SCENES
    outliers: dict[str, int] = field(
        default_factory=lambda: {"vision": 200, "audio": 1000, "point": 700}
    )
    known: dict[str, float] = field(
        default_factory=lambda: {"vision": 0.98, "audio": 0.97, "point": 0.97}
    )
    floors: dict[str, float] = field(
        default_factory=lambda: {"vision": 1e-5, "audio": 1e-4, "point": 1e-4}
    )
    used: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {"vision": (0, 1, 5), "audio": (0, 3, 4), "point": (0, 5)}
    )
    hidden: int = 32
    steps: int = 1000
    seed: int = 0


def calibrate(
    checkpoint: Path, *, run: Path, recipe: GuardRecipe | None = None, workers: int = 2
) -> dict[str, float]:
    """Write the guards of a checkpoint.

    Args:
        checkpoint: Directory with `imagebind/`.
        run: Working folder; rendered scenes stay there.
        recipe: How; that of the shipped weights by default.
        workers: Rendering processes.

    Returns:
        By modality, the share of known and of made outliers that is taken for known.

    Raises:
        SenseBindError: The checkpoint cannot be read, or a folder cannot be written.
    """
    recipe = recipe or GuardRecipe()
    torch.set_num_threads(1)  # its matrices are small: threads would wait for each other
    directory = checkpoint / "imagebind"
    processor = ImageBindProcessor.from_pretrained(directory)
    samples = known(run, scenes=recipe.scenes, workers=workers)
    settings: dict[str, GuardSettings] = {}
    gaussians: dict[str, list[Gaussian]] = {}
    critics: dict[str, Critic] = {}
    report: dict[str, float] = {}
    for modality in LAYERS:
        model = ImageBind.from_pretrained(directory, [modality])

        def mine(modality: str = modality, model: ImageBind = model) -> list[Tensor]:
            return features(model, modality, known_inputs(modality, samples, processor))

        def others(modality: str = modality, model: ImageBind = model) -> list[Tensor]:
            made = outlier_inputs(modality, run, processor, recipe, workers)
            return features(model, modality, made)

        key = f"{model.digest} {LAYERS[modality]} {recipe.seed}"
        fitted = fit(
            _kept(run / f"{modality}-known", f"{key} {KNOWN} {recipe.scenes}", mine),
            _kept(run / f"{modality}-outliers", f"{key} {recipe.outliers[modality]}", others),
            modality,
            recipe,
        )
        settings[modality], gaussians[modality], critics[modality] = fitted.parts
        report |= {f"{modality}: {name}": value for name, value in fitted.report.items()}
        log.info("%s: %s", modality, fitted.report)
    vision = ImageBind.from_pretrained(directory, ["vision"])
    shown = [processor.image(image) for image in samples.images[::4]]
    save(
        directory,
        settings,
        gaussians,
        critics,
        known=examples(vision, shown),
        about={
            "trained_on": TRAINED_ON,
            "calibration": {
                "first_seed": SEEDS,
                "scenes": recipe.scenes,
                "outliers": recipe.outliers,
                "known": recipe.known,
                "accepted": report,
            },
        },
    )
    return report


def known_inputs(modality: str, samples: Samples, processor: ImageBindProcessor) -> list[Tensor]:
    """What a trunk gets of what is known."""
    match modality:
        case "vision":
            return [processor.image(image) for image in seen_again(samples.images)]
        case "audio":
            return sound_inputs(list(samples.sounds), processor)
        case _:
            return [processor.points(cloud) for cloud in samples.clouds]


def _kept(path: Path, key: str, make: Callable[[], list[Tensor]]) -> list[Tensor]:
    """Features that an earlier run has made of the same things, or new ones."""
    tensors, label = path.with_suffix(".safetensors"), path.with_suffix(".txt")
    if tensors.is_file() and label.is_file() and label.read_text(encoding="utf-8") == key:
        found = load_file(tensors)
        return [found[str(index)] for index in range(len(found))]
    made = make()
    save_file({str(index): rows.contiguous() for index, rows in enumerate(made)}, tensors)
    label.write_text(key, encoding="utf-8")
    return made


@dataclass(frozen=True, slots=True)
class Fitted:
    """A guard, and what it made of what it was calibrated on.

    Attributes:
        parts: Settings, Gaussians and critic.
        report: Share that is taken for known: of "known" inputs that set the threshold, and of
            "outliers" that the critic was not shown.
    """

    parts: tuple[GuardSettings, list[Gaussian], Critic]
    report: dict[str, float]


def fit(
    mine: Sequence[Tensor], others: Sequence[Tensor], modality: str, recipe: GuardRecipe
) -> Fitted:
    """Fit a guard.

    Args:
        mine: Features [N, F] of known inputs, for each layer.
        others: Likewise of outliers.
        modality: ImageBind's name.
        recipe: How.
    """
    first, rest = thirds(len(mine[0]))
    shown, unseen = thirds(len(others[0]))
    gaussians = [_gaussian(layer[first], recipe.floors[modality]) for layer in mine]
    critic = _critic(
        torch.cat([layer[first] for layer in mine], 1),
        torch.cat([layer[shown] for layer in others], 1),
        recipe,
    )
    critic = _as_stored(critic)
    gaussians = [Gaussian(one.mean.half().float(), one.whiten.half().float()) for one in gaussians]
    found = scores(gaussians, critic, [layer[rest] for layer in mine])
    means = tuple(float(one.mean()) for one in found)
    spreads = tuple(float(one.std()) for one in found)
    names = LAYERS[modality]
    bare = GuardSettings(names, means, spreads, recipe.used[modality], 0.0, 1.0)
    usual = novelty(bare, gaussians, critic, [layer[rest] for layer in mine])
    strange = novelty(bare, gaussians, critic, [layer[unseen] for layer in others])
    threshold = float(usual.quantile(recipe.known[modality]))
    # The median of what is known is believed with 95 %.
    slope = float(np.log(19) / max(threshold - float(usual.median()), 1e-3))
    settings = GuardSettings(names, means, spreads, recipe.used[modality], threshold, slope)
    accepted = {
        "known": float((usual <= threshold).double().mean()),
        "outliers": float((strange <= threshold).double().mean()),
    }
    return Fitted((settings, gaussians, critic), accepted)


def thirds(count: int) -> tuple[Tensor, Tensor]:
    """Rows to fit with, and every third block of twelve, to set thresholds with."""
    block = torch.arange(count) // 12  # inputs of one scene stand together
    return torch.nonzero(block % 3 != 2)[:, 0], torch.nonzero(block % 3 == 2)[:, 0]


@torch.inference_mode()
def features(
    model: ImageBind, modality: str, inputs: Sequence[Tensor], batch: int = 64
) -> list[Tensor]:
    """Return what a guard sees of inputs: [N, F] for each layer."""
    modules = dict(model.named_modules())
    names = LAYERS[modality]
    noted: dict[str, Tensor] = {}
    handles = []
    for name in names:

        def after(_m: object, _i: object, output: Tensor, name: str = name) -> None:
            noted[name] = pooled(output)

        def before(_m: object, given: tuple[Tensor, ...], name: str = name) -> None:
            noted[name] = pooled(given[0])

        module = modules[name]
        handles.append(
            module.register_forward_pre_hook(before)
            if is_input(name)
            else module.register_forward_hook(after)
        )
    rows: list[list[Tensor]] = [[] for _ in names]
    for start in range(0, len(inputs), batch):
        model.encode(modality, torch.stack(list(inputs[start : start + batch])))
        for index, name in enumerate(names):
            rows[index].append(noted[name].clone())
    for handle in handles:
        handle.remove()
    return [torch.cat(each) for each in rows]


def seen_again(images: np.ndarray) -> list[np.ndarray]:
    """Images, every third of them as it comes out of a frame store."""
    return [
        from_jpeg(jpeg(image, 90)) if index // 2 % 3 == 0 else image
        for index, image in enumerate(images)
    ]


def sound_inputs(sounds: Sequence[np.ndarray], processor: ImageBindProcessor) -> list[Tensor]:
    """What the audio trunk gets of sounds of two seconds; of a silent one nothing."""
    inputs = []
    for sound in sounds:
        samples = sound.astype(np.float32) / 32767 if sound.dtype == np.int16 else sound
        if not processor.silent(samples):
            rate = outliers.RATE
            inputs.append(processor.audio(processor.newest(samples, rate), rate)[0])
    return inputs


def outlier_inputs(
    modality: str, folder: Path, processor: ImageBindProcessor, recipe: GuardRecipe, workers: int
) -> list[Tensor]:
    """What a trunk gets of outliers; those that an earlier run made are taken from `folder`."""
    count = recipe.outliers[modality]
    begins = range(0, count, _SHARD)
    jobs = [
        _Job(
            folder / f"outliers-{modality}-{recipe.seed}-{begin}.npz", modality, recipe.seed, begin
        )
        for begin in begins
    ]
    missing = [job for job in jobs if not job.path.is_file()]
    if len(missing) > 1 and workers > 1:
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            pool.map(make_shard, missing, chunksize=1)
    else:
        for job in missing:
            make_shard(job)
    made: list[np.ndarray] = []
    for job in jobs:
        with np.load(job.path, allow_pickle=False) as shard:
            ends = np.cumsum(shard["sizes"])
            made += np.split(shard["values"], ends[:-1])
    made = made[:count]
    if modality == "vision":
        return [processor.image(one.reshape(outliers.SIDE, outliers.SIDE, 3)) for one in made]
    if modality == "audio":
        return sound_inputs(made, processor)
    return [processor.points(one.reshape(-1, 3)) for one in made]


@dataclass(frozen=True, slots=True)
class _Job:
    """A shard of outliers to be made."""

    path: Path
    modality: str
    seed: int
    begin: int


def make_shard(job: _Job) -> None:
    """Make one shard of outliers, whole or not at all."""
    make = _MAKERS[job.modality]
    made = [make((job.seed, number)) for number in range(job.begin, job.begin + _SHARD)]
    values = [one.reshape(-1) for one in made if one is not None]
    part = job.path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file,
            values=np.concatenate(values),
            sizes=np.array([len(one) for one in values], np.int64),
        )
    part.replace(job.path)


def examples(vision: ImageBind, images: Sequence[Tensor], count: int = 3) -> np.ndarray:
    """Embeddings of a few usual images that are unlike each other, [count, D] of unit norm."""
    with torch.inference_mode():
        some = torch.stack(list(images[:: max(len(images) // 400, 1)]))
        embedded = F.normalize(vision.encode("vision", some), dim=-1)
    alike = (embedded @ embedded.T).topk(min(20, len(embedded)), dim=1).values.mean(dim=1)
    usual = embedded[alike >= alike.median()]  # with others like them, and so of one thing
    chosen = [0]
    while len(chosen) < count:
        chosen.append(int((usual @ usual[chosen].T).amax(dim=1).argmin()))
    return usual[chosen].numpy()


def _image(job: tuple[int, int]) -> np.ndarray:
    return outliers.image(np.random.default_rng([*job, 1]))


def _sound(job: tuple[int, int]) -> np.ndarray:
    return outliers.sound(np.random.default_rng([*job, 2]))


def _cloud(job: tuple[int, int]) -> np.ndarray | None:
    cluster = nearest_cluster(outliers.cloud(np.random.default_rng([*job, 3])))
    return None if cluster is None else cluster.points


_MAKERS: dict[str, Callable[[tuple[int, int]], np.ndarray | None]] = {
    "vision": _image,
    "audio": _sound,
    "point": _cloud,
}


def _gaussian(rows: Tensor, floor: float) -> Gaussian:
    mean = rows.double().mean(dim=0)
    variances, axes = torch.linalg.eigh(torch.cov((rows.double() - mean).T))
    variances = variances.clamp(min=floor * float(variances.max()))
    return Gaussian(mean.float(), (axes / variances.sqrt()).float())


def _critic(mine: Tensor, others: Tensor, recipe: GuardRecipe) -> Critic:
    """Learn to distinguish rows [N, F] of known inputs from those of outliers."""
    generator = torch.Generator().manual_seed(recipe.seed)
    mean, scale = mine.mean(dim=0), 1 / mine.std(dim=0).clamp(min=1e-4)
    width, hidden = mine.shape[1], recipe.hidden
    first = torch.randn(width, hidden, generator=generator) * width**-0.5
    last = torch.randn(hidden, generator=generator) * hidden**-0.5
    parameters = [first, torch.zeros(hidden), last, torch.zeros(1)]
    for one in parameters:
        one.requires_grad_(True)
    adam = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, total_steps=recipe.steps)
    known_x, other_x = (((rows - mean) * scale).clamp(-6, 6) for rows in (mine, others))
    target = torch.cat([torch.zeros(64), torch.ones(64)])
    for _ in range(recipe.steps):
        a = torch.randint(len(known_x), (64,), generator=generator)
        b = torch.randint(len(other_x), (64,), generator=generator)
        x = torch.cat([known_x[a], other_x[b]])
        x = x + 0.2 * torch.randn(x.shape, generator=generator)
        logits = F.gelu(x @ parameters[0] + parameters[1]) @ parameters[2] + parameters[3]
        loss = F.binary_cross_entropy_with_logits(logits, target)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    first, bias, last = (one.detach() for one in parameters[:3])
    return Critic(mean, scale, first, bias, last)


def _as_stored(critic: Critic) -> Critic:
    """The critic with its numbers rounded as they are stored."""
    return Critic(
        *(
            getattr(critic, name).half().float()
            for name in ("mean", "scale", "first", "bias", "last")
        )
    )
