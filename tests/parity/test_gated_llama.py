"""The gated LLaMA, its training objective and its data against the official ImageBind-LLM."""

# pyright: reportOptionalCall=false

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_files import Golden, assert_near
from llama_checks import (
    FEATURES,
    LOGITS,
    RELOADED,
    answer,
    check_logits,
    end_ids,
    greedy,
    held_by_ours,
    padded_prompts,
)
from torch import Tensor

from sensebind.agent.conversion.llama_tensors import (
    load_official,
    official_tensors,
    our_name,
    to_official,
    without_finetuning,
)
from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.bind_network import BindNetwork
from sensebind.agent.gated_llama.mixing import POINT_SCALE, mix, mix_prenorm
from sensebind.agent.gated_llama.sampling import next_token, nucleus
from sensebind.agent.gated_llama.session import DialogSession
from sensebind.agent.training.llama.official_data import (
    finetune_sample,
    format_prompt,
    official_loss,
    pretrain_sample,
)
from sensebind.agent.training.llama.schedule import (
    SubEpochSampler,
    learning_rate,
    parameter_groups,
    select_trainable,
)
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind

PRENORM_SCALE = 7.5  # config.imagegen_note


def build(golden: Golden, *, merge: bool = True, **kwargs: Any) -> GatedLlamaForCausalLM:
    """The model of a golden_imagebind_llm file; its sizes come from its tensors."""
    config = golden.config
    return load_official(
        golden.under("weights."),
        merge=merge,
        norm_eps=config["norm_eps"],
        max_seq_len=config["max_seq_len"],
        query_len=config["query_len"],
        **kwargs,
    )


def named_inputs(golden: Golden, weights: dict[str, float]) -> list[Tensor]:
    return [golden.tensors[f"input.embedding_{name}"] for name in weights]


def enhance(golden: Golden, embeddings: Tensor, **settings: Any) -> Tensor:
    cache = VisualCache.build(golden.tensors["input.cache_matrix"].numpy())
    return torch.from_numpy(cache.enhance(embeddings.numpy(), **settings))


def cache_settings(golden: Golden) -> dict[str, Any]:
    cache = golden.config["cache"]
    return {"k": cache["cache_size"], "temperature": cache["cache_t"]} | {
        "weight": cache["cache_weight"]
    }


def condition(embeddings: Tensor) -> Tensor:
    """[B, D] -> [B, 1, 1, D]: one condition, one slot."""
    return embeddings[:, None, None]


# --- from embeddings to features ----------------------------------------------------------------


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_mixing_cache_and_bind_network(golden: Golden) -> None:
    bind = build(golden).adapter.bind
    weights = golden.config["mix_weights"]
    single = mix([golden.tensors["input.embedding"]])
    mixed = mix(named_inputs(golden, weights), list(weights.values()))
    settings = cache_settings(golden)
    inputs = {
        "nocache": single,
        "cache": enhance(golden, single, **settings),
        "cache_default_args": enhance(golden, single),
        "mix_nocache": mixed,
        "mix_cache": enhance(golden, mixed, **settings),
    }
    for name, embeddings in inputs.items():
        expected = golden.under(f"output.{name}.")
        assert_near(embeddings, expected["bind_input"], FEATURES, what=f"{name} bind_input")
        features = bind(embeddings)
        assert_near(features[:, None], expected["visual_feats"], FEATURES, FEATURES, name)


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_embedding_for_image_generation(golden: Golden) -> None:
    point = golden.tensors["input.prenorm_point"] / golden.config.get("point_scale", POINT_SCALE)
    weights = golden.config["imagegen_weights"]
    prenorm = [
        point if name == "Point" else golden.tensors[f"input.embedding_{name}"] * PRENORM_SCALE
        for name in weights
    ]
    mixed = mix_prenorm(prenorm, list(weights.values()))
    cache = VisualCache.build(golden.tensors["input.cache_matrix"].numpy())

    def enhanced(embeddings: Tensor) -> Tensor:
        out = cache.enhance_prenorm(embeddings.numpy(), **cache_settings(golden))
        return torch.from_numpy(out)

    for name, actual in {
        "imagegen_nocache": mixed,
        "imagegen_cache": enhanced(mixed),
        "imagegen_point_only": enhanced(mix_prenorm([point])),
    }.items():
        expected = golden.tensors[f"output.{name}.embedding"]
        assert_near(actual, expected, FEATURES, FEATURES, name)


@pytest.mark.golden("bind_network_legacy")
@torch.inference_mode()
def test_legacy_bind_network(golden: Golden) -> None:
    weights = golden.under("weights.")
    config = GatedLlamaConfig(
        hidden_size=golden.config["dim"],
        num_attention_heads=golden.config.get("n_heads", 1),
        bind_dim=golden.config["bind_dim"],
        bind_hidden_size=weights["image_bind_f1_1.weight"].shape[0],
        bind_blocks=sum("_f1_" in name and name.endswith("weight") for name in weights),
        bind_legacy=True,
        bind_norm_eps=golden.config["layernorm_eps"],
    )
    bind = BindNetwork(config)
    bind.load_state_dict(
        {our_name(name).removeprefix("adapter.bind."): value for name, value in weights.items()}
    )
    features = bind(mix([golden.tensors["input.embedding"]]))
    assert_near(features[:, None], golden.tensors["output.visual_feats"], FEATURES, FEATURES)


# --- the language model -------------------------------------------------------------------------


@pytest.mark.golden("imagebind_llm")
def test_logits_and_loss_with_merged_lora(golden: Golden) -> None:
    check_outputs(golden, build(golden, merge=True))


@pytest.mark.golden("imagebind_llm")
def test_logits_and_loss_with_unmerged_lora(golden: Golden) -> None:
    check_outputs(golden, build(golden, merge=False))


@torch.inference_mode()
def check_outputs(golden: Golden, model: GatedLlamaForCausalLM) -> None:
    tokens, labels = golden.tensors["input.tokens"], golden.tensors["input.labels"]
    weights = golden.config["mix_weights"]
    single = mix([golden.tensors["input.embedding"]])
    mixed = mix(named_inputs(golden, weights), list(weights.values()))
    settings = cache_settings(golden)
    for name, embeddings in {
        "nocache": single,
        "cache": enhance(golden, single, **settings),
        "mix_cache": enhance(golden, mixed, **settings),
    }.items():
        logits = model(tokens, conditions=condition(embeddings)).logits
        check_logits(golden, name, logits, labels)
        if (nothing := golden.tensors.get(f"output.{name}.loss_all_labels_zero")) is not None:
            loss = official_loss(logits, torch.zeros_like(labels))
            assert_near(loss, nothing.squeeze(), 0.0, what="loss without labels")


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_the_models_own_loss_is_the_official_one(golden: Golden) -> None:
    labels = golden.tensors["input.labels"]
    ignored = labels.masked_fill(labels == 0, -100)
    conditions = condition(mix([golden.tensors["input.embedding"]]))
    out = build(golden)(golden.tensors["input.tokens"], conditions=conditions, labels=ignored)
    assert_near(out.loss, golden.tensors["output.nocache.loss"].squeeze(), LOGITS)


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_multi_token_path(golden: Golden) -> None:
    ids, mask, _ = padded_prompts(golden)
    inputs = golden.under("input.visual_feats_")  # {"len4": [B, 4, dim]}
    assert inputs
    for name, features in inputs.items():
        expected = golden.tensors[f"output.{name}.greedy_tokens"]
        for merge in (True, False):
            model = build(golden, merge=merge, adapter_len=features.shape[1])
            injection = model.injection_of_features(features[:, None])
            logits = model(golden.tensors["input.tokens"], injection=injection).logits
            check_logits(golden, name, logits, golden.tensors["input.labels"])
            out = greedy(model, golden, ids, mask, expected, injection=injection)
            assert torch.equal(out, expected), name


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_pretrain_phase(golden: Golden) -> None:
    model = load_official(
        without_finetuning(golden.under("weights.")),
        norm_eps=golden.config["norm_eps"],
        max_seq_len=golden.config["max_seq_len"],
        query_len=golden.config["query_len"],
    )
    conditions = condition(mix([golden.tensors["input.embedding"]]))
    logits = model(golden.tensors["input.tokens"], conditions=conditions).logits
    check_logits(golden, "pretrain_phase", logits, golden.tensors["input.labels"])


KV_CACHES: dict[str, dict[str, Any]] = {
    "dynamic": {},
    "static": {"cache_implementation": "static"},
    "off": {"use_cache": False},
}


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_greedy_tokens(golden: Golden) -> None:
    model = build(golden)
    ids, mask, prompts = padded_prompts(golden)
    single = mix([golden.tensors["input.embedding"]])
    enhanced = enhance(golden, single, **cache_settings(golden))
    first = prompts[0][None]
    for name, embeddings in {"nocache": single, "cache": enhanced}.items():
        both = golden.tensors[f"output.{name}.greedy_tokens"]
        alone = golden.tensors[f"output.{name}.greedy_tokens_single"]
        for kind, options in KV_CACHES.items():
            given = {"conditions": condition(embeddings)} | options
            out = greedy(model, golden, ids, mask, both, **given)
            assert torch.equal(out, both), f"{name}, {kind}"
            given["conditions"] = given["conditions"][:1]
            out = greedy(model, golden, first, torch.ones_like(first), alone, **given)
            assert torch.equal(out, alone), f"{name}, {kind}"


@pytest.mark.golden("imagebind_llm")
def test_greedy_tokens_of_a_session(golden: Golden) -> None:
    session = DialogSession(build(golden))
    single = mix([golden.tensors["input.embedding"]])
    for row, prompt in enumerate(padded_prompts(golden)[2]):
        expected = golden.tensors["output.nocache.greedy_tokens"][row]
        known = session.condition(single[row, None], torch.ones(1))
        tokens = session.stream(
            prompt.tolist(),
            [known] * len(prompt),
            max_new_tokens=len(expected),
            stop_ids=end_ids(golden),
        )
        assert list(tokens) == answer(expected)


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_end_to_end(golden: Golden, official_imagebind: Callable[[Golden], ImageBind]) -> None:
    senses = golden.companion("imagebind")
    imagebind, model = official_imagebind(senses), build(golden)
    rows = golden.tensors["input.tokens"].shape[0]
    inputs = senses.under("input.")
    image = imagebind.encode("vision", inputs["vision_image"][:rows])
    audio = imagebind.encode("audio", inputs["audio_multiclip"][:rows])
    text = imagebind.encode("text", inputs["text"][:rows])
    alone = mix([image])
    features = model.adapter.bind(alone)[:, None]
    expected = golden.tensors["output.e2e_image.visual_feats"]
    assert_near(features, expected, FEATURES, FEATURES, "image")
    logits = model(golden.tensors["input.tokens"], conditions=condition(alone)).logits
    check_logits(golden, "e2e_image", logits, golden.tensors["input.labels"])
    together = mix([image, audio, text], [1.0, 0.5, 0.3])
    expected = golden.tensors["output.e2e_image_audio_text.visual_feats"]
    features = model.adapter.bind(together)[:, None]
    assert_near(features, expected, FEATURES, FEATURES, "image, audio, text")


@pytest.mark.golden("imagebind_llm")
def test_conversion_there_and_back(golden: Golden) -> None:
    """All but the gates of layers that take no condition."""
    weights = golden.under("weights.")
    model = build(golden, merge=False)
    official = to_official(model)
    assert official.keys() == weights.keys()
    for name, value in held_by_ours(model, weights).items():
        assert torch.equal(official[name], value), name


@pytest.mark.golden("imagebind_llm")
@torch.inference_mode()
def test_saved_and_loaded(golden: Golden, tmp_path: Path) -> None:
    model, tokens = build(golden), golden.tensors["input.tokens"]
    conditions = condition(mix([golden.tensors["input.embedding"]]))
    model.save_pretrained(tmp_path)
    loaded = GatedLlamaForCausalLM.from_pretrained(tmp_path).eval()
    expected = model(tokens, conditions=conditions).logits
    assert_near(loaded(tokens, conditions=conditions).logits, expected, RELOADED)


# --- sampling -----------------------------------------------------------------------------------


@pytest.mark.golden("sampling")
def test_nucleus(golden: Golden) -> None:
    logits = golden.tensors["input.logits"]
    outputs = golden.under("output.")
    assert outputs
    for name, expected in outputs.items():
        match = re.fullmatch(r"t([\d.]+)_p([\d.]+)", name)
        assert match, name
        actual = nucleus(logits, float(match[1]), float(match[2]))
        assert_near(actual, expected, 1e-6, what=name)
        assert torch.equal(actual > 0, expected > 0), name
        drawn = next_token(logits, float(match[1]), float(match[2]))
        assert (expected.gather(1, drawn[:, None]) > 0).all()


# --- training -----------------------------------------------------------------------------------


def our_parameter(name: str) -> str:
    if name.endswith("attention.gate"):
        return "adapter.gates"
    return "adapter.prefix" if name == "prefix_query.weight" else our_name(name)


@pytest.mark.golden("training_step")
def test_gradients_of_pretraining(golden: Golden) -> None:
    check_gradients(golden, "pretrain")


@pytest.mark.golden("training_step")
def test_gradients_of_finetuning(golden: Golden) -> None:
    check_gradients(golden, "finetune")


def check_gradients(golden: Golden, phase: str) -> None:
    source = golden.companion("imagebind_llm")
    weights = source.under("weights.")
    if phase == "pretrain":
        weights = without_finetuning(weights)
    model = load_official(
        weights,
        merge=False,
        norm_eps=golden.config["norm_eps"],
        max_seq_len=golden.config["max_seq_len"],
        query_len=golden.config["query_len"],
    ).train()
    groups = golden.config["groups"][phase]

    trained = select_trainable(model, phase)
    assert set(trained) == {our_parameter(n) for n in groups["decay"] + groups["no_decay"]}
    parameters = dict(model.named_parameters())
    still, decay = parameter_groups(parameters.items(), 0.05)
    for group, name in ((still, "no_decay"), (decay, "decay")):
        expected = {id(parameters[our_parameter(n)]) for n in groups[name]}
        assert {id(parameter) for parameter in group["params"]} == expected, name

    conditions = condition(mix([source.tensors["input.embedding"]]))
    logits = model(source.tensors["input.tokens"], conditions=conditions).logits
    loss = official_loss(logits, source.tensors["input.labels"])
    assert_near(loss.detach(), golden.tensors[f"loss.{phase}"].squeeze(), LOGITS)
    loss.backward()
    gradients = official_tensors(
        {
            name: torch.zeros_like(p) if p.grad is None else p.grad
            for name, p in model.named_parameters()
        },
        model.config,
    )
    for name, norm in golden.under(f"grad_norm.{phase}.").items():
        assert_near(gradients[name].norm(), norm.squeeze(), 1e-5, 1e-3, f"norm of {name}")
    for name, expected in golden.under(f"grad.{phase}.").items():
        assert_near(gradients[name], expected, 1e-5, 1e-3, name)


@pytest.mark.golden("training")
def test_learning_rate_and_sub_epochs(golden: Golden) -> None:
    for row in golden.document["lr_schedule"]:
        rate = learning_rate(
            row["epoch"],
            peak=row["lr"],
            warmup=row["warmup_epochs"],
            epochs=row["epochs"],
            floor=row["min_lr"],
        )
        assert rate == pytest.approx(row["lr_at_epoch"], rel=1e-9, abs=1e-15), row
    for row in golden.document["sub_epoch_sampler"]:
        sampler = SubEpochSampler(
            row["dataset_len"], row["split_epoch"], row["world_size"], row["rank"]
        )
        sampler.epoch = row["epoch"]
        assert len(sampler) == row["len"]
        assert list(sampler) == row["indices"], row


@pytest.mark.golden("dataset")
def test_official_samples(golden: Golden) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    for row in golden.document["prompts"]:
        instruction = row["instruction"]
        if isinstance(instruction, list):  # a tuple, as JSON writes it
            instruction = tuple(instruction)
        assert format_prompt(instruction, row["input"]) == row["prompt"]
    suffix = golden.path.stem.removeprefix("golden_dataset")
    models = [golden.directory / f"golden_tokenizer{end}.model" for end in (suffix, "")]
    model = next((path for path in models if path.is_file()), None)
    if model is None:
        pytest.skip("needs golden_tokenizer.model beside it")
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(model))
    samples = {"finetune": finetune_sample, "pretrain": pretrain_sample}
    for row in golden.document["rows"]:
        sample = samples[row["kind"]](row["item"], tokenizer, row["max_words"])
        assert sample.tokens.tolist() == row["tokens"]
        assert sample.labels.tolist() == row["labels"]
        assert sample.mask.tolist() == row["mask"]
        assert (sample.image is None) == row["image_is_zeros_3x224x224"]
