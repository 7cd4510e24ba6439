"""The audio and text towers of PE-AV as an encoder of sounds: `encoder: pe_audio:DIRECTORY`.

Perception Encoder Audiovisual (transformers' `pe_audio`, Apache-2.0). Its video tower needs timm
and torchvision, and is not among what is encoded here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoTokenizer, PeAudioModel

from sensebind.perception.encoders.pretrained import PretrainedEncoder
from sensebind.perception.imagebind.preprocess.audio import mono, resample
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation


class PeAudioEncoder(PretrainedEncoder):
    """Sounds and texts in one space."""

    kinds: ClassVar[tuple[str, ...]] = ("pe_audio",)
    name: ClassVar[str] = "pe_audio"

    @property
    def modalities(self) -> frozenset[Modality]:
        """Hearing alone."""
        return frozenset({Modality.AUDIO})

    @property
    def dim(self) -> int:
        """Width of the space."""
        return self._model.config.text_config.hidden_size

    def _model_class(self) -> Any:
        _ = self._extractor  # what is missing is said at the start, not at the first sound
        return PeAudioModel

    def _prepared(self, observation: Observation) -> dict[str, Tensor]:
        rate = self._extractor.sampling_rate
        wave = resample(mono(observation.data, observation.rate), observation.rate, rate)
        found = self._extractor(wave[0].numpy(), sampling_rate=rate, return_tensors="pt")
        # Sounds of one batch are equally long: there is no padding to be masked.
        return {"input_values": torch.as_tensor(found["input_values"])}

    def _features(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._model.get_audio_embeds(**inputs)

    def _tokens(self, texts: list[str]) -> dict[str, Tensor]:
        longest = self._model.config.text_config.max_position_embeddings
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        return {name: tokens[name] for name in ("input_ids", "attention_mask")}

    def _text_features(self, inputs: dict[str, Tensor]) -> Tensor:
        # As its forward does it; `get_text_audio_embeds` does not ask for the hidden states.
        found = self._model.text_model(**inputs, output_hidden_states=True, return_dict=True)
        return self._model.text_audio_head(found.hidden_states[-1][:, 0])

    @cached_property
    def _extractor(self) -> Any:
        return self._part(AutoFeatureExtractor)

    @cached_property
    def _tokenizer(self) -> Any:
        return self._part(AutoTokenizer)
