"""A checkpoint that lies about itself is refused in one line, before anything is made of it."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensebind.agent.conversion.inspection import inspect
from sensebind.agent.llm.checkpoint import load_llm
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError

Change = Callable[[Path], object]
SIZES = (
    "adapter_len",
    "bind_blocks",
    "bind_dim",
    "bind_hidden_size",
    "head_dim",
    "hidden_size",
    "injected_layers",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "query_len",
    "slots",
    "vocab_size",
    "eos_token_id",
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A copy of the embedded checkpoint; its weights are linked where they can be."""

    def copy(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)

    shutil.copytree(default_checkpoint(), tmp_path / "c", copy_function=copy)
    return tmp_path / "c"


def replace(path: Path, data: bytes) -> None:
    """Writes a new file: the old one may be linked with the original."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def number(key: str, value: Any, file: str = "config.json") -> Change:
    def change(directory: Path) -> None:
        body = json.loads((directory / file).read_text())
        *path, last = key.split("/")
        place = body
        for step in path:
            place = place[step]
        place[last] = value
        replace(directory / file, json.dumps(body).encode())

    return change


def content(file: str, data: bytes) -> Change:
    return lambda directory: replace(directory / file, data)


def weights(edit: Callable[[bytes], bytes]) -> Change:
    def change(directory: Path) -> None:
        path = directory / "model.safetensors"
        replace(path, edit(path.read_bytes()))

    return change


def header(edit: Callable[[dict[str, Any], str], object]) -> Change:
    def change(data: bytes) -> bytes:
        length = struct.unpack("<Q", data[:8])[0]
        body = json.loads(data[8 : 8 + length])
        edit(body, next(name for name in body if name != "__metadata__"))
        text = json.dumps(body).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    return weights(change)


def code(directory: Path) -> None:
    """A tokenizer that brings a Python file of its own, which writes a mark when it runs."""
    mark = directory.parent / "ran"
    (directory / "own.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    number("auto_map", {"AutoTokenizer": ["own.Own", None]}, "tokenizer_config.json")(directory)
    number("tokenizer_class", "Own", "tokenizer_config.json")(directory)


LIES: dict[str, Change] = {
    **{f"{k}={v}": number(k, v) for k in SIZES for v in (10**9, -1, 0)},
    **{f"{k}=4096": number(k, 4096) for k in ("num_hidden_layers", "bind_blocks")},
    **{
        f"{k}='x'": number(k, "x")
        for k in ("hidden_size", "num_hidden_layers", "vocab_size", "rms_norm_eps", "senses")
    },
    "a number of a million digits": content("config.json", b'{"a": ' + b"9" * 10**6 + b"}"),
    "rms_norm_eps=nan": number("rms_norm_eps", float("nan")),
    "rope_theta=inf": number("rope_parameters/rope_theta", float("inf")),
    "rope_theta='x'": number("rope_parameters/rope_theta", "x"),
    "rope_type=new": number("rope_parameters/rope_type", "new"),
    "eos_token_id=[2, -5]": number("eos_token_id", [2, -5]),
    "config is a list": content("config.json", b"[]"),
    "config nested 100000 deep": content("config.json", b"[" * 100_000),
    "config of 60 MB": content("config.json", b'{"a": "' + b"x" * 60_000_000 + b'"}'),
    "config of another encoding": content("config.json", b"\xff\xfe{}"),
    "header length 2^60": weights(lambda b: struct.pack("<Q", 2**60) + b[8:]),
    "weights cut to half": weights(lambda b: b[: len(b) // 2]),
    "shape 10^12": header(lambda h, first: h[first].update(shape=[10**12])),
    "offsets overlap": header(lambda h, first: h[first].update(data_offsets=[0, 8])),
    "one tensor renamed": header(lambda h, first: h.update(zz=h.pop(first))),
    "an unknown type": header(lambda h, first: h[first].update(dtype="F8_E8M0")),
    "NaN weights": weights(lambda b: b[:-4096] + b"\xff\xff\xff\x7f" * 1024),
    "infinite weights": weights(lambda b: b[:-2] + b"\x00\x7c"),
    "an index out of the folder": content(
        "model.safetensors.index.json",
        b'{"weight_map": {"model.norm.weight": "../../etc/passwd.safetensors"}}',
    ),
    **{
        f"{file} {data.decode()!r}": content(file, data)
        for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json")
        for data in (b"", b"[]", b"{")
    },
    "max_new_tokens=10^9": number("max_new_tokens", 10**9, "generation_config.json"),
    "temperature='x'": number("temperature", "x", "generation_config.json"),
    "end tokens beyond": number("eos_token_id", 10**6, "generation_config.json"),
    "a template of 2 MB": content("chat_template.jinja", b"x" * 2 * 10**6),
    "a tokenizer with code": code,
}


@pytest.mark.parametrize("change", LIES.values(), ids=LIES.keys())
def test_a_lie_is_one_line(checkpoint: Path, change: Change) -> None:
    change(checkpoint)
    with pytest.raises(CheckpointError) as error:
        load_llm(checkpoint, device="cpu")
    assert "\n" not in str(error.value)
    assert str(checkpoint) in str(error.value)
    assert not (checkpoint.parent / "ran").exists()


@pytest.mark.parametrize("file", ["config.json", "imagebind/config.json"])
def test_inspection_checks_numbers(checkpoint: Path, file: str) -> None:
    key = "vision/width" if file.startswith("imagebind") else "hidden_size"
    number(key, 10**9, file)(checkpoint)
    with pytest.raises(Exception, match=r"hidden_size|vision.width") as error:
        inspect(checkpoint)
    assert "\n" not in str(error.value)


def test_the_untouched_copy_loads(checkpoint: Path) -> None:
    assert load_llm(checkpoint, device="cpu").context == 512
