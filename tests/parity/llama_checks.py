"""What the parity tests of all language models share."""

from __future__ import annotations

import torch
from golden_files import Golden, assert_near
from torch import Tensor

from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.training.llama.official_data import official_loss

FEATURES = 2e-5
LOGITS = 1e-4
RELOADED = 1e-6
"""Between a model and its copy from disk: the same numbers, which kernels may add up otherwise."""


def check_logits(golden: Golden, name: str, logits: Tensor, labels: Tensor) -> None:
    """Compares logits and the official loss of them with the outputs called `name`."""
    start = f"output.{name}." if name else "output."
    assert_near(logits, golden.tensors[f"{start}logits"], LOGITS, what=f"{name} logits")
    loss = official_loss(logits, labels)
    expected = golden.tensors.get(f"{start}loss")
    if expected is not None:
        assert_near(loss, expected.squeeze(), LOGITS, what=f"{name} loss")


def held_by_ours(model: GatedLlamaForCausalLM, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Official weights but for the gates of layers that take no condition.

    A model of ours does not hold those, so that they cannot come back from it.
    """
    untouched = model.config.num_hidden_layers - model.config.injected_layers
    gates = {
        f"llama.layers.{layer}.attention.{kind}"
        for layer in range(untouched)
        for kind in ("gate", "new_gate")
    }
    return {name: tensor for name, tensor in weights.items() if name not in gates}


def prompts_of(golden: Golden) -> list[Tensor]:
    """All prompts of the file, in order."""
    prompts = golden.under("input.prompt_")
    return [prompts[name] for name in sorted(prompts, key=int)]


def padded_prompts(golden: Golden) -> tuple[Tensor, Tensor, list[Tensor]]:
    """All prompts of the file, left-padded, with their mask."""
    prompts = prompts_of(golden)
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, -len(prompt) :] = prompt
        mask[row, -len(prompt) :] = 1
    return ids, mask, prompts


def answer(tokens: Tensor) -> list[int]:
    """The tokens of one golden answer, which is filled up with -1."""
    return [token for token in tokens.tolist() if token >= 0]


def end_ids(golden: Golden) -> set[int]:
    """The end token, if generation of the golden answers ended at one."""
    return {golden.config["eos_id"]} if "eos_id" in golden.config else set()


def greedy(
    model: GatedLlamaForCausalLM, golden: Golden, ids: Tensor, mask: Tensor, like: Tensor, **given
) -> Tensor:
    """Greedy tokens of `generate` in the form of the golden ones: cut at the end id, then -1."""
    end = golden.config.get("eos_id")
    out = model.generate(
        ids,
        attention_mask=mask,
        max_new_tokens=like.shape[1],
        do_sample=False,
        eos_token_id=end,
        pad_token_id=0 if end is None else end,
        **given,
    )[:, ids.shape[1] :]
    result = torch.full_like(like, -1)
    result[:, : out.shape[1]] = out
    if end is not None:
        result = result.masked_fill((result == end).cumsum(dim=1) > 0, -1)
    return result
