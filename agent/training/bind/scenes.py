"""Rendered scenes as the trunks take them: resized pictures, segmented scans, raw sounds."""

import multiprocessing
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensebind.agent.training.simhome_data import EMPTY, UNLABELED, RawScenes, SceneRecord, load
from sensebind.perception.imagebind import ImageBindProcessor
from sensebind.perception.lidar.clustering import nearest_cluster
from sensebind.perception.simhome.catalog import COLORS, KINDS

NOTHING = len(KINDS)
"""The kind number of a picture of an empty room."""
_FEW = 256  # scans


@dataclass(slots=True)
class SceneSet:
    """Scenes ready for training.

    Attributes:
        records: One per scene.
        images: [N, 3, S, S] uint8 after the processor's resize and crop.
        points: [M, P, 3] float32 metres, nearest clusters as the point processor gives them.
        points_of: [M] the scene of each cloud.
        sounds: [K, samples] int16 at 16 kHz.
        sounds_of: [K] the scene of each sound.
        labels: [N] main label of each scene, see `SceneRecord.main_label`.
        kinds: [N] kind number of each main thing, `NOTHING` for an empty view, -1 if only things
            farther than 3 m are in view.
    """

    records: list[SceneRecord]
    images: np.ndarray
    points: np.ndarray
    points_of: np.ndarray
    sounds: np.ndarray
    sounds_of: np.ndarray
    labels: np.ndarray = field(init=False)
    kinds: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.labels = np.array([record.main_label for record in self.records], np.int64)
        named = np.where(self.labels == EMPTY, NOTHING, self.labels // len(COLORS))
        self.kinds = np.where(self.labels == UNLABELED, -1, named)

    def __len__(self) -> int:
        return len(self.records)

    def heard_kinds(self) -> np.ndarray:
        """What is heard in each sound [K], `NOTHING` for silence."""
        heard = [kind_number(self.records[scene].heard) for scene in self.sounds_of]
        return np.array(heard, np.int64)

    def nearest_kinds(self) -> np.ndarray:
        """The kind of the thing nearest to the robot in each cloud's scene [M]."""
        nearest = [self.records[scene].nearest for scene in self.points_of]
        return np.array([kind_number(it.kind if it else None) for it in nearest], np.int64)

    def paired_sounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of `sounds` that belong to their picture, and their kinds.

        The main thing of the picture is what sounds; or nothing sounds and nothing is in view.
        """
        kinds = self.kinds[self.sounds_of]
        rows = np.flatnonzero(kinds == self.heard_kinds())
        return rows, kinds[rows]

    def paired_points(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of `points` whose thing is the main thing of the picture, and their kinds."""
        kinds = self.kinds[self.points_of]
        rows = np.flatnonzero((kinds == self.nearest_kinds()) & (kinds != NOTHING))
        return rows, kinds[rows]


def kind_number(kind: str | None) -> int:
    """The kind's place in the catalog; `NOTHING` for None."""
    return NOTHING if kind is None else KINDS.index(kind)


def prepare(raw: RawScenes, processor: ImageBindProcessor) -> SceneSet:
    """Runs the real preprocessing over rendered scenes, once."""
    nearest = partial(_nearest_points, processor=processor)
    with ExitStack() as stack:
        if len(raw.scans) > _FEW:  # else processes take longer to start than this takes
            context = multiprocessing.get_context("spawn")
            pool = context.Pool(initializer=torch.set_num_threads, initargs=(1,))
            stack.enter_context(pool)
            clouds = pool.imap(nearest, raw.scans, _FEW // 8)  # begins now, next to the images
        else:
            clouds = map(nearest, raw.scans)
        images = [to_uint8(processor.image(image), processor) for image in raw.images]
        points = list(clouds)
    found = [row for row, cloud in enumerate(points) if cloud is not None]
    kept = [cloud for cloud in points if cloud is not None]
    return SceneSet(
        records=raw.records,
        images=np.stack(images),
        points=np.stack(kept) if kept else np.zeros((0, 1, 3), np.float32),
        points_of=raw.scans_of[found],
        sounds=raw.sounds,
        sounds_of=raw.sounds_of,
    )


def _nearest_points(scan: np.ndarray, processor: ImageBindProcessor) -> np.ndarray | None:
    """What the point trunk gets of a scan; None where nothing stands out."""
    cluster = nearest_cluster(scan.astype(np.float32))
    return None if cluster is None else processor.points(cluster.points).numpy()


def prepared(folder: Path, processor: ImageBindProcessor) -> SceneSet:
    """A rendered folder, ready for training; what it takes a while to make is kept next to it.

    What is kept is made again when the processor's settings or the number of scenes change.
    """
    kept, label = folder.with_name(f"{folder.name}.npz"), folder.with_name(f"{folder.name}.txt")
    key = f"{len(sorted(folder.glob('shard-*.npz')))} shards {processor.settings}"
    if kept.is_file() and label.is_file() and label.read_text(encoding="utf-8") == key:
        raw = load(folder, images=False)
        with np.load(kept, allow_pickle=False) as arrays:
            images, points, points_of = (arrays[name] for name in ("images", "points", "points_of"))
        return SceneSet(raw.records, images, points, points_of, raw.sounds, raw.sounds_of)
    scenes = prepare(load(folder), processor)
    with kept.open("wb") as file:
        np.savez(file, images=scenes.images, points=scenes.points, points_of=scenes.points_of)
    label.write_text(key, encoding="utf-8")
    return scenes


def image_statistics(processor: ImageBindProcessor) -> tuple[Tensor, Tensor]:
    """The processor's channel mean and deviation, each [3, 1, 1]."""
    settings = processor.settings.image
    return torch.tensor(settings.mean).view(3, 1, 1), torch.tensor(settings.std).view(3, 1, 1)


def to_uint8(pixels: Tensor, processor: ImageBindProcessor) -> np.ndarray:
    """Undoes the normalisation of a processed picture.

    Args:
        pixels: [3, S, S] as `processor.image` gives them.
        processor: The one that did.

    Returns:
        [3, S, S] uint8, exactly the resized 8-bit picture.
    """
    mean, std = image_statistics(processor)
    return ((pixels * std + mean) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
