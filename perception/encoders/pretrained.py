"""Encoders that are models of Hugging Face's transformers, from a directory; nothing is fetched."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from logging import CRITICAL
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers.utils import logging

from sensebind.errors import (
    CheckpointError,
    ConfigurationError,
    InputError,
    SenseBindError,
    one_line,
)
from sensebind.perception.checkpoint_json import (
    check_bounds,
    check_depth,
    check_sides,
    read_object,
)
from sensebind.perception.encoders.base import (
    Embedding,
    EncoderOptions,
    Encoding,
    Nothing,
    Refused,
    StreamEncoder,
)
from sensebind.perception.imagebind.checkpoint import sampled_digest
from sensebind.perception.imagebind.placement import Placement
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation
from sensebind.perception.tensor_files import (
    TensorFile,
    all_finite,
    directory_files,
)
from sensebind.perception.vectors import unit

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MOST_BYTES = 256 << 20  # of tokenizers and configurations


class PretrainedEncoder(StreamEncoder):
    """A model directory as `save_pretrained` writes it.

    Subclasses say which `kinds` of models they take, load them, prepare a sample and embed a batch.

    Attributes:
        kinds: `model_type`s of config.json that are taken.
        name: Of the encoder, as a robot's file says it.
    """

    kinds: ClassVar[tuple[str, ...]]
    name: ClassVar[str]

    def __init__(self, target: str, modality: Modality, options: EncoderOptions) -> None:
        """Load the weights.

        Args:
            target: The directory.
            modality: What the stream is encoded as.
            options: How and where it computes; there is no int8.

        Raises:
            CheckpointError: Something is missing, damaged, or of another kind of model.
            ConfigurationError: It does not encode this modality, or there is no such placement.
        """
        if options.precision not in _DTYPES:
            raise ConfigurationError(
                f"encoder {self.name} computes in {', '.join(_DTYPES)}, not in {options.precision}"
            )
        self._place = Placement(options.device, options.precision)
        self._directory = Path(target)
        self._space = self.identify(target)
        if modality not in self.modalities:
            raise ConfigurationError(
                f"encoder {self.name} encodes {', '.join(sorted(self.modalities))}, "
                f"not {modality.value}"
            )
        self._check_files()
        model = self._loaded(self._model_class())
        self._model: Any = model.to(options.device, _DTYPES[options.precision]).eval()
        self._try(modality)

    @classmethod
    def identify(cls, target: str) -> str:
        """Return the `space_id` of a directory; no weights are loaded for it.

        Raises:
            CheckpointError: It holds no model of these kinds.
        """
        directory = Path(target)
        try:
            fields = read_object(directory / "config.json")
        except FileNotFoundError as error:
            raise CheckpointError(f"no model at {directory}: config.json is missing") from error
        try:
            check_bounds(fields)
        except ValueError as error:
            raise CheckpointError(f"{directory} cannot be loaded: {error}") from error
        kind = fields.get("model_type")
        if kind not in cls.kinds:
            raise CheckpointError(
                f"{directory} is a model {kind!r}; encoder {cls.name} takes {', '.join(cls.kinds)}"
            )
        return f"{kind}-{sampled_digest(directory_files(directory), json.dumps(fields))}"

    def _check_files(self) -> None:
        """Check what no library looks at before it builds a model, or takes memory for an image.

        Raises:
            CheckpointError: A file lies about itself; names it.
        """
        directory = self._directory
        files = [TensorFile(one) for one in directory_files(directory)]
        try:
            tensors = sum(len(one.shapes) for one in files)
            check_depth(read_object(directory / "config.json"), tensors)
            for file in directory.iterdir():
                if file.suffix != ".safetensors" and file.stat().st_size > _MOST_BYTES:
                    raise ValueError(f"{file.name} has more than {_MOST_BYTES >> 20} MB")
            check_sides(directory / "preprocessor_config.json")
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{directory} cannot be loaded: {one_line(error)}") from error

    def _try(self, modality: Modality) -> None:
        """Encode one sample: numbers that do not fit each other are found now, not on the way.

        Raises:
            CheckpointError: It cannot be encoded.
        """
        ramp = np.linspace(0.0, 1.0, 48_000, dtype=np.float32)
        if modality is Modality.AUDIO:
            data, rate = np.sin(2764.6 * ramp), len(ramp)  # a second of 440 Hz
        else:
            data, rate = (255 * ramp).astype(np.uint8).reshape(100, 160, 3), 0
        try:
            [found] = self.encode([Observation(data, "trial", modality, 0, 0.0, 0, "trial", rate)])
            if isinstance(found, Refused):
                raise found.error
            if not isinstance(found, Embedding) or found.vector.shape != (self.dim,):
                raise InputError(f"it makes no embedding of {self.dim} numbers")
        except Exception as error:  # whatever the library makes of numbers that do not fit
            raise CheckpointError(
                f"{self._directory} encodes nothing: {one_line(error)}"
            ) from error

    @property
    def space_id(self) -> str:
        """The kind of model and the digest of its weights."""
        return self._space

    def encode(self, batch: Sequence[Observation]) -> list[Encoding]:
        """Encode observations, those of one shape at once."""
        results: list[Encoding] = [Nothing()] * len(batch)
        groups: dict[tuple[Any, ...], list[tuple[int, dict[str, Tensor]]]] = {}
        for index, observation in enumerate(batch):
            try:
                inputs = self._prepared(observation)
            except InputError as error:
                results[index] = Refused(error)
                continue
            shapes = tuple((name, tuple(x.shape)) for name, x in inputs.items())
            groups.setdefault(shapes, []).append((index, inputs))
        for group in groups.values():
            joined = {
                name: torch.cat([inputs[name] for _, inputs in group]) for name in group[0][1]
            }
            for (index, _), row in zip(group, self._rows(self._features, joined), strict=True):
                try:
                    results[index] = Embedding(unit(row))
                except InputError as error:
                    where = batch[index].reference
                    results[index] = Refused(InputError(f"{where} cannot be encoded: {error}"))
        return results

    def text(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts; see `StreamEncoder`.

        Raises:
            CheckpointError: The directory has no tokenizer, or one that does not fit the model.
        """
        try:
            rows = self._rows(self._text_features, self._tokens(list(texts)))
        except SenseBindError:
            raise
        except Exception as error:  # whatever the library makes of ids that the model has not
            raise CheckpointError(
                f"{self._directory} cannot read texts: {one_line(error)}"
            ) from error
        return np.stack([unit(row) for row in rows])

    def _rows(self, features: Any, inputs: Mapping[str, Tensor]) -> np.ndarray:
        """What the model makes of a batch, float32 [B, D]."""
        with torch.inference_mode():
            placed = {name: self._place.inputs(x) for name, x in inputs.items()}
            return features(placed).float().cpu().numpy()

    def _loaded(self, kind: Any) -> Any:
        """The model of the directory, every tensor of it.

        Raises:
            CheckpointError: It is damaged, or lacks tensors.
        """
        model, report = self._part(
            kind, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        if missing := sorted(report["missing_keys"]):  # which would be random
            raise CheckpointError(
                f"{self._directory} lacks {len(missing)} tensors, such as {missing[0]}"
            )
        for name, tensor in model.named_parameters():
            if not all_finite(tensor.detach()):
                raise CheckpointError(f"{self._directory}: {name} holds NaN or infinity")
        return model

    def _part(self, kind: Any, **options: Any) -> Any:
        """Load a model, tokenizer or preprocessor of the directory; nothing in it is run.

        Raises:
            CheckpointError: There is none, or it is damaged.
        """
        shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
        logging.disable_progress_bar()
        logging.set_verbosity(CRITICAL)  # what matters is an error here, in one line
        safe = {"local_files_only": True, "trust_remote_code": False}
        try:
            return kind.from_pretrained(str(self._directory), **safe, **options)
        except Exception as error:  # whatever the library makes of what anybody wrote
            raise CheckpointError(
                f"{self._directory}: its {kind.__name__} cannot be loaded: {one_line(error)}"
            ) from error
        finally:
            logging.set_verbosity(verbosity)
            if shown:
                logging.enable_progress_bar()

    @abstractmethod
    def _model_class(self) -> Any:
        """Return the class of the model; what else is missing in the directory is said here."""

    @abstractmethod
    def _prepared(self, observation: Observation) -> dict[str, Tensor]:
        """Return the model's inputs, [1, …] each.

        Raises:
            InputError: The observation is malformed.
        """

    @abstractmethod
    def _features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return the embeddings of a batch, [B, D]."""

    @abstractmethod
    def _tokens(self, texts: list[str]) -> dict[str, Tensor]:
        """Return the model's inputs of texts."""

    @abstractmethod
    def _text_features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return the embeddings of texts, [T, D]."""
