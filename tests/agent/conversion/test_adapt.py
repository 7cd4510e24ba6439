"""`sensebind adapt`: a fresh adapter, its base found again, another refused; and talked to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from fixtures.small_bases import CHATML, SIZES, make_base, save_base
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from sensebind.agent.cli import main
from sensebind.agent.conversion.adapt import AdaptOptions, adapt, run
from sensebind.agent.conversion.inspection import inspect
from sensebind.agent.conversion.quantize import quantize_directory
from sensebind.agent.gated_llama.base_model import ADAPTER_NAME, fingerprint, open_base
from sensebind.agent.gated_llama.condition_vectors import condition_vectors
from sensebind.agent.gated_llama.loading import load_adapter, load_gated_llama, read_config
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.checkpoint import facts
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import cache_directory, imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError, InputError


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_base(tmp_path / "base")


def options(base: Path | str, output: Path, **changes: Any) -> AdaptOptions:
    return AdaptOptions(str(base), output, **{"bind_blocks": 1, **changes})


def open_gates(adapter: Path) -> None:
    """Writes gates that are not zero into an adapter's file."""
    tensors = load_file(adapter / ADAPTER_NAME)
    torch.manual_seed(5)
    tensors["adapter.gates"] = torch.randn_like(tensors["adapter.gates"])
    save_file(tensors, adapter / ADAPTER_NAME, {"format": "pt"})


@pytest.mark.parametrize(
    ("family", "injection"),
    [
        ("llama 3.2", "attention"),
        ("yarn", "block"),
        ("mistral, window", "block"),
        ("qwen2, windows", "attention"),
        ("qwen3", "block"),
        ("smollm3", "attention"),
    ],
)
def test_a_fresh_adapter_says_what_its_base_says(
    family: str, injection: str, tmp_path: Path
) -> None:
    base, output = save_base(tmp_path / "base", family), tmp_path / "adapter"
    done = adapt(options(base, output, injection=injection, slots=("hearing", "sight")))
    model, tokenizer = load_gated_llama(output)
    assert done["made"] and done["parameters"] == sum(p.numel() for p in model.adapter.parameters())
    config = model.config
    assert (config.injection_point, config.senses) == (injection, ["hearing", "sight"])
    assert (config.bind_dim, config.encoder) == (128, "simhome")  # that of the embedded encoder
    assert not any("base" in name.split(".") for name in load_file(output / ADAPTER_NAME))
    plain = AutoModelForCausalLM.from_pretrained(base)
    ids = torch.tensor([tokenizer("what do you see?")["input_ids"]])
    conditions = torch.randn(1, 1, 2, 128)
    with torch.no_grad():
        expected = plain(ids).logits
        assert torch.equal(model(ids).logits, expected)
        assert torch.equal(model(ids, conditions=conditions).logits, expected)
        open_gates(output)
        model, _ = load_gated_llama(output)
        assert not torch.equal(model(ids, conditions=conditions).logits, expected)
        light = load_adapter(output)
        present = torch.tensor([True, False])
        np.testing.assert_array_equal(
            condition_vectors(light, conditions[0, 0], present),
            condition_vectors(model, conditions[0, 0], present),
        )
    assert light.model.embed_tokens.weight.is_meta  # no language model was read
    attention: Any = light.model.layers[0].self_attn
    assert attention.v_proj.weight.is_meta == (injection == "block")


def test_conditions_come_from_the_encoder_that_is_named(base: Path, tmp_path: Path) -> None:
    output = tmp_path / "adapter"
    adapt(options(base, output))
    assert imagebind_directory(output) == default_checkpoint() / "imagebind"
    assert cache_directory(output) == default_checkpoint() / "visual_cache"
    assert facts(output).modalities == {"vision", "audio", "point"}
    assert facts(output).context == SIZES["max_position_embeddings"]
    encoder = tmp_path / "encoder"
    shutil.copytree(default_checkpoint() / "imagebind", encoder / "imagebind")
    adapt(options(base, tmp_path / "other", encoder=encoder))
    assert imagebind_directory(tmp_path / "other") == encoder / "imagebind"
    assert cache_directory(tmp_path / "other") is None
    shutil.rmtree(encoder)
    with pytest.raises(CheckpointError, match="names as its encoder"):
        imagebind_directory(tmp_path / "other")


def test_another_base_is_refused_and_a_moved_one_is_attached(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "adapter"
    adapt(options(base, output))
    open_gates(output)
    gates = load_file(output / ADAPTER_NAME)["adapter.gates"]
    base.rename(tmp_path / "moved")
    with pytest.raises(CheckpointError, match=f"whose language model is not at {base}.*adapt BASE"):
        load_gated_llama(output)
    done = adapt(options(tmp_path / "moved", output))
    assert not done["made"]
    model, _ = load_gated_llama(output)
    assert torch.equal(model.adapter.gates, gates)  # attaching changes no weight
    other = save_base(tmp_path / "other", seed=1)
    with pytest.raises(CheckpointError, match=r"made for another language model.*--force"):
        adapt(options(other, output))
    adapt(options(other, output, force=True))
    assert "attached as --force says" in caplog.text
    model, _ = load_gated_llama(output)
    embedding: Any = make_base("llama", 1).get_input_embeddings()
    assert torch.equal(model.model.embed_tokens.weight, embedding.weight)
    # Somebody puts other weights into the place of the base.
    make_base("llama", 2).save_pretrained(other)
    with pytest.raises(CheckpointError, match="was made for another language model"):
        load_gated_llama(output)


def test_the_fingerprint_is_of_the_weights_and_not_of_the_files(tmp_path: Path) -> None:
    model = make_base("llama")
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "many", max_shard_size="20KB")
    found = fingerprint(open_base(tmp_path / "one"))
    assert fingerprint(open_base(tmp_path / "many")) == found
    with torch.no_grad():
        model.model.layers[4].mlp.up_proj.weight[-1, -1] += 1
    model.save_pretrained(tmp_path / "changed")
    assert fingerprint(open_base(tmp_path / "changed")) != found


def test_a_pulled_base_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="small is not there"):
        adapt(options("small", tmp_path / "adapter"))
    base = save_base(tmp_path / "cache/sensebind/models/small")
    digest = {"inputs": [{"role": "GGUF", "name": "small.gguf", "sha256": "ab" * 32}]}
    (base / "conversion.json").write_text(json.dumps(digest), "utf-8")
    adapt(options("small", tmp_path / "adapter"))
    named = read_config(tmp_path / "adapter").base
    assert named is not None
    assert (named["name"], named["file_sha256"]) == ("small", "ab" * 32)
    assert "path" not in named  # it goes with the user, not with this machine
    load_gated_llama(tmp_path / "adapter")
    shutil.rmtree(base)
    with pytest.raises(CheckpointError, match="sensebind pull small"):
        load_gated_llama(tmp_path / "adapter")


def test_what_cannot_be_adapted_is_refused(base: Path, tmp_path: Path) -> None:
    output = tmp_path / "adapter"
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(ConfigurationError, match="is not an adapter's directory"):
        adapt(options(base, tmp_path / "full"))
    for slots in (("sight", "smell"), ("sight", "sight"), ()):
        with pytest.raises(InputError, match="sight,hearing,scan, each once"):
            adapt(options(base, output, slots=slots))
    with pytest.raises(InputError, match="attention, block"):
        adapt(options(base, output, injection="head"))
    fields = json.loads((base / "config.json").read_text("utf-8"))
    (base / "config.json").write_text(json.dumps(fields | {"model_type": "gpt2"}), "utf-8")
    with pytest.raises(ConfigurationError, match="type 'gpt2'; the gate goes on llama"):
        adapt(options(base, output))
    (base / "config.json").write_text(json.dumps(fields | {"num_hidden_layers": 4000}), "utf-8")
    with pytest.raises(CheckpointError, match="4000"):
        adapt(options(base, output))
    (base / "config.json").write_text(json.dumps(fields), "utf-8")
    (base / "chat_template.jinja").unlink()
    with pytest.raises(CheckpointError, match="no chat template"):
        adapt(options(base, output))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "full"]  # nothing is left


def test_damaged_adapters_are_refused(base: Path, tmp_path: Path) -> None:
    output = tmp_path / "adapter"
    adapt(options(base, output))
    whole = (output / "config.json").read_text("utf-8")
    fields = json.loads(whole)
    for changed, message in (
        ({"base": None}, "names no base"),
        ({"base": {"path": "x"}}, "fingerprint is missing"),
        ({"base": {"fingerprint": 3}}, "base.fingerprint is not a string"),
        ({"injection_point": "block", "injected_layers": 4}, "do not fit its config"),
        ({"injection_point": "nowhere"}, "injection_point must be one of"),
        ({"injection_rank": 0}, "injection_rank"),
    ):
        (output / "config.json").write_text(json.dumps(fields | changed), "utf-8")
        with pytest.raises(CheckpointError, match=message):
            load_gated_llama(output)
    (output / "config.json").write_text(whole, "utf-8")
    with pytest.raises(ConfigurationError, match="is an adapter"):
        quantize_directory(output, tmp_path / "quantised", 8)


@tool
def switch(device: Literal["lamp", "radio"], on: bool) -> str:
    """Switches a device."""
    return f"{device} {on}"


def test_a_chat_model_runs_an_adapter_with_tools(base: Path, tmp_path: Path) -> None:
    output = tmp_path / "adapter"
    adapt(options(base, output))
    open_gates(output)
    assert (output / "chat_template.jinja").is_file()  # the base's knows no tools
    chat = ChatSenseBind(model=str(output), max_tokens=12, device="cpu")
    assert chat.llm.stop_ids == (2,)
    assert chat.llm.senses == ("sight", "hearing", "scan")
    question = HumanMessage("switch on the lamp")
    said = chat.invoke([question])
    assert said.usage_metadata and said.usage_metadata["output_tokens"] <= 12
    called = chat.bind_tools([switch], tool_choice="any").invoke([question])
    assert isinstance(called, AIMessage)
    [call] = called.tool_calls
    assert call["name"] == "switch" and set(call["args"]) == {"device", "on"}
    prompt = chat._prompts.build([question], tools=[], limit=4096)  # type: ignore[union-attr]
    assert chat.llm.tokenizer.decode(prompt.token_ids) == (
        "<|im_start|>user\nswitch on the lamp<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_template_with_tools_is_the_bases_own(tmp_path: Path) -> None:
    base = save_base(tmp_path / "base", template=CHATML + "{# tools #}")
    adapt(options(base, tmp_path / "adapter"))
    assert not (tmp_path / "adapter/chat_template.jinja").exists()
    _, tokenizer = load_gated_llama(tmp_path / "adapter")
    assert tokenizer.chat_template == CHATML + "{# tools #}"


def test_the_command_and_inspect(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "adapter"
    arguments = ["adapt", str(base), "-o", str(output), "--injection", "block", "--json"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--slots", "sight", "--bind-blocks", "1", "--bind-hidden", "16"])
    assert ended.value.code == 0
    done = json.loads(capsys.readouterr().out)
    assert done["output"] == str(output)
    found = inspect(output)
    adapter, language_model = found["parts"][:2]
    assert adapter["parameters"] == done["parameters"]
    assert language_model["parameters"] == sum(p.numel() for p in make_base("llama").parameters())
    assert run(options(base, output)) == 0
    assert f"attached on {base}" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["adapt", str(tmp_path / "nowhere"), "-o", str(tmp_path / "new")])
    assert ended.value.code == 2
    assert "nowhere is not there" in capsys.readouterr().err
