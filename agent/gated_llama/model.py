"""A language model of transformers whose every token may be read under a condition."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutputWithPast

from sensebind.agent.gated_llama.adapter import BlockMap, ConditionAdapter, MergedLora
from sensebind.agent.gated_llama.attention import (
    BlockInjection,
    Injected,
    MultiTokenAttention,
    OneTokenInjection,
    injecting,
)
from sensebind.agent.gated_llama.config import ConditionFields, GatedLlamaConfig
from sensebind.agent.gated_llama.lora import LoraLinear, attach_lora, merge_lora
from sensebind.agent.gated_llama.vision import VisionConditioner
from sensebind.errors import InputError

if TYPE_CHECKING:
    _CausalLM = LlamaForCausalLM
else:
    _CausalLM = object


class ConditionedLM(_CausalLM):
    """What a family's causal language model needs to take conditions in; mixed into each of them.

    Without a condition it computes exactly what the family's own class computes. Conditions are
    given as embeddings or pictures (`conditions`, `present`) or, computed once by `injection`, as
    `injection`. `condition_ids` says under which condition each token is read.

    Attributes:
        config: Sizes of the model and its condition adapter.
        adapter: Turns conditions into what each injected layer adds.
    """

    config: ConditionFields

    def __init__(self, config: ConditionFields) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.model.layers):
            if config.injection_point == "block":
                layer.__class__ = injecting(BlockInjection, type(layer))
            elif config.adapter_len > 1:
                layer.self_attn = MultiTokenAttention(config, index)
            else:
                family = type(layer.self_attn)
                layer.self_attn = injecting(OneTokenInjection, family)(config, index)
        if config.lora_rank:
            attach_lora(self.model.layers, config.lora_rank)
        self.adapter = ConditionAdapter(config)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, ConditionAdapter):
            init.normal_(module.prefix, std=self.config.initializer_range)
            init.zeros_(module.gates)
            if module.layer_gates is not None:
                init.ones_(module.layer_gates)
        elif isinstance(module, BlockMap):
            init.normal_(module.into, std=module.into.shape[-2] ** -0.5)
            init.normal_(module.out, std=module.out.shape[-2] ** -0.5)
        elif isinstance(module, VisionConditioner):
            init.normal_(module.query, std=self.config.initializer_range)
        elif isinstance(module, MergedLora):
            init.zeros_(module.l1)
            init.zeros_(module.l2)
        elif isinstance(module, LoraLinear):
            init.zeros_(module.l2.weight)

    # --- conditions -----------------------------------------------------------------------------

    @property
    def attentions(self) -> list:
        """The attention module of every layer."""
        return [layer.self_attn for layer in self.model.layers]

    @property
    def injected_attentions(self) -> list:
        """Those of the layers that take conditions in, the last ones."""
        return self.attentions[-self.config.injected_layers :]

    def injection(self, conditions: Tensor, present: Tensor | None = None) -> Tensor:
        """Computes, once per condition and differentiably, what the conditions add.

        Args:
            conditions: [B, C, *config.condition_shape], C conditions per row: embeddings
                [B, C, S, bind_dim] of S slots, or pictures [B, C, 1, 3, H, W]. Use finite numbers
                (zeros) for an absent slot.
            present: [B, C, S] bool, everything present by default.

        Returns:
            Vectors [B, C, n, hidden] of the n injected layers; on the multi-token path the keys
            and values [B, C, n, 2, kv heads, tokens, head dim].

        Raises:
            InputError: Shapes that do not fit the configuration.
        """
        shape = self.config.condition_shape
        if not shape:
            raise InputError("this model takes no conditions: its prefix is its only one")
        if conditions.ndim != 2 + len(shape) or conditions.shape[2:] != shape:
            expected = ", ".join(map(str, shape))
            raise InputError(
                f"conditions must be [batch, conditions, {expected}], got {list(conditions.shape)}"
            )
        if present is not None and present.shape != conditions.shape[:3]:
            raise InputError(
                f"present must be {list(conditions.shape[:3])}, got {list(present.shape)}"
            )
        return self.injection_of_features(self.adapter.features(conditions), present)

    def injection_of_features(self, features: Tensor, present: Tensor | None = None) -> Tensor:
        """The same from features [B, C, N, hidden] that replace the conditioner's output."""
        if present is None:
            present = features.new_ones(features.shape[:3], dtype=torch.bool)
        return self.adapter.inject(features, present, self.injected_attentions)

    def standing(self) -> Injected | None:
        """What every token is read under where none is given a condition.

        It is the prefix of a model without a conditioner, for any batch; None for all others.
        """
        if self.config.conditioner != "none":
            return None
        shape = (1, 1, self.config.slots * self.config.adapter_len, self.config.hidden_size)
        nothing = self.adapter.prefix.new_zeros(shape)
        return self.inject(self.injection_of_features(nothing), None, 1)

    def inject(self, injection: Tensor, condition_ids: Tensor | None, length: int) -> Injected:
        """Prepares one forward pass over `length` tokens.

        Args:
            injection: Output of `injection`.
            condition_ids: [B, length] index of each token's condition, -1 for none; may be left
                out where there is one condition.
            length: Number of tokens T.
        """
        conditions = injection.shape[1]
        if condition_ids is None:
            if conditions != 1:
                raise InputError(f"{conditions} conditions need condition_ids [batch, tokens]")
            select = None
        else:
            if condition_ids.shape[-1] != length:
                raise InputError(
                    f"condition_ids cover {condition_ids.shape[-1]} of {length} tokens"
                )
            # Id -1 falls into the column that is cut off, so it selects nothing.
            select = F.one_hot(condition_ids + 1, conditions + 1)[..., 1:].to(injection.dtype)
            if length == 1:
                injection = torch.einsum("bc,bc...->b...", select[:, 0], injection)[:, None]
                select = None
        gates = self.adapter.gate_values()[:, 0]
        return Injected.of(select, injection, gates, self.config.num_hidden_layers)

    # --- forward and generation -----------------------------------------------------------------

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        *,
        conditions: Tensor | None = None,
        present: Tensor | None = None,
        injection: Tensor | None = None,
        condition_ids: Tensor | None = None,
        injected: Injected | None = None,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Run the model.

        Args:
            input_ids: [B, T] token ids, as in the family's own `forward`.
            attention_mask: [B, T], likewise.
            position_ids: [B, T], likewise.
            inputs_embeds: [B, T, hidden] instead of `input_ids`, likewise.
            labels: [B, T] of the loss, likewise.
            logits_to_keep: Last tokens whose logits are computed, likewise; 0 for all.
            conditions: [B, C, *config.condition_shape], turned into an injection here.
            present: [B, C, S] bool, which slots of `conditions` are filled.
            injection: Output of `injection`, instead of `conditions`.
            condition_ids: [B, T] condition of each token, -1 for none.
            injected: Output of `inject`, instead of conditions, injection and ids (for decoding
                loops).
            **kwargs: Of the family's own `forward`, such as the cache of what was read before.
        """
        if conditions is not None:
            injection = self.injection(conditions, present)
        if injection is not None:
            tokens = input_ids if input_ids is not None else inputs_embeds
            if tokens is None:
                raise InputError("give input_ids or inputs_embeds")
            injected = self.inject(injection, condition_ids, tokens.shape[1])
        elif injected is None:
            injected = self.standing()
        return super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            labels=labels,
            logits_to_keep=logits_to_keep,
            injected=injected,  # pyright: ignore[reportCallIssue]: passed on to the layers
            **kwargs,
        )

    def generate(self, *args, conditions=None, present=None, **kwargs):
        """`GenerationMixin.generate`; takes `conditions`, `present` or `injection` as `forward`.

        New tokens are read under the last condition id of their row.
        """
        if conditions is not None:
            with torch.no_grad():
                kwargs["injection"] = self.injection(conditions, present)
        elif kwargs.get("injection") is None:
            with torch.no_grad():
                kwargs["injected"] = self.standing()
        return super().generate(*args, **kwargs)  # pyright: ignore[reportAttributeAccessIssue]

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, *args, condition_ids: Tensor | None = None, **kwargs
    ) -> dict:
        """Return the inputs of one step of `generate`, with the conditions of its tokens."""
        inputs = super().prepare_inputs_for_generation(  # pyright: ignore[reportAttributeAccessIssue]
            input_ids, *args, **kwargs
        )
        if condition_ids is not None:
            tokens = inputs["inputs_embeds"] if "inputs_embeds" in inputs else inputs["input_ids"]
            step = tokens.shape[1]
            mask = kwargs.get("attention_mask")
            total = input_ids.shape[1] if mask is None or mask.ndim != 2 else mask.shape[1]
            known = condition_ids[:, total - step : total]
            new = condition_ids[:, -1:].expand(-1, step - known.shape[1])
            inputs["condition_ids"] = torch.cat([known, new], dim=1)
        return inputs

    def _update_model_kwargs_for_generation(self, outputs, model_kwargs: dict, *args, **kwargs):
        model_kwargs = super()._update_model_kwargs_for_generation(
            outputs, model_kwargs, *args, **kwargs
        )
        cached = model_kwargs.get("cache", model_kwargs.get("past_key_values"))  # its older name
        if "injection" in model_kwargs and cached is not None:
            # With the prompt in the cache, all that follows is read under each row's last
            # condition: choose it once, and a decoding step is left with one addition per layer.
            ids = model_kwargs.pop("condition_ids", None)
            last = None if ids is None else ids[:, -1:]
            model_kwargs["injected"] = self.inject(model_kwargs.pop("injection"), last, 1)
        return model_kwargs

    # --- LoRA -----------------------------------------------------------------------------------

    def add_lora(self, rank: int) -> None:
        """Puts fresh LoRA factors on all linear layers of the blocks; changes no output."""
        attach_lora(self.model.layers, rank)
        self.config.lora_rank = rank

    def merge_lora(self) -> None:
        """Merges the LoRA into the weights; conditions still enter through the base `v_proj`."""
        if rank := self.adapter.remember_lora(self.injected_attentions):
            self.config.base_rank = rank
        merge_lora(self.model.layers)
        self.config.lora_rank = 0


class GatedLlamaForCausalLM(ConditionedLM, LlamaForCausalLM):
    """`LlamaForCausalLM` with conditions; without one it computes exactly what LLaMA computes.

    Attributes:
        config: Sizes of the model and its condition adapter.
        config_class: What transformers reads `config.json` with.
    """

    config: GatedLlamaConfig
    config_class = GatedLlamaConfig


AutoConfig.register(GatedLlamaConfig.model_type, GatedLlamaConfig, exist_ok=True)
AutoModelForCausalLM.register(GatedLlamaConfig, GatedLlamaForCausalLM, exist_ok=True)
