"""Embeddings of single files, messages' media and kept frames, laid out as conditions."""

import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from sensebind.agent.conditions import SENSE_OF_MODALITY, Condition, Sensed, SenseState, compose
from sensebind.agent.media import Medium
from sensebind.agent.senses import imagebind_directory
from sensebind.errors import InputError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.frames import Frame
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.imagebind.preprocess.audio import read_audio
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.segment import nearest_cluster

# The language model was taught with images, so images go to it as they are. What the cache does is
# bring embeddings of other senses to where images lie.
ENHANCED = frozenset({"audio", "point"})
TRUNK_OF = {"video": "vision"}  # a video is seen

Data = Path | np.ndarray


class Frames(Protocol):
    """Where kept frames are found by reference; `FrameStore` is one."""

    def get(self, reference: str) -> Frame:
        """Returns a frame, or raises InputError if it is not there (any more)."""
        ...


def cache_directory(checkpoint: Path) -> Path | None:
    """Returns where the visual cache of a checkpoint lies; None if it has none."""
    path = checkpoint / "visual_cache"
    return path if path.is_dir() else None


class FileSenses:
    """Embeds what is given with one checkpoint, and lays it out as a condition. Thread-safe."""

    def __init__(
        self, checkpoint: Path, modalities: Sequence[str] = (), *, frames: Frames | None = None
    ) -> None:
        """Loads trunks; others are loaded when they are needed.

        Args:
            checkpoint: Directory with `imagebind/`.
            modalities: ImageBind's names of the trunks to load at once.
            frames: Where `frame:<stream>@<ns>` is looked up.

        Raises:
            CheckpointError: Missing or damaged files.
            ConfigurationError: The encoder has no such trunk.
        """
        self._checkpoint = checkpoint
        self._frames = frames
        self._directory = imagebind_directory(checkpoint)
        self._processor = ImageBindProcessor.from_pretrained(self._directory)
        self._trunks: dict[str, ImageBind] = {}
        self._lock = threading.Lock()
        for modality in modalities:
            self._trunk(modality)

    def _trunk(self, modality: str) -> ImageBind:
        name = TRUNK_OF.get(modality, modality)
        with self._lock:
            if name not in self._trunks:
                self._trunks[name] = ImageBind.from_pretrained(self._directory, [name])
            return self._trunks[name]

    @cached_property
    def _cache(self) -> VisualCache | None:
        directory = cache_directory(self._checkpoint)
        return None if directory is None else VisualCache.load(directory)

    def embed(self, modality: str, data: Data, rate: int | None = None) -> np.ndarray | None:
        """Embeds one thing.

        Args:
            modality: `"vision"`, `"video"`, `"audio"` or `"point"`.
            data: A file, or an array: uint8 [H, W, 3], samples, or [N, 3] metres.
            rate: Sample rate of samples, Hz.

        Returns:
            Unit vector [D]; None where there is nothing to perceive (silence, an empty room).

        Raises:
            InputError: It is missing, unreadable, or not of this modality.
        """
        tensor = self._tensor(modality, data, rate)
        if tensor is None:
            return None
        with torch.inference_mode():
            name = TRUNK_OF.get(modality, modality)
            vector = self._trunk(modality).encode(name, tensor[None])[0].double().cpu().numpy()
        norm = float(np.linalg.norm(vector))
        if not np.isfinite(norm) or norm == 0:
            raise InputError(f"{_named(data)}: the encoder gave no usable embedding")
        return (vector / norm).astype(np.float32)

    def _tensor(self, modality: str, data: Data, rate: int | None) -> torch.Tensor | None:
        match modality:
            case "vision":
                return self._processor.image(data)
            case "video":
                return self._processor.video(data)
            case "audio":
                samples, hertz = read_audio(data) if isinstance(data, Path) else (data, rate)
                if np.isfinite(samples).all() and self._processor.silent(samples):
                    return None
                return self._processor.audio(samples, hertz)
            case "point":
                cloud = read_points(data) if isinstance(data, Path) else data
                if cloud.ndim != 2 or cloud.shape[1] < 3:
                    raise InputError(f"a point cloud is [N, 3], not {list(cloud.shape)}")
                if self._processor.settings.point.normalisation != "metric":
                    return self._processor.points(cloud)
                # Made for sweeps of a lidar: it knows the thing that is nearest.
                cluster = nearest_cluster(np.ascontiguousarray(cloud[:, :3]))
                return None if cluster is None else self._processor.points(cluster.points)
        raise InputError(f"{modality!r} cannot be asked about: give a picture, a sound or a cloud")

    def perceive(self, medium: Medium) -> tuple[str, np.ndarray | None]:
        """Embeds a medium of a message.

        Returns:
            Its modality, and a unit vector [D]; None where there is nothing to perceive.

        Raises:
            InputError: It cannot be read, or its frame is not kept (any more).
        """
        data, modality = medium.data, medium.modality
        if isinstance(data, str):
            if self._frames is None:
                raise InputError(f"{data}: there is no frame store to look it up in")
            frame = self._frames.get(data)
            modality = frame.modality.value
            return modality, self.embed(modality, frame.decode(), frame.rate)
        if isinstance(data, np.ndarray) and medium.embedded:
            return modality, data
        if isinstance(data, bytes):  # decoders of files read files
            with tempfile.NamedTemporaryFile(suffix=medium.suffix) as file:
                file.write(data)
                file.flush()
                return TRUNK_OF.get(modality, modality), self.embed(modality, Path(file.name))
        return TRUNK_OF.get(modality, modality), self.embed(modality, data)

    def condition(
        self,
        files: Mapping[str, Path],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
    ) -> Condition:
        """Embeds files and lays them out in the slots of a language model.

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
                embeddings[modality] = vector
            state = SenseState.NOTHING if vector is None else SenseState.PRESENT
            sense = SENSE_OF_MODALITY.get(modality, modality)
            sensed.append(Sensed(sense, str(file), state))
        return self.lay_out(embeddings, senses=senses, dim=dim, weights=weights, sensed=sensed)

    def lay_out(
        self,
        embeddings: Mapping[str, np.ndarray],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
        sensed: Sequence[Sensed] = (),
        reference: str | None = None,
    ) -> Condition:
        """Lays embeddings out in the slots of a language model.

        In a model with sense slots the cache enhances each sense that is not sight; in a model
        with one slot it enhances the weighted sum, as the official model does.

        Raises:
            InputError: As `conditions.compose`.
        """
        vectors = dict(embeddings)
        if len(senses) > 1 and self._cache is not None:
            for modality in ENHANCED & vectors.keys():
                vectors[modality] = self._cache.enhance(vectors[modality][None])[0]
        mixed = compose(
            vectors, senses=senses, dim=dim, weights=weights, sensed=sensed, reference=reference
        )
        if len(senses) == 1 and mixed.present[0] and self._cache is not None:
            enhanced = self._cache.enhance(mixed.embeddings)
            return Condition(mixed.reference, enhanced, mixed.present, mixed.sensed)
        return mixed


def _named(data: Data) -> str:
    return str(data) if isinstance(data, Path) else f"an array of {list(data.shape)}"
