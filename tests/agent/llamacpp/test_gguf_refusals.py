"""What is refused, in one line: no llama.cpp, no file, a file of another kind or model."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf_pairs import Pair, random_model, save

from sensebind.agent.cli import main
from sensebind.agent.conversion.gguf_part import GgufOptions, convert_to_gguf
from sensebind.agent.llamacpp import biases, library
from sensebind.agent.llamacpp.conditions import FILE_NAME, ConditionPath, path_tensors
from sensebind.agent.llamacpp.loaded import LlamaFile
from sensebind.agent.llm.checkpoint import facts, folder_of, load_llm
from sensebind.agent.llm.factory import make_llm
from sensebind.agent.robot.sections import LlmConfig
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError, ConfigurationError, MissingDependencyError


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp is not installed."""
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    library.library.cache_clear()


def test_without_llama_cpp_a_line_names_the_extra(absent: None, tmp_path: Path) -> None:
    save(random_model(), tmp_path)
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))
    with pytest.raises(MissingDependencyError, match=r"sensebind\[llamacpp\]") as caught:
        LlamaFile(file, layers=3, width=32, biases=True)
    assert "\n" not in str(caught.value)


def test_a_library_for_another_machine_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "llama_cpp.py").write_text("raise RuntimeError('GLIBC_2.38 not found')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)
    library.library.cache_clear()
    with pytest.raises(MissingDependencyError, match=r"GLIBC_2.38 not found.*docs/llamacpp.md"):
        library.library()


def test_names_that_name_no_file(tmp_path: Path) -> None:
    (tmp_path / "model-Q8_0.gguf").touch()
    with pytest.raises(ConfigurationError, match=r"names no file: there are model-Q8_0.gguf"):
        make_llm(f"gguf:{tmp_path}")
    with pytest.raises(ConfigurationError, match="convert --to gguf"):
        make_llm("gguf:")
    with pytest.raises(ConfigurationError, match=r"does not end with \.gguf"):
        make_llm("gguf:model.bin")
    with pytest.raises(CheckpointError, match="no such file"):
        make_llm(f"gguf:{tmp_path}/other.gguf")
    with pytest.raises(CheckpointError, match=r"config.json is missing"):
        load_llm(tmp_path / "model-Q8_0.gguf")


def test_a_checkpoint_is_named_by_its_file() -> None:
    folder = default_checkpoint()
    assert folder_of(folder / "model-Q8_0.gguf") == folder_of(folder) == folder_of(None) == folder
    assert facts(folder / "model-Q8_0.gguf") == facts(folder)


def test_ours_and_others() -> None:
    assert LlmConfig(model="gguf:a/b.gguf").ours and LlmConfig(model="sensebind").ours
    assert LlmConfig(model="gguf:a/b.gguf").place == "a/b.gguf"
    assert not LlmConfig(model="openai:gguf").ours


def test_conversions_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigurationError, match="--type is one of F32, F16, Q8_0"):
        convert_to_gguf(GgufOptions(None, out, "Q3"))
    save(random_model(slots=1, senses=None, adapter_len=3), tmp_path / "several")
    with pytest.raises(ConfigurationError, match="conditions of 3 tokens"):
        convert_to_gguf(GgufOptions(tmp_path / "several", out, "F16"))
    save(random_model(hidden_act="gelu"), tmp_path / "gelu")
    with pytest.raises(ConfigurationError, match="silu, not gelu"):
        convert_to_gguf(GgufOptions(tmp_path / "gelu", out, "F16"))
    assert not out.exists()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["convert", "--to", "onnx", "-o", str(out)])
    assert ended.value.code == 2
    assert "--to is gguf" in capsys.readouterr().err


def test_the_condition_path_computes_what_the_model_does(tmp_path: Path) -> None:
    model = random_model(attention_bias=True, injected_layers=2)
    save(model, tmp_path)
    path = ConditionPath.open(tmp_path)
    embeddings, present = torch.randn(3, 12), torch.tensor([True, False, True])
    expected = model.injection(embeddings[None, None], present[None, None])[0, 0].detach()
    own = torch.stack([one.o_proj.bias for one in model.attentions]).detach()
    vectors = torch.from_numpy(path.vectors(embeddings, present))
    assert vectors.shape == (3, 32)
    assert torch.allclose(vectors[1:], expected + own[1:], atol=1e-6)
    assert torch.equal(vectors[0], own[0])
    assert torch.equal(torch.from_numpy(path.standing()), own)
    assert path.words == tmp_path
    assert path.model.model.embed_tokens.weight.is_meta


def test_a_condition_path_that_lacks_a_tensor(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = random_model()
    save(model, tmp_path)
    needed = path_tensors(model)
    tensors = {n: t.contiguous() for n, t in model.state_dict().items() if n in needed}
    del tensors["adapter.gates"]
    save_file(tensors, tmp_path / FILE_NAME)
    with pytest.raises(CheckpointError, match=r"missing: adapter.gates"):
        ConditionPath.open(tmp_path)


@pytest.mark.parametrize("width", [32, 36])
def test_biases_lie_where_the_format_says(width: int) -> None:
    """Read back by GGUF's specification: header, metadata, tensor infos, aligned data."""
    file = biases.BiasFile(2, width)
    vectors = np.arange(2 * width, dtype=np.float32).reshape(2, width)
    file.write(vectors)
    with file.path() as path:
        data = path.read_bytes()
    file.close()
    assert data[:4] == b"GGUF"
    assert struct.unpack_from("<IQQ", data, 4) == (3, 2, 1)
    at = 24
    (length,) = struct.unpack_from("<Q", data, at)
    assert data[at + 8 : at + 8 + length] == b"split.no"
    at += 8 + length
    assert struct.unpack_from("<IH", data, at) == (2, 1)  # UINT16
    at += 6
    offsets = []
    for layer in range(2):
        (length,) = struct.unpack_from("<Q", data, at)
        assert data[at + 8 : at + 8 + length] == f"blk.{layer}.attn_output.bias".encode()
        at += 8 + length
        dimensions, size, kind, offset = struct.unpack_from("<IQIQ", data, at)
        assert (dimensions, size, kind) == (1, width, 0)  # F32
        assert offset % 32 == 0
        offsets.append(offset)
        at += 24
    start = -(-at // 32) * 32
    for layer, offset in enumerate(offsets):
        found = np.frombuffer(data, np.float32, width, start + offset)
        assert np.array_equal(found, vectors[layer])


@pytest.mark.extended
def test_damaged_and_foreign_files(make_pair: Callable[..., Pair], tmp_path: Path) -> None:
    whole = make_pair().file.path.read_bytes()
    sizes = {"layers": 3, "width": 32, "biases": True}
    file = tmp_path / "model.gguf"
    for data, message in (
        (b"", "not a GGUF file"),
        (b"PK\x03\x04" + bytes(100), "not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 9, 1, 1) + bytes(8), "version 9"),
        (whole[: len(whole) // 2], "cannot be loaded"),
        (whole[:200], "cannot be loaded"),
    ):
        file.write_bytes(data)
        with pytest.raises(CheckpointError, match=message):
            LlamaFile(file, **sizes)
    file.write_bytes(whole)
    with pytest.raises(CheckpointError, match="3 layers of width 32"):
        LlamaFile(file, layers=3, width=48, biases=False)
    with pytest.raises(CheckpointError):
        LlamaFile(file, layers=4, width=32, biases=True)
