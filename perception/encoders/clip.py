"""CLIP, SigLIP and SigLIP 2 as an encoder of images and texts: `encoder: clip:DIRECTORY`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from sensebind.errors import InputError
from sensebind.perception.encoders.pretrained import PretrainedEncoder
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation


class ClipEncoder(PretrainedEncoder):
    """Two towers that were trained together on images and their captions.

    Usage:
        ```python
        encoder = ClipEncoder("models/siglip2-base", Modality.VISION, EncoderOptions())
        [found] = encoder.encode([observation])
        similarity = encoder.text(["a cup"]) @ found.vector
        ```
    """

    kinds: ClassVar[tuple[str, ...]] = ("clip", "siglip", "siglip2")
    name: ClassVar[str] = "clip"

    @property
    def modalities(self) -> frozenset[Modality]:
        """Sight alone."""
        return frozenset({Modality.VISION})

    @property
    def dim(self) -> int:
        """Width of CLIP's projection, or of SigLIP's pooled output."""
        config = self._model.config
        if config.model_type == "clip":
            return config.projection_dim
        return config.vision_config.hidden_size

    def _model_class(self) -> Any:
        _ = self._processor  # what is missing is said at the start, not at the first image
        return AutoModel

    def _prepared(self, observation: Observation) -> dict[str, Tensor]:
        data = observation.data
        if data.dtype != np.uint8 or data.ndim != 3 or data.shape[2] != 3 or not data.size:
            raise InputError(
                f"{observation.reference}: an image is uint8 [H, W, 3], not {data.dtype} "
                f"{list(data.shape)}"
            )
        return dict(self._processor(images=Image.fromarray(data), return_tensors="pt"))

    def _features(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._model.get_image_features(**inputs).pooler_output

    def _tokens(self, texts: list[str]) -> dict[str, Tensor]:
        longest = self._model.config.text_config.max_position_embeddings
        # SigLIP was trained on texts that are padded to the full length, and without a mask.
        padding = True if self._model.config.model_type == "clip" else "max_length"
        tokens = self._tokenizer(
            texts, padding=padding, truncation=True, max_length=longest, return_tensors="pt"
        )
        names = ("input_ids", "attention_mask") if padding is True else ("input_ids",)
        return {name: tokens[name] for name in names}

    def _text_features(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._model.get_text_features(**inputs).pooler_output

    @cached_property
    def _processor(self) -> Any:
        # Pillow's, wherever it runs: torchvision resizes a little differently.
        return self._part(AutoImageProcessor, backend="pil")

    @cached_property
    def _tokenizer(self) -> Any:
        return self._part(AutoTokenizer)
