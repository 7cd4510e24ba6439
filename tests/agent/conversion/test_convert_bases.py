"""Base models as people have them: what is kept of them, and what is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from official_files import GOLDEN
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.llama_tensors import to_pairs
from sensebind.agent.conversion.tokenizers import CHAT_TEMPLATE, from_sentencepiece
from sensebind.errors import CheckpointError, InputError, SenseBindError

VOCABULARY = 460
HEADS = 4
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 131_072,
}
# As Meta's reference code computes it and Hugging Face publishes it for LLaMA 3.1.
LLAMA_3_1 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_theta": 500_000.0,
}
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"


def make_llama(**changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES | changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6 if parameter.ndim > 1 else 1)
    return model


def write_huggingface(directory: Path, *, template: str | None = None) -> LlamaForCausalLM:
    model = make_llama()
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink()
    tokenizer = from_sentencepiece(GOLDEN / "golden_tokenizer.model")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(directory)
    return model


def write_meta(directory: Path, model: LlamaForCausalLM, **params: Any) -> None:
    """The same weights as Meta lays them out."""
    blocks = {"q_proj": "attention.wq", "k_proj": "attention.wk", "v_proj": "attention.wv"}
    blocks |= {"o_proj": "attention.wo", "gate_proj": "feed_forward.w1"}
    blocks |= {"down_proj": "feed_forward.w2", "up_proj": "feed_forward.w3"}
    blocks |= {"input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm"}
    outer = {
        "model.embed_tokens.weight": "tok_embeddings.weight",
        "model.norm.weight": "norm.weight",
    }
    outer |= {"lm_head.weight": "output.weight"}
    width = model.config.hidden_size // HEADS
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name in outer:
            tensors[outer[name]] = tensor
            continue
        layer, part = name.split(".")[2], name.split(".")[-2]
        paired = to_pairs(tensor, width) if part in ("q_proj", "k_proj") else tensor
        tensors[f"layers.{layer}.{blocks[part]}.weight"] = paired
    directory.mkdir()
    torch.save(tensors, directory / "consolidated.00.pth")
    sizes = {"dim": 32, "n_layers": 2, "n_heads": HEADS, "n_kv_heads": 2, "vocab_size": VOCABULARY}
    sizes |= {"norm_eps": model.config.rms_norm_eps, "rope_theta": 500_000.0}
    (directory / "params.json").write_text(json.dumps(sizes | params))
    tokenizer = GOLDEN / "golden_tokenizer.model"
    (directory / "tokenizer.model").write_bytes(tokenizer.read_bytes())


@pytest.mark.parametrize(
    ("params", "rope"),
    [
        ({"use_scaled_rope": True}, LLAMA_3_1),
        ({"use_scaled_rope": True, "rope_scaling_factor": 32.0}, LLAMA_3_1 | {"factor": 32.0}),
        ({"use_scaled_rope": False}, {"rope_type": "default", "rope_theta": 500_000.0}),
    ],
)
@torch.inference_mode()
def test_metas_rotary_frequencies(tmp_path: Path, params: dict, rope: dict) -> None:
    model = make_llama(rope_parameters=rope)
    write_meta(tmp_path / "meta", model, **params)
    convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "meta", dtype="float32"))
    converted = LlamaForCausalLM.from_pretrained(tmp_path / "out")
    tokens = torch.randint(3, VOCABULARY, (1, 600), generator=torch.Generator().manual_seed(0))
    expected = model(tokens).logits
    torch.testing.assert_close(converted(tokens).logits, expected, atol=1e-5, rtol=0)
    if rope["rope_type"] == "llama3":
        assert converted.config.max_position_embeddings == 131_072
        other = make_llama(rope_parameters={"rope_type": "default", "rope_theta": 500_000.0})
        assert (other(tokens).logits - expected).abs().max() > 0.1  # and it can be seen


@pytest.mark.parametrize("copied", [False, True])
def test_a_tied_model_stays_tied(tmp_path: Path, copied: bool) -> None:
    """As LLaMA 3.2 and SmolLM2 are published; some files hold the embedding twice."""
    model = make_llama(tie_word_embeddings=True)
    model.save_pretrained(tmp_path / "tied")
    from_sentencepiece(GOLDEN / "golden_tokenizer.model").save_pretrained(tmp_path / "tied")
    if copied:
        twice = lambda state: state.update(  # noqa: E731
            {"lm_head.weight": state["model.embed_tokens.weight"].clone()}
        )
        tensors(twice)(tmp_path / "tied")
    convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "tied", dtype="float32"))
    made = LlamaForCausalLM.from_pretrained(tmp_path / "out")
    assert made.lm_head.weight is made.model.embed_tokens.weight
    ids = torch.randint(3, 90, (1, 9))
    with torch.no_grad():
        assert torch.equal(made(ids).logits, model(ids).logits)


def test_an_instruct_model_keeps_its_prompt_and_its_settings(tmp_path: Path) -> None:
    write_huggingface(tmp_path / "instruct", template=TEMPLATE)
    # Greedy with a temperature, as LLaMA 2 was published: transformers refuses to save that.
    settings = {"do_sample": False, "temperature": 0.9, "top_p": 0.6, "eos_token_id": [2, 7]}
    (tmp_path / "instruct" / "generation_config.json").write_text(json.dumps(settings))
    model = GOLDEN / "golden_tokenizer.model"  # next to tokenizer.json, as LLaMA 2 has both
    (tmp_path / "instruct" / "tokenizer.model").write_bytes(model.read_bytes())
    convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "instruct"))
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template == TEMPLATE
    kept = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert kept == settings


def test_a_base_without_a_prompt_gets_the_published_one(tmp_path: Path) -> None:
    write_huggingface(tmp_path / "base")
    convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "base"))
    assert AutoTokenizer.from_pretrained(tmp_path / "out").chat_template == CHAT_TEMPLATE
    kept = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert (kept["temperature"], kept["top_p"]) == (0.1, 0.75)


def tensors(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        state = load_file(directory / "model.safetensors")
        change(state)
        save_file(state, directory / "model.safetensors", {"format": "pt"})

    return damage


def config(*gone: str, **fields: object) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        path = directory / "config.json"
        body = json.loads(path.read_text()) | fields
        path.write_text(json.dumps({k: v for k, v in body.items() if k not in gone}))

    return damage


def mlx(state: dict[str, Tensor]) -> None:
    name = "model.layers.0.mlp.up_proj"
    state[f"{name}.weight"] = torch.zeros(48, 4, dtype=torch.uint32)
    state[f"{name}.scales"] = torch.zeros(48, 1)


def gptq(state: dict[str, Tensor]) -> None:
    del state["model.layers.0.mlp.up_proj.weight"]
    state["model.layers.0.mlp.up_proj.qweight"] = torch.zeros(8, 96, dtype=torch.int32)


def eight_bit_floats(state: dict[str, Tensor]) -> None:
    for name in state:
        if "proj" in name:
            state[name] = state[name].to(torch.float8_e4m3fn)


def unknown_type(directory: Path) -> None:
    """A tensor of six-bit floats, which the format has and PyTorch has not."""
    path = directory / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    header["x"] = {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [len(body), len(body) + 3]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body + b"\0\0\0")


BAD: list[tuple[str, Callable[[Path], object], str]] = [
    ("MLX", tensors(mlx), "uint32.*quantised"),
    ("a stray uint16", tensors(lambda t: t.update(x=torch.zeros(3, dtype=torch.uint16))), "uint16"),
    ("GPTQ", tensors(gptq), "int32.*quantised"),
    ("8-bit floats", tensors(eight_bit_floats), "float8_e4m3fn"),
    ("a scale", tensors(lambda t: t.update(weight_scale=torch.ones(1))), "weight_scale"),
    ("an unknown type", unknown_type, "F6_E2M3|cannot read the weights"),
    ("no heads", config("num_attention_heads"), "num_attention_heads is missing"),
    ("no width", config("hidden_size"), "hidden_size is missing"),
    ("no layers", config("num_hidden_layers"), "num_hidden_layers is missing"),
    ("heads in words", config(num_attention_heads="four"), "num_attention_heads is 'four'"),
    ("no heads at all", config(num_attention_heads=0), "num_attention_heads is 0"),
    ("a billion layers", config(num_hidden_layers=10**9), "num_hidden_layers"),
    ("3000 layers", config(num_hidden_layers=3000), "says 3000 layers"),
    (
        "another rope",
        config(rope_parameters={"rope_type": "new", "rope_theta": 1e4}),
        "of type 'new'",
    ),
    ("another activation", config(hidden_act="gelu"), "'gelu', a LLaMA with silu"),
    ("quantised", config(quantization_config={"bits": 4}), "quantised"),
    ("a list", lambda d: (d / "config.json").write_text("[]"), "not a JSON object"),
    ("deep", lambda d: (d / "config.json").write_text("[" * 100_000), "nested too deep"),
    ("no tokens", lambda d: (d / "tokenizer.json").write_text("[]"), "tokenizer"),
    (
        "settings",
        lambda d: (d / "generation_config.json").write_text('{"temperature": "hot"}'),
        "temperature is 'hot'",
    ),
]


@pytest.mark.parametrize(("damage", "words"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_a_bad_base_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[Path], object], words: str
) -> None:
    write_huggingface(tmp_path / "base")
    damage(tmp_path / "base")
    with pytest.raises((CheckpointError, InputError), match=words) as caught:
        convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "base"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_metas_numbers_are_checked(tmp_path: Path) -> None:
    model = make_llama()
    for index, (params, words) in enumerate(
        (
            ({"dim": 10**9}, "dim is 1000000000"),
            ({"n_heads": 3}, "not a multiple"),
            ({"n_heads": 0}, "n_heads is 0"),
            ({"n_layers": 10**9}, "n_layers"),
            ({"norm_eps": "small"}, "norm_eps"),
            ({"rope_theta": float("nan")}, "rope_theta"),
            ({"use_scaled_rope": "yes"}, "use_scaled_rope"),
        )
    ):
        base = tmp_path / f"{index}"
        write_meta(base, model, **params)
        with pytest.raises(SenseBindError, match=words):
            convert(ConvertOptions(tmp_path / "out", llama=base))


def test_metas_tokenizer_of_llama_3_is_named(tmp_path: Path) -> None:
    write_meta(tmp_path / "meta", make_llama())
    (tmp_path / "meta" / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\nIw== 2\n")
    with pytest.raises(InputError, match=r"tiktoken.*--tokenizer"):
        convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "meta"))
