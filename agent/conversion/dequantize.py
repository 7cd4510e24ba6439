"""A LLaMA out of a GGUF file of llama.cpp, as plain numbers in float32.

What was rounded to 4 or 8 bits stays as coarse as it is; the numbers are the same that llama.cpp
computes with. Such files have Meta's rotary layout, so that they are read under Meta's names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, ReaderTensor, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import DEEPEST, LARGEST
from sensebind.perception.tensor_files import Shape, Tensors

_OUTER = {
    "token_embd.weight": "tok_embeddings.weight",
    "output_norm.weight": "norm.weight",
    "output.weight": "output.weight",
}
_INNER = {
    "attn_norm": "attention_norm",
    "attn_q": "attention.wq",
    "attn_k": "attention.wk",
    "attn_v": "attention.wv",
    "attn_output": "attention.wo",
    "ffn_norm": "ffn_norm",
    "ffn_gate": "feed_forward.w1",
    "ffn_down": "feed_forward.w2",
    "ffn_up": "feed_forward.w3",
}
_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.weight")
_CONTROL = 3  # of `tokenizer.ggml.token_type`
_SPLITS: dict[str, Callable[[], list[Any]]] = {
    "smollm": lambda: [pre_tokenizers.Digits(individual_digits=True)],
    "gpt-2": list,
}
"""By `tokenizer.ggml.pre`: what cuts a text before byte-level BPE does (as `tokenizer.json` of
HuggingFaceTB/SmolLM2-135M-Instruct has it)."""


@dataclass(frozen=True)
class Packed:
    """What a GGUF file holds.

    Attributes:
        tensors: Under Meta's names.
        config: Fields of a `LlamaConfig`.
        tokenizer: With its chat template.
    """

    tensors: Tensors
    config: dict[str, Any]
    tokenizer: PreTrainedTokenizerFast


def open_packed(path: Path) -> Packed:
    """Opens a GGUF file of architecture `llama`, with its tokenizer and chat template.

    Raises:
        CheckpointError: Damaged, of another architecture, or with something in it that is not read
            here (scaled rotary frequencies, biases, an unknown tokenizer).
    """
    try:
        reader = GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
    except Exception as error:  # the reader fails anywhere on a file that is none
        raise CheckpointError(f"{path} is not a GGUF file: {one_line(error)}") from error
    try:
        config = _config(fields)
        tensors = _Tensors(reader.tensors)
        _check_layers(tensors.shapes, config)
        tokenizer = _tokenizer(fields)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise CheckpointError(f"{path} cannot be read: {one_line(error)}") from error
    if "output.weight" not in tensors.shapes:
        config["tie_word_embeddings"] = True
    return Packed(tensors, config, tokenizer)


class _Tensors:
    """Tensors of a GGUF under Meta's names; numpy has a shape the other way round."""

    def __init__(self, tensors: list[ReaderTensor]) -> None:
        self._of: dict[str, ReaderTensor] = {}
        for tensor in tensors:
            self._of[_name(tensor.name)] = tensor
        self.shapes: dict[str, Shape] = {
            name: tuple(int(size) for size in reversed(tensor.shape))
            for name, tensor in self._of.items()
        }

    def read(self, name: str) -> torch.Tensor:
        """One tensor in float32."""
        tensor = self._of[name]
        plain = dequantize(tensor.data, tensor.tensor_type)
        return torch.from_numpy(np.array(plain, dtype=np.float32)).reshape(self.shapes[name])


def _name(theirs: str) -> str:
    if theirs in _OUTER:
        return _OUTER[theirs]
    found = _BLOCK.fullmatch(theirs)
    if found is None or found[2] not in _INNER:
        raise ValueError(f"{theirs} is a tensor that a plain LLaMA does not have")
    return f"layers.{found[1]}.{_INNER[found[2]]}.weight"


def _config(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a `LlamaConfig`."""
    if (kind := fields["general.architecture"]) != "llama":
        raise ValueError(f"its architecture is {kind!r:.40}, not 'llama'")
    if scaling := [name for name in fields if name.startswith("llama.rope.scaling.")]:
        raise ValueError(f"{scaling[0]}: give the model's directory of transformers instead")

    def size(name: str, most: int = LARGEST) -> int:
        value = int(fields[f"llama.{name}"])
        if not 1 <= value <= most:
            raise ValueError(f"llama.{name} is {value}")
        return value

    width, heads = size("embedding_length"), size("attention.head_count")
    return {
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "hidden_size": width,
        "intermediate_size": size("feed_forward_length"),
        "num_hidden_layers": size("block_count", DEEPEST),
        "num_attention_heads": heads,
        "num_key_value_heads": size("attention.head_count_kv"),
        "head_dim": int(fields.get("llama.attention.key_length", width // heads)),
        "rms_norm_eps": float(fields["llama.attention.layer_norm_rms_epsilon"]),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": float(fields.get("llama.rope.freq_base", 10_000.0)),
        },
        "max_position_embeddings": size("context_length"),
        "bos_token_id": _optional(fields, "bos"),
        "eos_token_id": _optional(fields, "eos"),
        "pad_token_id": _optional(fields, "padding"),
        "tie_word_embeddings": False,
    }


def _optional(fields: dict[str, Any], which: str) -> int | None:
    value = fields.get(f"tokenizer.ggml.{which}_token_id")
    return None if value is None else int(value)


def _check_layers(shapes: dict[str, Shape], config: dict[str, Any]) -> None:
    layers = {int(name.split(".")[1]) for name in shapes if name.startswith("layers.")}
    if layers != set(range(config["num_hidden_layers"])):
        raise ValueError(
            f"it says {config['num_hidden_layers']} layers and has tensors of {len(layers)}"
        )


def _tokenizer(fields: dict[str, Any]) -> PreTrainedTokenizerFast:
    """The tokenizer with its chat template."""
    kind, split = fields["tokenizer.ggml.model"], fields.get("tokenizer.ggml.pre", "")
    if kind != "gpt2" or split not in _SPLITS:
        raise ValueError(
            f"its tokenizer is {kind!r:.40} {split!r:.40}, which is not read here: take "
            "the model's directory of transformers"
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in fields["tokenizer.ggml.merges"]]
    core = Tokenizer(BPE({token: i for i, token in enumerate(tokens)}, merges))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [*_SPLITS[split](), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    types = fields["tokenizer.ggml.token_type"]
    control = [token for token, its in zip(tokens, types, strict=True) if its == _CONTROL]
    core.add_special_tokens([AddedToken(one, normalized=False, special=True) for one in control])
    named = {
        f"{role}_token": tokens[number]
        for role, which in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown"))
        if (number := _optional(fields, which)) is not None
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, padding_side="left", clean_up_tokenization_spaces=False, **named
    )
    tokenizer.chat_template = fields.get("tokenizer.chat_template")
    return tokenizer
