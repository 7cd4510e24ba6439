"""Embeddings of single files, composed to a condition."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from sensebind.agent.conditions import SENSE_OF_MODALITY, Condition, Sensed, SenseState, compose
from sensebind.agent.senses import imagebind_directory
from sensebind.errors import InputError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.imagebind.preprocess.audio import read_audio
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.segment import nearest_cluster

# The language model was taught with images, so images go to it as they are. What the cache does is
# bring embeddings of other senses to where images lie.
ENHANCED = frozenset({"audio", "point"})


def cache_directory(checkpoint: Path) -> Path | None:
    """Returns where the visual cache of a checkpoint lies; None if it has none."""
    path = checkpoint / "visual_cache"
    return path if path.is_dir() else None


class FileSenses:
    """Embeds files with one checkpoint, and composes them to a condition."""

    def __init__(self, checkpoint: Path, modalities: list[str]) -> None:
        """Loads the trunks that are needed.

        Args:
            checkpoint: Directory with `imagebind/`.
            modalities: ImageBind's names.

        Raises:
            CheckpointError: Missing or damaged files.
            ConfigurationError: The encoder has no such trunk.
        """
        self._checkpoint = checkpoint
        directory = imagebind_directory(checkpoint)
        self._processor = ImageBindProcessor.from_pretrained(directory)
        self._model = ImageBind.from_pretrained(directory, modalities)

    @cached_property
    def _cache(self) -> VisualCache | None:
        directory = cache_directory(self._checkpoint)
        return None if directory is None else VisualCache.load(directory)

    def embed(self, modality: str, file: Path) -> np.ndarray | None:
        """Embeds one file.

        Args:
            modality: `"vision"`, `"audio"` or `"point"`.
            file: A picture, a sound, or a point cloud.

        Returns:
            Unit vector [D]; None where there is nothing to perceive (silence, an empty room).

        Raises:
            InputError: The file is missing, unreadable, or not of this modality.
        """
        tensor = self._tensor(modality, file)
        if tensor is None:
            return None
        with torch.inference_mode():
            vector = self._model.encode(modality, tensor[None])[0].double().numpy()
        norm = float(np.linalg.norm(vector))
        if not np.isfinite(norm) or norm == 0:
            raise InputError(f"{file}: the encoder gave no usable embedding")
        return (vector / norm).astype(np.float32)

    def _tensor(self, modality: str, file: Path) -> torch.Tensor | None:
        match modality:
            case "vision":
                return self._processor.image(file)
            case "audio":
                samples, rate = read_audio(file)
                if np.isfinite(samples).all() and self._processor.silent(samples):
                    return None
                return self._processor.audio(samples, rate)
            case "point":
                cloud = read_points(file)
                if self._processor.settings.point.normalisation != "metric":
                    return self._processor.points(cloud)
                # Made for sweeps of a lidar: it knows the thing that is nearest.
                cluster = nearest_cluster(np.ascontiguousarray(cloud[:, :3]))
                return None if cluster is None else self._processor.points(cluster.points)
        raise InputError(f"files of modality {modality!r} cannot be asked about")

    def condition(
        self,
        files: Mapping[str, Path],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
    ) -> Condition:
        """Embeds files and lays them out in the slots of a language model.

        In a model with sense slots the cache enhances each sense that is not sight; in a model
        with one slot it enhances the weighted sum, as the official model does.

        Args:
            files: Modality to file.
            senses: Slot names of the language model.
            dim: Width of the embeddings that it takes.
            weights: Modality to weight.

        Raises:
            InputError: As `embed`, or as `conditions.compose`.
        """
        embeddings: dict[str, np.ndarray] = {}
        sensed: list[Sensed] = []
        for modality, file in files.items():
            vector = self.embed(modality, file)
            if vector is not None:
                if len(senses) > 1 and modality in ENHANCED and self._cache is not None:
                    vector = self._cache.enhance(vector[None])[0]
                embeddings[modality] = vector
            state = SenseState.NOTHING if vector is None else SenseState.PRESENT
            sense = SENSE_OF_MODALITY.get(modality, modality)
            sensed.append(Sensed(sense, str(file), state))
        mixed = compose(embeddings, senses=senses, dim=dim, weights=weights, sensed=sensed)
        if len(senses) == 1 and mixed.present[0] and self._cache is not None:
            enhanced = self._cache.enhance(mixed.embeddings)
            return Condition(mixed.reference, enhanced, mixed.present, mixed.sensed)
        return mixed
