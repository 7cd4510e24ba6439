"""Published language models in small become directories that answer as the golden files say."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from official_files import GOLDEN, golden, golden_weights, is_adapter, padded, write_llama
from safetensors import safe_open
from sentencepiece import SentencePieceProcessor
from torch import Tensor
from transformers import LlamaForCausalLM

from sensebind.agent.conversion import llama_part, output
from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.llama_tensors import load_official, normalise_names
from sensebind.agent.conversion.output import by_size
from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.agent.gated_llama.mixing import mix
from sensebind.errors import CheckpointError, ConfigurationError, InputError, StorageError

TOLERANCE = 1e-4


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The golden ImageBind-LLM as a LLaMA directory and an adapter file."""
    weights = padded(golden_weights("imagebind_llm"))
    base = write_llama(tmp_path / "7B", weights)
    adapter = tmp_path / "7B.pth"
    torch.save({"model": {n: t for n, t in weights.items() if is_adapter(n)}}, adapter)
    return {"llama": base, "adapter": adapter}


def options(tmp_path: Path, files: dict[str, Path], **changed: Any) -> ConvertOptions:
    fields = {"output": tmp_path / "out", "dtype": "float32", **files} | changed
    return ConvertOptions(**fields)


def logits(directory: Path, embedding: Tensor, tokens: Tensor) -> Tensor:
    model, _ = load_gated_llama(directory)
    with torch.inference_mode():
        conditions = mix([embedding])[:, None, None]
        return model(tokens, conditions=conditions).logits[..., :128]


@pytest.mark.parametrize("keep_lora", [False, True])
def test_imagebind_llm_answers_as_the_official_code(
    tmp_path: Path, files: dict[str, Path], keep_lora: bool
) -> None:
    records = convert(options(tmp_path, files, keep_lora=keep_lora))
    _, tensors = golden("imagebind_llm")
    got = logits(tmp_path / "out", tensors["input.embedding"], tensors["input.tokens"])
    torch.testing.assert_close(got, tensors["output.nocache.logits"], atol=TOLERANCE, rtol=0)
    model, tokenizer = load_gated_llama(tmp_path / "out")
    assert (model.config.lora_rank > 0) == keep_lora
    assert tokenizer.chat_template
    (record,) = records
    assert {i["name"] for i in record["inputs"]} == {
        "7B.pth",
        "consolidated.00.pth",
        "params.json",
        "tokenizer.model",
    }
    assert all(len(i["sha256"]) == 64 for i in record["inputs"])
    assert record["base_check"]["fits"]
    assert not list(tmp_path.glob("*.partial"))


def test_the_prompt_has_the_official_tokens(tmp_path: Path, files: dict[str, Path]) -> None:
    convert(options(tmp_path, files))
    _, tokenizer = load_gated_llama(tmp_path / "out")
    piece = SentencePieceProcessor(model_file=str(GOLDEN / "golden_tokenizer.model"))
    rows = json.loads((GOLDEN / "golden_dataset.json").read_text("utf-8"))["prompts"]
    for row in rows:
        if not isinstance(row["instruction"], str):
            continue
        message = {"role": "user", "content": row["instruction"], "input": row["input"]}
        ids = tokenizer.apply_chat_template([message], return_dict=False)
        assert ids == [piece.bos_id(), *piece.encode(row["prompt"])]


def test_streamed_and_in_memory_conversion_agree(tmp_path: Path, files: dict[str, Path]) -> None:
    convert(options(tmp_path, files))
    streamed, _ = load_gated_llama(tmp_path / "out")
    weights = normalise_names(padded(golden_weights("imagebind_llm")))
    whole = load_official(weights, norm_eps=1e-5).state_dict()
    for name, tensor in streamed.state_dict().items():
        torch.testing.assert_close(tensor, whole[name], atol=1e-6, rtol=0, msg=name)


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_meta_and_hugging_face_bases_give_the_same(tmp_path: Path, shards: int) -> None:
    weights = padded(golden_weights("imagebind_llm"))
    base = write_llama(tmp_path / "meta", weights, shards=shards)
    convert(ConvertOptions(tmp_path / "plain", llama=base, dtype="float32"))
    model = LlamaForCausalLM.from_pretrained(tmp_path / "plain")
    assert model.config.rms_norm_eps == 1e-5
    adapter = tmp_path / "7B.pth"
    torch.save({n: t for n, t in weights.items() if is_adapter(n)}, adapter)
    got = []
    for source in (base, tmp_path / "plain"):
        out = tmp_path / f"out-{source.name}"
        convert(ConvertOptions(out, llama=source, adapter=adapter, dtype="float32"))
        got.append(load_gated_llama(out)[0].state_dict())
    assert got[0].keys() == got[1].keys()
    assert all(torch.equal(got[0][name], got[1][name]) for name in got[0])


def test_a_delta_is_added_as_the_published_script_does(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    weights = golden_weights("imagebind_llm")
    base = {n.removeprefix("llama."): t.half() for n, t in padded(weights).items()}
    torch.manual_seed(0)
    delta = {n: 0.1 * torch.randn_like(t) for n, t in base.items()}
    write_llama(tmp_path / "7B", base)
    chinese = write_llama(tmp_path / "7B_chinese_delta", delta)
    (chinese / "params.json").unlink()
    (chinese / "tokenizer.model").unlink()
    convert(ConvertOptions(tmp_path / "out", llama=tmp_path / "7B", delta=chinese, dtype="float16"))
    model = LlamaForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float16)
    expected = (base["norm.weight"].float() + delta["norm.weight"].float()).half()
    assert torch.equal(model.model.norm.weight, expected)


def cut_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Breaks the conversion when that many shards are written."""
    real, written = output.write_safetensors, []

    def broken(*args: Any, **kwargs: Any) -> str:
        if len(written) == after:
            raise KeyboardInterrupt
        written.append(args[0])
        return real(*args, **kwargs)

    monkeypatch.setattr(output, "write_safetensors", broken)


def test_a_cut_off_conversion_leaves_nothing_that_loads_and_goes_on(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_part, "by_size", lambda outputs: by_size(outputs, 100_000))
    with monkeypatch.context() as patch:
        cut_off(patch, after=3)
        with pytest.raises(KeyboardInterrupt):
            convert(options(tmp_path, files))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob("config.json"))
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model-*.safetensors")}
    assert len(done) == 3
    convert(options(tmp_path, files))
    for path, changed in done.items():
        kept = tmp_path / "out" / path.name
        assert kept.stat().st_mtime_ns == changed  # not written again
    _, tensors = golden("imagebind_llm")
    got = logits(tmp_path / "out", tensors["input.embedding"], tensors["input.tokens"])
    torch.testing.assert_close(got, tensors["output.nocache.logits"], atol=TOLERANCE, rtol=0)


def test_other_inputs_begin_anew(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_part, "by_size", lambda outputs: by_size(outputs, 100_000))
    with monkeypatch.context() as patch:
        cut_off(patch, after=2)
        with pytest.raises(KeyboardInterrupt):
            convert(options(tmp_path, files))
    convert(options(tmp_path, files, dtype="float16"))
    for path in (tmp_path / "out").glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            assert {file.get_slice(n).get_dtype() for n in file.keys()} == {"F16"}  # noqa: SIM118


def test_a_full_disk_is_an_error_and_leaves_no_half_file(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output, "_put", full)
    with pytest.raises(StorageError, match="no room left"):
        convert(options(tmp_path, files))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("*.partial"))
    monkeypatch.undo()
    monkeypatch.setattr(output.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    with pytest.raises(StorageError, match="free disk"):
        convert(options(tmp_path, files))


def with_norms(weights: dict[str, Tensor], noise: float, seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {
        n: t + noise * t.norm() / t.numel() ** 0.5 * torch.randn_like(t) if "norm" in n else t
        for n, t in weights.items()
    }


def test_another_base_is_found_out(tmp_path: Path, files: dict[str, Path]) -> None:
    weights = padded(golden_weights("imagebind_llm"))
    write_llama(tmp_path / "tuned", with_norms(weights, 0.02, 0))
    write_llama(tmp_path / "other", with_norms(weights, 0.3, 1))
    convert(options(tmp_path, files, llama=tmp_path / "tuned"))
    wrong = options(tmp_path, files, llama=tmp_path / "other", output=tmp_path / "wrong")
    with pytest.raises(CheckpointError, match="trained on another model") as error:
        convert(wrong)
    assert str(files["adapter"]) in str(error.value)
    assert str(tmp_path / "other") in str(error.value)
    assert not (tmp_path / "wrong").exists()
    lines: list[str] = []
    forced = options(
        tmp_path, files, llama=tmp_path / "other", output=tmp_path / "wrong", force=True
    )
    (record,) = convert(forced, say=lines.append)
    assert not record["base_check"]["fits"]
    assert any("norms of the adapter" in line for line in lines)


def test_with_a_delta_the_nearer_base_is_the_right_one(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    weights = padded(golden_weights("imagebind_llm"))
    plain = with_norms(weights, 0.04, 3)  # near enough to pass if nothing else were known
    difference = {
        n.removeprefix("llama."): weights[n] - t for n, t in plain.items() if n in weights
    }
    write_llama(tmp_path / "plain", plain)
    write_llama(tmp_path / "delta", difference)
    both = options(tmp_path, files, llama=tmp_path / "plain", delta=tmp_path / "delta")
    (record,) = convert(both)
    assert record["base_check"]["without_delta"] > record["base_check"]["distance"]
    backwards = {n: -t for n, t in difference.items()}
    write_llama(tmp_path / "wrong", backwards)
    wrong = options(
        tmp_path, files, llama=files["llama"], delta=tmp_path / "wrong", output=tmp_path / "w"
    )
    with pytest.raises(CheckpointError, match="leave out --delta"):
        convert(wrong)


def test_what_does_not_belong_together_is_named_on_both_sides(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    weights = padded(golden_weights("imagebind_llm"))
    wide = {n: torch.cat([t, t], -1) if t.ndim > 1 else t for n, t in weights.items()}
    adapter = {n: t for n, t in wide.items() if is_adapter(n)}
    torch.save(adapter, tmp_path / "wide.pth")
    with pytest.raises(CheckpointError, match=r"width is 128 .*wide\.pth, 64 .*7B"):
        convert(options(tmp_path, files, adapter=tmp_path / "wide.pth"))
    deep = {n: t for n, t in weights.items() if is_adapter(n)}
    deep |= {"llama.layers.4.attention.gate": torch.zeros(1, 4, 1, 1)}
    torch.save(deep, tmp_path / "deep.pth")
    with pytest.raises(CheckpointError, match=r"layers is 5 .*deep\.pth, 4 "):
        convert(options(tmp_path, files, adapter=tmp_path / "deep.pth"))
    small = write_llama(tmp_path / "small", golden_weights("imagebind_llm"))  # 128 tokens
    with pytest.raises(CheckpointError, match=r"460 tokens, the model only 128"):
        convert(options(tmp_path, files, llama=small))


def test_bad_llamas_are_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    weights = padded(golden_weights("imagebind_llm"))
    cut = write_llama(tmp_path / "cut", weights, shards=2)
    (cut / "consolidated.01.pth").unlink()
    bare = write_llama(tmp_path / "bare", weights)
    (bare / "tokenizer.model").unlink()
    lying = write_llama(tmp_path / "lying", weights)
    (lying / "params.json").write_text('{"dim": 64, "n_layers": 3, "n_heads": 4}')
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    odd = write_llama(tmp_path / "odd", weights)
    (odd / "tokenizer.model").write_bytes(b"not a tokenizer")
    short = write_llama(tmp_path / "short", weights)
    path = short / "consolidated.00.pth"
    path.write_bytes(path.read_bytes()[:-5000])
    for directory, error, words in (
        (cut, CheckpointError, "2 shards"),
        (bare, InputError, "no tokenizer.model"),
        (lying, CheckpointError, "params.json says"),
        (nothing, CheckpointError, "holds no LLaMA"),
        (odd, InputError, "no SentencePiece model"),
        (short, CheckpointError, "cut off"),
        (tmp_path / "missing", CheckpointError, "no directory"),
    ):
        with pytest.raises(error, match=words) as caught:
            convert(options(tmp_path, files, llama=directory))
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out*"))


def test_bad_options_are_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    for changed, words in (
        ({"llama": None}, "--llama"),
        ({"llama": None, "adapter": None}, "nothing to convert"),
        ({"dtype": "int3"}, "--dtype"),
        ({"adapter": files["llama"] / "consolidated.00.pth"}, "is no adapter"),
    ):
        with pytest.raises((InputError, ConfigurationError, CheckpointError), match=words):
            convert(options(tmp_path, files, **changed))
    convert(options(tmp_path, files))
    with pytest.raises(ConfigurationError, match="exists"):
        convert(options(tmp_path, files))
