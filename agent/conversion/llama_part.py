"""The language model: a LLaMA, with or without one of the published adapters."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from sensebind.agent.conversion.base_check import BaseCheck, check_base, compare_sizes
from sensebind.agent.conversion.clip_tower import ClipTower
from sensebind.agent.conversion.llama_files import Llama
from sensebind.agent.conversion.llama_tensors import (
    Recipe,
    config_of,
    llama_recipes,
    merged_config,
    official_name,
    recipes,
)
from sensebind.agent.conversion.output import Output, Part, by_size
from sensebind.agent.conversion.tokenizers import open_tokenizer
from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.agent.gated_llama.loading import compare_tensors, expected_shapes, shapes_of
from sensebind.agent.gated_llama.tokenizer_files import GENERATION_NAME, read_generation
from sensebind.errors import CheckpointError, InputError, one_line
from sensebind.perception.tensor_files import Shape, TensorFile, Tensors, refuse_quantized
from sensebind.perception.without_values import without_values

PUBLISHED_CONTEXT = 512
"""Prompt and answer together, in all published adapters."""


class Adapter:
    """The tensors of an adapter file (and of CLIP's, for LLaMA-Adapter V2) by official name.

    Attributes:
        shapes: By official name.
        label: What error messages call it.
        files: To unmap.
        extra: What the adapter file holds besides the tensors (plain values), such as `config`.
    """

    def __init__(self, path: Path, clip: Path | None = None) -> None:
        self.label = str(path)
        main = TensorFile(path)
        self.extra = main.extra
        self.files = [main]
        self._from: dict[str, tuple[Tensors, str]] = {}
        for theirs in main.shapes:
            if name := official_name(theirs):
                self._from[name] = (main, theirs)
        if clip is not None:
            tower = ClipTower(clip)
            self.files += tower.files
            self._from |= {name: (tower, name) for name in tower.shapes}
        for file in self.files:
            refuse_quantized(file, str(file.path))
        self.shapes: dict[str, Shape] = {
            name: file.shapes[theirs] for name, (file, theirs) in self._from.items()
        }
        if not any(name in self.shapes for name in ("prefix_query.weight", "adapter_query.weight")):
            raise CheckpointError(
                f"{path} is no adapter: it has neither prefix_query (ImageBind-LLM) nor "
                "adapter_query (LLaMA-Adapter)"
            )

        if "visual_query.weight" in self.shapes and "clip.visual.conv1.weight" not in self.shapes:
            raise CheckpointError(
                f"{path} is a LLaMA-Adapter V2 without CLIP ViT-L/14: give --clip, CLIP's model "
                "directory or file of Hugging Face (openai/clip-vit-large-patch14)"
            )

    @property
    def kind(self) -> str:
        """Which of the published models it belongs to."""
        if "prefix_query.weight" in self.shapes:
            return "ImageBind-LLM"
        return "LLaMA-Adapter " + ("V2" if "visual_query.weight" in self.shapes else "V1")

    def read(self, name: str) -> Tensor:
        """One tensor by official name."""
        file, theirs = self._from[name]
        return file.read(theirs)


class _Overlay:
    """Base and adapter under official names; where both have a tensor, the adapter's counts."""

    def __init__(self, base: Tensors, adapter: Tensors | None) -> None:
        self._base, self._adapter = base, adapter
        self.shapes: dict[str, Shape] = {f"llama.{n}": s for n, s in base.shapes.items()}
        self.shapes |= {} if adapter is None else adapter.shapes

    def read(self, name: str) -> Tensor:
        if self._adapter is not None and name in self._adapter.shapes:
            return self._adapter.read(name)
        try:
            return self._base.read(name.removeprefix("llama."))
        except KeyError as error:
            raise CheckpointError(f"neither the LLaMA nor the adapter holds {name}") from error


def llama_part(
    llama: Llama,
    adapter: Adapter | None,
    digests: list[dict[str, Any]],
    *,
    dtype: torch.dtype,
    tokenizer: Path | PreTrainedTokenizerFast | None = None,
    merge: bool = True,
    force: bool = False,
    plain: Llama | None = None,
    say: Callable[[str], None] = lambda line: None,
    fields: dict[str, Any] | None = None,
) -> Part:
    """Plans the conversion of a LLaMA, and checks that an adapter belongs to it.

    Args:
        llama: The base model.
        adapter: One of the published adapters.
        digests: Of the inputs, for the record.
        dtype: Of the tensors.
        tokenizer: Instead of the one next to the LLaMA.
        merge: Merge the LoRA into the weights.
        force: Go on although the base is another one.
        plain: The base before a delta was added to it.
        say: Called with the result of the comparison of the base.
        fields: Further fields of the configuration, that no shape shows.

    Raises:
        CheckpointError: Sizes, names or shapes that do not fit; another base than the adapter's.
        InputError: No tokenizer.
    """
    own = llama.directory if adapter is None else None  # adapters were trained with one prompt
    if tokenizer is None and own is not None and (own / "tokenizer.json").is_file():
        tokenizer = own
    tokenizer = tokenizer or llama.tokenizer
    if tokenizer is None:
        raise InputError(
            f"{llama.label} has no tokenizer.model: put LLaMA's there, or give --tokenizer"
        )
    record: dict[str, Any] = {
        "part": "language model",
        "inputs": digests,
        "dtype": str(dtype).removeprefix("torch."),
    }
    if adapter is None:
        source = _Overlay(llama.tensors, None)
        config: LlamaConfig = LlamaConfig(**llama.config)
        assert config.head_dim
        made = llama_recipes(source.shapes, config.head_dim)
        with without_values():
            expected = shapes_of(LlamaForCausalLM(config))
    else:
        compare_sizes(adapter.shapes, llama.config, adapter.label, llama.label)
        check = check_base(adapter, llama.tensors, plain and plain.tensors)
        record |= {"adapter": adapter.kind, "base_check": check.record()}
        say(check.describe())
        _refuse(check, adapter, llama, force)
        source = _Overlay(llama.tensors, adapter)
        config, made = _gated(source, llama, adapter, merge, fields or {})
        expected = expected_shapes(config)
    where = llama.label if adapter is None else f"{llama.label} and {adapter.label}"
    compare_tensors(expected, {one.name: one.shape for one in made}, where)
    outputs = [Output(one.name, one.shape, dtype, partial(one.make, source.read)) for one in made]

    ready = open_tokenizer(
        tokenizer,
        config.vocab_size,
        config.max_position_embeddings,
        keep_template=adapter is None,
    )
    generation = _own_generation(own, config.vocab_size)

    def finish(folder: Path) -> None:
        ready.save_pretrained(folder)
        config.dtype = dtype
        config.architectures = ["LlamaForCausalLM" if adapter is None else "GatedLlamaForCausalLM"]
        if generation is None:
            _generation(config).save_pretrained(folder)
        else:
            # As it is: `GenerationConfig.save_pretrained` refuses settings that models came with.
            (folder / GENERATION_NAME).write_text(json.dumps(generation, indent=2) + "\n", "utf-8")
        config.save_pretrained(folder)

    def release() -> None:
        llama.release()
        for file in adapter.files if adapter else ():
            file.release()

    return Part(
        name="the language model",
        folder="",
        shards=by_size(outputs),
        finish=finish,
        record=record,
        release=release,
    )


def _gated(
    source: _Overlay, llama: Llama, adapter: Adapter, merge: bool, fields: dict[str, Any]
) -> tuple[GatedLlamaConfig, list[Recipe]]:
    try:
        sizes = config_of(
            source.shapes,
            norm_eps=llama.config["rms_norm_eps"],
            max_seq_len=PUBLISHED_CONTEXT,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            **fields,
        )
    except CheckpointError:
        raise
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"the sizes of {adapter.label} on {llama.label} do not fit: {one_line(error)}"
        ) from error
    same = ("rope_parameters", "rope_theta", "rope_scaling", "head_dim", "tie_word_embeddings")
    given = {key: llama.config[key] for key in same if key in llama.config}
    config = GatedLlamaConfig.from_dict(sizes.to_dict() | given)
    merge = merge and config.lora_rank > 0
    if merge:
        config = merged_config(config)
    return config, recipes(source.shapes, config, merge=merge)


def _refuse(check: BaseCheck, adapter: Adapter, llama: Llama, force: bool) -> None:
    if check.fits or force:
        return
    if check.without_delta is not None and check.without_delta < check.distance:
        advice = "it was trained on the plain LLaMA: leave out --delta"
    else:
        advice = (
            "ImageBind-LLM's 7B.pth needs Open-Chinese-LLaMA (--delta), all others the LLaMA of "
            "the first release"
        )
    raise CheckpointError(
        f"{adapter.label} was trained on another model than {llama.label}: {check.describe()}. "
        f"Together they would talk nonsense; {advice}; --force converts them all the same"
    )


def _own_generation(directory: Path | None, vocabulary: int) -> dict[str, Any] | None:
    """The generation settings of a model of Hugging Face; None where there are none to keep."""
    if directory is None or not (directory / GENERATION_NAME).is_file():
        return None
    return read_generation(directory, vocabulary)


def _generation(config: LlamaConfig) -> GenerationConfig:
    """What the published demos use."""
    return GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=0 if config.pad_token_id is None else config.pad_token_id,
        max_new_tokens=256,
        do_sample=True,
        temperature=0.1,
        top_p=0.75,
    )
