"""LoRA on the linear layers of a LLaMA block: unmerged for training, merged for serving."""

import torch
from torch import Tensor, nn

from sensebind.agent.gated_llama.quantization import product

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraLinear(nn.Linear):
    """`y = W x + b + l2(l1 x)`, scaling 1, no dropout; `l2` starts at zero.

    Attributes:
        l1: Linear without bias, inputs to rank.
        l2: Linear without bias, rank to outputs; starts at zero.
    """

    def __init__(self, inputs: int, outputs: int, rank: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.l1 = nn.Linear(inputs, rank, bias=False)
        self.l2 = nn.Linear(rank, outputs, bias=False)
        nn.init.zeros_(self.l2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """W x + b + l2(l1(x)); [..., inputs] to [..., outputs]."""
        return super().forward(x) + self.l2(self.l1(x))

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Returns a plain linear layer that computes the same."""
        linear = nn.Linear(
            self.in_features,
            self.out_features,
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        # Summed in fp32: half-precision factors would round twice.
        delta = self.l2.weight.float() @ self.l1.weight.float()
        linear.weight.copy_(self.weight.float() + delta)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
        return linear


def linear_without_bias(layer: nn.Module, x: Tensor) -> Tensor:
    """Applies a linear layer with its LoRA, but without its bias."""
    out = product(layer, x)
    return out + layer.l2(layer.l1(x)) if isinstance(layer, LoraLinear) else out


def attach_lora(blocks: nn.ModuleList, rank: int) -> None:
    """Replaces the seven linear layers of each LLaMA block by `LoraLinear`, in place.

    The base weights are shared, not copied; a fresh LoRA changes no output.
    """
    for block in blocks:
        for parent in (block.self_attn, block.mlp):
            for name in TARGETS:
                linear = getattr(parent, name, None)
                if linear is None or isinstance(linear, LoraLinear):
                    continue
                lora = LoraLinear(
                    linear.in_features, linear.out_features, rank, bias=linear.bias is not None
                ).to(device=linear.weight.device, dtype=linear.weight.dtype)
                lora.weight, lora.bias = linear.weight, linear.bias
                setattr(parent, name, lora)


def merge_lora(blocks: nn.ModuleList) -> None:
    """Replaces every `LoraLinear` of the blocks by a plain layer that computes the same."""
    for block in blocks:
        for parent in (block.self_attn, block.mlp):
            for name in TARGETS:
                if isinstance(lora := getattr(parent, name, None), LoraLinear):
                    setattr(parent, name, lora.merged())
