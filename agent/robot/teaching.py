"""The names that a robot was taught: where they lie, and how what is shown becomes one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.robot.config import RobotConfig
from sensebind.checkpoints.layout import cache_directory, imagebind_directory
from sensebind.errors import InputError
from sensebind.memory.taught import FILE_NAME, TaughtNames
from sensebind.perception.imagebind.checkpoint import fingerprint, read_config


def space_id(checkpoint: Path) -> str:
    """Return the digest of a checkpoint's encoder, as percept headers name it.

    Raises:
        CheckpointError: The encoder is missing or damaged.
    """
    directory = imagebind_directory(checkpoint)
    return fingerprint(directory, read_config(directory))


def taught_names(config: RobotConfig) -> TaughtNames:
    """Open the names of a robot, whether it runs or not.

    Raises:
        StorageError: The file is damaged, newer, or cannot be read.
        InputError: It belongs to another encoder.
        CheckpointError: The encoder or the visual cache is damaged.
    """
    weights = config.weights
    others: np.ndarray | None = None
    if (cache := cache_directory(weights)) is not None:
        from sensebind.memory.visual_cache import VisualCache  # with faiss: slow to import

        others = VisualCache.load(cache).vectors()
    return TaughtNames(config.state_directory / FILE_NAME, space_id(weights), others)


def teach_files(
    names: TaughtNames, senses: MediaEncoder, name: str, files: Mapping[str, Sequence[Path]]
) -> dict[str, int]:
    """Teach a name by files.

    Args:
        names: Where it is kept.
        senses: Encodes the files.
        name: What they show.
        files: By modality.

    Returns:
        How many views of the name there are now, by modality.

    Raises:
        InputError: A file that cannot be read, or has nothing to perceive in it.
    """
    embedded: dict[str, list[np.ndarray]] = {}
    for modality, paths in files.items():
        for path in paths:
            vector = senses.embed(modality, path)
            if vector is None:
                raise InputError(f"{path}: there is nothing to perceive in it, and so to teach")
            embedded.setdefault(modality, []).append(senses.enhanced(modality, vector))
    if not embedded:
        raise InputError(f"nothing is shown for {name!r}: give --image, --audio or --points")
    now = time.time_ns()
    return {
        modality: names.teach(name, modality, vectors, at=now)
        for modality, vectors in embedded.items()
    }
