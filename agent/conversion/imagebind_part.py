"""ImageBind from its published files: Meta's, the one with the point trunk, and Point-Bind's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensebind.agent.conversion.output import Output, Part
from sensebind.agent.gated_llama.loading import compare_tensors
from sensebind.errors import CheckpointError, InputError
from sensebind.perception.imagebind.checkpoint import CONFIG_NAME, modality_of
from sensebind.perception.imagebind.config import MODALITIES, ImageBindConfig
from sensebind.perception.imagebind.model import ImageBind
from sensebind.perception.imagebind.preprocess.text import read_merges
from sensebind.perception.imagebind.processor import ImageBindProcessor, ProcessorSettings
from sensebind.perception.tensor_files import Shape, TensorFile, refuse_quantized

FOLDER = "imagebind"
MERGES_NAME = "bpe_simple_vocab_16e6.txt.gz"
CLIP_MERGES = 48_894

# Point-Bind wraps ImageBind as `bind` and keeps the point trunk next to it.
_POINT_BIND = (
    (re.compile(r"^module\."), ""),
    (re.compile(r"^bind\.modality_head_point\."), "modality_heads.point."),
    (re.compile(r"^bind\.modality_postprocessor_point\."), "modality_postprocessors.point."),
    (re.compile(r"^bind\."), ""),
    (re.compile(r"^(point_encoder\.|pc_projection$)"), r"point_trunk.\1"),
)
_UNUSED = ("logit_scale",)  # Point-Bind's own, of its training


def published_name(name: str) -> str | None:
    """The name that ImageBind gives to a tensor of any published file; None for an unused one."""
    for pattern, replacement in _POINT_BIND:
        name = pattern.sub(replacement, name)
    return None if name in _UNUSED else name


class Renamed:
    """The tensors of one or two files under ImageBind's names; a later file adds trunks.

    Attributes:
        shapes: Shape of each tensor, by ImageBind's name.
    """

    def __init__(self, files: Sequence[TensorFile]) -> None:
        self._files = files
        self._from: dict[str, tuple[TensorFile, str]] = {}
        self.shapes: dict[str, Shape] = {}
        for file in files:
            for theirs, shape in file.shapes.items():
                if (name := published_name(theirs)) is None:
                    continue
                if modality_of(name) is None:
                    raise CheckpointError(f"{file.path} is no ImageBind: it holds {theirs}")
                self._from[name] = (file, theirs)
                self.shapes[name] = shape

    def read(self, name: str) -> Tensor:
        """One tensor, by ImageBind's name."""
        file, theirs = self._from[name]
        return file.read(theirs)

    def release(self) -> None:
        """Unmaps the files."""
        for file in self._files:
            file.release()


def imagebind_part(
    files: dict[str, Path],
    digests: list[dict[str, Any]],
    *,
    dtype: torch.dtype,
    merges: Path | None,
    modalities: Iterable[str] | None = None,
    sizes: ImageBindConfig | None = None,
) -> Part:
    """Plans the conversion of an ImageBind.

    Args:
        files: Weights by role; a second one adds or replaces trunks (a Point-Bind file).
        digests: Of the inputs, for the record.
        dtype: Of the floating-point tensors.
        merges: CLIP's merges file, for text.
        modalities: Trunks to convert; all that the files hold by default.
        sizes: Of a model that is not the published one.

    Raises:
        CheckpointError: Not an ImageBind; tensors missing, unexpected or misshapen.
        ConfigurationError: A modality that the files lack.
        InputError: No merges file, or not one of CLIP, while text is to be converted.
    """
    opened = [TensorFile(path) for path in files.values()]
    for file in opened:
        refuse_quantized(file, str(file.path))
    where = " and ".join(str(path) for path in files.values())
    source = Renamed(opened)
    found = {modality_of(name) for name in source.shapes}
    whole = (sizes or ImageBindConfig.huge()).only(m for m in MODALITIES if m in found)
    config = whole if modalities is None else whole.only(modalities)
    if "text" in config.trunks:
        _check_merges(merges)
    with torch.device("meta"):
        state = ImageBind(config).state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    others = {name for name in source.shapes if modality_of(name) not in config.trunks}
    given = {name: shape for name, shape in source.shapes.items() if name not in others}
    compare_tensors(wanted, given, f"the ImageBind {where}")
    shards: dict[str, list[Output]] = {trunk: [] for trunk in config.trunks}
    for name, tensor in state.items():
        kept = dtype if tensor.is_floating_point() else tensor.dtype
        make = partial(source.read, name)
        shards[modality_of(name) or ""].append(Output(name, wanted[name], kept, make))

    def finish(folder: Path) -> None:
        directory = None
        if merges is not None and "text" in config.trunks:
            (folder / MERGES_NAME).write_bytes(merges.read_bytes())
            directory = folder
        ImageBindProcessor(ProcessorSettings(), directory).save_pretrained(folder)
        (folder / CONFIG_NAME).write_text(config.to_json(), "utf-8")

    return Part(
        name="ImageBind",
        folder=FOLDER,
        shards=shards,
        finish=finish,
        record={
            "part": "imagebind",
            "inputs": digests,
            "dtype": str(dtype).removeprefix("torch."),
            "trunks": list(config.trunks),
        },
        release=source.release,
    )


def _check_merges(merges: Path | None) -> None:
    if merges is None:
        raise InputError(
            f"text needs CLIP's merges file: give --bpe {MERGES_NAME} "
            "(`sensebind pull clip-bpe` fetches it), or leave text out with --modalities"
        )
    found = len(read_merges(merges, None))
    if found < CLIP_MERGES:
        raise InputError(f"{merges} holds {found} merges, CLIP's file at least {CLIP_MERGES}")
