"""`sensebind convert`: published files to a checkpoint directory."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sensebind.agent.conversion.cache_part import cache_part
from sensebind.agent.conversion.imagebind_part import MERGES_NAME, imagebind_part
from sensebind.agent.conversion.llama_files import Llama, add_delta, open_llama
from sensebind.agent.conversion.llama_part import Adapter, llama_part
from sensebind.agent.conversion.output import RECORD_NAME, Part, digest_inputs, write_directory
from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind.config import ImageBindConfig

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class ConvertOptions:
    """What to convert, and where to.

    Attributes:
        output: Directory to make, or to add parts to.
        imagebind: imagebind_huge.pth, imagebind_w3D.pth, or a Point-Bind file.
        point: A file whose point trunk is added to `imagebind`.
        modalities: Trunks to convert; all that there are when empty.
        imagebind_config: config.json of an ImageBind of other than the published sizes.
        bpe: CLIP's merges file; looked for next to `imagebind` if not given.
        llama: Meta's or a Hugging Face directory.
        delta: Open-Chinese-LLaMA's differences.
        adapter: An ImageBind-LLM or LLaMA-Adapter file.
        clip: Weights of CLIP ViT-L/14 for an adapter file without them.
        tokenizer: Instead of the one next to the LLaMA.
        keep_lora: Leave the LoRA unmerged, to train on.
        cache: knn.index.
        index: Form of the cache's vectors, "sq8" or "fp16".
        dtype: Of all weights.
        force: Convert although the adapter seems to be trained on another base.
        tanh_gates: LLaMA-Adapter V1: gates through tanh as in its training code; the released
            inference code, which the released file goes with, uses them raw.
        fields: Further fields of the language model's configuration, that no shape shows.
    """

    output: Path
    imagebind: Path | None = None
    point: Path | None = None
    modalities: Sequence[str] = ()
    imagebind_config: Path | None = None
    bpe: Path | None = None
    llama: Path | None = None
    delta: Path | None = None
    adapter: Path | None = None
    clip: Path | None = None
    tokenizer: Path | None = None
    keep_lora: bool = False
    cache: Path | None = None
    index: str = "sq8"
    dtype: str = "bfloat16"
    force: bool = False
    tanh_gates: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def convert(options: ConvertOptions, say: Any = lambda line: None) -> list[dict[str, Any]]:
    """Converts, and returns the record of each part.

    Everything is checked against the headers before the first tensor is read.

    Args:
        options: What and where to.
        say: Called with lines for people.

    Raises:
        SenseBindError: See the parts; nothing that loads is left behind.
    """
    _check(options)
    dtype = DTYPES[options.dtype]
    plans: list[tuple[Part, dict[str, Path]]] = []
    if options.llama is not None:
        plans.append(_language_model(options, dtype, say))
    if options.imagebind is not None or options.point is not None:
        plans.append(_imagebind(options, dtype))
    if options.cache is not None:
        part = cache_part(options.cache, [], form=options.index, say=say)
        plans.append((part, {"index": options.cache}))
    for part, inputs in plans:
        say(f"reading {', '.join(path.name for path in inputs.values())}")
        part.record["inputs"] = digest_inputs(inputs)
    parts = [part for part, _ in plans]
    with _Progress() as progress:
        write_directory(options.output, parts, progress=progress)
    return [
        json.loads((options.output / part.folder / RECORD_NAME).read_text("utf-8"))
        for part in parts
    ]


def run(options: ConvertOptions, *, as_json: bool = False) -> int:
    """Converts and prints what was made; for the command line."""
    records = convert(options, say=_tell)
    if as_json:
        print(json.dumps({"output": str(options.output), "parts": records}, ensure_ascii=False))
    else:
        names = ", ".join(record["part"] for record in records)
        print(f"{options.output}: {names}")
        print(f"See it with: sensebind models inspect {options.output}")
    return 0


def _check(options: ConvertOptions) -> None:
    if options.dtype not in DTYPES:
        raise ConfigurationError(f"--dtype is one of {', '.join(DTYPES)}, not {options.dtype!r}")
    given = (options.imagebind, options.point, options.llama, options.cache)
    if options.adapter is not None and options.llama is None:
        raise InputError(f"{options.adapter} needs the LLaMA that it was trained on: give --llama")
    if not any(given):
        raise InputError("nothing to convert: give --imagebind, --llama or --cache")
    for what, needs in (("delta", "llama"), ("clip", "adapter"), ("tokenizer", "llama")):
        if getattr(options, what) is not None and getattr(options, needs) is None:
            raise InputError(f"--{what} goes with --{needs}")
    if options.output.is_file():
        raise InputError(f"{options.output} is a file, not a directory")


def _language_model(
    options: ConvertOptions, dtype: torch.dtype, say: Any
) -> tuple[Part, dict[str, Path]]:
    assert options.llama is not None
    plain: Llama = open_llama(options.llama)
    llama = plain if options.delta is None else add_delta(plain, options.delta)
    adapter = None if options.adapter is None else Adapter(options.adapter, options.clip)
    fields = dict(options.fields)
    if adapter is not None and adapter.kind.endswith("V1"):
        fields.setdefault("gate_tanh", options.tanh_gates)
    part = llama_part(
        llama,
        adapter,
        [],
        dtype=dtype,
        tokenizer=options.tokenizer,
        merge=not options.keep_lora,
        force=options.force,
        plain=None if llama is plain else plain,
        say=say,
        fields=fields,
    )
    inputs = dict(llama.files)
    for file in adapter.files if adapter is not None else ():
        inputs["adapter" if file.path == options.adapter else "CLIP"] = file.path
    tokenizer = options.tokenizer or llama.tokenizer
    if isinstance(tokenizer, Path):
        inputs["tokenizer"] = tokenizer if tokenizer.is_file() else tokenizer / "tokenizer.json"
    return part, inputs


def _imagebind(options: ConvertOptions, dtype: torch.dtype) -> tuple[Part, dict[str, Path]]:
    named = {"ImageBind": options.imagebind, "point trunk": options.point}
    files = {role: path for role, path in named.items() if path is not None}
    beside = next(iter(files.values())).parent / MERGES_NAME
    merges = options.bpe or (beside if beside.is_file() else None)
    sizes = None
    if (path := options.imagebind_config) is not None:
        try:
            sizes = ImageBindConfig.from_json(path.read_text("utf-8"), source=path)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {path}: {error}") from error
    part = imagebind_part(
        files,
        [],
        dtype=dtype,
        merges=merges,
        modalities=options.modalities or None,
        sizes=sizes,
    )
    used = {"merges": merges} if merges is not None and "text" in part.shards else {}
    return part, files | used


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


class _Progress:
    """A line on a terminal that says how far it is."""

    def __enter__(self) -> _Progress:
        self._shown = sys.stderr.isatty()
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._shown:
            print(f"\r{what}: {done / 1e9:.1f} of {total / 1e9:.1f} GB ", end="", file=sys.stderr)

    def __exit__(self, *exception: object) -> None:
        if self._shown:
            print(file=sys.stderr)
