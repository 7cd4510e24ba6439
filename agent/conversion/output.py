"""Writes a checkpoint directory tensor by tensor: resumable, and whole or not there at all.

Everything grows in `<output>.partial`, where nothing loads because no `config.json` exists before
the last tensor is safe on disk. Finished shards are noted in a journal with their digests; the same
command run again goes on behind them. The last step moves the result to its name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from sensebind.errors import CheckpointError, ConfigurationError, StorageError
from sensebind.perception.tensor_files import INDEX_NAME, WEIGHTS_NAME

RECORD_NAME = "conversion.json"
SHARD_BYTES = 2 * 10**9
_JOURNAL, _ROOT, _WHOLE = "journal.json", "root", "whole"
_DISK_MARGIN = 64 * 10**6
_ALIGNMENT = 64
_RELEASE_BYTES = 256 * 10**6  # written between two times of unmapping the inputs
_SAFE_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor to be written.

    Attributes:
        name: In the new file.
        shape: What `make` returns.
        dtype: In the new file.
        make: Reads and computes the tensor, in any type.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        """Size in the file."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass
class Part:
    """One model of a checkpoint directory.

    Attributes:
        name: What messages call it.
        folder: Where it goes within the directory; "" is the directory itself.
        shards: Tensors by shard label; see `by_size`. A label "" is the single file.
        finish: Writes the small files (config, tokenizer) into the folder it is given.
        record: What `conversion.json` says: inputs with their digests, settings, checks.
        release: Called now and then, to unmap the inputs.
        save: Instead of shards: writes the files by itself, in one go.
        bytes: Size of what `save` writes, for the check of the disk.
    """

    name: str
    folder: str
    shards: dict[str, list[Output]]
    finish: Callable[[Path], None]
    record: dict[str, Any]
    release: Callable[[], None] = lambda: None
    save: Callable[[Path], None] | None = None
    bytes: int = 0

    @property
    def total_bytes(self) -> int:
        """Size of the tensors on disk."""
        return self.bytes + sum(one.bytes for shard in self.shards.values() for one in shard)


def by_size(outputs: Sequence[Output], limit: int = SHARD_BYTES) -> dict[str, list[Output]]:
    """Cuts a list of tensors into shards of at most `limit` bytes, or one larger tensor, each."""
    shards: list[list[Output]] = [[]]
    size = 0
    for output in outputs:
        if shards[-1] and size + output.bytes > limit:
            shards.append([])
            size = 0
        shards[-1].append(output)
        size += output.bytes
    if len(shards) == 1:
        return {"": shards[0]}
    return {f"{i:05d}-of-{len(shards):05d}": shard for i, shard in enumerate(shards, 1)}


def write_directory(
    output: Path,
    parts: Sequence[Part],
    *,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> None:
    """Writes all parts, or goes on where an earlier run was cut off, then shows the result.

    Args:
        output: Directory to make, or to add the parts to.
        parts: With different folders.
        progress: Called with the part's name, bytes written and bytes in all.

    Raises:
        ConfigurationError: A part is there already, or another process converts to this place.
        CheckpointError: A tensor came out of an input otherwise than its header promised.
        StorageError: Not enough disk, or it cannot be written.
    """
    for part in parts:
        _refuse_present(output, part)
    work = output.with_name(f"{output.name}.partial")
    try:
        work.mkdir(parents=True, exist_ok=True)
        with _sole_writer(work), _nothing_left(work):
            shutil.rmtree(work / _WHOLE, ignore_errors=True)  # cut off while being put together
            folders = [_write_tensors(work, part, progress) for part in parts]
            for part, folder in zip(parts, folders, strict=True):
                part.finish(folder)  # only now: a config.json makes a directory loadable
            _publish(work, output, parts)
    except OSError as error:
        hint = f" Free some and run the same command again, or delete {work}."
        full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        reason = f"no room left on disk.{hint}" if full else str(error)
        raise StorageError(f"cannot write {output}: {reason}") from error


def write_safetensors(
    path: Path, outputs: Sequence[Output], wrote: Callable[[int], None] = lambda bytes_: None
) -> str:
    """Writes one safetensors file, holding one tensor at a time in memory.

    Returns:
        The sha256 of the file.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for one in outputs:
        header[one.name] = {
            "dtype": _SAFE_NAMES[one.dtype],
            "shape": list(one.shape),
            "data_offsets": [offset, offset + one.bytes],
        }
        offset += one.bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)  # so that mapped tensors are aligned, too
    digest = hashlib.sha256()
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            _put(file, digest, len(text).to_bytes(8, "little") + text)
            for one in outputs:
                tensor = one.make()
                if tuple(tensor.shape) != one.shape:
                    raise CheckpointError(
                        f"{one.name} is {list(tensor.shape)} instead of {list(one.shape)}"
                    )
                tensor = tensor.to(one.dtype).contiguous().reshape(-1)
                _put(file, digest, tensor.view(torch.uint8).numpy().data if one.bytes else b"")
                wrote(one.bytes)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # the error that led here is the one to report
            temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def _write_tensors(work: Path, part: Part, progress: Callable[[str, int, int], None]) -> Path:
    """Writes the shards of a part that are not there yet; returns their folder."""
    folder = work / (part.folder or _ROOT)
    journal_path = work / f"{folder.name}.{_JOURNAL}"
    plan = _plan_digest(part)
    journal = _read_journal(journal_path, plan)
    if not journal["done"]:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    total = part.total_bytes
    finished = {
        label: entry
        for label, entry in journal["done"].items()
        if (file := folder / _shard_name(label)).is_file() and file.stat().st_size == entry["bytes"]
    }
    written = sum(sum(o.bytes for o in part.shards[label]) for label in finished)
    _check_disk(work, total - written)
    mapped = 0
    progress(part.name, written, total)
    for label, outputs in part.shards.items():
        if label in finished:
            continue

        def wrote(count: int) -> None:
            nonlocal written, mapped
            written, mapped = written + count, mapped + count
            progress(part.name, written, total)
            if mapped > _RELEASE_BYTES:
                part.release()
                mapped = 0

        path = folder / _shard_name(label)
        digest = write_safetensors(path, outputs, wrote)
        finished[label] = {"bytes": path.stat().st_size, "sha256": digest}
        _write_text(journal_path, json.dumps({"plan": plan, "done": finished}))
        part.release()
    if part.save is not None:
        part.save(folder)
    if len(part.shards) > 1:
        index = {
            "metadata": {"total_size": total},
            "weight_map": {
                one.name: _shard_name(label) for label in part.shards for one in part.shards[label]
            },
        }
        _write_text(folder / INDEX_NAME, json.dumps(index, indent=1))
    part.record["outputs"] = {_shard_name(k): v for k, v in finished.items()}
    _write_text(folder / RECORD_NAME, json.dumps(part.record, indent=1, ensure_ascii=False))
    return folder


def _publish(work: Path, output: Path, parts: Sequence[Part]) -> None:
    """Puts the finished parts together and moves them to their place.

    A new directory appears in one step. To one that exists, folders are added first and its own
    config.json last, for nothing loads without it.
    """
    whole = work / _WHOLE
    root = work / _ROOT
    if any(not part.folder for part in parts):
        root.replace(whole)
    else:
        whole.mkdir()
    for part in parts:
        if part.folder:
            (work / part.folder).replace(whole / part.folder)
    if not output.exists():
        whole.replace(output)
    else:
        for path in sorted(whole.iterdir(), key=Path.is_file):
            if path.name != "config.json":
                path.replace(output / path.name)
        if (whole / "config.json").exists():
            (whole / "config.json").replace(output / "config.json")
    _sync_directory(output)
    _sync_directory(output.parent)
    shutil.rmtree(work)


def _refuse_present(output: Path, part: Part) -> None:
    there = output / part.folder if part.folder else output / "config.json"
    if there.exists() or (part.folder == "" and output.is_file()):
        raise ConfigurationError(
            f"{there} exists: choose another --output, or remove it to convert {part.name} again"
        )


def _shard_name(label: str) -> str:
    return f"model-{label}.safetensors" if label else WEIGHTS_NAME


def _plan_digest(part: Part) -> str:
    """Digest of inputs, settings and tensors; finished shards of the same one can be kept."""
    tensors = {
        label: [(o.name, o.shape, str(o.dtype)) for o in shard]
        for label, shard in part.shards.items()
    }
    text = json.dumps([part.record, tensors], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_journal(path: Path, plan: str) -> dict[str, Any]:
    try:
        journal = json.loads(path.read_text("utf-8"))
        if journal["plan"] == plan and isinstance(journal["done"], dict):
            return journal
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no journal, or one that was cut off: begin again
    return {"plan": plan, "done": {}}


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _DISK_MARGIN > free:
        raise StorageError(
            f"{folder.parent} has {free / 1e9:.1f} GB of free disk, "
            f"{needed / 1e9:.1f} GB are to be written: free some, or choose another --output"
        )


@contextlib.contextmanager
def _sole_writer(work: Path) -> Iterator[None]:
    with (work / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"another process is converting to {work}") from error
        yield


@contextlib.contextmanager
def _nothing_left(work: Path) -> Iterator[None]:
    """After a failure keeps finished shards, to go on with, and removes everything else."""
    try:
        yield
    except BaseException:  # Ctrl-C leaves no rubbish either
        if not any(work.glob(f"*.{_JOURNAL}")):
            shutil.rmtree(work, ignore_errors=True)
        raise


def _put(file: BinaryIO, digest: Any, data: Any) -> None:
    file.write(data)
    digest.update(data)


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_inputs(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Role, name, size and sha256 of input files, for the record."""
    found = []
    for role, path in files.items():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        found.append({"role": role, "name": path.name, "bytes": size, "sha256": digest})
    return found
