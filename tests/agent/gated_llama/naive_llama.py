"""A LLaMA written out plainly that really attends to its condition: what the fast one must equal.

No cache, no attention backend, no precomputation: at every layer and every position each head has
one softmax over the text and one over the condition token of each slot.
"""

# pyright: reportOptionalCall=false

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sensebind.agent.gated_llama.model import ConditionedLM


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rotary embedding of [T, H, d], halves layout."""
    half = x.shape[-1] // 2
    angles = positions[:, None] * theta ** (-torch.arange(half) / half)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@torch.no_grad()
def naive_logits(
    model: ConditionedLM,
    tokens: Tensor,
    conditions: Tensor,
    present: Tensor,
    condition_ids: Tensor,
) -> Tensor:
    """Logits [T, V] of one unpadded row.

    Args:
        model: Whose weights are read.
        tokens: [T] ids.
        conditions: [C, S, bind_dim].
        present: [C, S] bool.
        condition_ids: [T], -1 for none.
    """
    config, weights = model.config, model.state_dict()
    assert config.head_dim and config.num_key_value_heads and config.rope_parameters
    heads, width = config.num_attention_heads, config.head_dim
    groups = heads // config.num_key_value_heads
    theta: Any = config.rope_parameters.get("rope_theta")
    eps = config.rms_norm_eps
    length = len(tokens)
    positions = torch.arange(length)
    features = model.adapter.bind(conditions)  # [C, S, hidden]
    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(config.num_hidden_layers):
        at = f"model.layers.{layer}."

        def linear(name: str, value: Tensor, at: str = at) -> Tensor:
            return F.linear(value, weights[f"{at}{name}.weight"], weights.get(f"{at}{name}.bias"))

        n = rms_norm(x, weights[at + "input_layernorm.weight"], eps)
        q = linear("self_attn.q_proj", n).view(length, heads, width)
        k = linear("self_attn.k_proj", n).view(length, -1, width)
        v = linear("self_attn.v_proj", n).view(length, -1, width)
        q, k = rotate(q, positions, theta), rotate(k, positions, theta)
        adapter = features + weights["adapter.prefix"][layer]
        ka = F.linear(adapter, weights[at + "self_attn.k_proj.weight"])
        va = F.linear(adapter, weights[at + "self_attn.v_proj.weight"])
        out = torch.zeros(length, heads, width)
        for t in range(length):
            for h in range(heads):
                scores = (k[: t + 1, h // groups] @ q[t, h]) / width**0.5
                out[t, h] = scores.softmax(-1) @ v[: t + 1, h // groups]
                if (c := int(condition_ids[t])) < 0:
                    continue
                for s in range(config.slots):
                    if not present[c, s]:
                        continue
                    key = ka[c, s].view(-1, width)[h // groups]
                    share = (key @ q[t, h] / width**0.5).reshape(1).softmax(-1)
                    gate = weights["adapter.gates"][layer, s, h].tanh()
                    out[t, h] += gate * share * va[c, s].view(-1, width)[h // groups]
        x = x + linear("self_attn.o_proj", out.flatten(1))
        n = rms_norm(x, weights[at + "post_attention_layernorm.weight"], eps)
        x = x + linear(
            "mlp.down_proj", F.silu(linear("mlp.gate_proj", n)) * linear("mlp.up_proj", n)
        )
    x = rms_norm(x, weights["model.norm.weight"], eps)
    return F.linear(x, weights["lm_head.weight"])


def naive_greedy(
    model: ConditionedLM,
    tokens: Tensor,
    conditions: Tensor,
    present: Tensor,
    condition_ids: Tensor,
    new: int,
) -> list[int]:
    """Greedy continuation of one unpadded row, everything computed anew for every token."""
    prompt = len(tokens)
    for _ in range(new):
        logits = naive_logits(model, tokens, conditions, present, condition_ids)
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
        condition_ids = torch.cat([condition_ids, condition_ids[-1:]])
    return tokens[prompt:].tolist()
