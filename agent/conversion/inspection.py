"""`sensebind models inspect`: what is in a checkpoint directory, without reading a tensor."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from sensebind.agent.conversion.output import RECORD_NAME
from sensebind.agent.gated_llama.base_model import ADAPTER_NAME, BaseReference, is_adapter
from sensebind.agent.gated_llama.config import TYPE_PREFIX
from sensebind.agent.gated_llama.loading import compare_depths, read_config
from sensebind.console import console
from sensebind.errors import CheckpointError, InputError
from sensebind.memory.visual_cache import INDEX_FILE, SIDECAR_FILE, read_sidecar
from sensebind.perception.checkpoint_json import check_bounds, read_object
from sensebind.perception.imagebind.checkpoint import modality_of
from sensebind.perception.imagebind.config import ImageBindConfig
from sensebind.perception.imagebind.guard import purpose
from sensebind.perception.tensor_files import (
    MOST_INDEX_BYTES,
    TensorFile,
    TensorFiles,
    directory_files,
    open_directory,
)

_ACTIVATIONS = 300 * 10**6
"""Bytes besides the weights: activations of a short prompt, and the interpreter's own buffers."""


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part of a checkpoint.

    Attributes:
        part: Its folder, with the trunk or the component; "language model" at the top.
        kind: Model type of its configuration.
        parameters: Number of weights (for a cache: numbers in all vectors).
        bytes: On disk.
        dtypes: Types of the tensors.
        memory: Expected bytes in memory once it is loaded as it is stored.
        digests: sha256 by file.
    """

    part: str
    kind: str
    parameters: int
    bytes: int
    dtypes: tuple[str, ...]
    memory: int
    digests: dict[str, str]


def inspect(directory: Path, *, digests: bool = False) -> dict[str, Any]:
    """Looks at a checkpoint directory.

    Args:
        directory: With config.json, or with parts in folders.
        digests: Read all files to compute their digests; otherwise those of the conversion.

    Returns:
        `directory`, `parts`, `inputs` of the conversion, `memory` in all, and `trained_on`: what
        the encoders know, "" where nothing says it.

    Raises:
        InputError: No such directory.
        CheckpointError: Nothing in it that is a model, or a damaged file.
    """
    if not directory.is_dir():
        raise InputError(f"no directory {directory}")
    parts: list[PartInfo] = []
    inputs: list[dict[str, Any]] = []
    for folder in (directory, *sorted(path for path in directory.iterdir() if path.is_dir())):
        name = "language model" if folder == directory else folder.name
        if (folder / "config.json").is_file():
            parts += _model(name, folder, digests)
        elif (folder / SIDECAR_FILE).is_file():
            parts.append(_cache(name, folder))
        inputs += _record(folder).get("inputs", [])
    if not parts:
        raise CheckpointError(
            f"{directory} holds no model: neither config.json nor a part's folder"
        )
    return {
        "directory": str(directory),
        "parts": [asdict(part) for part in parts],
        "inputs": inputs,
        "memory": sum(part.memory for part in parts),
        "trained_on": purpose(directory),
    }


def run(directory: Path, *, digests: bool = False, as_json: bool = False) -> int:
    """For the command line."""
    found = inspect(directory, digests=digests)
    if as_json:
        print(json.dumps(found))
        return 0
    table = Table(title=found["directory"], title_justify="left")
    for column in ("part", "kind", "types"):
        table.add_column(column, overflow="fold")
    for column in ("parameters", "on disk", "in memory"):
        table.add_column(column, justify="right", no_wrap=True)
    for part in found["parts"]:
        table.add_row(
            part["part"],
            part["kind"],
            ", ".join(part["dtypes"]),
            _count(part["parameters"]),
            _size(part["bytes"]),
            _size(part["memory"]),
        )
    out = console(soft_wrap=False)
    out.print(table)
    out.print(
        f"in memory all together: {_size(found['memory'])}, and {_size(_ACTIVATIONS)} to work with"
    )
    if found["trained_on"]:
        out.print(f"trained on {found['trained_on']}", soft_wrap=True)
    for part in found["parts"]:
        for file, digest in part["digests"].items():
            out.print(f"sha256 {digest}  {part['part']}/{file}", soft_wrap=True)
    for one in found["inputs"]:
        made = f"made from {one['name']} ({_size(one['bytes'])}, sha256 {one['sha256']})"
        out.print(made, soft_wrap=True)
    return 0


def _model(name: str, folder: Path, compute: bool) -> list[PartInfo]:
    config = read_object(folder / "config.json")
    kind = str(config.get("model_type", "unknown"))[:40]
    if is_adapter(folder):
        return _adapter(folder, kind, compute)
    files = open_directory(folder)
    if kind.startswith(TYPE_PREFIX):
        compare_depths(read_config(folder), files.shapes, str(folder))
    elif kind == "imagebind":
        ImageBindConfig.from_fields(config, source=folder / "config.json")
    else:
        try:
            check_bounds(config)
        except ValueError as error:
            raise CheckpointError(f"{folder / 'config.json'} cannot be used: {error}") from error
    paths = directory_files(folder)
    written = _record(folder).get("outputs", {})
    digests = {
        path.name: _sha256(path) if compute else written.get(path.name, {}).get("sha256", "")
        for path in paths
    }
    digests = {file: digest for file, digest in digests.items() if digest}
    if kind != "imagebind":
        return [_part(name, kind, files, list(files.shapes), digests)]
    trunks: dict[str, list[str]] = {}
    for tensor in files.shapes:
        trunks.setdefault(modality_of(tensor) or "other", []).append(tensor)
    parts = []
    for trunk, names in trunks.items():
        own = {file: digest for file, digest in digests.items() if trunk in file}
        own = own or (digests if not parts else {})
        parts.append(_part(f"{name}/{trunk}", kind, files, names, own))
    return parts


def _adapter(folder: Path, kind: str, compute: bool) -> list[PartInfo]:
    """An adapter, and the language model that it belongs to."""
    config = read_config(folder)
    path = folder / ADAPTER_NAME
    files = TensorFiles([TensorFile(path)], folder)
    digests = {path.name: _sha256(path)} if compute else {}
    parts = [_part("adapter", kind, files, list(files.shapes), digests)]
    try:
        base = BaseReference.of(config.base or {}).find(folder)
    except ValueError as error:
        raise CheckpointError(f"{folder / 'config.json'} cannot be used: {error}") from error
    return parts + _model("language model", base, compute)


def _part(
    name: str, kind: str, files: TensorFiles, tensors: list[str], digests: dict[str, str]
) -> PartInfo:
    counts = {tensor: math.prod(files.shapes[tensor]) for tensor in tensors}
    size = sum(count * files.dtypes[tensor].itemsize for tensor, count in counts.items())
    types = sorted({str(files.dtypes[tensor]).removeprefix("torch.") for tensor in tensors})
    return PartInfo(name, kind, sum(counts.values()), size, tuple(types), size, digests)


def _cache(name: str, folder: Path) -> PartInfo:
    info = read_sidecar(folder / SIDECAR_FILE)
    numbers, digest = info.dimension * info.count, {INDEX_FILE: info.index_sha256}
    size = info.index_bytes
    return PartInfo(name, "visual cache", numbers, size, (info.factory,), size, digest)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD_NAME
    if not path.is_file():
        return {}
    return read_object(path, MOST_INDEX_BYTES)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 10**8 else f"{count / 1e6:.1f} MB"


def _count(count: int) -> str:
    return f"{count / 1e9:.2f} G" if count >= 10**9 else f"{count / 1e6:.2f} M"
