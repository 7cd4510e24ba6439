"""`sensebind train bind`: the small ImageBind of SimHome, its visual cache, and embeddings.

Stage A lets pictures and captions meet; stages B and C bind sounds and scans to the frozen
embeddings of pictures. What is written is a checkpoint like any other.
"""

import hashlib
import json
import logging
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sensebind.agent.training import simhome_data
from sensebind.agent.training.bind import bpe, captions, evaluate
from sensebind.agent.training.bind.audio_and_points import (
    SenseStage,
    mel_clips,
    point_inputs,
    sound_inputs,
    train_sense,
)
from sensebind.agent.training.bind.crops import Views
from sensebind.agent.training.bind.initialisation import spread_positions
from sensebind.agent.training.bind.scenes import SceneSet, prepared
from sensebind.agent.training.bind.vision import (
    CrowdStage,
    ImageStage,
    second_of,
    train_crowds,
    train_images,
)
from sensebind.agent.training.progress import tell
from sensebind.agent.training.simhome_data import EMPTY
from sensebind.errors import StorageError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import (
    AudioConfig,
    ImageBind,
    ImageBindConfig,
    ImageBindProcessor,
    PointConfig,
    ProcessorSettings,
    TextConfig,
    VisionConfig,
)

log = logging.getLogger(__name__)

MERGES = "bpe_simple_vocab.txt.gz"
IMAGE_SIZE = 96
CLOUD = 512


@dataclass(frozen=True, slots=True)
class BindRecipe:
    """Everything that decides what comes out.

    Attributes:
        scenes: Training scenes, seeds 0 and up.
        development: Development scenes, seeds 5,000,000 and up: only looked at, never trained on.
        seed: Weights, batches and augmentation.
        images: Stage A, vision and text.
        crowds: The end of stage A, on images of several objects.
        audio: Stage B, audio.
        points: Stage C, point clouds.
        cache_size: Images in the visual cache.
        sound_variants: How many spectrograms are made of each training sound.
    """

    scenes: int = simhome_data.SCENES
    development: int = simhome_data.DEVELOPMENT_SCENES
    seed: int = 0
    images: ImageStage = field(default_factory=ImageStage)
    crowds: CrowdStage = field(default_factory=CrowdStage)
    audio: SenseStage = field(default_factory=lambda: SenseStage(steps=500))
    points: SenseStage = field(default_factory=lambda: SenseStage(steps=600))
    cache_size: int = 4_000
    sound_variants: int = 3


def train_bind(
    checkpoint: Path,
    *,
    run: Path = Path("runs/bind"),
    embeddings: Path = Path("runs/llama_data"),
    recipe: BindRecipe | None = None,
    workers: int | None = None,
    beside: Sequence[Callable[[], None]] = (),
) -> dict[str, float]:
    """Trains the small ImageBind from nothing.

    Whatever an earlier run with the same recipe has finished (shards, stages) is taken from `run`.

    Args:
        checkpoint: Where `imagebind/` and `visual_cache/` are written.
        run: Working folder: rendered scenes and the state after each stage.
        embeddings: Where the image embeddings go that the language model is trained on.
        recipe: What to do; the shipped weights' recipe by default.
        workers: Rendering processes; None takes one per core.
        beside: Work that needs rendered scenes at most, the longest first; two processes do it
            and learn sounds and scans, which keep one core each.

    Returns:
        Shares in 0..1 on development scenes, by name; also written to `run/report.json`.

    Raises:
        StorageError: A folder cannot be written.
    """
    recipe = recipe or BindRecipe()
    train_folder, dev_folder = simhome_data.render_sets(
        run, scenes=recipe.scenes, development=recipe.development, workers=workers
    )
    model, processor = new_imagebind(run / "new")
    log.info("%d parameters", sum(value.numel() for value in model.parameters()))
    train = prepared(train_folder, processor)
    dev = prepared(dev_folder, processor)
    log.info("%d scenes, %d for development", len(train), len(dev))
    eyes = _train_eyes(run, model.config, processor, train, dev, recipe)
    # What the language model is trained on needs pictures alone, and need not wait.
    images = evaluate.embed_images(eyes, processor, train.images)
    save_file({"images": images}, run / "images.safetensors")
    cache = _build_cache(images, train, recipe)
    cache.save(checkpoint / "visual_cache")
    write_embeddings(embeddings, train, {"image": images}, "embeddings")
    jobs = [_SenseJob(modality, run, model.config, recipe) for modality in ("point", "audio")]
    with multiprocessing.get_context("spawn").Pool(min(workers or 2, 2)) as pool:
        others = [pool.apply_async(work) for work in beside]
        states = [eyes.state_dict(), *map(load_file, pool.map(_train_sense, jobs, chunksize=1))]
        for other in others:
            other.get()
    model.load_state_dict({name: value for state in states for name, value in state.items()})
    model.save_pretrained(checkpoint / "imagebind", dtype=torch.float16)
    processor.save_pretrained(checkpoint / "imagebind")
    model = ImageBind.from_pretrained(checkpoint / "imagebind")
    dev_embeddings = {
        "image": evaluate.embed_images(model, processor, dev.images),
        "audio": evaluate.embed(model, "audio", mel_clips(dev.sounds, processor)[:, 0]),
        "point": evaluate.embed(model, "point", torch.from_numpy(dev.points)),
    }
    write_embeddings(embeddings, dev, dev_embeddings, "development")
    report = evaluate.report(model, processor, cache, images, train, dev_embeddings, dev)
    (run / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, value in report.items():
        log.info("%s: %.1f %%", name, 100 * value)
    return report


def new_imagebind(folder: Path) -> tuple[ImageBind, ImageBindProcessor]:
    """A small ImageBind with fresh weights, and its processor with a tokenizer for our captions.

    Args:
        folder: Where the processor's files are written.
    """
    torch.manual_seed(0)
    merges = bpe.train_bpe(captions.all_wordings())
    settings = ProcessorSettings.model_validate(
        {
            "image": {"size": IMAGE_SIZE},
            "audio": {"silence": -55.0, "newest": 0.8},
            "point": {"normalisation": "metric", "count": CLOUD},
            "text": {"merges": MERGES, "vocab_size": None},
        }
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        bpe.save_merges(merges, folder / MERGES)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error}") from error
    processor = ImageBindProcessor(settings, folder)
    processor.save_pretrained(folder)
    config = ImageBindConfig(
        out_width=128,
        vision=VisionConfig(width=128, blocks=4, heads=4, image_size=IMAGE_SIZE, patch=8),
        text=TextConfig(width=128, blocks=2, heads=4, vocab_size=bpe.vocabulary_size(merges)),
        audio=AudioConfig(width=128, blocks=3, heads=4, stride=16, drop_path=0.05),
        point=PointConfig(
            width=128,
            blocks=3,
            heads=4,
            drop_path=0.05,
            groups=64,
            group_size=16,
            encoder_width=128,
            encoder_hidden=(64, 128),
            feature_width=256,
        ),
    )
    return ImageBind(config), processor


def write_embeddings(
    folder: Path, scenes: SceneSet, embeddings: dict[str, Tensor], name: str
) -> None:
    """Writes `name.safetensors` (unit embeddings [N, D] by modality) and `name.json`.

    The JSON names, per scene, the seed, the main thing and the second one (each a
    kind and a colour, or null), whether nothing at all is in view, and what is heard and nearest;
    "audio_of" and "point_of" are the scenes of the rows of those modalities.

    Raises:
        StorageError: The folder cannot be written.
    """
    rows = []
    for record, label in zip(scenes.records, scenes.labels, strict=True):
        second = second_of(record) if record.main else None
        rows.append(
            {
                "seed": record.seed,
                "main": asdict(record.main.named) if record.main else None,
                "second": asdict(second) if second else None,
                "empty": bool(label == EMPTY),
                "heard": record.heard,
                "nearest": record.nearest.kind if record.nearest else None,
            }
        )
    text: dict[str, object] = {"scenes": rows}
    if "audio" in embeddings:
        text["audio_of"] = scenes.sounds_of.tolist()
    if "point" in embeddings:
        text["point_of"] = scenes.points_of.tolist()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tensors, index = folder / f"{name}.safetensors", folder / f"{name}.json"
        part = folder / f".{name}.part"  # others may be reading: files change at once
        save_file({key: value.contiguous() for key, value in embeddings.items()}, part)
        part.replace(tensors)
        part.write_text(json.dumps(text) + "\n", encoding="utf-8")
        part.replace(index)
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write embeddings to {folder}: {error}") from error


def _train_eyes(
    run: Path,
    config: ImageBindConfig,
    processor: ImageBindProcessor,
    train: SceneSet,
    dev: SceneSet,
    recipe: BindRecipe,
) -> ImageBind:
    """Stage A: vision and text, with the weights rounded as they will ship."""
    torch.manual_seed(recipe.seed)
    model = ImageBind(config.only(("vision", "text")))

    def views() -> Views:
        frames = simhome_data.load(run / "train").images
        return Views(frames, train.images, train.records, recipe.images.views)

    def first() -> ImageBind:
        return train_images(
            model, processor, train, views(), recipe.images, seed=recipe.seed, shown=dev
        )

    def last() -> ImageBind:
        return train_crowds(
            model,
            processor,
            train,
            views(),
            recipe.images,
            recipe.crowds,
            meanings=recipe.seed,
            seed=recipe.seed + 1,
            shown=dev,
        )

    key = f"{recipe.scenes} {recipe.seed} {model.config.to_json()} {recipe.images}"
    model = _stage(run / "stage_a.safetensors", key, model, first)
    model = _stage(run / "stage_crowds.safetensors", f"{key} {recipe.crowds}", model, last)
    return _as_shipped(model)


@dataclass(frozen=True, slots=True)
class _SenseJob:
    """What a process of stage B or C needs to know."""

    modality: str
    run: Path
    config: ImageBindConfig
    recipe: BindRecipe


def _train_sense(job: _SenseJob) -> Path:
    """Stages B and C, each in a process of its own; the file with the trained trunk."""
    tell()
    torch.set_num_threads(1)
    torch.manual_seed(job.recipe.seed)
    processor = ImageBindProcessor.from_pretrained(job.run / "new")
    train, dev = prepared(job.run / "train", processor), prepared(job.run / "dev", processor)
    images = load_file(job.run / "images.safetensors")["images"]
    means = evaluate.prototypes(images, train.kinds)
    model = ImageBind(job.config.only((job.modality,)))
    if job.modality == "audio":
        spread_positions(model, "audio")
        stage, right = job.recipe.audio, dev.heard_kinds()
        rows, kinds = train.paired_sounds()
        inputs = sound_inputs(train.sounds[rows], processor, job.recipe.sound_variants)
        shown = mel_clips(dev.sounds, processor)[:, 0]
    else:
        stage, right = job.recipe.points, dev.nearest_kinds()
        rows, kinds = train.paired_points()
        inputs = point_inputs(train.points[rows])
        shown = torch.from_numpy(dev.points)
    log.info("%s: %d paired with pictures", job.modality, len(rows))

    def check(candidate: ImageBind) -> str:
        embedded = evaluate.embed(candidate, job.modality, shown)
        return f"kind {evaluate.share(embedded, right, means):.1%}"

    def train_it() -> ImageBind:
        return train_sense(
            model,
            job.modality,
            inputs,
            kinds,
            images,
            train.kinds,
            stage,
            seed=job.recipe.seed,
            check=check,
        )

    path = job.run / f"stage_{job.modality}.safetensors"
    pictures = hashlib.sha256(images.numpy().tobytes()).hexdigest()
    key = f"{pictures} {model.config.to_json()} {stage} {job.recipe}"
    _stage(path, key, model, train_it)
    return path


def _build_cache(images: Tensor, scenes: SceneSet, recipe: BindRecipe) -> VisualCache:
    """A cache of pictures with a main thing and of empty rooms, equally many of each kind."""
    rng = np.random.default_rng(recipe.seed)
    known = rng.permutation(np.flatnonzero(scenes.kinds >= 0))
    seen: dict[int, int] = {}
    turn = []  # the how-manieth picture of its kind each one is
    for kind in scenes.kinds[known].tolist():
        turn.append(seen.get(kind, 0))
        seen[kind] = turn[-1] + 1
    chosen = known[np.argsort(turn, kind="stable")[: recipe.cache_size]]
    return VisualCache.build(images[torch.from_numpy(np.sort(chosen))].numpy())


def _stage(path: Path, key: str, model: ImageBind, train: Callable[[], ImageBind]) -> ImageBind:
    """The result of a stage: read back if the same stage was finished before, else trained."""
    sidecar = path.with_suffix(".txt")
    if path.is_file() and sidecar.is_file() and sidecar.read_text(encoding="utf-8") == key:
        model.load_state_dict(load_file(path))
        log.info("took %s from an earlier run", path.name)
        return model.eval()
    trained = train()
    sidecar.unlink(missing_ok=True)
    save_file(_contiguous(trained), path)
    sidecar.write_text(key, encoding="utf-8")
    return trained


def _contiguous(model: ImageBind) -> dict[str, Tensor]:
    return {name: value.contiguous() for name, value in model.state_dict().items()}


def _as_shipped(model: ImageBind) -> ImageBind:
    """Rounds the weights to half precision and back; the text mask's infinities stay."""
    state = {
        name: value.half().to(value.dtype) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model
