"""The language model that an adapter belongs to, where the checkpoint holds the adapter alone.

Such a checkpoint has `adapter.safetensors` and a `config.json` whose `base` says which model it
was made for. An adapter on another base produces garbage that no tensor's shape reveals: the
base's fingerprint is compared whenever it is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch

from sensebind.checkpoints.layout import models_directory
from sensebind.errors import CheckpointError
from sensebind.perception.tensor_files import (
    INDEX_NAME,
    WEIGHTS_NAME,
    Shape,
    TensorFile,
    TensorFiles,
    open_directory,
    refuse_quantized,
)

ADAPTER_NAME = "adapter.safetensors"
_SAMPLE = 4096  # bytes that are read in three places of each tensor
_COMPUTED = ".rotary_emb.inv_freq"  # kept by old versions of transformers


@dataclass(frozen=True, slots=True)
class BaseReference:
    """What an adapter's configuration says of its base.

    Attributes:
        fingerprint: Of the base's tensors, see `fingerprint`.
        path: Its directory, relative to the adapter's where it is not absolute; "" where only its
            name is known.
        name: Name by which `sensebind pull` fetches it; "" where it has none.
        file_sha256: Digest of the single file that it was made from, such as a GGUF; "" for none.
    """

    fingerprint: str
    path: str = ""
    name: str = ""
    file_sha256: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Reads the field `base` of a configuration.

        Raises:
            ValueError: It is not what this class writes; says what is wrong.
        """
        known = {name: fields.get(name, "") for name in cls.__dataclass_fields__}
        if odd := [name for name, value in known.items() if not isinstance(value, str)]:
            raise ValueError(f"base.{odd[0]} is not a string")
        if not known["fingerprint"]:
            raise ValueError("base.fingerprint is missing")
        return cls(**known)

    def fields(self) -> dict[str, str]:
        """For `config.json`."""
        return {name: value for name, value in asdict(self).items() if value}

    def find(self, adapter: Path) -> Path:
        """Returns the directory of the base.

        Args:
            adapter: Directory of the adapter.

        Raises:
            CheckpointError: It is not there; says how to get it.
        """
        places = [adapter / self.path] if self.path else []
        places += [models_directory() / self.name] if self.name else []
        for place in places:
            if (place / "config.json").is_file():
                return place
        how = f"`sensebind pull {self.name}`, or " if self.name else ""
        raise CheckpointError(
            f"{adapter} is an adapter whose language model is not at "
            f"{' or '.join(map(str, places)) or 'a known place'}: {how}"
            f"`sensebind adapt BASE -o {adapter}` with the place where it is"
        )


class AdaptedTensors:
    """The tensors of a base, and those of an adapter over them.

    Attributes:
        shapes: Shape by name.
        dtypes: Type by name.
    """

    def __init__(self, base: TensorFiles, adapter: TensorFile, *, tied: bool) -> None:
        """Joins them.

        Args:
            base: The language model.
            adapter: What it is read with; where both have a tensor, the adapter's counts.
            tied: Whether the output head is the embedding; a copy of it in the file is left out.
        """
        self._base, self._adapter = base, adapter
        own = {
            name: shape
            for name, shape in base.shapes.items()
            if not name.endswith(_COMPUTED) and not (tied and name == "lm_head.weight")
        }
        self.shapes: dict[str, Shape] = own | adapter.shapes
        self.dtypes = {name: base.dtypes[name] for name in own} | adapter.dtypes

    def read(self, name: str) -> torch.Tensor:
        """One tensor; it may lie in mapped memory."""
        return (self._adapter if name in self._adapter.shapes else self._base).read(name)


def is_adapter(directory: Path) -> bool:
    """Whether a checkpoint directory holds an adapter alone, and not the whole model."""
    whole = (directory / WEIGHTS_NAME).is_file() or (directory / INDEX_NAME).is_file()
    return not whole and (directory / ADAPTER_NAME).is_file()


def open_base(directory: Path) -> TensorFiles:
    """Opens the tensors of a base.

    Raises:
        CheckpointError: None there, damaged, or in a form that is not plain numbers.
    """
    files = open_directory(directory)
    refuse_quantized(files, str(directory))
    return files


def open_adapted(
    directory: Path, base: Mapping[str, Any] | None, *, tied: bool
) -> tuple[AdaptedTensors, Path]:
    """Opens an adapter with its base.

    Args:
        directory: Of the adapter.
        base: The field `base` of its configuration.
        tied: See `AdaptedTensors`.

    Returns:
        The tensors, and the directory of the base.

    Raises:
        CheckpointError: The base is not there, another one, or damaged.
    """
    if base is None:
        raise CheckpointError(f"{directory} holds an adapter, and its config.json names no base")
    try:
        reference = BaseReference.of(base)
    except ValueError as error:
        raise CheckpointError(f"{directory / 'config.json'} cannot be used: {error}") from error
    where = reference.find(directory)
    files = open_base(where)
    if (found := fingerprint(files)) != reference.fingerprint:
        raise CheckpointError(
            f"{directory} was made for another language model than {where}: its fingerprint is "
            f"{found[:16]}…, not {reference.fingerprint[:16]}…. Together they would produce "
            f"garbage; `sensebind adapt BASE -o {directory}` with the right one"
        )
    return AdaptedTensors(files, TensorFile(directory / ADAPTER_NAME), tied=tied), where


def fingerprint(files: TensorFiles) -> str:
    """Identifies the weights of a model without reading them whole.

    It is the sha256 over name, type and shape of each tensor in the order of their names, and over
    4 KiB from its beginning, middle and end. How they are cut into files makes no difference.
    """
    digest = hashlib.sha256()
    for name in sorted(files.shapes):
        shape, dtype = files.shapes[name], files.dtypes[name]
        digest.update(f"{name} {dtype} {list(shape)}\n".encode())
        data = files.read(name).detach().contiguous().reshape(-1).view(torch.uint8)
        middle = len(data) // 2
        for start in (0, middle, max(0, len(data) - _SAMPLE)):
            digest.update(data[start : start + _SAMPLE].numpy().tobytes())
    files.release()
    return digest.hexdigest()
