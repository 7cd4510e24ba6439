"""The condition path of a model whose blocks llama.cpp computes.

It is the model's own class, with values for what turns a condition into vectors alone: the adapter,
and, where conditions enter at the output of the attention, the projections that they go through.
Everything else stays on the meta device and takes no memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensebind.agent.gated_llama.condition_vectors import condition_vectors
from sensebind.agent.gated_llama.loading import (
    built,
    compare_tensors,
    open_checkpoint,
    read_config,
)
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.tensor_files import TensorFile, Tensors, all_finite
from sensebind.perception.without_values import without_values

FILE_NAME = "condition.safetensors"
"""Holds the tensors of the condition path in a checkpoint without the weights of its blocks."""
SMALL = 16_000_000
"""Numbers up to which a condition path is computed in float32: it then takes 64 MB at most.

Injected at the block's output, at the shape of SmolLM2-135M, a condition takes 7 ms in float32 and
14 ms in bfloat16, whose products also need 40 MB of PyTorch's own; larger paths are smaller in it.
"""
_PROJECTION = re.compile(r"model\.layers\.(\d+)\.self_attn\.([vo])_proj\.(weight|bias)")


class ConditionPath:
    """Turns conditions into the vectors that each layer adds.

    Attributes:
        model: The model's class; only the tensors of `path_tensors` have values.
        words: Directory of the tokenizer.
    """

    def __init__(self, model: ConditionedLM, words: Path) -> None:
        """Wrap a model.

        Args:
            model: In eval mode, with values for `path_tensors` at least.
            words: Directory of its tokenizer.

        Raises:
            ConfigurationError: Its conditions are more than one vector a layer.
        """
        check_expressible(model)
        self.model = model
        self.words = words
        self._own = self._own_biases()

    @classmethod
    def open(cls, directory: Path) -> ConditionPath:
        """Read the condition path of a checkpoint directory.

        Args:
            directory: With config.json, and `FILE_NAME` or the checkpoint's own weights.

        Raises:
            CheckpointError: Missing or damaged files, or tensors that do not fit config.json.
            ConfigurationError: Its conditions are more than one vector a layer.
        """
        file = directory / FILE_NAME
        if file.is_file():
            config, files, words = read_config(directory), TensorFile(file), directory
        else:
            opened = open_checkpoint(directory)
            config, files, words = opened.config, opened.tensors, opened.words
        with without_values():
            model = built(directory, config)
        check_expressible(model)
        expected = path_tensors(model)
        there = {name: shape for name, shape in files.shapes.items() if name in expected}
        compare_tensors(expected, there, str(file if file.is_file() else directory))
        model.load_state_dict(_values(files, expected, directory), strict=False, assign=True)
        return cls(model.eval(), words)

    def vectors(self, embeddings: Tensor, present: Tensor) -> np.ndarray:
        """What a condition adds to every layer, and the biases of the model that it replaces.

        Args:
            embeddings: Float32 [slots, bind_dim], or a picture; finite.
            present: [slots] bool.

        Returns:
            Float32 [layers, width].

        Raises:
            InputError: Shapes that do not fit the model.
        """
        return condition_vectors(self.model, embeddings, present) + self._own

    @torch.inference_mode()
    def standing(self) -> np.ndarray:
        """What every token is read under that is given no condition, float32 [layers, width]."""
        config, own = self.model.config, self._own.copy()
        if config.conditioner == "none":
            nothing = self.model.adapter.prefix.new_zeros(1, 1, config.slots, config.hidden_size)
            vectors = self.model.injection_of_features(nothing)[0, 0]
            own[-config.injected_layers :] += vectors.float().numpy()
        return own

    def _own_biases(self) -> np.ndarray:
        """Biases of `o_proj` that the vectors replace in llama.cpp, [layers, width]."""
        config = self.model.config
        own = np.zeros((config.num_hidden_layers, config.hidden_size), np.float32)
        if at_attention(self.model):
            for layer, attention in enumerate(self.model.attentions):
                if attention.o_proj.bias is not None:
                    own[layer] = attention.o_proj.bias.detach().float().numpy()
        return own


def at_attention(model: ConditionedLM) -> bool:
    """Whether conditions enter at the output of the attention, and not at that of the block."""
    return model.config.injection_point == "attention"


def check_expressible(model: ConditionedLM) -> None:
    """Refuse a model whose conditions llama.cpp cannot add.

    Raises:
        ConfigurationError: Conditions of several tokens, or a LoRA that is not merged.
    """
    if model.config.adapter_len > 1:
        raise ConfigurationError(
            f"conditions of {model.config.adapter_len} tokens cannot be added by llama.cpp: those "
            "of one token can (adapter_len 1)"
        )
    if model.config.lora_rank:
        raise ConfigurationError("a LoRA that is not merged: convert without --keep-lora")


def path_tensors(model: ConditionedLM) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that the condition path needs.

    Args:
        model: Of the checkpoint; its values do not matter.
    """
    layers = model.config.num_hidden_layers
    first = layers - model.config.injected_layers
    needed = {}
    for name, tensor in model.state_dict().items():
        wanted = name.startswith("adapter.")
        if at_attention(model) and (found := _PROJECTION.fullmatch(name)) is not None:
            layer, projection, kind = found.groups()
            # Conditions go through `v_proj` without its bias; that of `o_proj` is every layer's.
            wanted = projection == "o" if kind == "bias" else int(layer) >= first
        if wanted:
            needed[name] = tuple(tensor.shape)
    return needed


def _values(
    files: Tensors, names: Mapping[str, tuple[int, ...]], directory: Path
) -> dict[str, Tensor]:
    """Read tensors, all in one type.

    Raises:
        CheckpointError: One is damaged, not finite, or quantised.
    """
    small = sum(map(math.prod, names.values())) <= SMALL
    state = {}
    for name in names:
        tensor = files.read(name)
        if not tensor.is_floating_point() or not all_finite(tensor):
            raise CheckpointError(f"{directory}: {name} holds no finite numbers: copy it again")
        state[name] = tensor.float() if small else tensor
    types = {tensor.dtype for tensor in state.values()}
    if len(types) == 1 and types <= {torch.float32, torch.bfloat16}:
        return state
    return {name: tensor.to(torch.bfloat16) for name, tensor in state.items()}
