"""A small gated LLaMA with open gates, and two rows of dialog under changing conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM

SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}
SENSES = ["sight", "hearing", "scan"]

# Members of the family, as changes of the model below.
CLIP = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
    "projection_dim": 12,
}
V2: dict[str, Any] = {
    "conditioner": "vision",
    "vision_clip": CLIP,
    "vision_width": 16,
    "vision_blocks": 1,
    "vision_heads": 4,
    "layer_gates": True,
}
ONE_SLOT = {"slots": 1, "senses": None, "adapter_len": 3, "query_len": 3, "injected_layers": 2}
KINDS: dict[str, dict[str, Any]] = {
    "slots": {"attention_bias": True, "mlp_bias": True},
    "multi token": {**ONE_SLOT, "query_len": 1},
    "v2": ONE_SLOT | V2,
    "v1": ONE_SLOT | {"conditioner": "none", "gate_tanh": False},
    "same heads": {"num_key_value_heads": 4},
}


def make_model(seed: int = 0, **changes: Any) -> GatedLlamaForCausalLM:
    """A random model with gates, weights and biases large enough to be seen in the logits."""
    torch.manual_seed(seed)
    fields = SIZES | {"bind_dim": 12, "slots": 3, "senses": SENSES} | changes
    model = GatedLlamaForCausalLM(GatedLlamaConfig(**fields)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.15)
            elif name.endswith("bias"):
                nn.init.normal_(parameter, std=0.1)
        nn.init.normal_(model.adapter.gates, std=0.7)
    return model


@dataclass(frozen=True)
class Batch:
    """Two rows of different lengths, left-padded, each under two conditions in turn."""

    tokens: Tensor
    mask: Tensor
    conditions: Tensor
    present: Tensor
    condition_ids: Tensor

    def row(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One row without its padding, in the order that the naive model takes it."""
        real = self.mask[index].bool()
        return (
            self.tokens[index, real],
            self.conditions[index],
            self.present[index],
            self.condition_ids[index, real],
        )

    @property
    def given(self) -> dict[str, Tensor]:
        return {
            "attention_mask": self.mask,
            "conditions": self.conditions,
            "present": self.present,
            "condition_ids": self.condition_ids,
        }
