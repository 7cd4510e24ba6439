"""Opens a gated LLaMA checkpoint directory, or says in one line what is wrong with it."""

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.agent.gated_llama.model import GatedLlamaForCausalLM
from sensebind.agent.gated_llama.quantization import (
    LAYOUT_NAME,
    QuantizedLinear,
    read_layout,
    replace_layers,
)
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.tensor_files import open_directory

logger = logging.getLogger(__name__)
LARGE = 1_000_000_000
"""Numbers from which on a model is large: it would take 4 GB and more in float32."""
Shapes = Mapping[str, tuple[int, ...]]


def load_gated_llama(
    directory: str | Path, dtype: torch.dtype | None = None, *, device: str = "cpu"
) -> tuple[GatedLlamaForCausalLM, PreTrainedTokenizerBase]:
    """Loads model (in eval mode) and tokenizer from local files.

    All names and shapes are compared before any weight is read.

    Args:
        directory: Hugging Face layout: `config.json`, safetensors (sharded or not), tokenizer.
        dtype: Of the loaded parameters; None leaves it to `computing_dtype`. A quantised model
            stays as it is.
        device: Where they are put.

    Raises:
        CheckpointError: Missing or damaged files; missing, extra or misshapen tensors.
    """
    directory = Path(directory)
    config = read_config(directory)
    if layers := read_layout(directory):
        model = _load_quantized(directory, config, layers)
        return _on(model, device), _load_tokenizer(directory, config)
    compare_tensors(expected_shapes(config), found_shapes(directory), str(directory))
    dtype = dtype or computing_dtype(directory, device)
    try:
        with no_progress_bar():
            model = GatedLlamaForCausalLM.from_pretrained(
                directory, config=config, dtype=dtype, local_files_only=True
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"cannot load {directory}: {one_line(error)}") from error
    return _on(model.eval(), device), _load_tokenizer(directory, config)


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
    files = open_directory(directory)
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
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"cannot load {directory}: {one_line(error)}") from error
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"{directory}: the tokenizer has {len(tokenizer)} tokens, the model only "
            f"{config.vocab_size}"
        )
    return tokenizer


def _load_quantized(
    directory: Path, config: GatedLlamaConfig, layers: Mapping[str, int]
) -> GatedLlamaForCausalLM:
    """Maps a quantised model into memory; what is not quantised is bfloat16."""
    with torch.device("meta"):
        model = GatedLlamaForCausalLM(config)
        try:
            replace_layers(model, layers, empty=True)
        except AttributeError as error:
            raise CheckpointError(f"{directory}: {LAYOUT_NAME} names {one_line(error)}") from error
    tied = model.all_tied_weights_keys
    expected = {n: tuple(t.shape) for n, t in model.state_dict().items() if n not in tied}
    files = open_directory(directory)
    compare_tensors(expected, files.shapes, str(directory))
    model.load_state_dict({name: files.read(name) for name in expected}, strict=False, assign=True)
    model.tie_weights()
    # Buffers that no file holds were made on the meta device, without values.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    for name, buffer in model.named_buffers():
        if buffer.is_meta:
            owner, _, short = name.rpartition(".")
            count = torch.arange(buffer.numel()).view(buffer.shape)  # CLIP's position_ids
            model.get_submodule(owner).register_buffer(short, count, persistent=False)
    for module in model.modules():
        if isinstance(module, QuantizedLinear):
            module.pack()
    try:
        with no_progress_bar():
            model.generation_config = GenerationConfig.from_pretrained(
                directory, local_files_only=True
            )
    except OSError:  # none was saved: that of the configuration stays
        logger.debug("%s has no generation_config.json", directory)
    return model.eval()


def read_config(directory: Path) -> GatedLlamaConfig:
    """Reads and validates `config.json`.

    Raises:
        CheckpointError: It is missing, damaged, of another model, or contradicts itself.
    """
    path = directory / "config.json"
    try:
        fields = json.loads(path.read_text("utf-8"))
        found = fields.get("model_type") if isinstance(fields, dict) else None
        if found != GatedLlamaConfig.model_type:
            raise CheckpointError(
                f"{path} does not describe a gated LLaMA: its model_type is {found!r}, "
                f"not {GatedLlamaConfig.model_type!r}"
            )
        return GatedLlamaConfig.from_dict(fields)
    except FileNotFoundError:
        raise CheckpointError(
            f"{directory} is no checkpoint directory: it has no config.json"
        ) from None
    except (OSError, ValueError, TypeError, StrictDataclassError) as error:
        raise CheckpointError(f"{path} cannot be used: {one_line(error)}") from error


def expected_shapes(config: GatedLlamaConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a checkpoint of this configuration must hold."""
    with torch.device("meta"):
        model = GatedLlamaForCausalLM(config)
    tied = model.all_tied_weights_keys
    return {n: tuple(t.shape) for n, t in model.state_dict().items() if n not in tied}


def found_shapes(directory: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the directory's safetensors files; reads their headers only.

    Raises:
        CheckpointError: No such file, or a damaged one.
    """
    index = directory / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, OSError) as error:
            raise CheckpointError(f"{index} is damaged: {one_line(error)}") from error
        files = [directory / name for name in names]
    else:
        files = [directory / "model.safetensors"]
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            with safe_open(path, "pt") as file:
                names = file.keys()  # a list: the file itself cannot be iterated
                for name in names:
                    shapes[name] = tuple(file.get_slice(name).get_shape())
        except FileNotFoundError:
            raise CheckpointError(f"{directory} has no {path.name}") from None
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged: {one_line(error)}") from error
    return shapes


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
