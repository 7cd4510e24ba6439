"""How a layer takes in a condition. No parameters of its own: see `adapter.py`.

A condition of one token needs no attention: the softmax over one key is 1, so the token adds
`tanh(gate) * wv(token)` to every head at every position, and `o_proj` is linear. What is left is
one vector per layer and condition, added after `o_proj`. With several tokens the query decides
between them, and the sum enters through `o_proj` too.

The classes are mixed into those of a model family, whose own arithmetic stays as it is.
"""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.llama.modeling_llama import LlamaAttention, apply_rotary_pos_emb

from sensebind.agent.gated_llama.lora import linear_without_bias

if TYPE_CHECKING:
    _Attention = LlamaAttention
else:
    _Attention = object


class Injected(NamedTuple):
    """What one forward pass injects.

    Attributes:
        select: [B, T, C] one-hot choice of each token's condition, a row of zeros for none; None
            if C is 1 and all tokens are read under it (every decoding step is).
        layers: For each layer what its conditions add: vectors [B, C, hidden] on the one-token
            path, keys and values [B, C, 2, kv heads, tokens, head dim] on the multi-token path;
            None for a layer that is not injected.
        gates: [layers, heads] values of the gates; used on the multi-token path only, vectors
            already contain theirs.
    """

    select: Tensor | None
    layers: tuple[Tensor | None, ...]
    gates: Tensor

    @classmethod
    def of(cls, select: Tensor | None, injection: Tensor, gates: Tensor, layers: int) -> Self:
        """Lays an injection [B, C, n, …] with gates [n, heads] over the last n of all layers."""
        first = layers - injection.shape[2]
        return cls(select, (None,) * first + injection.unbind(2), F.pad(gates, (0, 0, first, 0)))


def add_vectors(output: Tensor, select: Tensor | None, vectors: Tensor) -> Tensor:
    """Adds to outputs [B, T, hidden] of `o_proj` what one-token conditions [B, C, hidden] add."""
    if select is None:
        return output + vectors
    return torch.baddbmm(output, select, vectors.expand(len(output), -1, -1))


def attend_to_condition(
    query: Tensor, known: Tensor, gates: Tensor, select: Tensor | None
) -> Tensor:
    """Heads [B, H, T, d] that a query reads off conditions of several tokens, gated.

    Args:
        query: [B, H, T, d], rotated.
        known: Keys and values [B or 1, C, 2, kv heads, tokens, d].
        gates: [H].
        select: [B, T, C] or None, see `Injected`.
    """
    total = None
    keys, values = known.unbind(2)  # each [B, C, kv heads, tokens, d]
    rows, groups = len(query), query.shape[1] // keys.shape[2]
    for condition in range(keys.shape[1]):
        heads = F.scaled_dot_product_attention(
            query,
            keys[:, condition].expand(rows, -1, -1, -1),
            values[:, condition].expand(rows, -1, -1, -1),
            enable_gqa=groups > 1,
        )
        if select is not None:
            heads = heads * select[:, None, :, condition, None]
        total = heads if total is None else total + heads
    assert total is not None  # there is at least one condition
    return total * gates[:, None, None]


class OneTokenInjection(_Attention):
    """Of a family's attention: adds each token's condition vector after `o_proj`."""

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        """The family's attention of [B,L,D], plus the vectors of `injected` [B,L,D]."""
        output, weights = super().forward(hidden_states, *args, **kwargs)
        if injected is not None and (vectors := injected.layers[self.layer_idx]) is not None:
            output = add_vectors(output, injected.select, vectors)
        return output, weights


class BlockInjection(nn.Module):
    """Of a family's block: adds each token's condition vector to what the block puts out.

    That is where llama.cpp adds a control vector (`llama_set_adapter_cvec`).
    """

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        """The family's block of [B,L,D], plus the vectors of `injected` [B,L,D]."""
        output = super().forward(hidden_states, *args, **kwargs)
        layer = cast("LlamaAttention", self.self_attn).layer_idx
        if injected is not None and (vectors := injected.layers[layer]) is not None:
            output = add_vectors(output, injected.select, vectors)
        return output


@cache
def injecting(mixin: type, family: type) -> type:
    """The class of a family's attention or block that takes in conditions by a mixin."""
    return type(mixin.__name__ + family.__name__, (mixin, family), {})


class MultiTokenAttention(LlamaAttention):
    """Attends to the condition's tokens with a softmax of their own, gated per head."""

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        """The family's attention of [B,L,D], plus what the condition's tokens give [B,L,D]."""
        output, weights = super().forward(hidden_states, *args, **kwargs)
        if injected is not None and (known := injected.layers[self.layer_idx]) is not None:
            # The query again: the parent does not hand it out, and every attention backend,
            # cache and LoRA keeps working if its forward stays as it is.
            query = self.q_proj(hidden_states).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            position = args[0] if args else kwargs["position_embeddings"]
            query, _ = apply_rotary_pos_emb(query, query, *position)  # [B, H, T, d]
            gates = injected.gates[self.layer_idx]
            heads = attend_to_condition(query, known, gates, injected.select)
            output = output + linear_without_bias(self.o_proj, heads.transpose(1, 2).flatten(-2))
        return output, weights
