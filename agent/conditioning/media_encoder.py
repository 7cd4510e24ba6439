"""Embeddings of single files, messages' media and kept frames, laid out as conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from sensebind.agent.conditioning.condition import Condition, Mix, compose, is_sum
from sensebind.agent.conditioning.media import Medium, as_file
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.checkpoints.layout import cache_directory, imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.imagebind import Encoded, Encoder, ImageBindProcessor
from sensebind.perception.imagebind.config import MODALITIES
from sensebind.perception.imagebind.preprocess.audio import mono
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.modality import MODALITY_INFO, sense_of
from sensebind.perception.vectors import unit

if TYPE_CHECKING:
    from sensebind.memory.visual_cache import VisualCache
    from sensebind.perception.frames.store import Frame

# The language model was taught with images, so images go to it as they are. What the cache does is
# bring embeddings of other senses to where images lie.
ENHANCED = frozenset(one.name for one in MODALITY_INFO.values() if one.enhanced)
TRUNK_OF = {"video": "vision"}  # a video is seen

Data = Path | np.ndarray | str  # a text is itself; all else is a file or an array


class Frames(Protocol):
    """Where kept frames are found by reference; `FrameStore` is one."""

    def get(self, reference: str) -> Frame:
        """Returns a frame, or raises InputError if it is not there (any more)."""
        ...


@dataclass(frozen=True, slots=True)
class Perceived:
    """What one thing is to the encoder.

    Attributes:
        embedding: Unit vector [D].
        known: Whether it is of a kind that the weights were trained with.
        confidence: That it is, 0..1; 1 where nothing judges it.
    """

    embedding: np.ndarray
    known: bool = True
    confidence: float = 1.0

    @property
    def state(self) -> SenseState:
        """What becomes of its slot."""
        return SenseState.PRESENT if self.known else SenseState.UNKNOWN


class MediaEncoder:
    """Embeds what is given with one checkpoint, and lays it out as a condition. Thread-safe.

    Attributes:
        encoder: ImageBind's trunks, loaded as they are needed.
    """

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
        self.encoder = Encoder(self._directory)
        self.encoder.load(TRUNK_OF.get(modality, modality) for modality in modalities)

    @cached_property
    def cache(self) -> VisualCache | None:
        """The visual cache of the checkpoint; None if it has none."""
        directory = cache_directory(self._checkpoint)
        if directory is None:
            return None
        from sensebind.memory.visual_cache import VisualCache  # with faiss: slow to import

        return VisualCache.load(directory)

    def embed(self, modality: str, data: Data, rate: int | None = None) -> np.ndarray | None:
        """Embeds one thing.

        Args:
            modality: One of ImageBind's names, or `"video"`.
            data: A file; a text for `"text"`; or an array: uint8 [H, W, 3], samples, [N, 3]
                metres, or what `ImageBindProcessor` takes for depth, thermal and imu.
            rate: Sample rate of samples, Hz.

        Returns:
            Unit vector [D]; None where there is nothing to perceive (silence, an empty room).

        Raises:
            InputError: It is missing, unreadable, or not of this modality.
        """
        perceived = self.perceived(modality, data, rate)
        return None if perceived is None else perceived.embedding

    def perceived(self, modality: str, data: Data, rate: int | None = None) -> Perceived | None:
        """As `embed`, but returns whether the weights know such a thing, too.

        Raises:
            InputError: As `embed`.
        """
        encoded = self.encode(modality, data, rate)
        if encoded is None:
            return None
        try:
            vector = unit(encoded.final)
        except InputError as error:
            raise InputError(f"{_named(data)} cannot be encoded: {error}") from error
        return Perceived(vector, encoded.known, encoded.confidence)

    def enhanced(self, modality: str, vector: np.ndarray) -> np.ndarray:
        """Return an embedding [D] as the senses' workers publish it: all but images enhanced."""
        if modality not in ENHANCED or self.cache is None:
            return vector
        return self.cache.enhance(vector[None])[0]

    def encode(self, modality: str, data: Data, rate: int | None = None) -> Encoded | None:
        """As `embed`, but returns what the encoder says: scaled, and before normalisation.

        Raises:
            InputError: As `embed`.
        """
        name = TRUNK_OF.get(modality, modality)
        self.encoder.load([name])  # a missing trunk is reported before its settings are
        tensor = self._tensor(modality, data, rate)
        return None if tensor is None else self.encoder.encode(name, [tensor])[0]

    def _tensor(self, modality: str, data: Data, rate: int | None) -> torch.Tensor | None:
        if modality == "text":
            return self._processor.text([str(data)])[0]
        if isinstance(data, str):
            data = Path(data)
        match modality:
            case "vision":
                return self._processor.image(data)
            case "video":
                return self._processor.video(data)
            case "audio":
                samples, hertz = _read_audio(data) if isinstance(data, Path) else (data, rate)
                if hertz is None:
                    raise InputError("samples in an array need their sample rate in Hz")
                wave = mono(samples, hertz)[0].numpy()
                return None if self._processor.silent(wave) else self._processor.audio(wave, hertz)
            case "point":
                cloud = read_points(data) if isinstance(data, Path) else data
                if cloud.ndim != 2 or cloud.shape[1] < 3:
                    raise InputError(f"a point cloud is [N, 3], not {list(cloud.shape)}")
                if self._processor.settings.point.normalisation != "metric":
                    return self._processor.points(cloud)
                # Made for sweeps of a lidar: it knows the thing that is nearest.
                from sensebind.perception.lidar.clustering import nearest_cluster  # with SciPy

                cluster = nearest_cluster(np.ascontiguousarray(cloud[:, :3]))
                return None if cluster is None else self._processor.points(cluster.points)
            case "depth":
                return self._processor.depth(data)
            case "thermal":
                return self._processor.thermal(data)
            case "imu":
                return self._processor.imu(data)
        raise InputError(f"{modality!r} is no modality: {', '.join((*MODALITIES, 'video'))} are")

    def perceive(self, medium: Medium) -> tuple[str, Perceived | None]:
        """Embeds a medium of a message.

        Returns:
            Its modality, and what it is; None where there is nothing to perceive.

        Raises:
            InputError: It cannot be read, or its frame is not kept (any more).
        """
        data, modality = medium.data, medium.modality
        if isinstance(data, str):
            if self._frames is None:
                raise InputError(f"{data}: there is no frame store to look it up in")
            frame = self._frames.get(data)
            modality = frame.modality.value
            return modality, self.perceived(modality, frame.decode(), frame.rate)
        if isinstance(data, np.ndarray) and medium.embedded:
            return modality, Perceived(data)
        if isinstance(data, bytes):  # decoders of files read files
            with as_file(data, medium.suffix) as file:
                return TRUNK_OF.get(modality, modality), self.perceived(modality, file)
        return TRUNK_OF.get(modality, modality), self.perceived(modality, data)

    def condition(
        self,
        files: Mapping[str, Data],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
        mix: Mix | None = None,
    ) -> Condition:
        """Embeds files and lays them out in the slots of a language model.

        Args:
            files: Modality to what `embed` takes.
            senses: Slot names of the language model.
            dim: Width of the embeddings that it takes.
            weights: Modality to weight.
            mix: As `conditions.compose` takes it.

        Raises:
            InputError: As `embed`, or as `conditions.compose`.
        """
        is_sum(len(senses), mix)  # refuses what cannot be before anything is encoded
        found = {
            modality: (str(file), self.perceived(modality, file))
            for modality, file in files.items()
        }
        return self.laid_out(found, senses=senses, dim=dim, weights=weights, mix=mix)

    def laid_out(
        self,
        found: Mapping[str, tuple[str, Perceived | None]],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
        mix: Mix | None = None,
    ) -> Condition:
        """As `condition`, of what was encoded already.

        Args:
            found: Modality to the name of what was perceived, and what it is; None is nothing.
            senses: As `condition` takes them, and the others likewise.
            dim: Width of the embeddings that the language model takes.
            weights: Modality to weight.
            mix: As `conditions.compose` takes it.

        Raises:
            InputError: As `conditions.compose`.
        """
        embeddings: dict[str, np.ndarray] = {}
        sensed: list[Sensed] = []
        for modality, (name, perceived) in found.items():
            if perceived is not None and perceived.known:
                embeddings[modality] = perceived.embedding
            sensed.append(sensed_as(perceived, sense_of(modality), name))
        return self.lay_out(
            embeddings, senses=senses, dim=dim, weights=weights, sensed=sensed, mix=mix
        )

    def lay_out(
        self,
        embeddings: Mapping[str, np.ndarray],
        *,
        senses: tuple[str, ...],
        dim: int,
        weights: Mapping[str, float] | None = None,
        sensed: Sequence[Sensed] = (),
        reference: str | None = None,
        mix: Mix | None = None,
    ) -> Condition:
        """Lays embeddings out in the slots of a language model.

        Of sense slots the cache enhances each sense that is not sight; a weighted sum it enhances
        as a whole, as the official model does.

        Raises:
            InputError: As `conditions.compose`.
        """
        vectors, summed = dict(embeddings), is_sum(len(senses), mix)
        for modality in () if summed else ENHANCED & vectors.keys():
            if self.cache is not None:  # read only where there is something to enhance
                vectors[modality] = self.cache.enhance(vectors[modality][None])[0]
        mixed = compose(
            vectors,
            senses=senses,
            dim=dim,
            weights=weights,
            sensed=sensed,
            reference=reference,
            mix=mix,
        )
        if summed and mixed.present[0] and self.cache is not None:
            enhanced = self.cache.enhance(mixed.embeddings)
            return Condition(mixed.reference, enhanced, mixed.present, mixed.sensed)
        return mixed


def sensed_as(perceived: Perceived | None, sense: str, stream: str, reference: str = "") -> Sensed:
    """Return a sense's part in a condition; None is nothing."""
    if perceived is None:
        return Sensed(sense, stream, SenseState.NOTHING, reference)
    return Sensed(sense, stream, perceived.state, reference, confidence=perceived.confidence)


def _named(data: Data) -> str:
    return str(data) if isinstance(data, Path | str) else f"an array of {list(data.shape)}"


def _read_audio(path: Path) -> tuple[np.ndarray, int]:
    from sensebind.perception.imagebind.preprocess.audio_files import read_audio  # with FFmpeg

    return read_audio(path)
