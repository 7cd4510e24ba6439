"""Renders SimHome scenes by seed into a folder of shards that training reads.

One shard is `shard-00000.npz` (raw pictures, scans and sounds, as the robot's sensors give them)
and `shard-00000.json` (what was there: one record per scene). A shard appears only when it is
whole, so a run that was stopped goes on where it was.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from sensebind.agent.training.bind.captions import ALL_NAMED, Named
from sensebind.agent.training.progress import terminal
from sensebind.errors import InputError, StorageError
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS
from sensebind.perception.simhome.ground_truth import Visible, truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene

TRAINING_SEEDS = 0
DEVELOPMENT_SEEDS = 5_000_000
SCENES, DEVELOPMENT_SCENES = 15_000, 800
SOUND_RATE = 16_000
SOUND_SECONDS = 2.0
EMPTY = len(ALL_NAMED)
"""The main label of a picture without things: the entry after the last of `ALL_NAMED`."""
UNLABELED = -1
"""The main label of a picture that shows only things farther than 3 m."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing in view.

    Attributes:
        kind: What it is.
        color: Its colour.
        distance: How far it is, metres.
        pixels: Its area in the 224 px picture.
        box: Left, top, right and bottom in that picture.
    """

    kind: str
    color: str
    distance: float
    pixels: int
    box: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def named(self) -> Named:
        """Kind and colour alone."""
        return Named(self.kind, self.color)

    @classmethod
    def of(cls, seen: Visible) -> "Sighting":
        """The part of the truth that is kept."""
        return cls(seen.kind, seen.color, round(seen.distance, 3), seen.pixels, seen.box)


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """The truth of one rendered scene.

    Attributes:
        seed: The scene's seed.
        main: The largest thing in view within 3 m.
        others: The other things in view, largest first.
        heard: The kind that sounds loudest; None in a silent scene.
        nearest: The thing nearest to the robot within 3 m, any direction.
    """

    seed: int
    main: Sighting | None = None
    others: tuple[Sighting, ...] = ()
    heard: str | None = None
    nearest: Sighting | None = None

    @property
    def main_label(self) -> int:
        """Index into `ALL_NAMED`, `EMPTY`, or `UNLABELED` (only far things in view)."""
        if self.main is not None:
            return KINDS.index(self.main.kind) * len(COLORS) + _COLOR_NUMBER[self.main.color]
        return UNLABELED if self.others else EMPTY

    @property
    def in_view(self) -> tuple[Sighting, ...]:
        """All things in view, the main one first."""
        return (self.main, *self.others) if self.main else self.others

    @classmethod
    def from_dict(cls, data: dict) -> "SceneRecord":
        """Reads what `dataclasses.asdict` wrote."""
        return cls(
            seed=data["seed"],
            main=Sighting(**data["main"]) if data["main"] else None,
            others=tuple(Sighting(**other) for other in data["others"]),
            heard=data["heard"],
            nearest=Sighting(**data["nearest"]) if data["nearest"] else None,
        )


@dataclass(slots=True)
class RawScenes:
    """Rendered scenes in memory, as the sensors gave them.

    Attributes:
        records: One per scene.
        images: [N, 224, 224, 3] uint8.
        scans: Each [points, 3] float16 metres in the sensor's frame.
        scans_of: [M] the scene of each scan.
        sounds: [K, samples] int16 at 16 kHz.
        sounds_of: [K] the scene of each sound.
    """

    records: list[SceneRecord]
    images: np.ndarray
    scans: list[np.ndarray]
    scans_of: np.ndarray
    sounds: np.ndarray
    sounds_of: np.ndarray


@dataclass(frozen=True, slots=True)
class _Job:
    path: Path
    seeds: tuple[int, ...]
    for_training: bool


def render(
    folder: Path,
    *,
    scenes: int,
    first_seed: int = TRAINING_SEEDS,
    for_training: bool = True,
    shard: int = 200,
    workers: int | None = None,
) -> None:
    """Renders the scenes `first_seed` … `first_seed + scenes - 1`; whole shards are kept.

    Args:
        folder: Where the shards go; made if missing.
        scenes: How many scenes.
        first_seed: The first scene's seed.
        for_training: Sample as training needs it (`training_scene`) and scan only where picture
            and scan show the same thing; otherwise scenes as they come, with every sense.
        shard: Scenes per shard.
        workers: Processes; None takes one per core.

    Raises:
        StorageError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write rendered scenes to {folder}: {error}") from error
    seeds = range(first_seed, first_seed + scenes)
    jobs = [
        _Job(folder / f"shard-{index:05d}.npz", tuple(seeds[start : start + shard]), for_training)
        for index, start in enumerate(range(0, scenes, shard))
    ]
    missing = [job for job in jobs if not job.path.exists()]
    with Progress(console=terminal()) as progress:
        task = progress.add_task(f"rendering {folder.name}", total=scenes)
        progress.advance(task, scenes - sum(len(job.seeds) for job in missing))
        for count in _run_jobs(missing, workers or os.cpu_count() or 1):
            progress.advance(task, count)


def render_sets(
    run: Path,
    *,
    scenes: int = SCENES,
    development: int = DEVELOPMENT_SCENES,
    workers: int | None = None,
) -> tuple[Path, Path]:
    """Renders what everything is trained on, and what is only looked at meanwhile.

    Returns:
        The folders of training and of development scenes, within `run`.

    Raises:
        StorageError: `run` cannot be written.
    """
    train, shown = run / "train", run / "dev"
    render(train, scenes=scenes, workers=workers)
    render(
        shown,
        scenes=development,
        first_seed=DEVELOPMENT_SEEDS,
        for_training=False,
        shard=100,
        workers=workers,
    )
    return train, shown


def load(folder: Path, *, images: bool = True) -> RawScenes:
    """Reads the whole shards of a rendered folder; pictures and scans only if asked for.

    Raises:
        InputError: There is none.
    """
    paths = sorted(folder.glob("shard-*.npz"))
    if not paths:
        raise InputError(f"no rendered scenes in {folder}: render them first")
    records: list[SceneRecord] = []
    scans: list[np.ndarray] = []
    arrays: dict[str, list[np.ndarray]] = {}
    for path in paths:
        offset = len(records)
        rows = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        records.extend(SceneRecord.from_dict(row) for row in rows)
        with np.load(path, allow_pickle=False) as shard:
            arrays.setdefault("sounds", []).append(shard["sounds"])
            for name in ("scans_of", "sounds_of"):
                arrays.setdefault(name, []).append(shard[name] + offset)
            if images:
                arrays.setdefault("images", []).append(shard["images"])
                ends = np.cumsum(shard["scan_sizes"])
                scans.extend(np.split(shard["scans"], ends[:-1]) if len(ends) else [])
    joined = {name: np.concatenate(parts) for name, parts in arrays.items()}
    joined.setdefault("images", np.zeros((0, 0, 0, 3), np.uint8))
    return RawScenes(records, scans=scans, **joined)


def training_scene(seed: int) -> Scene:
    """The training scene of a seed.

    Two of three are sampled as scenes come. In every third, kind and colour of the main thing go
    round, and it makes its sound if it can: such a scene pairs its picture with a sound.
    """
    if seed % 3:
        return sample_scene(seed)
    main = ALL_NAMED[seed // 3 % len(ALL_NAMED)]
    sounding = main.kind if main.kind in SOUNDING_KINDS else None
    return sample_scene(seed, main=(main.kind, main.color), sounding=sounding)


_COLOR_NUMBER = {color: number for number, color in enumerate(COLORS)}


def _run_jobs(jobs: Sequence[_Job], workers: int) -> Iterator[int]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_render_shard, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.imap_unordered(_render_shard, jobs)


def _render_shard(job: _Job) -> int:
    records: list[SceneRecord] = []
    images: list[np.ndarray] = []
    scans: list[np.ndarray] = []
    scans_of: list[int] = []
    sounds: list[np.ndarray] = []
    sounds_of: list[int] = []
    for row, seed in enumerate(job.seeds):
        scene = training_scene(seed) if job.for_training else sample_scene(seed)
        with SimHome(scene, lamp=seed % 8 == 7) as home:
            home.devices.set("door", seed % 10 == 4)
            home.step(SOUND_SECONDS + seed % 7 * 0.31)  # sounds and fans are met at any phase
            record = _record(seed, home)
            records.append(record)
            images.append(home.camera())
            if not job.for_training or (seed % 2 == 0 and _scan_is_seen(record)):
                scans.append(home.lidar().astype(np.float16))
                scans_of.append(row)
            if not job.for_training or record.heard is not None or record.main is None:
                sounds.append((home.microphone(SOUND_SECONDS) * 32767).astype(np.int16))
                sounds_of.append(row)
    text = json.dumps([asdict(record) for record in records])
    job.path.with_suffix(".json").write_text(text, encoding="utf-8")
    part = job.path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file,
            images=np.stack(images),
            scans=np.concatenate([np.zeros((0, 3), np.float16), *scans]),
            scan_sizes=np.array([len(scan) for scan in scans], np.int64),
            scans_of=np.array(scans_of, np.int64),
            sounds=np.stack([np.zeros(int(SOUND_RATE * SOUND_SECONDS), np.int16), *sounds])[1:],
            sounds_of=np.array(sounds_of, np.int64),
        )
    part.replace(job.path)
    return len(job.seeds)


def _scan_is_seen(record: SceneRecord) -> bool:
    main, nearest = record.main, record.nearest
    return main is not None and nearest is not None and main.named == nearest.named


def _record(seed: int, home: SimHome) -> SceneRecord:
    seen = truth(home)
    return SceneRecord(
        seed=seed,
        main=Sighting.of(seen.main) if seen.main is not None else None,
        others=tuple(Sighting.of(thing) for thing in seen.visible if thing is not seen.main),
        heard=seen.heard[0][0] if seen.heard else None,
        nearest=Sighting.of(seen.nearest) if seen.nearest is not None else None,
    )
