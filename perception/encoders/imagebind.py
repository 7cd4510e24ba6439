"""ImageBind as an encoder of streams: one trunk, its preprocessing, and when there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.encoders.base import (
    Embedding,
    EncoderOptions,
    Encoding,
    Nothing,
    Refused,
    StreamEncoder,
)
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.imagebind import Encoder, ImageBind, ImageBindProcessor, Placement
from sensebind.perception.imagebind.checkpoint import fingerprint, read_config
from sensebind.perception.imagebind.guard import KNOWN, Guard
from sensebind.perception.lidar.clustering import Cluster, clusters
from sensebind.perception.lidar.range_image import sweep_depth
from sensebind.perception.percept import MAX_THINGS, Modality, Observation, Thing
from sensebind.perception.vectors import unit

SENSES = (Modality.VISION, Modality.AUDIO, Modality.POINT, Modality.DEPTH)


class SenseEncoder:
    """Encodes the observations of one modality with one trunk of an ImageBind."""

    def __init__(
        self,
        model: ImageBind,
        processor: ImageBindProcessor,
        modality: Modality,
        segment: bool = True,
        sensor_height: float = 0.60,
        placement: Placement | None = None,
        sensor_tilt: tuple[float, float] = (0.0, 0.0),
        guard: Guard | None = None,
    ) -> None:
        """Take a loaded model.

        Args:
            model: Holds at least the trunk of `modality`.
            processor: Of the same checkpoint.
            modality: Vision, audio, point or depth; a sweep of points can be encoded as either of
                the last two: its nearest thing, or what lies ahead as a picture of distances.
            segment: Whether point clouds are whole sweeps, of which the nearest thing is encoded;
                False encodes them as they are.
            sensor_height: Height of the lidar above the floor, metres.
            placement: That of the model; float32 on the CPU by default.
            sensor_tilt: Roll and pitch of the lidar, radians; its sweeps are turned level first.
            guard: Judges what is encoded; of the same model. None takes everything for known.

        Raises:
            ConfigurationError: No observation of this modality can be encoded.
        """
        if modality not in SENSES:
            raise ConfigurationError(
                f"a stream cannot have modality {modality.value!r}: "
                f"use one of {', '.join(m.value for m in SENSES)}"
            )
        self._model = model
        self._processor = processor
        self._modality = modality
        self._segment = segment
        self._sensor_height = sensor_height
        self._placement = placement or Placement()
        self._guard = guard
        self._level = Transform.of(rpy=(*sensor_tilt, 0.0)) if any(sensor_tilt) else None
        self._scans: dict[str, tuple[Observation, list[Cluster]]] = {}  # newest of each stream

    @classmethod
    def from_pretrained(
        cls,
        path: Path | str,
        modality: Modality,
        segment: bool = True,
        sensor_height: float = 0.60,
        device: str = "cpu",
        precision: str = "float32",
        sensor_tilt: tuple[float, float] = (0.0, 0.0),
    ) -> Self:
        """Load the one trunk that is needed from an ImageBind checkpoint.

        Args:
            path: The checkpoint.
            modality: What is encoded.
            segment: See `SenseEncoder`.
            sensor_height: Likewise.
            device: Where it computes.
            precision: In which numbers; see `Placement`.
            sensor_tilt: See `SenseEncoder`.

        Raises:
            CheckpointError: The checkpoint is missing or damaged.
            ConfigurationError: It has no such trunk, or there is no such placement.
        """
        placement = Placement(device, precision)
        model = placement.load(path, modality.value)
        processor = ImageBindProcessor.from_pretrained(path)
        guard = Guard.load(path, model, modality.value)
        return cls(
            model, processor, modality, segment, sensor_height, placement, sensor_tilt, guard
        )

    @property
    def digest(self) -> str:
        """What names the weights in percept headers."""
        return self._model.digest

    @property
    def width(self) -> int:
        """Length D of the embeddings."""
        return self._model.config.out_width

    def encode(self, observation: Observation) -> np.ndarray | None:
        """Encode one observation.

        Returns:
            float32 [D] of unit norm, or None where the sense perceived nothing: silence, or a sweep
            without a thing nearby.

        Raises:
            InputError: The observation is malformed or not finite.
        """
        result = self.judged(observation)
        return result.vector if isinstance(result, Embedding) else None

    def judged(self, observation: Observation) -> Embedding | Nothing:
        """As `encode`, but returns whether the weights know what was perceived, too.

        Raises:
            InputError: The observation is malformed or not finite.
        """
        [result] = self.encode_batch([observation])
        if isinstance(result, Refused):
            raise result.error
        return result

    def encode_batch(self, observations: Sequence[Observation]) -> list[Encoding]:
        """Encode several observations at once, as far as their shapes allow.

        Returns:
            What came of each, in their order.
        """
        results: list[Encoding] = [Nothing()] * len(observations)
        batches: dict[tuple[int, ...], list[tuple[int, Tensor]]] = {}
        for index, observation in enumerate(observations):
            try:
                tensor = self._tensor(observation)
            except InputError as error:
                results[index] = Refused(error)
                continue
            if tensor is not None:
                batches.setdefault(tuple(tensor.shape), []).append((index, tensor))
        for batch in batches.values():
            inputs = torch.stack([tensor for _, tensor in batch])  # [B,…]
            watching = nullcontext() if self._guard is None else self._guard.watching()
            with torch.inference_mode(), watching:
                inputs = self._placement.inputs(inputs)
                embeddings = self._model.encode(self._modality.value, inputs).cpu()  # [B,D]
            confidences = self._confidences(len(batch))
            for (index, _), embedding, sure in zip(batch, embeddings, confidences, strict=True):
                results[index] = _normalised(embedding, observations[index].reference, sure)
        return results

    def _confidences(self, batch: int) -> list[float]:
        """That each observation of the last pass is known; of its clips the strangest counts."""
        if self._guard is None:
            return [1.0] * batch
        novelty = self._guard.judge().reshape(batch, -1).max(axis=1)
        return [self._guard.settings.confidence(float(one)) for one in novelty]

    def things(self, observation: Observation) -> tuple[Thing, ...]:
        """Return where the things of a sweep are, the nearest first: the first is what is encoded.

        Returns:
            Nothing for other senses, or where point clouds are encoded as they are.

        Raises:
            InputError: The sweep is malformed or not finite.
        """
        if self._modality is not Modality.POINT or not self._segment:
            return ()
        found = self._clusters(observation)
        return tuple(Thing(position=one.center, size=one.size) for one in found)

    def _tensor(self, observation: Observation) -> Tensor | None:
        """Return the model's input without its batch axis, or None for nothing."""
        data = observation.data
        match self._modality:
            case Modality.VISION:
                return self._processor.image(data)
            case Modality.AUDIO:
                if not np.isfinite(data).all():
                    raise InputError(f"sound of {observation.stream!r} is not finite")
                if self._processor.silent(data):
                    return None
                newest = self._processor.newest(data, observation.rate)
                clips = self._processor.audio(newest, observation.rate)  # [S,1,mel,T]
                # All clips of so short a sound are the same one, and so is their average.
                seconds = self._processor.settings.audio.seconds
                same = data.shape[-1] <= seconds * observation.rate
                return clips[:1] if same else clips
            case Modality.DEPTH:
                sweep = observation.modality is Modality.POINT
                plane = sweep_depth(self._upright(data)) if sweep else data  # [H,W] metres
                return self._processor.depth(plane) if plane.any() else None
            case _:
                if not self._segment:
                    return self._processor.points(data)
                found = self._clusters(observation)
                return self._processor.points(found[0].points) if found else None

    def _clusters(self, observation: Observation) -> list[Cluster]:
        """The things of a sweep; the newest sweep of each stream is remembered."""
        seen = self._scans.get(observation.stream)
        if seen is not None and seen[0] is observation:
            return seen[1]
        sweep = self._upright(observation.data)
        found = clusters(sweep, sensor_height=self._sensor_height, limit=MAX_THINGS)
        self._scans[observation.stream] = (observation, found)
        return found

    def _upright(self, sweep: np.ndarray) -> np.ndarray:
        """A sweep as a lidar that sits level would give it."""
        if self._level is None or sweep.ndim != 2 or sweep.shape[1] != 3:
            return sweep
        return self._level.apply(sweep).astype(np.float32)


class ImageBindEncoder(StreamEncoder):
    """The encoder `imagebind`: one trunk for the stream, and the text trunk when it is needed.

    Args:
        target: Directory of the ImageBind.
        modality: What the stream is encoded as; "depth" for a lidar's sweep as an image.
        options: How and where it computes.

    Raises:
        CheckpointError: The weights are missing or damaged.
        ConfigurationError: They have no such trunk, or there is no such placement.
    """

    def __init__(self, target: str, modality: Modality, options: EncoderOptions) -> None:
        self._directory = Path(target)
        self._stage = SenseEncoder.from_pretrained(
            self._directory,
            modality,
            options.segment,
            options.sensor_height,
            options.device,
            options.precision,
            options.sensor_tilt,
        )

    @staticmethod
    def identify(target: str) -> str:
        """Return the `space_id` of a directory; no weights are loaded for it.

        Raises:
            CheckpointError: The weights are missing or damaged.
        """
        return fingerprint(Path(target), read_config(Path(target)))

    @property
    def modalities(self) -> frozenset[Modality]:
        """Those of the checkpoint's trunks that streams can have."""
        trunks = {*read_config(self._directory).trunks}
        return frozenset(one for one in SENSES if one.value in trunks)

    @property
    def dim(self) -> int:
        """Length of the embeddings."""
        return self._stage.width

    @property
    def space_id(self) -> str:
        """Digest of the weights."""
        return self._stage.digest

    def encode(self, batch: Sequence[Observation]) -> list[Encoding]:
        """Encode observations at once, as far as their shapes allow."""
        return self._stage.encode_batch(batch)

    def text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts; see `StreamEncoder`."""
        processor, encoder = self._texts
        encoder.load(["text"])  # a missing trunk is reported before its settings are
        encoded = encoder.encode("text", list(processor.text(list(texts))))
        return np.stack([unit(one.final) for one in encoded])

    def things(self, observation: Observation) -> tuple[Thing, ...]:
        """Return where the things of a sweep are; see `SenseEncoder.things`."""
        return self._stage.things(observation)

    @cached_property
    def _texts(self) -> tuple[ImageBindProcessor, Encoder]:
        return ImageBindProcessor.from_pretrained(self._directory), Encoder(self._directory)


def _normalised(embedding: Tensor, reference: str, confidence: float) -> Encoding:
    try:
        return Embedding(unit(embedding.double().numpy()), confidence >= KNOWN, confidence)
    except InputError as error:
        return Refused(InputError(f"{reference} cannot be encoded: {error}"))
