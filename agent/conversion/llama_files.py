"""The LLaMA in its three forms, each as tensors under Meta's names.

Meta's own files (one or several consolidated shards), a Hugging Face directory (names and rotary
layout are turned back), and Open-Chinese-LLaMA (differences to be added to Meta's weights).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import LlamaConfig, PreTrainedTokenizerFast

from sensebind.agent.conversion.llama_tensors import (
    OUTER_LLAMA,
    rotated,
    to_pairs,
    transformers_name,
)
from sensebind.agent.gated_llama.config import check_rope
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import (
    DEEPEST,
    number,
    read_object,
    truth,
    whole_number,
)
from sensebind.perception.tensor_files import (
    Shape,
    TensorFile,
    TensorFiles,
    Tensors,
    directory_files,
    open_directory,
    refuse_quantized,
)

TOKENIZER_NAME = "tokenizer.model"
_ROWS = re.compile(r"\.(wq|wk|wv|w1|w3)\.weight$|^output\.weight$")  # split by output rows
_COLUMNS = re.compile(r"\.(wo|w2)\.weight$|^tok_embeddings\.weight$")  # split by input columns


_COMPUTED = re.compile(r"\.rotary_emb\.inv_freq$")  # kept by old versions of transformers
_LLAMA_3_2_SIZES = ((2048, 16), (3072, 28))  # width and layers of its 1B and 3B


@dataclass
class Llama:
    """A base model.

    Attributes:
        tensors: Under Meta's names (`layers.0.attention.wq.weight`).
        config: Fields of a `LlamaConfig`.
        files: Inputs by role, for the record.
        tokenizer: SentencePiece model or Hugging Face tokenizer directory, if there is one; the
            tokenizer itself where it lies in the file of the weights.
        label: What error messages call it.
        opened: Files to unmap now and then.
        directory: Of Hugging Face: its tokenizer, chat template and generation settings are the
            model's own, and are kept where no adapter brings a prompt of another form.
    """

    tensors: Tensors
    config: dict[str, Any]
    files: dict[str, Path]
    tokenizer: Path | PreTrainedTokenizerFast | None
    label: str
    opened: list[TensorFile | TensorFiles] = field(default_factory=list)
    directory: Path | None = None

    def release(self) -> None:
        """Unmaps the files."""
        for file in self.opened:
            file.release()


def open_llama(path: Path) -> Llama:
    """Opens a LLaMA: Meta's directory, one of Hugging Face, or a GGUF file.

    Raises:
        CheckpointError: Neither, incomplete, or damaged.
    """
    if path.is_file() and path.suffix == ".gguf":
        from sensebind.agent.conversion.dequantize import open_packed

        found = open_packed(path)
        return Llama(found.tensors, found.config, {"GGUF": path}, found.tokenizer, str(path))
    if not path.is_dir():
        raise CheckpointError(f"no directory {path}: a LLaMA is a directory of files, or a GGUF")
    if (path / "params.json").is_file() or any(path.glob("consolidated.*.pth")):
        return _open_meta(path)
    if (path / "config.json").is_file():
        return _open_huggingface(path)
    raise CheckpointError(
        f"{path} holds no LLaMA: neither params.json and consolidated.*.pth nor config.json"
    )


def add_delta(base: Llama, path: Path) -> Llama:
    """Adds published differences (Open-Chinese-LLaMA) to a base.

    Args:
        base: The LLaMA that they were taken from.
        path: Directory with consolidated.*.pth, or that file.

    Raises:
        CheckpointError: Not differences of a model of this size.
    """
    if path.is_dir():
        delta = _open_meta(path, without_params=True)
        tensors, files, opened = delta.tensors, delta.files, delta.opened
    else:
        file = TensorFile(path)
        tensors, files, opened = _Without(file, "rope"), {"delta": path}, [file]
    _same_sizes(base, tensors.shapes, str(path))
    return Llama(
        _Sum(base.tensors, tensors),
        base.config,
        base.files | {f"delta {role}": file for role, file in files.items()},
        base.tokenizer,
        f"{base.label} with {path.name}",
        [*base.opened, *opened],
        base.directory,
    )


def _open_meta(path: Path, *, without_params: bool = False) -> Llama:
    shards = sorted(path.glob("consolidated.*.pth"))
    if not shards:
        raise CheckpointError(f"{path} has no consolidated.*.pth")
    opened = [TensorFile(shard) for shard in shards]
    params = {} if without_params else _read_params(path / "params.json")
    tensors = _Without(_Shards(opened, params.get("dim"), path), "rope")
    files = {f"LLaMA {i}": shard for i, shard in enumerate(shards)}
    if not without_params:
        files["params"] = path / "params.json"
    places = (path / TOKENIZER_NAME, path.parent / TOKENIZER_NAME)  # Meta put it one level up
    tokenizer = next((place for place in places if place.is_file()), None)
    config = {} if without_params else _meta_config(params, tensors.shapes, path)
    for file in opened:
        refuse_quantized(file, str(file.path))
    return Llama(tensors, config, files, tokenizer, str(path), list(opened))


def _read_params(path: Path) -> dict[str, Any]:
    try:
        params = read_object(path)
        dim, heads = (whole_number(params, key) for key in ("dim", "n_heads"))
        whole_number(params, "n_layers", most=DEEPEST)
        whole_number(params, "vocab_size", least=-1, default=-1)
        whole_number(params, "max_seq_len", default=1)
        for key in ("norm_eps", "rope_theta", "rope_scaling_factor", "rope_high_freq_factor"):
            number(params, key, default=1.0)
        truth(params, "use_scaled_rope")
        if dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of n_heads {heads}")
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent} has no params.json") from error
    except ValueError as error:
        raise CheckpointError(f"{path} does not describe a LLaMA: {error}") from error
    return params


def _meta_config(params: dict[str, Any], shapes: Mapping[str, Shape], path: Path) -> dict[str, Any]:
    """Fields of a `LlamaConfig`; where params.json and the tensors disagree, an error."""
    try:
        vocabulary, width = shapes["tok_embeddings.weight"]
        inner = shapes["layers.0.feed_forward.w1.weight"][0]
        kv_width = shapes["layers.0.attention.wk.weight"][0]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is no LLaMA: {one_line(error)} is missing") from error
    layers = 1 + max(int(m[1]) for m in map(re.compile(r"layers\.(\d+)").match, shapes) if m)
    found = {"dim": width, "n_layers": layers}
    stated = {key: params[key] for key in found}
    if params.get("vocab_size", -1) > 0:
        found["vocab_size"], stated["vocab_size"] = vocabulary, params["vocab_size"]
    if found != stated:
        raise CheckpointError(f"{path}: params.json says {stated}, the tensors say {found}")
    head_dim = width // params["n_heads"]
    rope = _meta_rope(params, width, layers)
    context = 131_072 if rope["rope_type"] == "llama3" else 2048
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": params["n_heads"],
        "num_key_value_heads": kv_width // head_dim,
        "rms_norm_eps": params.get("norm_eps", 1e-5),
        "rope_parameters": rope,
        "max_position_embeddings": params.get("max_seq_len", context),
    }


def _meta_rope(params: Mapping[str, Any], width: int, layers: int) -> dict[str, Any]:
    """Rotary frequencies as transformers describes them.

    `use_scaled_rope` came with LLaMA 3.1: long wavelengths are stretched so that a model trained on
    8,192 tokens reads 131,072. The numbers stand in Meta's reference code, not in params.json,
    which names a factor in later releases alone: 8, and 32 for the two text models of LLaMA 3.2.
    """
    rope = {"rope_type": "default", "rope_theta": float(params.get("rope_theta", 10_000.0))}
    if not params.get("use_scaled_rope"):
        return rope
    usual = 32.0 if (width, layers) in _LLAMA_3_2_SIZES else 8.0
    return rope | {
        "rope_type": "llama3",
        "factor": float(params.get("rope_scaling_factor") or usual),
        "low_freq_factor": 1.0,
        "high_freq_factor": float(params.get("rope_high_freq_factor") or 4.0),
        "original_max_position_embeddings": 8192,
    }


def _open_huggingface(path: Path) -> Llama:
    config = _huggingface_config(path)
    opened = open_directory(path)
    refuse_quantized(opened, str(path))
    tokenizer = path / TOKENIZER_NAME
    if not tokenizer.is_file():
        tokenizer = path if (path / "tokenizer.json").is_file() else None
    files = {f"LLaMA {i}": file for i, file in enumerate(directory_files(path))}
    tensors = _MetaNames(opened, config, path)
    return Llama(
        tensors,
        config,
        files | {"config": path / "config.json"},
        tokenizer,
        str(path),
        [opened],
        path,
    )


def _huggingface_config(path: Path) -> dict[str, Any]:
    """Fields of a `LlamaConfig` from config.json, in range and complete."""
    file = path / "config.json"
    fields = read_object(file)
    if (kind := fields.get("model_type")) != "llama":
        raise CheckpointError(f"{path} holds a model of type {kind!r}, not a LLaMA")
    if fields.get("quantization_config"):
        raise CheckpointError(f"{path} is quantised: convert the weights it was made from")
    wanted = (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "rms_norm_eps",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "max_position_embeddings",
        "tie_word_embeddings",
        "attention_bias",
        "mlp_bias",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
    )
    config = {key: fields[key] for key in wanted if fields.get(key) is not None}
    try:
        heads, width = (whole_number(fields, k) for k in ("num_attention_heads", "hidden_size"))
        for key in ("vocab_size", "intermediate_size"):
            whole_number(fields, key)
        whole_number(fields, "num_hidden_layers", most=DEEPEST)
        whole_number(fields, "max_position_embeddings", default=2048)
        key_heads = whole_number(fields, "num_key_value_heads", default=heads)
        config["head_dim"] = whole_number(fields, "head_dim", default=width // heads)
        config["rms_norm_eps"] = number(fields, "rms_norm_eps", most=1.0, default=1e-6)
        if any(truth(fields, key) for key in ("attention_bias", "mlp_bias")):
            raise CheckpointError(f"{path} has biases, which no published LLaMA has")
        if (act := fields.get("hidden_act")) not in (None, "silu", "swish"):
            raise CheckpointError(f"{path} computes with {act!r:.40}, a LLaMA with silu")
        truth(fields, "tie_word_embeddings")
        if heads % key_heads or config["head_dim"] % 2:
            raise ValueError(
                f"{heads} heads on {key_heads} key-value heads of width {config['head_dim']}"
            )
        check_rope(fields)
        LlamaConfig(**config)  # the rest transformers checks
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise CheckpointError(f"{file} does not describe a LLaMA: {one_line(error)}") from error
    return config


class _Shards:
    """Meta's model-parallel shards as whole tensors."""

    def __init__(self, files: list[TensorFile], dim: int | None, where: Path) -> None:
        self._files = files
        first = files[0].shapes
        count = len(files)
        expected = [f"consolidated.{i:02d}.pth" for i in range(count)]
        found = [file.path.name for file in files]
        rows = first.get("layers.0.attention.wq.weight", (dim or 0,))[0]
        needed = (dim or rows) // rows if rows else count
        if found != expected or needed != count:
            raise CheckpointError(
                f"{where} has {', '.join(found)}; the model was cut into {max(needed, 1)} "
                "shards, consolidated.00.pth and on: copy all of them"
            )
        for file in files[1:]:
            if file.shapes.keys() != first.keys():
                raise CheckpointError(f"{file.path} holds other tensors than {found[0]}")
        self.shapes = {name: self._whole(name, shape) for name, shape in first.items()}

    def _whole(self, name: str, shape: Shape) -> Shape:
        axis = _axis(name)
        if axis is None or len(self._files) == 1:
            return shape
        return tuple(
            sum(file.shapes[name][i] for file in self._files) if i == axis else size
            for i, size in enumerate(shape)
        )

    def read(self, name: str) -> Tensor:
        axis = _axis(name)
        if axis is None or len(self._files) == 1:
            return self._files[0].read(name)
        return torch.cat([file.read(name) for file in self._files], dim=axis)


class _Without:
    """Tensors but for those with a word in their names."""

    def __init__(self, tensors: Tensors, word: str) -> None:
        self._tensors = tensors
        self.shapes = {name: shape for name, shape in tensors.shapes.items() if word not in name}

    def read(self, name: str) -> Tensor:
        return self._tensors.read(name)


class _Sum:
    """Base and differences, added in fp32 and rounded to fp16 as the published script does."""

    def __init__(self, base: Tensors, delta: Tensors) -> None:
        self._base, self._delta = base, delta
        self.shapes = base.shapes

    def read(self, name: str) -> Tensor:
        return (self._base.read(name).float() + self._delta.read(name).float()).half()


class _MetaNames:
    """A Hugging Face LLaMA under Meta's names, with Meta's rotary layout.

    One whose output head is its embedding has no tensor of that name; a copy of it is left out.
    """

    def __init__(self, tensors: TensorFiles, config: Mapping[str, Any], where: Path) -> None:
        head_dim, layers = config["head_dim"], config["num_hidden_layers"]
        if layers > len(tensors.shapes):  # before the names of a billion layers are made
            raise CheckpointError(
                f"{where}: config.json says {layers} layers, there are not so many"
            )
        self._tensors, self._head_dim = tensors, head_dim
        names = [*OUTER_LLAMA]
        if config.get("tie_word_embeddings"):
            names.remove("output.weight")
        for layer in range(layers):
            names += [f"layers.{layer}.attention.{w}.weight" for w in ("wq", "wk", "wv", "wo")]
            names += [f"layers.{layer}.feed_forward.{w}.weight" for w in ("w1", "w2", "w3")]
            names += [f"layers.{layer}.{norm}.weight" for norm in ("attention_norm", "ffn_norm")]
        self._names = {name: transformers_name(name) for name in names}
        if missing := [ours for ours in self._names.values() if ours not in tensors.shapes]:
            raise CheckpointError(
                f"the LLaMA {where} lacks {len(missing)} tensors: {', '.join(missing[:3])}"
            )
        known = {*self._names.values(), *OUTER_LLAMA.values()}
        if extra := [n for n in tensors.shapes if n not in known and not _COMPUTED.search(n)]:
            raise CheckpointError(
                f"{where} holds {len(extra)} tensors that no LLaMA has: {', '.join(extra[:3])}"
            )
        self.shapes = {name: tensors.shapes[ours] for name, ours in self._names.items()}

    def read(self, name: str) -> Tensor:
        tensor = self._tensors.read(self._names[name])
        return to_pairs(tensor, self._head_dim) if rotated(name) else tensor


def _axis(name: str) -> int | None:
    return 0 if _ROWS.search(name) else 1 if _COLUMNS.search(name) else None


def _same_sizes(base: Llama, delta: Mapping[str, Shape], where: str) -> None:
    shapes = base.tensors.shapes
    if names := shapes.keys() ^ delta.keys():
        side = base.label if min(names) in shapes else where
        raise CheckpointError(
            f"{where} holds no differences of {base.label}: {min(names)} is in {side} alone"
        )
    for name, shape in shapes.items():
        if delta[name] != shape:
            raise CheckpointError(
                f"{name} is {list(delta[name])} in {where}, {list(shape)} in {base.label}: "
                "they are of different models"
            )
