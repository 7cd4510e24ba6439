"""Self-attention that takes in a condition. No parameters of its own: see `adapter.py`.

A condition of one token needs no attention: the softmax over one key is 1, so the token adds
`tanh(gate) * wv(token)` to every head at every position, and `o_proj` is linear. What is left is
one vector per layer and condition, added after `o_proj`. With several tokens the query decides
between them, and the sum enters through `o_proj` too.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.models.llama.modeling_llama import LlamaAttention, apply_rotary_pos_emb

from sensebind.agent.gated_llama.lora import linear_without_bias


class Injected(NamedTuple):
    """What one forward pass injects.

    Attributes:
        select: [B, T, C] one-hot choice of each token's condition, a row of zeros for none; None
            if C is 1 and all tokens are read under it (every decoding step is).
        layers: For each layer what its conditions add: vectors [B, C, hidden] on the one-token
            path, keys and values [B, C, 2, kv heads, tokens, head dim] on the multi-token path.
        gates: [layers, heads] tanh of the gates; used on the multi-token path only, vectors
            already contain theirs.
    """

    select: Tensor | None
    layers: tuple[Tensor, ...]
    gates: Tensor


class OneTokenAttention(LlamaAttention):
    """Adds each token's condition vector after `o_proj`."""

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        output, weights = super().forward(hidden_states, *args, **kwargs)
        if injected is not None:
            vectors = injected.layers[self.layer_idx]
            if injected.select is None:
                output = output + vectors
            else:
                output = torch.baddbmm(output, injected.select, vectors)
        return output, weights


class MultiTokenAttention(LlamaAttention):
    """Attends to the condition's tokens with a softmax of their own, gated per head."""

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        output, weights = super().forward(hidden_states, *args, **kwargs)
        if injected is not None:
            position = args[0] if args else kwargs["position_embeddings"]
            output = output + self._attend(hidden_states, position, injected)
        return output, weights

    def _attend(
        self, hidden: Tensor, position: tuple[Tensor, Tensor], injected: Injected
    ) -> Tensor:
        batch, length, _ = hidden.shape
        # The query again: the parent does not hand it out, and every attention backend,
        # cache and LoRA keeps working if its forward stays as it is.
        query = self.q_proj(hidden).view(batch, length, -1, self.head_dim).transpose(1, 2)
        query, _ = apply_rotary_pos_emb(query, query, *position)  # [B, H, T, d]
        keys, values = injected.layers[self.layer_idx].unbind(2)  # [B, C, kv heads, A, d]
        keys = keys.repeat_interleave(self.num_key_value_groups, dim=2)
        values = values.repeat_interleave(self.num_key_value_groups, dim=2)
        scores = torch.einsum("bhtd,bchad->bchta", query, keys) * self.scaling
        shares = F.softmax(scores, dim=-1, dtype=torch.float32).to(values.dtype)
        heads = torch.einsum("bchta,bchad->bcthd", shares, values)
        heads = heads * injected.gates[self.layer_idx][:, None]
        if injected.select is None:
            chosen = heads[:, 0]
        else:
            chosen = torch.einsum("btc,bcthd->bthd", injected.select, heads)
        return linear_without_bias(self.o_proj, chosen.reshape(batch, length, -1))
