"""Files of an ImageBind: only the wanted tensors are read, and every one is accounted for."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from sensebind.errors import CheckpointError, StorageError
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.imagebind.config import MODALITIES, ImageBindConfig
from sensebind.perception.tensor_files import (
    WEIGHTS_NAME,
    TensorFile,
    TensorFiles,
    all_finite,
    directory_files,
)

CONFIG_NAME = "config.json"
_FEW_BLOCKS = 256  # the published model has 98
_NAMED = 6  # how many tensor names an error message spells out


def modality_of(key: str) -> str | None:
    """The modality a state-dict key belongs to; None for a key of no ImageBind."""
    group, _, rest = key.partition(".")
    name = "point" if group == "point_trunk" else rest.partition(".")[0]
    known = group == "point_trunk" or group.startswith("modality_")
    return name if known and name in MODALITIES else None


def weights_files(path: Path) -> list[Path]:
    """The files with the tensors: `path` itself, or those of the directory, one or sharded.

    Raises:
        CheckpointError: There is none, or one of the index is missing.
    """
    if path.is_dir():
        return directory_files(path)
    if not path.is_file():
        raise CheckpointError(f"no ImageBind weights at {path}")
    return [path]


def identity(path: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells the files of a checkpoint from those that take their place: paths, times, sizes.

    Raises:
        CheckpointError: They are not there.
    """
    files = [*weights_files(path), *([path / CONFIG_NAME] if path.is_dir() else [])]
    try:
        found = [(str(file.resolve()), file.stat()) for file in files if file.exists()]
    except OSError as error:
        raise CheckpointError(f"the ImageBind at {path}: {error.strerror}") from error
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in found)


def read_config(path: Path) -> ImageBindConfig:
    """Sizes next to the weights; for a single file, the published sizes of the trunks it holds.

    Raises:
        CheckpointError: No config.json in the directory, or no readable weights.
        ConfigurationError: A config.json that describes no ImageBind.
    """
    if path.is_dir():
        file = path / CONFIG_NAME
        try:
            fields = read_object(file)
        except FileNotFoundError as error:
            raise CheckpointError(f"cannot read {file}: {error}") from error
        config = ImageBindConfig.from_fields(fields, source=file)
        _compare_depths(path, config)
        return config
    with open_weights(path) as (shapes, _):
        found = {modality_of(key) for key in shapes}
    trunks = [name for name in MODALITIES if name in found]
    if not trunks:
        raise CheckpointError(f"{path} holds no tensor of an ImageBind")
    return ImageBindConfig.huge().only(trunks)


@contextmanager
def open_weights(path: Path) -> Iterator[tuple[dict[str, tuple[int, ...]], Callable[..., Tensor]]]:
    """Opens a weights file without reading its tensors.

    Yields:
        Shapes by key, and a function that reads one tensor by key.

    Raises:
        CheckpointError: Missing or damaged, or a format other than .safetensors, .pth, .pt, .bin.
    """
    files = TensorFiles([TensorFile(file) for file in weights_files(path)], path)
    try:
        yield files.shapes, files.read
    finally:
        files.release()


def read_tensors(
    path: Path, wanted: Mapping[str, torch.Size], trunks: tuple[str, ...], dtype: torch.dtype
) -> dict[str, Tensor]:
    """Reads the wanted tensors and no others.

    Args:
        path: Checkpoint directory or weights file.
        wanted: Shape by key.
        trunks: All modalities that the checkpoint may hold, wanted or not.
        dtype: Type of the floating-point tensors that come back.

    Raises:
        CheckpointError: Tensors are missing, misshapen, or belong to nothing in the config.
    """
    loaded = {modality_of(key) for key in wanted}
    with open_weights(path) as (shapes, read):
        missing = [key for key in wanted if key not in shapes]
        extra = [
            key
            for key in shapes
            if key not in wanted and ((m := modality_of(key)) not in trunks or m in loaded)
        ]
        misshapen = [
            f"{key} {list(shapes[key])} instead of {list(shape)}"
            for key, shape in wanted.items()
            if key in shapes and shapes[key] != tuple(shape)
        ]
        problems = [("missing", missing), ("unexpected", extra), ("misshapen", misshapen)]
        found = [f"{len(keys)} {what} ({_some(keys)})" for what, keys in problems if keys]
        if found:
            raise CheckpointError(f"{path} does not fit its configuration: {'; '.join(found)}")
        return {key: _checked(path, key, read(key), dtype) for key in wanted}


def write(path: Path, config: ImageBindConfig, tensors: Mapping[str, Tensor]) -> None:
    """Writes a checkpoint directory; each file appears whole or not at all.

    Raises:
        StorageError: The directory or a file cannot be written.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    try:
        path.mkdir(parents=True, exist_ok=True)
        _replace(path / WEIGHTS_NAME, lambda file: save_file(state, file, {"format": "pt"}))
        _replace(path / CONFIG_NAME, lambda file: file.write_text(config.to_json(), "utf-8"))
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write the checkpoint {path}: {error}") from error


def fingerprint(path: Path, config: ImageBindConfig) -> str:
    """Twelve digits that distinguish checkpoints, from the sizes and 64 samples of each file.

    Files up to 4 MiB are read whole. It is the same whichever trunks are loaded, and cheap for the
    4.8 GB of the published model; it does not protect against forgery.
    """
    return sampled_digest(weights_files(path), config.to_json())


def sampled_digest(files: list[Path], about: str) -> str:
    """Twelve digits that distinguish a text and files: their sizes and 64 samples of each."""
    block, samples = 1 << 16, 64
    sizes = [file.stat().st_size for file in files]
    whole = hashlib.sha256(f"{about}{','.join(map(str, sizes))}".encode())
    for file, size in zip(files, sizes, strict=True):
        with file.open("rb") as stream:
            for offset in range(0, size, max(block, (size - block) // (samples - 1))):
                stream.seek(offset)
                whole.update(stream.read(block))
    return whole.hexdigest()[:12]


def _compare_depths(path: Path, config: ImageBindConfig) -> None:
    """Refuses more blocks than there are tensors, before as many blocks are made."""
    depths = {name: config.trunk(name).blocks for name in config.trunks}
    if config.point is not None:
        depths["point"] += sum(level.blocks for level in config.point.levels)
    if (blocks := sum(depths.values())) < _FEW_BLOCKS:
        return  # the usual case costs nothing
    with open_weights(path) as (shapes, _):
        if blocks > len(shapes):
            raise CheckpointError(
                f"{path}: {CONFIG_NAME} says {blocks} blocks ({depths}), the weights are "
                f"{len(shapes)} tensors in all"
            )


def _checked(path: Path, key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in the type to compute in; NaN or infinity in it would be in all embeddings."""
    if not tensor.is_floating_point():
        return tensor
    if not key.endswith(".mask") and not all_finite(tensor):  # a causal mask is minus infinity
        raise CheckpointError(
            f"{path}: {key} holds NaN or infinity: the file is damaged, copy it again"
        )
    return tensor.to(dtype)


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _replace(file: Path, write_to: Callable[[Path], object]) -> None:
    """Writes next to `file` and moves into place."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write_to(temporary)
        temporary.chmod(0o644)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
