"""Linear layers with weights of 8 or 4 bits, for inference in bfloat16.

The arithmetic is torchao's, in PyTorch's own CPU kernels, which torchao's tensors do not reach: one
scale per row of 8-bit weights, whose products are taken in whole numbers, each token in 8 bits by a
scale of its own; a scale and a zero per group of 4-bit weights. On disk they are plain tensors, the
same for every machine; elsewhere than on the CPU the weight is expanded for each product.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sensebind.errors import CheckpointError
from sensebind.perception.imagebind.quantization import int8_product

LAYOUT_NAME = "quantization.json"
GROUP = 128
_LEVELS = 15  # of 4 bits, above zero
_MIDDLE = 8  # the kernel takes zeros at this level
_ALIGNMENT = 64


class QuantizedLinear(nn.Module):
    """`y = W x + b` with W kept in 8 or 4 bits.

    Attributes:
        codes: int8 [out, in], or uint8 [out, in / 2] with two weights in a byte, the even first.
        scales: bfloat16 [out], or [in / group, out, 2] of scales and middle values.
        bias: [out] or None.
    """

    codes: Tensor
    scales: Tensor

    def __init__(self, inputs: int, outputs: int, bits: int, *, bias: bool = False) -> None:
        super().__init__()
        if bits not in (4, 8) or (bits == 4 and not fits_four_bits(inputs, outputs)):
            raise CheckpointError(f"a layer of {outputs} × {inputs} cannot have {bits} bits")
        self.in_features, self.out_features, self.bits = inputs, outputs, bits
        codes, scales = quantized_shapes(outputs, inputs, bits)
        self.register_buffer("codes", torch.zeros(codes[0], dtype=codes[1]))
        self.register_buffer("scales", torch.ones(scales[0], dtype=scales[1]))
        self.bias = nn.Parameter(torch.zeros(outputs, dtype=torch.bfloat16)) if bias else None
        self._packed: Tensor | None = None

    @classmethod
    def of(cls, linear: nn.Linear, bits: int) -> QuantizedLinear:
        """Quantises a layer."""
        made = cls(linear.in_features, linear.out_features, bits, bias=linear.bias is not None)
        with torch.no_grad():
            made.codes, made.scales = quantize_weight(linear.weight, bits)
            if made.bias is not None:
                made.bias.copy_(linear.bias)
        return made

    def pack(self) -> None:
        """Makes loaded codes ready for the CPU's kernels.

        4-bit codes go into the kernel's layout instead of the portable one. Kernels like aligned
        memory, which tensors in a mapped file may not have.
        """
        if self.codes.device.type != "cpu" or self._packed is not None:
            return
        if self.bits == 4:
            codes = _unpacked(self.codes).to(torch.int32)
            self._packed = torch._convert_weight_to_int4pack_for_cpu(codes, 1)
            self.codes = self.codes.new_empty(0)
        elif self.codes.data_ptr() % _ALIGNMENT:
            self.codes = self.codes.clone()
        if self.scales.data_ptr() % _ALIGNMENT:
            self.scales = self.scales.clone()

    def forward(self, x: Tensor) -> Tensor:
        """W x + b; [..., in] to [..., out], in the dtype of `x`."""
        out = self.product(x)
        return out if self.bias is None else out + self.bias

    def product(self, x: Tensor) -> Tensor:
        """W x, without the bias; x [..., in], on the CPU rounded to 8 bits, or to bfloat16."""
        if x.device.type != "cpu":
            return F.linear(x, self.dequantized().to(x.dtype))
        if self.bits == 8:
            return int8_product(x, self.codes, self.scales).to(x.dtype)
        rows = x.reshape(-1, self.in_features).to(torch.bfloat16)
        if rows.data_ptr() % _ALIGNMENT:
            rows = rows.clone()
        self.pack()
        assert self._packed is not None
        out = torch._weight_int4pack_mm_for_cpu(rows, self._packed, GROUP, self.scales)
        return out.view(*x.shape[:-1], self.out_features).to(x.dtype)

    def dequantized(self) -> Tensor:
        """W in bfloat16 [out, in], from the portable layout."""
        return dequantize_weight(self.codes, self.scales)


def product(layer: nn.Module, x: Tensor) -> Tensor:
    """W x of a linear layer of any kind, without bias and LoRA."""
    if isinstance(layer, QuantizedLinear):
        return layer.product(x)
    return F.linear(x, layer.get_parameter("weight"))


def fits_four_bits(inputs: int, outputs: int) -> bool:
    """Whether the kernel takes a layer of this size in 4 bits."""
    return inputs % GROUP == 0 and outputs % 16 == 0


def quantized_shapes(
    outputs: int, inputs: int, bits: int
) -> tuple[tuple[tuple[int, ...], torch.dtype], tuple[tuple[int, ...], torch.dtype]]:
    """Shape and type of codes and scales."""
    if bits == 8:
        return ((outputs, inputs), torch.int8), ((outputs,), torch.bfloat16)
    scales = (inputs // GROUP, outputs, 2)
    return ((outputs, inputs // 2), torch.uint8), (scales, torch.bfloat16)


def quantize_weight(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Codes and scales of a weight [out, in]; rounded with the scales as they are kept."""
    weight = weight.detach().float()
    if bits == 8:
        scales = (weight.abs().amax(dim=1) / 127).clamp_min(1e-12).to(torch.bfloat16)
        codes = (weight / scales.float()[:, None]).round().clamp(-127, 127)
        return codes.to(torch.int8), scales
    groups = weight.unflatten(1, (-1, GROUP))  # [out, groups, GROUP]
    low, high = groups.amin(dim=2), groups.amax(dim=2)
    scale = ((high - low) / _LEVELS).clamp_min(1e-12).to(torch.bfloat16)
    middle = (low + _MIDDLE * scale.float()).to(torch.bfloat16)
    steps = (groups - middle.float()[..., None]) / scale.float()[..., None]
    codes = (steps.round() + _MIDDLE).clamp(0, _LEVELS).to(torch.uint8).flatten(1)
    packed = codes[:, 0::2] | (codes[:, 1::2] << 4)
    return packed, torch.stack([scale, middle], dim=-1).transpose(0, 1).contiguous()


def dequantize_weight(codes: Tensor, scales: Tensor) -> Tensor:
    """The weight that codes and scales stand for, bfloat16 [out, in]."""
    if scales.ndim == 1:
        return codes.to(torch.bfloat16) * scales[:, None]
    steps = _unpacked(codes).to(torch.bfloat16) - _MIDDLE
    scale, middle = scales.transpose(0, 1).unbind(-1)  # [out, groups]
    return (steps.unflatten(1, (-1, GROUP)) * scale[..., None] + middle[..., None]).flatten(1)


def layers_to_quantize(model: nn.Module, bits: int) -> dict[str, int]:
    """Bits by name of the layers that are quantised: those of the blocks, and the output head.

    The head, and layers whose sizes the 4-bit kernel does not take, have 8 bits.
    """
    chosen = {}
    for name, module in model.named_modules():
        if type(module) is not nn.Linear:
            continue
        if name.startswith("model.layers."):
            four = bits == 4 and fits_four_bits(module.in_features, module.out_features)
            chosen[name] = 4 if four else 8
        elif name == "lm_head" and "lm_head.weight" not in _tied(model):
            chosen[name] = 8
    return chosen


def replace_layers(model: nn.Module, layers: Mapping[str, int], *, empty: bool = False) -> None:
    """Puts quantised layers in the place of linear ones.

    Args:
        model: Changed in place.
        layers: Bits by name.
        empty: Do not compute codes; the weights are still to be loaded.
    """
    for name, bits in layers.items():
        parent, _, child = name.rpartition(".")
        linear = model.get_submodule(name)
        if type(linear) is not nn.Linear:
            raise CheckpointError(f"{name} is no plain linear layer, it cannot be quantised")
        if empty:
            bias = linear.bias is not None
            made = QuantizedLinear(linear.in_features, linear.out_features, bits, bias=bias)
        else:
            made = QuantizedLinear.of(linear, bits)
        setattr(model.get_submodule(parent), child, made)


def quantize_model(model: nn.Module, bits: int) -> nn.Module:
    """Quantises a language model in memory, in place, and brings the rest to bfloat16.

    Args:
        model: A gated LLaMA with merged LoRA.
        bits: 8 or 4.
    """
    replace_layers(model, layers_to_quantize(model, bits))
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    return model.eval()


def read_layout(directory: Path) -> dict[str, int]:
    """Bits by layer of a quantised checkpoint; empty for one that is not quantised.

    Raises:
        CheckpointError: A damaged quantization.json.
    """
    path = directory / LAYOUT_NAME
    if not path.is_file():
        return {}
    try:
        body = json.loads(path.read_text("utf-8"))
        layout = {str(name): int(bits) for name, bits in body["layers"].items()}
        if body["version"] != 1 or body["group"] != GROUP or not layout:
            raise ValueError(f"version {body['version']}, groups of {body['group']}")
        return layout
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be used: {error!r}") from error


def write_layout(directory: Path, layers: Mapping[str, int]) -> None:
    """Writes quantization.json."""
    body = {"version": 1, "group": GROUP, "layers": dict(layers)}
    (directory / LAYOUT_NAME).write_text(json.dumps(body, indent=1), "utf-8")


def _unpacked(codes: Tensor) -> Tensor:
    return torch.stack([codes & 15, codes >> 4], dim=-1).flatten(1)


def _tied(model: nn.Module) -> Mapping[str, str]:
    return getattr(model, "all_tied_weights_keys", {})
