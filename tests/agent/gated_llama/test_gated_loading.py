"""A checkpoint that cannot be used is refused in one line that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_model import make_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from sensebind.agent.conversion.llama_tensors import load_official, normalise_names, to_official
from sensebind.agent.gated_llama import loading
from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.agent.gated_llama.session import DialogSession
from sensebind.errors import CheckpointError


def save_tokenizer(directory: Path, tokens: int) -> None:
    words = Tokenizer(WordLevel({f"w{i}": i for i in range(tokens)}, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0").save_pretrained(directory)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    make_model().save_pretrained(tmp_path)
    save_tokenizer(tmp_path, 96)
    return tmp_path


def edit_tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        path = directory / "model.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, {"format": "pt"})

    return damage


def edit_config(**fields: object) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")

    return damage


def cut(directory: Path) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def wrong_shape(tensors: dict[str, torch.Tensor]) -> None:
    tensors["adapter.gates"] = torch.zeros(3, 1, 4)


DAMAGES: list[tuple[str, Callable[[Path], object]]] = [
    ("1 missing: adapter.prefix", edit_tensors(lambda t: t.pop("adapter.prefix"))),
    ("1 extra: surprise", edit_tensors(lambda t: t.update(surprise=torch.zeros(1)))),
    (r"adapter.gates \[3, 1, 4\] instead of \[3, 3, 4\]", edit_tensors(wrong_shape)),
    ("misshapen", edit_config(bind_dim=13)),
    ("missing", edit_config(num_hidden_layers=4)),
    ("damaged", cut),
    ("has no model.safetensors", lambda d: (d / "model.safetensors").unlink()),
    ("no config.json", lambda d: (d / "config.json").unlink()),
    ("config.json", lambda d: (d / "config.json").write_text("{", "utf-8")),
    ("does not describe a gated LLaMA", edit_config(model_type="llama")),
    ("senses", edit_config(senses=["sight"])),
    ("config.json", edit_config(hidden_size="wide")),
    ("cannot load", lambda d: (d / "tokenizer.json").write_text("{", "utf-8")),
    ("tokenizer has 97 tokens", lambda d: save_tokenizer(d, 97)),
]


def test_a_good_checkpoint_loads(checkpoint: Path) -> None:
    model, tokenizer = load_gated_llama(checkpoint)
    assert not model.training
    assert model.dtype == torch.float32
    assert len(tokenizer) == 96
    half, _ = load_gated_llama(checkpoint, torch.bfloat16)
    assert half.dtype == torch.bfloat16


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16, torch.float32])
def test_a_large_checkpoint_in_half_precision_is_not_made_larger(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, stored: torch.dtype
) -> None:
    to_stored = edit_tensors(lambda t: t.update({name: t[name].to(stored) for name in t}))
    to_stored(checkpoint)
    assert load_gated_llama(checkpoint)[0].dtype == torch.float32  # a small one
    monkeypatch.setattr(loading, "LARGE", 1000)
    model, _ = load_gated_llama(checkpoint)
    half = stored != torch.float32
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16 if half else torch.float32}
    session = DialogSession(model)
    known = session.condition(torch.randn(3, model.config.bind_dim), torch.ones(3))
    assert list(session.stream([1, 2, 3], [known] * 3, max_new_tokens=4))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    older = torch.float16 if half else torch.float32
    assert loading.computing_dtype(checkpoint, "cuda:0") == older


def test_a_sharded_checkpoint_loads(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    make_model().save_pretrained(checkpoint, max_shard_size="20KB")
    assert (checkpoint / "model.safetensors.index.json").exists()
    model, _ = load_gated_llama(checkpoint)
    assert torch.equal(model.adapter.gates, make_model().adapter.gates)


@pytest.mark.parametrize(("message", "damage"), DAMAGES, ids=[m for m, _ in DAMAGES])
def test_a_damaged_checkpoint_is_refused(
    checkpoint: Path, message: str, damage: Callable[[Path], object]
) -> None:
    damage(checkpoint)
    with pytest.raises(CheckpointError, match=message) as error:
        load_gated_llama(checkpoint)
    assert "\n" not in str(error.value)


def test_official_files_are_refused_by_name() -> None:
    official = to_official(make_model(slots=1, senses=None))
    load_official(official)
    for wrong, message in (
        ({k: v for k, v in official.items() if "prefix" not in k}, "prefix_query"),
        ({k: v for k, v in official.items() if "image_bind" not in k}, "image_bind_proj"),
        ({k: v for k, v in official.items() if "layers.1.ffn_norm" not in k}, "layers.1"),
        (official | {"llama.layers.0.surprise.weight": torch.zeros(1)}, "surprise"),
        (official | {"llama.norm.weight": torch.zeros(1)}, "model.norm.weight"),
    ):
        with pytest.raises(CheckpointError, match=message):
            load_official(wrong)


def test_published_names_are_repaired() -> None:
    tensor = torch.zeros(1)
    names = normalise_names(
        {
            "layers.0.attention.wq.weight": tensor,
            "llma.norm.weight": tensor,
            "rope.freqs": tensor,
            "image_bind.modality_trunks.x": tensor,
            "image_bind_proj.bias": tensor,
            "prefix_projector_norm.weight": tensor,
        }
    )
    assert set(names) == {
        "llama.layers.0.attention.wq.weight",
        "llama.norm.weight",
        "image_bind_proj.bias",
    }


def test_fewer_injected_layers_are_the_last_ones() -> None:
    official = to_official(make_model(slots=1, senses=None))
    official["prefix_query.weight"] = official["prefix_query.weight"][1:]
    model = load_official(official)
    assert model.config.injected_layers == 2
    injection = model.injection(torch.randn(1, 1, 1, 12))
    assert injection.shape[2] == 2
    first, *others = model.inject(injection, None, 1).layers
    assert first is None
    assert all(vector is not None and vector.any() for vector in others)
    assert torch.equal(
        model.adapter.gates[0, 0], official["llama.layers.1.attention.gate"].flatten()
    )
