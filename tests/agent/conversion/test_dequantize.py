"""A GGUF file as a language model of transformers: the same numbers, words and prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fixtures.packed_llama import write_packed
from fixtures.small_bases import CHATML
from transformers import AutoModelForCausalLM, AutoTokenizer

from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.llama_files import open_llama
from sensebind.errors import CheckpointError


def test_a_gguf_becomes_the_same_model(tmp_path: Path) -> None:
    path, output = tmp_path / "small.gguf", tmp_path / "made"
    expected = write_packed(path)
    [record] = convert(ConvertOptions(output=output, llama=path, dtype="float32"))
    assert record["inputs"][0]["name"] == "small.gguf"
    model = AutoModelForCausalLM.from_pretrained(output)
    assert model.config.tie_word_embeddings and model.config.max_position_embeddings == 64
    state = model.state_dict()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
    assert model.config.rope_parameters == {"rope_type": "default", "rope_theta": 5000.0}
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert tokenizer.chat_template == CHATML and tokenizer.eos_token == "<|im_end|>"
    text = "hello 1234<|im_end|> 我"
    pieces = tokenizer.tokenize(text)
    assert pieces[:8] == ["he", "ll", "o", "Ġ", "1", "2", "3", "4"]  # digits one by one
    assert pieces[8] == "<|im_end|>"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "gemma"}, "its architecture is 'gemma'"),
        ({"scaling": 8.0}, "rope.scaling.factor"),
        ({"extra": "rope_freqs.weight"}, "rope_freqs.weight is a tensor that a plain LLaMA"),
        ({"extra": "blk.0.attn_q.bias"}, "attn_q.bias is a tensor that a plain LLaMA"),
        ({"layers": 6}, "says 6 layers and has tensors of 5"),
        ({"pre": "tekken"}, "its tokenizer is 'gpt2' 'tekken'"),
    ],
)
def test_what_is_not_read_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    write_packed(tmp_path / "small.gguf", **changes)
    with pytest.raises(CheckpointError, match=message) as error:
        open_llama(tmp_path / "small.gguf")
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    write_packed(path)
    for size in (0, 3, 40, 4000, path.stat().st_size - 100):
        (tmp_path / "cut.gguf").write_bytes(path.read_bytes()[:size])
        with pytest.raises(CheckpointError, match=r"cut\.gguf"):
            open_llama(tmp_path / "cut.gguf")
