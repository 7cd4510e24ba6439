"""`sensebind convert CHECKPOINT --to gguf`: a language model as a file of llama.cpp.

The file holds the blocks, the embedding and the head, which llama.cpp computes. Tokenizer, chat
template, encoders and the adapter that turns a condition into vectors stay ordinary files of the
checkpoint directory that the GGUF lies in; `llm: gguf:DIR/model-Q8_0.gguf` names both.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor

from sensebind.agent.conversion.output import (
    RECORD_NAME,
    Output,
    Part,
    digest_inputs,
    write_directory,
    write_safetensors,
)
from sensebind.agent.gated_llama.base_model import ADAPTER_NAME
from sensebind.agent.gated_llama.loading import (
    OpenCheckpoint,
    built,
    compare_tensors,
    open_checkpoint,
    shapes_of,
)
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.quantization import read_layout
from sensebind.agent.llamacpp.conditions import (
    FILE_NAME,
    at_attention,
    check_expressible,
    path_tensors,
)
from sensebind.agent.llamacpp.library import errors, library
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import EMBEDDED
from sensebind.errors import ConfigurationError, StorageError
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.tensor_files import directory_files
from sensebind.perception.without_values import without_values

STORED = ("F32", "F16")
QUANTIZED = ("Q8_0", "Q4_K_M", "Q4_0")
TYPES = STORED + QUANTIZED
_WEIGHTS = (".safetensors", ".safetensors.index.json", ".gguf")
_PREFIX = "gated_"  # of a model type, before that of its family


@dataclass(frozen=True, slots=True)
class _Family:
    """How llama.cpp knows a family of language models.

    Attributes:
        architecture: Its name there.
        interleaved: Whether rotary embedding turns neighbouring numbers of a head instead of those
            half a head apart, so that rows of `q_proj` and `k_proj` are stored in another order.
    """

    architecture: str
    interleaved: bool = False


FAMILIES = {
    "llama": _Family("llama", interleaved=True),
    "mistral": _Family("llama", interleaved=True),
    "smollm3": _Family("smollm3", interleaved=True),
    "qwen2": _Family("qwen2"),
    "qwen3": _Family("qwen3"),
}
"""By transformers' model type."""


@dataclass(frozen=True, slots=True)
class GgufOptions:
    """What to convert, and where to.

    Attributes:
        checkpoint: Checkpoint directory; None for the embedded one.
        output: Directory to make, or the checkpoint directory itself to add the file to it.
        type: One of `TYPES`.
    """

    checkpoint: Path | None
    output: Path
    type: str = "Q8_0"


def convert_to_gguf(options: GgufOptions) -> Path:
    """Write a GGUF file, with the rest of a checkpoint directory around it.

    Returns:
        The file.

    Raises:
        ConfigurationError: A type that there is not, a model that llama.cpp cannot compute or
            steer, or a file that is there already.
        MissingDependencyError: A quantised type without llama.cpp.
        CheckpointError: No checkpoint, or a damaged one.
        StorageError: The output cannot be written.
    """
    if options.type not in TYPES:
        raise ConfigurationError(f"--type is one of {', '.join(TYPES)}, not {options.type!r:.40}")
    source = options.checkpoint or default_checkpoint()
    if options.type in QUANTIZED:
        library()  # which quantises: better to know now
    opened, model = _opened(source)
    plan = _Plan(opened, model)
    name = f"model-{options.type}.gguf"
    file = options.output / name
    if options.output.resolve() == source.resolve():
        if file.exists():
            raise ConfigurationError(f"{file} exists: remove it to convert again")
        _write(plan, file, options.type)
        return file
    part = Part(
        "the language model",
        "",
        {},
        partial(_copy_rest, opened),
        {
            "part": "language model",
            "inputs": digest_inputs({path.name: path for path in directory_files(opened.words)}),
            "gguf": options.type,
        },
        save=lambda folder: _save(plan, folder, name, options.type),
        bytes=plan.bytes,
    )
    write_directory(options.output, [part])
    return file


def run(options: GgufOptions, *, as_json: bool = False) -> int:
    """For the command line."""
    file = convert_to_gguf(options)
    if as_json:
        print(json.dumps({"file": str(file), "bytes": file.stat().st_size, "type": options.type}))
    else:
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, {options.type}")
        print(f"Talk with it: sensebind chat --llm gguf:{file}")
    return 0


def _opened(source: Path) -> tuple[OpenCheckpoint, ConditionedLM]:
    """A checkpoint, and its model without values.

    Raises:
        ConfigurationError: It cannot be expressed.
        CheckpointError: No checkpoint, or a damaged one.
    """
    if read_layout(source):
        raise ConfigurationError(f"{source} is quantised already: convert what it was made from")
    opened = open_checkpoint(source)
    config: Any = opened.config
    with without_values():
        model = built(source, config)
    compare_tensors(shapes_of(model), opened.tensors.shapes, str(source))
    check_expressible(model)
    if config.hidden_act != "silu":
        raise ConfigurationError(f"{source}: llama.cpp computes silu, not {config.hidden_act}")
    return opened, model


class _Plan:
    """Metadata and tensors of a GGUF file."""

    def __init__(self, opened: OpenCheckpoint, model: ConditionedLM) -> None:
        self.files = opened.tensors
        self.model = model
        source = opened.directory
        self._words = opened.words
        self._config: Any = model.config
        kind = self._config.model_type.removeprefix(_PREFIX)
        if kind not in FAMILIES:
            raise ConfigurationError(f"{source}: llama.cpp has no name for a {kind}")
        self.family = FAMILIES[kind]
        self._source = source
        architecture = next(
            known
            for known, name in gguf.MODEL_ARCH_NAMES.items()
            if name == self.family.architecture
        )
        self._names = gguf.get_tensor_name_map(architecture, self._config.num_hidden_layers)

    @property
    def bytes(self) -> int:
        """Upper bound of what is written: the weights and a copy of another type."""
        return 2 * sum(path.stat().st_size for path in directory_files(self._words))

    def metadata(self, writer: gguf.GGUFWriter) -> None:
        """Add what llama.cpp must know of the sizes."""
        config = self._config
        heads, width = config.num_attention_heads, config.hidden_size
        head = getattr(config, "head_dim", None) or width // heads
        writer.add_name(self._source.resolve().name)
        writer.add_vocab_size(config.vocab_size)
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(width)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(heads)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_key_length(head)
        writer.add_value_length(head)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_dimension_count(head)
        rope = config.rope_parameters
        writer.add_rope_freq_base(rope["rope_theta"])
        self._rope_scaling(writer, rope)
        writer.add_tokenizer_model("no_vocab")  # the tokenizer lies next to the file

    def _rope_scaling(self, writer: gguf.GGUFWriter, rope: dict[str, Any]) -> None:
        kinds = gguf.RopeScalingType
        match rope.get("rope_type", "default"):
            case "default" | "llama3":  # whose factors are a tensor, see `tensors`
                pass
            case "linear":
                writer.add_rope_scaling_type(kinds.LINEAR)
                writer.add_rope_scaling_factor(rope["factor"])
            case "yarn":
                writer.add_rope_scaling_type(kinds.YARN)
                writer.add_rope_scaling_factor(rope["factor"])
                before = rope.get("original_max_position_embeddings")
                writer.add_rope_scaling_orig_ctx_len(before or self._config.max_position_embeddings)
            case other:
                raise ConfigurationError(
                    f"{self._source}: rope_type {other!r:.40} cannot be written to a GGUF file"
                )

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...], Callable[[], Tensor]]]:
        """Name in the file, shape, and how each tensor is read."""
        biased = at_attention(self.model)
        for name, shape in shapes_of(self.model).items():
            if name.startswith("adapter.") or (biased and name.endswith("o_proj.bias")):
                continue  # a bias that carries the condition is added to its vectors
            stem, _, end = name.rpartition(".")
            theirs = self._names.get_name(stem)
            if theirs is None:
                raise ConfigurationError(f"{self._source}: llama.cpp has no place for {name}")
            yield f"{theirs}.{end}", shape, partial(self._read, name)
        if self._config.rope_parameters.get("rope_type") == "llama3":
            factors = self._llama3_factors()
            yield "rope_freqs.weight", tuple(factors.shape), lambda: factors

    def _read(self, name: str) -> Tensor:
        tensor = self.files.read(name)
        parts = name.split(".")
        if self.family.interleaved and parts[-2] in ("q_proj", "k_proj"):
            heads = self._config.num_attention_heads
            if parts[-2] == "k_proj":
                heads = self._config.num_key_value_heads
            # [head, which half, number] becomes [head, number, which half].
            tensor = tensor.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
        return tensor

    def _llama3_factors(self) -> Tensor:
        """By what llama.cpp divides the frequencies, [head / 2]; those of transformers."""
        rotary = type(self.model.model.rotary_emb)(self._config)
        head = getattr(self._config, "head_dim", None) or (
            self._config.hidden_size // self._config.num_attention_heads
        )
        powers = torch.arange(0, head, 2, dtype=torch.float64) / head
        plain = self._config.rope_parameters["rope_theta"] ** -powers
        return (plain / rotary.inv_freq.double()).float()


def _save(plan: _Plan, folder: Path, name: str, kind: str) -> None:
    """Write the GGUF file, and the tensors of the condition path next to it."""
    _write(plan, folder / name, kind)
    outputs = [
        Output(one, shape, plan.files.dtypes[one], partial(plan.files.read, one))
        for one, shape in path_tensors(plan.model).items()
    ]
    write_safetensors(folder / FILE_NAME, outputs)


def _write(plan: _Plan, file: Path, kind: str) -> None:
    """Write a GGUF file, whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    whole = file.with_name(f".{file.name}.whole")
    try:
        _write_tensors(plan, part if kind in STORED else whole, kind)
        if kind in QUANTIZED:
            _quantize(whole, part, kind)
        part.replace(file)
    except OSError as error:
        raise StorageError(f"cannot write {file}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)


def _write_tensors(plan: _Plan, file: Path, kind: str) -> None:
    """Write all tensors: matrices in a type, vectors in float32; one at a time in memory.

    What is quantised afterwards is written as it is stored.
    """
    writer = gguf.GGUFWriter(file, plan.family.architecture)
    plan.metadata(writer)
    tensors = list(plan.tensors())
    types = [_tensor_type(plan, shape, read, kind) for _, shape, read in tensors]
    for (name, shape, _), dtype in zip(tensors, types, strict=True):
        count = torch.Size(shape).numel() * dtype.itemsize
        raw = getattr(gguf.GGMLQuantizationType, _GGML[dtype])
        writer.add_tensor_info(name, shape, _numpy(torch.empty(0, dtype=dtype)).dtype, count, raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for (_, _, read), dtype in zip(tensors, types, strict=True):
        writer.write_tensor_data(_numpy(read().to(dtype).contiguous()))
    writer.close()


_GGML = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def _tensor_type(
    plan: _Plan, shape: Sequence[int], read: Callable[[], Tensor], kind: str
) -> torch.dtype:
    if len(shape) == 1 or kind == "F32":
        return torch.float32
    if kind == "F16":
        return torch.float16
    stored = read().dtype
    return stored if stored in _GGML else torch.float32


def _numpy(tensor: Tensor) -> Any:
    """The numbers of a tensor; those of bfloat16, which NumPy does not know, as whole numbers."""
    return (tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _quantize(source: Path, target: Path, kind: str) -> None:
    """Let llama.cpp quantise a file.

    Raises:
        ConfigurationError: It refuses the model.
    """
    lib = library()
    parameters = lib.llama_model_quantize_default_params()
    parameters.ftype = getattr(lib, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.nthread = max(1, torch.get_num_threads())
    status = lib.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    if status:
        raise ConfigurationError(f"llama.cpp cannot quantise to {kind}: {errors()}")


def _copy_rest(opened: OpenCheckpoint, folder: Path) -> None:
    """Bring everything along that is not the language model's weights.

    What an adapter takes from its base, such as the tokenizer, becomes the folder's own.
    """
    for source in dict.fromkeys((opened.directory, opened.words)):
        for path in source.iterdir():
            there = folder / path.name
            if there.exists() or path.name in (RECORD_NAME, ADAPTER_NAME):
                continue
            if path.is_dir():
                if source == opened.directory:
                    shutil.copytree(path, there, copy_function=_link)
            elif not path.name.endswith(_WEIGHTS):
                shutil.copyfile(path, there)
    fields = read_object(opened.directory / "config.json")
    fields.pop("base", None)
    ranks = {key: getattr(opened.config, key) for key in ("lora_rank", "base_rank")}
    fields |= {key: rank for key, rank in ranks.items() if key in fields}  # merged when opened
    encoder = fields.get("encoder")
    if isinstance(encoder, str) and encoder not in ("", EMBEDDED):
        fields["encoder"] = str((opened.directory / encoder).resolve())
    (folder / "config.json").write_text(json.dumps(fields, indent=2, ensure_ascii=False), "utf-8")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
