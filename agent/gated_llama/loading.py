"""Opens a gated LLaMA checkpoint directory, or says in one line what is wrong with it."""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sensebind.agent.gated_llama.config import GatedLlamaConfig, check_fields, token_ids
from sensebind.agent.gated_llama.model import GatedLlamaForCausalLM
from sensebind.agent.gated_llama.quantization import (
    LAYOUT_NAME,
    QuantizedLinear,
    read_layout,
    replace_layers,
)
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import (
    check_bounds,
    number,
    read_object,
    whole_number,
)
from sensebind.perception.tensor_files import TensorFiles, all_finite, open_directory
from sensebind.perception.without_values import without_values

logger = logging.getLogger(__name__)
GENERATION_NAME = "generation_config.json"
_MOST_BYTES = {"tokenizer.json": 256 * 2**20, "chat_template.jinja": 2**20}
LARGE = 1_000_000_000
"""Numbers from which on a model is large: it would take 4 GB and more in float32."""
Shapes = Mapping[str, tuple[int, ...]]


def load_gated_llama(
    directory: str | Path, dtype: torch.dtype | None = None, *, device: str = "cpu"
) -> tuple[GatedLlamaForCausalLM, PreTrainedTokenizerBase]:
    """Loads model (in eval mode) and tokenizer from local files.

    All numbers of the configuration are checked, and all names and shapes compared, before any
    weight is read; then the weights must be finite.

    Args:
        directory: Hugging Face layout: `config.json`, safetensors (sharded or not), tokenizer.
        dtype: Of the loaded parameters; None leaves it to `computing_dtype`. A quantised model
            stays as it is.
        device: Where they are put.

    Raises:
        CheckpointError: Missing or damaged files; numbers out of range, or that contradict each
            other; missing, extra or misshapen tensors; NaN or infinity in a weight.
    """
    directory = Path(directory)
    config = read_config(directory)
    files = open_directory(directory)
    compare_depths(config, files.shapes, str(directory))
    if (directory / GENERATION_NAME).exists():
        read_generation(directory, config.vocab_size)
    tokenizer = _load_tokenizer(directory, config)
    layers = read_layout(directory)
    model = _without_values(directory, config, layers)
    expected = shapes_of(model)
    compare_tensors(expected, files.shapes, str(directory))
    # Of a quantised model, what is not quantised stays as it is.
    dtype = None if layers else dtype or _best_dtype(files, device)
    state = {name: _read(files, name, dtype, directory) for name in expected}
    _fill(model, config, state, directory)
    return _on(model.eval(), device), tokenizer


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
    return _best_dtype(open_directory(directory), device)


def _best_dtype(files: TensorFiles, device: str) -> torch.dtype:
    numbers: Counter[torch.dtype] = Counter()
    for name, shape in files.shapes.items():
        numbers[files.dtypes[name]] += math.prod(shape)
    [(stored, _)] = numbers.most_common(1)  # norms may be stored in another than the rest
    if stored not in (torch.bfloat16, torch.float16) or numbers.total() < LARGE:
        return torch.float32
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def _on(model: GatedLlamaForCausalLM, device: str) -> GatedLlamaForCausalLM:
    torch.nn.Module.to(model, device)
    return model


def _load_tokenizer(directory: Path, config: GatedLlamaConfig) -> PreTrainedTokenizerBase:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (directory / name).exists():
            read_object(directory / name)
    for name, most in _MOST_BYTES.items():
        if (directory / name).is_file() and (size := (directory / name).stat().st_size) > most:
            raise CheckpointError(f"{directory / name} has {size} bytes, more than {most}")
    try:
        # The configuration may name Python files next to it: they are never run, nor asked for.
        tokenizer = AutoTokenizer.from_pretrained(
            directory, local_files_only=True, trust_remote_code=False
        )
        count = max(len(tokenizer), *(1 + one for one in tokenizer.get_vocab().values()))
    except Exception as error:  # the Rust library raises the base class for a damaged file
        raise CheckpointError(f"cannot load {directory}: {one_line(error)}") from error
    if count > config.vocab_size:
        raise CheckpointError(
            f"{directory}: the tokenizer has {count} tokens, the model only {config.vocab_size}"
        )
    ends = token_ids({"": config.eos_token_id}, "", config.vocab_size)
    named = {tokenizer.eos_token_id, *_generation_ends(directory, config.vocab_size)} - {None}
    if ends and named and not named & set(ends):
        raise CheckpointError(
            f"{directory}: config.json ends an answer at token {ends}, the tokenizer and "
            f"{GENERATION_NAME} at {sorted(named)}"
        )
    return tokenizer


def read_generation(directory: Path, vocabulary: int) -> dict[str, Any]:
    """Reads generation_config.json and checks what sampling is computed with.

    Args:
        directory: Of the checkpoint; the file must be there.
        vocabulary: Tokens of the model.

    Raises:
        CheckpointError: It cannot be read, or a number is out of range.
    """
    path = directory / GENERATION_NAME
    fields = read_object(path)
    try:
        check_bounds(fields)
        for key in ("max_new_tokens", "max_length"):
            whole_number(fields, key, default=1)
        whole_number(fields, "top_k", least=0, default=0)
        number(fields, "temperature", above=-1e-30, default=1.0)
        number(fields, "top_p", most=1.0, default=1.0)
        number(fields, "repetition_penalty", default=1.0)
        for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
            token_ids(fields, key, vocabulary)
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    return fields


def _generation_ends(directory: Path, vocabulary: int) -> list[int]:
    if not (directory / GENERATION_NAME).exists():
        return []
    return token_ids(read_generation(directory, vocabulary), "eos_token_id", vocabulary)


def _without_values(
    directory: Path, config: GatedLlamaConfig, layers: Mapping[str, int]
) -> GatedLlamaForCausalLM:
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
    files: TensorFiles, name: str, dtype: torch.dtype | None, directory: Path
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
    model: GatedLlamaForCausalLM,
    config: GatedLlamaConfig,
    state: Mapping[str, torch.Tensor],
    directory: Path,
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
    if not (directory / GENERATION_NAME).exists():  # that of the configuration stays
        return
    try:
        model.generation_config = GenerationConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # whatever the libraries make of what anybody wrote
        raise CheckpointError(f"cannot load {directory}: {one_line(error)}") from error


def read_config(directory: Path) -> GatedLlamaConfig:
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
    if (found := fields.get("model_type")) != GatedLlamaConfig.model_type:
        raise CheckpointError(
            f"{path} does not describe a gated LLaMA: its model_type is {found!r:.80}, "
            f"not {GatedLlamaConfig.model_type!r}"
        )
    try:
        check_fields(fields)
        return GatedLlamaConfig.from_dict(fields)
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise CheckpointError(f"{path} cannot be used: {one_line(error)}") from error


def compare_depths(config: GatedLlamaConfig, found: Shapes, where: str) -> None:
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


def built(directory: Path, config: GatedLlamaConfig) -> GatedLlamaForCausalLM:
    """Makes the model that a configuration describes; call it on the meta device.

    Raises:
        CheckpointError: Sizes that no model can have together.
    """
    try:
        return GatedLlamaForCausalLM(config)
    except Exception as error:  # sizes that contradict each other fail anywhere in the libraries
        raise CheckpointError(
            f"{directory / 'config.json'} describes no model: {one_line(error)}"
        ) from error


def expected_shapes(config: GatedLlamaConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a checkpoint of this configuration must hold."""
    with without_values():
        return shapes_of(GatedLlamaForCausalLM(config))


def shapes_of(model: GatedLlamaForCausalLM) -> dict[str, tuple[int, ...]]:
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
