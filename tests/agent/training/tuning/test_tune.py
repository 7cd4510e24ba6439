"""`sensebind train llama --base`: from a user's pairs to an adapter that can be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from fixtures.small_bases import save_base
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from sensebind.agent.cli import main
from sensebind.agent.conversion.adapt import AdaptOptions, adapt
from sensebind.agent.conversion.gguf_part import GgufOptions, convert_to_gguf
from sensebind.agent.gated_llama.base_model import ADAPTER_NAME
from sensebind.agent.gated_llama.condition_vectors import condition_vectors
from sensebind.agent.gated_llama.loading import load_adapter, load_gated_llama, read_config
from sensebind.agent.llamacpp.conditions import ConditionPath
from sensebind.agent.training.llama.official_data import format_prompt
from sensebind.agent.training.tuning import talk, terminal
from sensebind.agent.training.tuning.command import TuneOptions, prepare, stop_ids_of, tune
from sensebind.agent.training.tuning.dialogs import IGNORE, TemplateEncoder, collate
from sensebind.agent.training.tuning.image_embeddings import ImageEmbeddings
from sensebind.agent.training.tuning.loop import batch_loss
from sensebind.agent.training.tuning.pairs import Picture
from sensebind.agent.training.tuning.recipe import TuneRecipe
from sensebind.errors import CheckpointError, ConfigurationError, InputError

RECIPE = TuneRecipe(
    bind_steps=8, lora_steps=3, batch=4, warmup=2, bind_rate=2e-2, lora_rate=1e-2, rank=2, talk=0.0
)
COLORS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    items: list[dict[str, Any]] = [{"instruction": "Add.", "input": "1, 2", "output": "3"}]
    for name, color in COLORS.items():
        Image.new("RGB", (32, 32), color).save(folder / f"{name}.png")
        turns = [
            {"from": "human", "value": "Which colour?"},
            {"from": "gpt", "value": name},
            {"from": "human", "value": "Sure?"},
            {"from": "gpt", "value": "Yes."},
        ]
        items.append({"image": f"{name}.png", "conversations": turns})
    (folder / "items.json").write_text(json.dumps(items), "utf-8")
    return folder / "items.json"


def made(folder: Path, family: str = "llama 3.2", injection: str = "attention") -> Path:
    base = save_base(folder / "base", family)
    adapt(AdaptOptions(str(base), folder / "adapter", bind_blocks=1, injection=injection))
    return folder / "adapter"


def options(adapter: Path, pairs: Path, **more: Any) -> TuneOptions:
    run = adapter.parent / "run"
    return replace(TuneOptions(adapter, adapter.parent / "out", run, pairs, recipe=RECIPE), **more)


@pytest.mark.parametrize(
    ("family", "injection"),
    [("llama 3.2", "attention"), pytest.param("qwen3", "block", marks=pytest.mark.extended)],
)
def test_own_pairs_become_an_adapter(
    family: str, injection: str, pairs: Path, tmp_path: Path
) -> None:
    adapter = made(tmp_path, family, injection)
    before = {
        path: path.read_bytes()
        for folder in (adapter, adapter.parent / "base")
        for path in folder.iterdir()
    }
    done = tune(options(adapter, pairs))
    assert done["finished"] and done["bytes"] == (tmp_path / "out" / ADAPTER_NAME).stat().st_size
    assert done["stage1"]["steps"] == RECIPE.bind_steps
    assert {path: path.read_bytes() for path in before} == before
    tensors = load_file(tmp_path / "out" / ADAPTER_NAME)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert tensors["adapter.gates"].any()
    assert "model.layers.0.mlp.down_proj.l2.weight" in tensors
    assert not any(name.endswith("q_proj.weight") for name in tensors)
    # Loaded, its LoRA is merged, and it says what the unmerged model says.
    model, tokenizer = load_gated_llama(tmp_path / "out")
    assert model.config.lora_rank == 0
    assert model.config.base_rank == (2 if injection == "attention" else 0)
    plain, _ = load_gated_llama(adapter)
    lesson = prepare(options(adapter, pairs))
    assert lesson.samples is not None
    batch = collate([one for some in lesson.samples for one in some], lesson.pad, 3)
    losses = [
        float(batch_loss(one, batch, lesson.embeddings, torch.Generator()).detach())
        for one in (plain, model)
    ]
    assert losses[1] < 0.97 * losses[0]
    plain.add_lora(2)
    plain.load_state_dict({n: t.float() for n, t in tensors.items()}, strict=False)
    ids = torch.tensor([tokenizer("which colour?")["input_ids"]])
    conditions = torch.randn(1, 1, 3, 128)
    with torch.no_grad():
        found = model(ids, conditions=conditions).logits
        torch.testing.assert_close(
            found, plain(ids, conditions=conditions).logits, atol=1e-4, rtol=1e-3
        )
        base = AutoModelForCausalLM.from_pretrained(adapter.parent / "base")
        assert (found - base(ids).logits).abs().max() > 0.01
    present = torch.tensor([True, False, True])
    np.testing.assert_allclose(
        condition_vectors(load_adapter(tmp_path / "out"), conditions[0, 0], present),
        condition_vectors(plain, conditions[0, 0], present),
        atol=1e-4,
    )
    # So is a GGUF file of it, with what turns conditions into vectors next to it.
    file = convert_to_gguf(GgufOptions(tmp_path / "out", tmp_path / "gguf", "F32"))
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
    up = model.state_dict()["model.layers.1.mlp.up_proj.weight"].numpy()
    np.testing.assert_array_equal(stored["blk.1.ffn_up.weight"].data, up)
    np.testing.assert_allclose(
        ConditionPath.open(tmp_path / "gguf").vectors(conditions[0, 0], present),
        condition_vectors(model, conditions[0, 0], present),
        atol=1e-6,
    )
    # The same command once more has nothing left to do, and writes the same.
    assert tune(options(adapter, pairs))["stage2"] == done["stage2"]
    again = load_file(tmp_path / "out" / ADAPTER_NAME)
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_a_lora_that_does_not_fit_is_refused(pairs: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, bind_steps=1, lora_steps=1, batch=1)
    tune(options(made(tmp_path), pairs, recipe=short))
    file = tmp_path / "out" / ADAPTER_NAME
    tensors = load_file(file)
    odd = tensors | {"model.layers.1.mlp.up_proj.l1.weight": torch.zeros(3, 32)}
    save_file(odd, file)
    with pytest.raises(CheckpointError, match=r"LoRA of model.layers.1.mlp.up_proj does not fit"):
        load_gated_llama(tmp_path / "out")
    save_file({n: t for n, t in tensors.items() if ".l1." not in n and ".l2." not in n}, file)
    with pytest.raises(CheckpointError, match="lora_rank 2, and there is no LoRA"):
        load_gated_llama(tmp_path / "out")
    with pytest.raises(ConfigurationError, match="has been trained with LoRA"):
        tune(options(tmp_path / "out", pairs))


def test_official_samples_have_its_prompts_and_quirks(pairs: Path, tmp_path: Path) -> None:
    adapter = made(tmp_path)
    lesson = prepare(options(adapter, pairs, official=True))
    _, tokenizer = load_gated_llama(adapter)
    assert lesson.samples is not None
    text, first = (some[0] for some in lesson.samples[:2])
    decoded = tokenizer.decode(text.tokens)
    assert format_prompt(("Add.",), "1, 2") in decoded and "('Add.',)" in decoded
    labels = [one for one in first.labels if one != IGNORE]
    assert tokenizer.decode(labels) == "red<|im_end|>"  # the first answer, and no other
    # Text alone comes with the all-zero image, in the slot of the images.
    assert text.rows == ((3, -1, -1),) and first.rows == ((0, -1, -1),)
    assert lesson.embeddings.images.shape == (1, 4, 128)
    plain = prepare(options(adapter, pairs))
    assert plain.samples is not None
    assert plain.samples[0][0].rows == ((-1, -1, -1),)
    turns = [one for one in plain.samples[1][0].labels if one != IGNORE]
    assert tokenizer.decode(turns) == "red<|im_end|>Yes.<|im_end|>"
    with pytest.raises(InputError, match="--official is about the form of --pairs"):
        tune(replace(options(adapter, pairs), official=True, pairs=None))


def test_images_are_encoded_once(pairs: Path, tmp_path: Path, monkeypatch: Any) -> None:
    adapter, file = made(tmp_path), tmp_path / "run" / "images.safetensors"
    pictures = [Picture(pairs.parent / f"{name}.png") for name in COLORS]
    first = ImageEmbeddings(adapter, file).of(pictures)
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(3))
    encoded: list[int] = []
    whole = ImageEmbeddings._encode

    def count(self: Any, names: Any, pixels: Any) -> None:
        encoded.append(len(names))
        whole(self, names, pixels)

    monkeypatch.setattr(ImageEmbeddings, "_encode", count)
    assert torch.equal(ImageEmbeddings(adapter, file).of(pictures), first) and not encoded
    file.write_bytes(b"damaged")
    torch.testing.assert_close(ImageEmbeddings(adapter, file).of(pictures[:2]), first[:2])
    assert encoded == [2]


def test_the_base_is_asked_once_and_keeps_its_words(
    pairs: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    adapter = made(tmp_path)
    monkeypatch.setattr(talk, "LONGEST", 6)
    monkeypatch.setattr(talk, "_whole", lambda text, cut: text.strip())
    model, tokenizer = load_gated_llama(adapter)
    stops = stop_ids_of(model, tokenizer)  # type: ignore[arg-type]
    encoder = TemplateEncoder(tokenizer, stops, 512)  # type: ignore[arg-type]
    file = tmp_path / "talk.jsonl"
    said = talk.base_replies(model, encoder, stops, file, "this base", limit=5)
    assert len(file.read_text("utf-8").splitlines()) == 5
    ids = torch.tensor([encoder.prompt([{"role": "user", "content": said[0][0]}])])
    plain: Any = AutoModelForCausalLM.from_pretrained(adapter.parent / "base")
    made_by_base = plain.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1] :]
    assert said[0][1] == encoder.text(made_by_base.tolist()).strip()
    with file.open("a", encoding="utf-8") as lines:
        lines.write('{"base": "this base", "pro')  # cut off by a power failure
    monkeypatch.setattr(talk, "generate_rows", None)  # all are known
    assert talk.base_replies(model, encoder, stops, file, "this base", limit=5) == said
    train, held = talk.split_replies(said)
    assert not set(train) & set(held) and len(train) + len(held) == len(said)


def test_a_reply_that_was_cut_ends_with_a_sentence() -> None:
    assert talk._whole(" It is. Then it", cut=True) == "It is."
    assert talk._whole("It is so", cut=True) == ""
    assert talk._whole("It is so ", cut=False) == "It is so"


def test_what_does_not_go_together_is_refused(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = made(tmp_path)
    for arguments, said in (
        (["--pairs", str(pairs)], "name it with --base"),
        (["--base", str(adapter), "--start", "x"], "--start does not go with --base"),
        (["--base", str(adapter), "--stage", "words"], "--stage is stage1 or stage2"),
        (["--base", str(adapter.parent / "base"), "--run", str(tmp_path / "r")], "not an adapter"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["train", "llama", *arguments])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="a directory of its own"):
        tune(options(adapter, pairs, output=adapter))


def test_the_command_trains_and_says_what_came_of_it(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(talk, "all_prompts", lambda: ["hi", "why?"])
    monkeypatch.setattr(talk, "LONGEST", 3)
    adapter, run = made(tmp_path), tmp_path / "run"
    command = ["train", "llama", "--base", str(adapter), "--pairs", str(pairs), "--run", str(run)]
    command += ["--steps", "2", "--batch", "2", "--rank", "2", "--json"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    done = json.loads(capsys.readouterr().out)
    assert done["output"] == str(run / "adapter") and done["finished"]
    assert (done["stage1"]["steps"], done["stage2"]["steps"]) == (2, 2)
    assert read_config(run / "adapter").lora_rank == 2
    assert read_config(run / "stage1" / "adapter").lora_rank == 0


def test_a_rate_is_that_of_both_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TuneOptions] = []
    monkeypatch.setattr(terminal, "run", lambda options, _: asked.append(options) or 0)
    for more in ([], ["--rate", "6e-4"]):
        with pytest.raises(SystemExit):
            main(["train", "llama", "--base", "a", "--run", str(tmp_path), *more])
    usual, slow = (one.recipe for one in asked)
    assert (slow.rate("stage1"), slow.rate("stage2")) == (6e-4, 6e-4)
    assert (usual.rate("stage1"), usual.rate("stage2")) == (2e-3, 3e-4)
