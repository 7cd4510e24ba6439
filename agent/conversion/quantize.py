"""`sensebind models quantize`: a checkpoint directory with weights of 8 or 4 bits."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensebind.agent.conversion.output import Output, Part, by_size, digest_inputs, write_directory
from sensebind.agent.gated_llama.base_model import is_adapter
from sensebind.agent.gated_llama.loading import (
    built,
    compare_depths,
    compare_tensors,
    read_config,
    shapes_of,
)
from sensebind.agent.gated_llama.quantization import (
    layers_to_quantize,
    quantize_weight,
    quantized_shapes,
    read_layout,
    write_layout,
)
from sensebind.errors import ConfigurationError
from sensebind.perception.tensor_files import directory_files, open_directory

_WEIGHTS = (".safetensors", ".safetensors.index.json")


def quantize_directory(source: Path, output: Path, bits: int) -> dict[str, Any]:
    """Quantises tensor by tensor; other parts of the directory come along as they are.

    Returns:
        The record of the conversion.

    Raises:
        ConfigurationError: Already quantised, an adapter alone, or with an unmerged LoRA.
        CheckpointError: No gated LLaMA, or a damaged one.
        StorageError: The output cannot be written.
    """
    if bits not in (4, 8):
        raise ConfigurationError(f"weights can have 8 or 4 bits, not {bits}")
    config = read_config(source)
    if is_adapter(source):
        raise ConfigurationError(f"{source} is an adapter; what would be quantised is its base")
    if read_layout(source):
        raise ConfigurationError(f"{source} is quantised already")
    if config.lora_rank:
        raise ConfigurationError(f"{source} has an unmerged LoRA: convert without --keep-lora")
    files = open_directory(source)
    shapes = files.shapes
    compare_depths(config, shapes, str(source))
    with torch.device("meta"):
        model = built(source, config)
    compare_tensors(shapes_of(model), shapes, str(source))
    layers = layers_to_quantize(model, bits)

    @lru_cache(maxsize=1)
    def quantized(layer: str) -> tuple[Tensor, Tensor]:
        return quantize_weight(files.read(f"{layer}.weight"), layers[layer])

    outputs = []
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if layer not in layers or kind != "weight":
            outputs.append(Output(name, shape, torch.bfloat16, partial(files.read, name)))
            continue
        for index, (end, (its, dtype)) in enumerate(
            zip(("codes", "scales"), quantized_shapes(*shape, layers[layer]), strict=True)
        ):
            make = partial(lambda layer, index: quantized(layer)[index], layer, index)
            outputs.append(Output(f"{layer}.{end}", its, dtype, make))

    def finish(folder: Path) -> None:
        write_layout(folder, layers)
        for path in source.iterdir():
            if path.is_dir():
                shutil.copytree(path, folder / path.name, copy_function=_link)
            elif not path.name.endswith(_WEIGHTS) and not (folder / path.name).exists():
                shutil.copyfile(path, folder / path.name)

    record = {
        "part": "language model",
        "inputs": digest_inputs({path.name: path for path in directory_files(source)}),
        "bits": bits,
    }
    shards = by_size(outputs)
    part = Part("the language model", "", shards, finish, record, files.release)
    write_directory(output, [part])
    return part.record


def run(source: Path, output: Path, bits: int) -> int:
    """For the command line."""
    quantize_directory(source, output, bits)
    print(f"{output}: {bits} bits; see it with: sensebind models inspect {output}")
    return 0


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
