"""Files of tensors: what is good is read lazily, what is not is named, nothing is executed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sensebind.errors import CheckpointError
from sensebind.perception.tensor_files import (
    TensorFile,
    TensorFiles,
    all_finite,
    open_directory,
)

WEIGHTS = {"a": torch.arange(12.0).view(3, 4), "b": torch.ones(2, dtype=torch.float16)}


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("form", ["zip", "legacy", "model", "state_dict", "safetensors"])
def test_every_form_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(WEIGHTS, path)
    elif form in ("model", "state_dict"):
        torch.save({form: WEIGHTS, "config": {"w_bias": True}}, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=form == "zip")
    file = TensorFile(path)
    assert file.shapes == {"a": (3, 4), "b": (2,)}
    assert file.dtypes == {"a": torch.float32, "b": torch.float16}
    kept = file.read("a")
    file.release()
    assert torch.equal(kept, WEIGHTS["a"])  # a tensor keeps its memory
    assert torch.equal(file.read("b"), WEIGHTS["b"])
    assert file.extra == ({"config": {"w_bias": True}} if form in ("model", "state_dict") else {})


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    marks = [tmp_path / "ran1", tmp_path / "ran2"]
    torch.save({"a": Evil(marks[0])}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Evil(marks[1])}, protocol=2))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(CheckpointError):
            TensorFile(tmp_path / name)
    with pytest.raises(CheckpointError, match="never run"):
        TensorFile(tmp_path / "zip.pth")
    assert not any(mark.exists() for mark in marks)


def test_what_is_no_file_of_tensors_is_named(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "good.pth")
    good = (tmp_path / "good.pth").read_bytes()
    save_file(WEIGHTS, tmp_path / "good.safetensors")
    safe = (tmp_path / "good.safetensors").read_bytes()
    contents = {
        "half.pth": (good[: len(good) // 2], "cut off"),
        "tail.pth": (good[:-40], "cut off"),
        "page.pth": (b"<!DOCTYPE html><html>404</html>", "web page"),
        "page.safetensors": (b"<html>404</html>", "web page"),
        "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "LFS"),
        "junk.pth": (bytes(range(256)), "not a file of torch.save"),
        "empty.pth": (b"", "not a file of torch.save"),
        "short.safetensors": (safe[:-8], "cannot read"),
        "long.safetensors": ((2**62).to_bytes(8, "little") + safe[8:], "cannot read"),
        "note.txt": (b"hello", "weights are"),
    }
    for name, (data, words) in contents.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CheckpointError, match=words) as caught:
            TensorFile(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="no file"):
        TensorFile(tmp_path / "missing.pth")


def test_tensors_that_lie_about_their_size_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1).expand(10**6, 10**6)}, tmp_path / "huge.pth")
    with pytest.raises(CheckpointError, match="claims more"):
        TensorFile(tmp_path / "huge.pth")
    torch.save(torch.ones(2), tmp_path / "one.pth")
    with pytest.raises(CheckpointError, match="not a dictionary"):
        TensorFile(tmp_path / "one.pth")


def test_directories_single_sharded_and_broken(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        open_directory(tmp_path)
    save_file({"a": WEIGHTS["a"]}, tmp_path / "one.safetensors")
    save_file({"b": WEIGHTS["b"]}, tmp_path / "two.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    files = open_directory(tmp_path)
    assert torch.equal(files.read("b"), WEIGHTS["b"])
    assert set(files.shapes) == {"a", "b"}
    twice = [TensorFile(tmp_path / "one.safetensors")] * 2
    with pytest.raises(CheckpointError, match="two files hold a"):
        TensorFiles(twice, tmp_path)
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no two\.safetensors"):
        open_directory(tmp_path)
    index.write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        open_directory(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_sums_that_overflow_are_finite_and_what_is_not_is_found(dtype: torch.dtype) -> None:
    large = torch.full((1000,), torch.finfo(dtype).max, dtype=dtype)
    assert all_finite(large) and all_finite(-large) and all_finite(torch.cat([large, -large]))
    for wrong in (float("nan"), float("inf"), -float("inf")):
        assert not all_finite(torch.cat([large, torch.tensor([wrong], dtype=dtype)]))
        assert not all_finite(torch.tensor([1.0, wrong, 2.0], dtype=dtype))
    both = torch.tensor([float("inf"), -float("inf")], dtype=dtype)
    assert not all_finite(both) and all_finite(torch.zeros(0, dtype=dtype))
