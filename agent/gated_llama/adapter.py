"""The condition adapter: every new parameter of a gated language model, in one top-level module.

They sit next to the language model, not inside it: a plain checkpoint then loads unchanged, with
gates of zero, and the whole adapter can be trained, saved and swapped as one module.

Of a condition token t in layer l (ImageBind-LLM, arXiv 2309.03905; LLaMA-Adapter, 2303.16199):

    attention   o_proj(tanh(gate[l]) * v_proj(t + prefix[l]))          a gate per head
    block       tanh(gate[l]) * (x + x in[l] out[l]), x = t + prefix[l]   a gate per channel
"""

import torch
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaAttention

from sensebind.agent.gated_llama.bind_network import BindNetwork
from sensebind.agent.gated_llama.config import ConditionFields
from sensebind.agent.gated_llama.lora import LoraLinear, linear_without_bias
from sensebind.agent.gated_llama.quantization import product
from sensebind.agent.gated_llama.vision import VisionConditioner


class MergedLora(nn.Module):
    """The factors of a LoRA that was merged, to undo it: `base(x) = merged(x) - l2 l1 x`.

    They are a fraction of a percent of the layer they recover; a second copy of `wv` in every
    layer of the 7B model would be a gigabyte.

    Attributes:
        l1: [layers, rank, inputs], the first factor of each layer.
        l2: [layers, outputs, rank], the second factor of each layer.
    """

    def __init__(self, layers: int, rank: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.l1 = nn.Parameter(torch.zeros(layers, rank, inputs))
        self.l2 = nn.Parameter(torch.zeros(layers, outputs, rank))

    def forward(self, layer: int, x: Tensor) -> Tensor:
        """The map of one layer; x [..., inputs] to [..., outputs]."""
        return x @ self.l1[layer].mT @ self.l2[layer].mT


class BlockMap(nn.Module):
    """What takes the place of a layer's projections where conditions enter at the block's output.

    `y = x + x in out`, a map of low rank for each layer and slot.

    Attributes:
        into: [layers, slots, hidden, rank].
        out: [layers, slots, rank, hidden].
    """

    def __init__(self, layers: int, slots: int, width: int, rank: int) -> None:
        super().__init__()
        self.into = nn.Parameter(torch.zeros(layers, slots, width, rank))
        self.out = nn.Parameter(torch.zeros(layers, slots, rank, width))

    def forward(self, layer: int, x: Tensor) -> Tensor:
        """Maps tokens [B, C, slots, hidden] of one layer."""
        low = torch.einsum("bcsd,sdr->bcsr", x, self.into[layer])
        return x + torch.einsum("bcsr,srd->bcsd", low, self.out[layer])


class ConditionAdapter(nn.Module):
    """Turns conditions into what each injected layer adds.

    Attributes:
        head_dim: Width of an attention head.
        multi_token: Whether a condition has several tokens that share one softmax.
        gate_tanh: Whether gates go through tanh.
        bind: The bind network, if embeddings are the conditions.
        vision: The CLIP tower and its queries, if pictures are.
        prefix: [layers, slots × query_len, hidden], added to the features of each layer.
        gates: [layers, slots, heads]; they scale the heads, zero switches a slot off. At the
            block's output [layers, slots, hidden]; they scale the channels.
        maps: The maps of the layers where conditions enter at the block's output.
        layer_gates: [layers], further factors of LLaMA-Adapter V2, if the model has them.
        value_lora: LoRA factors that were merged into `v_proj`, if any.
        key_lora: The same for `k_proj`, on the multi-token path only.
    """

    def __init__(self, config: ConditionFields) -> None:
        super().__init__()
        layers, width, slots = config.injected_layers, config.hidden_size, config.slots
        assert config.num_key_value_heads  # the config fills it in
        kv_width = config.num_key_value_heads * config.head_width
        at_block = config.injection_point == "block"
        self.head_dim = config.head_width
        self.multi_token = config.adapter_len > 1
        self.gate_tanh = config.gate_tanh
        self.bind = BindNetwork(config) if config.conditioner == "bind" else None
        self.vision = VisionConditioner(config) if config.conditioner == "vision" else None
        self.prefix = nn.Parameter(torch.zeros(layers, slots * config.query_len, width))
        gates = width if at_block else config.num_attention_heads
        self.gates = nn.Parameter(torch.zeros(layers, slots, gates))
        self.maps = BlockMap(layers, slots, width, config.injection_rank) if at_block else None
        self.layer_gates = nn.Parameter(torch.ones(layers)) if config.layer_gates else None
        self.value_lora = self.key_lora = None
        if config.base_rank:
            self.value_lora = MergedLora(layers, config.base_rank, width, kv_width)
            if self.multi_token:
                self.key_lora = MergedLora(layers, config.base_rank, width, kv_width)

    def features(self, conditions: Tensor) -> Tensor:
        """Condition tokens [B, C, N, hidden] of conditions [B, C, *config.condition_shape]."""
        conditions = conditions.to(self.prefix.dtype)
        if self.bind is not None:
            return self.bind(conditions)
        assert self.vision is not None  # a model without a conditioner takes no conditions
        pictures = conditions.flatten(0, 2)  # one per condition
        return self.vision(pictures).unflatten(0, conditions.shape[:2])

    def gate_values(self) -> Tensor:
        """What the gates multiply by, [layers, slots, heads or hidden]."""
        values = self.gates.tanh() if self.gate_tanh else self.gates
        return values if self.layer_gates is None else values * self.layer_gates[:, None, None]

    def inject(self, features: Tensor, present: Tensor, attentions: list[LlamaAttention]) -> Tensor:
        """Computes once what every injected layer adds for each condition.

        Args:
            features: [B, C, N, hidden] condition tokens; N is the number of slots, or of adapter
                tokens on the multi-token path.
            present: [B, C, S] bool. An absent slot adds nothing; on the multi-token path a
                condition is present as a whole or not at all.
            attentions: The injected layers' attention modules, whose projections are used.

        Returns:
            [B, C, layers, hidden], or [B, C, layers, 2, kv heads, N, head dim] (keys and values)
            on the multi-token path.
        """
        if self.multi_token:
            layers = [
                self._keys_and_values(index, features + self.prefix[index], present, attention)
                for index, attention in enumerate(attentions)
            ]
        else:
            gates = self.gate_values()
            layers = [
                self._vector(index, features + self.prefix[index], present, attention, gates[index])
                for index, attention in enumerate(attentions)
            ]
        return torch.stack(layers, dim=2)

    def _vector(
        self,
        layer: int,
        tokens: Tensor,
        present: Tensor,
        attention: LlamaAttention,
        gates: Tensor,
    ) -> Tensor:
        if self.maps is not None:
            given = gates * present[..., None]  # [B, C, S, hidden]
            return (given.to(tokens.dtype) * self.maps(layer, tokens)).sum(dim=2)
        value = self._base(attention.v_proj, self.value_lora, layer, tokens)
        heads = value.unflatten(-1, (-1, self.head_dim))  # [B, C, S, kv heads, d]
        heads = heads.repeat_interleave(attention.num_key_value_groups, dim=-2)
        gates = gates[..., None] * present[..., None, None]  # [B, C, S, H, 1]
        summed = (gates.to(heads.dtype) * heads).sum(dim=2)  # [B, C, H, d]
        return linear_without_bias(attention.o_proj, summed.flatten(-2))

    def _keys_and_values(
        self, layer: int, tokens: Tensor, present: Tensor, attention: LlamaAttention
    ) -> Tensor:
        keys = self._base(attention.k_proj, self.key_lora, layer, tokens)
        values = self._base(attention.v_proj, self.value_lora, layer, tokens)
        values = values * present.all(dim=-1)[..., None, None]  # a zero value adds nothing
        both = torch.stack([keys, values], dim=2)  # [B, C, 2, A, kv width]
        return both.unflatten(-1, (-1, self.head_dim)).transpose(-2, -3)

    @staticmethod
    def _base(projection: nn.Linear, lora: MergedLora | None, layer: int, x: Tensor) -> Tensor:
        """The projection's weight as it was before LoRA, and without its bias."""
        out = product(projection, x)
        return out if lora is None else out - lora(layer, x)

    @torch.no_grad()
    def remember_lora(self, attentions: list[LlamaAttention]) -> int:
        """Keeps the factors that merging would make irrecoverable; returns their rank, or 0."""
        wanted = {"value_lora": "v_proj", "key_lora": "k_proj"}
        if not self.multi_token:
            del wanted["key_lora"]
        rank = 0
        for name, projection in wanted.items():
            layers = [getattr(attention, projection) for attention in attentions]
            if not all(isinstance(layer, LoraLinear) for layer in layers):
                continue
            first = layers[0]
            rank = first.l1.out_features
            kept = MergedLora(len(layers), rank, first.in_features, first.out_features)
            kept.l1.copy_(torch.stack([layer.l1.weight for layer in layers]))
            kept.l2.copy_(torch.stack([layer.l2.weight for layer in layers]))
            setattr(self, name, kept.to(self.prefix))
        return rank
