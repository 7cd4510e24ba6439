"""Opens a gated LLaMA checkpoint directory, or says in one line what is wrong with it."""

import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sensebind.agent.gated_llama.base_model import AdaptedTensors, is_adapter, open_adapted
from sensebind.agent.gated_llama.config import (
    TYPE_PREFIX,
    ConditionFields,
    GatedLlamaConfig,
    check_fields,
)
from sensebind.agent.gated_llama.merged_tensors import MergedTensors
from sensebind.agent.gated_llama.model import ConditionedLM, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.quantization import (
    LAYOUT_NAME,
    QuantizedLinear,
    read_layout,
    replace_layers,
)
from sensebind.agent.gated_llama.tokenizer_files import (
    generation_settings,
    load_tokenizer,
    read_generation_config,
)
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.tensor_files import TensorFiles, all_finite, open_directory
from sensebind.perception.without_values import without_values

logger = logging.getLogger(__name__)
LARGE = 1_000_000_000
"""Numbers from which on a model is large: it would take 4 GB and more in float32."""
Shapes = Mapping[str, tuple[int, ...]]
ModelTensors = TensorFiles | AdaptedTensors | MergedTensors
_PROJECTION = re.compile(r"\.self_attn\.[vo]_proj\.")


@dataclass(frozen=True, slots=True)
class OpenCheckpoint:
    """A checkpoint directory that was looked at, before any weight is read.

    Attributes:
        directory: The checkpoint.
        config: What its `config.json` says, in range.
        tensors: Its own, and those of its base where it is an adapter.
        words: Where tokenizer and generation settings lie: itself, or its base.
    """

    directory: Path
    config: ConditionFields
    tensors: ModelTensors
    words: Path


def open_checkpoint(directory: str | Path) -> OpenCheckpoint:
    """Opens a checkpoint directory: of a whole model, or of an adapter and its base.

    The LoRA of an adapter is merged into its base as it is read.

    Raises:
        CheckpointError: Missing or damaged files, numbers out of range, or another base than the
            adapter's.
    """
    directory = Path(directory)
    config = read_config(directory)
    words = directory
    tensors: ModelTensors
    if is_adapter(directory):
        tensors, base = open_adapted(directory, config.base, tied=bool(config.tie_word_embeddings))
        # An adapter may bring words of its own, such as tokens that it was trained with.
        words = directory if (directory / "tokenizer.json").is_file() else base
        if config.lora_rank:
            tensors = MergedTensors(tensors, config)
    else:
        tensors = open_directory(directory)
    compare_depths(config, tensors.shapes, str(directory))
    return OpenCheckpoint(directory, config, tensors, words)


def load_gated_llama(
    directory: str | Path, dtype: torch.dtype | None = None, *, device: str = "cpu"
) -> tuple[ConditionedLM, PreTrainedTokenizerBase]:
    """Loads model (in eval mode) and tokenizer from local files.

    All numbers of the configuration are checked, and all names and shapes compared, before any
    weight is read; then the weights must be finite.

    Args:
        directory: Hugging Face layout: `config.json`, safetensors (sharded or not), tokenizer; or
            an adapter, which names the directory of its base.
        dtype: Of the loaded parameters; None leaves it to `computing_dtype`. A quantised model
            stays as it is.
        device: Where they are put.

    Raises:
        CheckpointError: Missing or damaged files; numbers out of range, or that contradict each
            other; missing, extra or misshapen tensors; NaN or infinity in a weight.
    """
    opened = open_checkpoint(directory)
    directory, config, files = opened.directory, opened.config, opened.tensors
    tokenizer = load_tokenizer(directory, config, opened.words)
    model, expected = _empty(opened)
    # Of a quantised model, what is not quantised stays as it is.
    dtype = None if read_layout(directory) else dtype or _best_dtype(files, device)
    state = {name: _read(files, name, dtype, directory) for name in expected}
    _fill(model, config, state)
    read_generation_config(model, generation_settings(directory, opened.words) or directory)
    return _on(model.eval(), device), tokenizer


def check_checkpoint(directory: str | Path) -> None:
    """Checks everything that `load_gated_llama` does before it reads weights.

    Raises:
        CheckpointError: As `load_gated_llama`.
    """
    opened = open_checkpoint(directory)
    load_tokenizer(opened.directory, opened.config, opened.words)
    _empty(opened)


def _empty(opened: OpenCheckpoint) -> tuple[ConditionedLM, Shapes]:
    """The model on the meta device, and the tensors that it wants, all of which are there."""
    model = _without_values(opened.directory, opened.config, read_layout(opened.directory))
    expected = shapes_of(model)
    compare_tensors(expected, opened.tensors.shapes, str(opened.directory))
    return model, expected


def load_adapter(directory: str | Path) -> ConditionedLM:
    """Loads what `condition_vectors` needs of a checkpoint, and not the language model.

    That is the adapter and, where conditions enter at the attention, the `v_proj` and `o_proj` of
    its layers. All else stays on the meta device: the model can make conditions, not talk.

    Args:
        directory: As for `load_gated_llama`; not quantised.

    Raises:
        CheckpointError: As `load_gated_llama`.
    """
    opened = open_checkpoint(directory)
    where, files = opened.directory, opened.tensors
    model, expected = _empty(opened)
    at_attention = opened.config.injection_point == "attention"
    needed = [
        name
        for name in expected
        if name.startswith("adapter.") or (at_attention and _PROJECTION.search(name))
    ]
    state = {name: _read(files, name, torch.float32, where) for name in needed}
    model.load_state_dict(state, strict=False, assign=True)
    return model.eval()


def computing_dtype(directory: Path, device: str) -> torch.dtype:
    """Returns the type in which a checkpoint is best computed, which its file need not have.

    - What is stored in float32 is computed in float32.
    - So is a small model, whatever its file holds: a processor is fastest with it, and the figures
      of the embedded checkpoint were measured with it.
    - A large one that is stored in half precision is not made twice as large. It is computed in
      bfloat16, which has the range of float32, or in float16 on a GPU that lacks bfloat16.

    Args:
        directory: Of a checkpoint that is not quantised.
        device: A torch device.

    Raises:
        CheckpointError: A missing or damaged file.
    """
    return _best_dtype(open_checkpoint(directory).tensors, device)


def _best_dtype(files: ModelTensors, device: str) -> torch.dtype:
    numbers: Counter[torch.dtype] = Counter()
    for name, shape in files.shapes.items():
        numbers[files.dtypes[name]] += math.prod(shape)
    [(stored, _)] = numbers.most_common(1)  # norms may be stored in another than the rest
    if stored not in (torch.bfloat16, torch.float16) or numbers.total() < LARGE:
        return torch.float32
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def _on(model: ConditionedLM, device: str) -> ConditionedLM:
    torch.nn.Module.to(model, device)
    return model


def _without_values(
    directory: Path, config: ConditionFields, layers: Mapping[str, int]
) -> ConditionedLM:
    """Makes the model on the meta device, where it takes no memory and no time."""
    with without_values():
        model = built(directory, config)
        try:
            if layers:
                replace_layers(model, layers, empty=True)
        except AttributeError as error:
            raise CheckpointError(f"{directory}: {LAYOUT_NAME} names {one_line(error)}") from error
    return model


def _read(
    files: ModelTensors, name: str, dtype: torch.dtype | None, directory: Path
) -> torch.Tensor:
    """Reads a tensor once: a weight that is NaN or infinite answers the same nonsense to all.

    Args:
        files: The checkpoint.
        name: Of the tensor.
        dtype: That floating-point tensors are computed in; None leaves them as they are.
        directory: What the error message names.

    Raises:
        CheckpointError: A weight is not finite; names the tensor.
    """
    tensor = files.read(name)
    if not tensor.is_floating_point():
        return tensor
    wanted = tensor if dtype is None else tensor.to(dtype)
    # Checked as it is stored, which is half as large; but float16 holds less than other types.
    if not all_finite(wanted if dtype is torch.float16 else tensor):
        raise CheckpointError(
            f"{directory}: {name} holds NaN or infinity: the file is damaged, copy it again"
        )
    return wanted


def _fill(
    model: ConditionedLM,
    config: ConditionFields,
    state: Mapping[str, torch.Tensor],
) -> None:
    """Gives a model of the meta device its values.

    It is what `from_pretrained` comes to for a checkpoint whose every tensor is known to fit, in
    less than half of its time for a small one.
    """
    model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    # Buffers that no file holds were made on the meta device, without values.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    for name, buffer in model.named_buffers():
        if buffer.is_meta:
            owner, _, short = name.rpartition(".")
            assert short == "position_ids", name  # of CLIP
            count = torch.arange(buffer.numel()).view(buffer.shape)
            model.get_submodule(owner).register_buffer(short, count, persistent=False)
    for module in model.modules():
        if isinstance(module, QuantizedLinear):
            module.pack()


def family_of(
    model_type: object,
) -> tuple[type[ConditionFields], type[ConditionedLM]] | None:
    """Configuration and model of a gated family by its model type; None if there is none of it.

    Other families than LLaMA are imported when a checkpoint of theirs is opened.
    """
    if model_type == GatedLlamaConfig.model_type:
        return GatedLlamaConfig, GatedLlamaForCausalLM
    if not str(model_type).startswith(TYPE_PREFIX):
        return None
    from sensebind.agent.gated_llama.families import FAMILIES

    return FAMILIES.get(str(model_type))


def read_config(directory: Path) -> ConditionFields:
    """Reads and validates `config.json`.

    Raises:
        CheckpointError: It is missing, damaged, of another model, or contradicts itself.
    """
    path = directory / "config.json"
    try:
        fields = read_object(path)
    except FileNotFoundError:
        raise CheckpointError(
            f"{directory} is no checkpoint directory: it has no config.json"
        ) from None
    if (family := family_of(found := fields.get("model_type"))) is None:
        raise CheckpointError(
            f"{path} does not describe a gated LLaMA: its model_type is {found!r:.80}, "
            f"not {GatedLlamaConfig.model_type!r} or that of another family with the gate (a plain "
            "language model gets one by `sensebind adapt`)"
        )
    try:
        check_fields(fields)
        return cast("ConditionFields", family[0].from_dict(fields))
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise CheckpointError(f"{path} cannot be used: {one_line(error)}") from error


def compare_depths(config: ConditionFields, found: Shapes, where: str) -> None:
    """Checks that there are tensors for all layers, before as many layers are made.

    Raises:
        CheckpointError: A part of the model has more layers than the files have tensors.
    """
    depths = {"num_hidden_layers": config.num_hidden_layers}
    if config.conditioner == "bind":
        depths["bind_blocks"] = config.bind_blocks
    if config.conditioner == "vision":
        depths["vision_blocks"] = config.vision_blocks
        depths["vision_clip.num_hidden_layers"] = (config.vision_clip or {})["num_hidden_layers"]
    for field, depth in depths.items():
        if depth > len(found):
            raise CheckpointError(
                f"{where}: config.json says {field} {depth}, the weights are {len(found)} tensors "
                "in all"
            )


def built(directory: Path, config: ConditionFields) -> ConditionedLM:
    """Makes the model that a configuration describes; call it on the meta device.

    Raises:
        CheckpointError: Sizes that no model can have together.
    """
    try:
        return made(config)
    except Exception as error:  # sizes that contradict each other fail anywhere in the libraries
        raise CheckpointError(
            f"{directory / 'config.json'} describes no model: {one_line(error)}"
        ) from error


def made(config: ConditionFields) -> ConditionedLM:
    """Makes the model of its family that a configuration describes."""
    family = family_of(config.model_type)
    assert family is not None, config.model_type
    return family[1](config)


def expected_shapes(config: ConditionFields) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a checkpoint of this configuration must hold."""
    with without_values():
        return shapes_of(made(config))


def shapes_of(model: PreTrainedModel) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a model that a file holds."""
    tied = model.all_tied_weights_keys
    return {n: tuple(t.shape) for n, t in model.state_dict().items() if n not in tied}


def compare_tensors(expected: Shapes, found: Shapes, where: str) -> None:
    """Raises one CheckpointError that names missing, extra and misshapen tensors."""
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    misshapen = [
        f"{name} {list(found[name])} instead of {list(expected[name])}"
        for name in expected
        if name in found and found[name] != expected[name]
    ]
    problems = [
        f"{len(names)} {kind}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
        for kind, names in (("missing", missing), ("extra", extra), ("misshapen", misshapen))
        if names
    ]
    if problems:
        raise CheckpointError(f"tensors of {where} do not fit its config: {'; '.join(problems)}")


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keeps transformers from drawing progress bars on stderr."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
