"""Files of named tensors: headers first, tensors one by one, and nothing in them is executed."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError  # the name alone: what torch raises; no pickle is run
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import read_object

Shape = tuple[int, ...]
TORCH_SUFFIXES = (".pth", ".pt", ".bin")
WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
MOST_INDEX_BYTES = 64 * 2**20
"""Largest index that is read; that of the largest published model has 10 MB."""
_WRAPPERS = ("model", "state_dict")
_IMPOSTORS = {
    b"version https://git-lfs": "a Git LFS pointer: fetch the file it stands for",
    b"<!doctype html": "a web page: the download went wrong",
    b"<html": "a web page: the download went wrong",
    b"\x1f\x8b": "a gzip archive: unpack it first",
}


class Tensors(Protocol):
    """Named tensors that are read one at a time."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape by name, known without reading a tensor."""
        ...

    def read(self, name: str) -> Tensor:
        """One tensor; it may lie in mapped memory, so do not write into it."""
        ...


class TensorFile:
    """One .safetensors, .pth, .pt or .bin file, mapped into memory.

    Attributes:
        path: The file.
        shapes: Shape by name.
        dtypes: Type by name.
        extra: What a torch file holds besides the tensors (plain values), such as `config`.
    """

    def __init__(self, path: str | Path) -> None:
        """Reads the header.

        Raises:
            CheckpointError: Missing, cut off, of another format, with Python objects in it, or
                with a tensor that is larger than its bytes.
        """
        self.path = Path(path)
        self.extra: dict[str, Any] = {}
        self._open: Any = None
        handle = self._opened()
        if isinstance(handle, dict):
            self.shapes = {name: tuple(tensor.shape) for name, tensor in handle.items()}
            self.dtypes = {name: tensor.dtype for name, tensor in handle.items()}
        else:
            slices = {name: handle.get_slice(name) for name in handle.keys()}  # noqa: SIM118
            self.shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            self.dtypes = {n: self._dtype(n, part.get_dtype()) for n, part in slices.items()}

    def read(self, name: str) -> Tensor:
        """One tensor, in mapped memory; see `release`.

        Raises:
            CheckpointError: The bytes cannot be read.
        """
        handle = self._opened()
        try:
            return handle[name] if isinstance(handle, dict) else handle.get_tensor(name)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise _unreadable(self.path, error) from error

    def release(self) -> None:
        """Unmaps the file, as far as nobody holds a tensor of it; the next read maps it again."""
        self._open = None

    def _dtype(self, name: str, called: str) -> torch.dtype:
        try:
            return _DTYPES[called]
        except KeyError:
            raise CheckpointError(
                f"{self.path}: {name} is stored as {called}, a type that PyTorch cannot compute "
                "with: convert it from weights in float32, float16 or bfloat16"
            ) from None

    def _opened(self) -> Any:
        if self._open is None:
            self._open = self._open_safe() if self._is_safe() else self._open_torch()
        return self._open

    def _is_safe(self) -> bool:
        if not self.path.is_file():
            raise CheckpointError(f"no file {self.path}")
        if self.path.suffix not in (".safetensors", *TORCH_SUFFIXES):
            raise CheckpointError(f"{self.path}: weights are .safetensors or .pth files")
        return self.path.suffix == ".safetensors"

    def _open_safe(self) -> Any:
        try:
            return safe_open(self.path, framework="pt")
        except (OSError, SafetensorError, RuntimeError, ValueError) as error:
            raise _unreadable(self.path, error) from error

    def _open_torch(self) -> dict[str, Tensor]:
        with self.path.open("rb") as file:
            start = file.read(32)
        # Files from before torch 1.6 are not archives and cannot be mapped: they are read whole.
        mapped = start.startswith(b"PK")
        try:
            with warnings.catch_warnings(action="ignore"):  # what matters becomes an error here
                state = torch.load(self.path, map_location="cpu", weights_only=True, mmap=mapped)
        except Exception as error:  # a damaged pickle may raise anything; nothing in it ran
            raise _unreadable(self.path, error) from error
        tensors = _state_of(state)
        if tensors is None:
            raise CheckpointError(f"{self.path} is not a dictionary of tensors")
        for name, tensor in tensors.items():
            if tensor.layout != torch.strided or tensor.is_quantized:
                raise CheckpointError(f"{self.path}: {name} is sparse or quantised, not plain")
            if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
                raise CheckpointError(f"{self.path}: {name} claims more than its bytes hold")
        if tensors is not state:
            self.extra = {k: v for k, v in state.items() if k not in _WRAPPERS}
        return tensors


class TensorFiles:
    """Several files as one.

    Attributes:
        files: The files, in the order given.
        shapes: Shape by name, of all files.
        dtypes: Type by name, of all files.
    """

    def __init__(self, files: Sequence[TensorFile], where: str | Path) -> None:
        """Joins them.

        Args:
            files: Files without a name in common.
            where: What error messages call them together.

        Raises:
            CheckpointError: No file, or a name in two of them.
        """
        if not files:
            raise CheckpointError(f"no weights in {where}")
        self.files = tuple(files)
        self._of: dict[str, TensorFile] = {}
        for file in files:
            if twice := self._of.keys() & file.shapes.keys():
                raise CheckpointError(f"{where}: two files hold {min(twice)}")
            self._of |= dict.fromkeys(file.shapes, file)
        self.shapes = {name: shape for file in files for name, shape in file.shapes.items()}
        self.dtypes = {name: dtype for file in files for name, dtype in file.dtypes.items()}

    def read(self, name: str) -> Tensor:
        """One tensor of the file that holds it."""
        return self._of[name].read(name)

    def release(self) -> None:
        """Unmaps all files."""
        for file in self.files:
            file.release()


def directory_files(directory: Path) -> list[Path]:
    """The weights files of a Hugging Face directory: one, or those that its index lists.

    Raises:
        CheckpointError: None there, a listed one is missing, or a damaged index.
    """
    for single in (WEIGHTS_NAME, "pytorch_model.bin"):
        index = directory / f"{single}.index.json"
        if index.is_file():
            try:
                listed = read_object(index, MOST_INDEX_BYTES)["weight_map"].values()
                paths = [directory / _own_name(name) for name in sorted(set(listed))]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CheckpointError(f"{index} is damaged: {one_line(error)}") from error
            if missing := [path.name for path in paths if not path.is_file()]:
                raise CheckpointError(f"{directory} has no {', '.join(missing)}: copy it again")
            return paths
        if (directory / single).is_file():
            return [directory / single]
    raise CheckpointError(f"{directory} has no {WEIGHTS_NAME}")


def _own_name(name: object) -> str:
    """A file of the same folder, by name; an index that points elsewhere is refused."""
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"it names {str(name)[:80]!r}, which is not a file of its own folder")
    return name


def refuse_quantized(tensors: TensorFile | TensorFiles, where: str) -> None:
    """Refuses weights that only mean something together with scales, or are not numbers at all.

    What other tools write in 8 or 4 bits (GPTQ, AWQ, MLX, bitsandbytes, fp8) has the shapes of a
    model, or nearly, and other values.

    Args:
        tensors: The weights.
        where: What the error message calls them.

    Raises:
        CheckpointError: A tensor of another type than float16, bfloat16, float32 or float64.
    """
    odd = [n for n, d in tensors.dtypes.items() if d not in _PLAIN and not _COUNTS.search(n)]
    if odd:
        named = str(tensors.dtypes[odd[0]]).removeprefix("torch.")
        raise CheckpointError(
            f"{where}: {len(odd)} tensors are not plain weights ({odd[0]} is {named}): if the "
            "model was quantised, give the float16, bfloat16 or float32 weights it was made from"
        )


def all_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor is NaN or infinite.

    In one pass and without a copy: a sum is finite only where all its terms are. One that is not
    may have overflowed, so that the extremes decide, which carry NaN along and take longer.
    """
    if tensor.numel() == 0 or tensor.is_meta or math.isfinite(tensor.sum().item()):
        return True
    low, high = tensor.aminmax()
    return bool(low.isfinite() & high.isfinite())


def open_directory(directory: Path) -> TensorFiles:
    """All tensors of a Hugging Face directory; see `directory_files` for the errors."""
    return TensorFiles([TensorFile(path) for path in directory_files(directory)], directory)


def _state_of(state: Any) -> dict[str, Tensor] | None:
    """The tensors of a torch file, out of the wrapper that training scripts put around them."""
    for candidate in _candidates(state):
        if isinstance(candidate, dict) and candidate:
            named = all(isinstance(name, str) for name in candidate)
            if named and all(map(torch.is_tensor, candidate.values())):
                return candidate
    return None


def _candidates(state: Any) -> Iterator[Any]:
    yield state
    if isinstance(state, dict):
        for wrapper in _WRAPPERS:
            yield state.get(wrapper)


def _unreadable(path: Path, error: BaseException) -> CheckpointError:
    """Says what is wrong with a file, in words for the usual accidents."""
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError as failed:
        return CheckpointError(f"cannot read the weights {path}: {failed.strerror or failed}")
    text = str(error)
    if why := next((why for magic, why in _IMPOSTORS.items() if start.startswith(magic)), None):
        reason = f"it is {why}"
    elif "TorchScript" in text:
        reason = "it is a TorchScript program, not weights"
    elif "central directory" in text or "incomplete" in text.lower():
        reason = f"it is cut off ({path.stat().st_size} bytes): copy it again"
    elif "GLOBAL" in text or "Unsupported class" in text:
        reason = "it holds Python objects, which are never run: only tensors are read"
    elif isinstance(error, UnpicklingError | EOFError):
        reason = "it is not a file of torch.save"
    else:
        reason = one_line(error)
    return CheckpointError(f"cannot read the weights {path}: {reason}")


_COUNTS = re.compile(r"(num_batches_tracked|position_ids)$")  # whole numbers in any model
_PLAIN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "C64": torch.complex64,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}
