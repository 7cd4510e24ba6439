"""Families of language models that can carry the gate, next to LLaMA: Mistral, Qwen, SmolLM3.

SmolLM2 is a LLaMA to transformers. A family's own classes stay as they are; what takes conditions
in is mixed into them. Importing this module makes them known to transformers' auto classes.
"""

from huggingface_hub.dataclasses import strict
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from sensebind.agent.gated_llama.config import TYPE_PREFIX, ConditionFields
from sensebind.agent.gated_llama.model import ConditionedLM


@strict
class GatedMistralConfig(ConditionFields, MistralConfig):
    """A `MistralConfig` with the sizes of the condition adapter, see `ConditionFields`.

    Attributes:
        model_type: Name of the architecture in `config.json`.
    """

    model_type = TYPE_PREFIX + MistralConfig.model_type


@strict
class GatedQwen2Config(ConditionFields, Qwen2Config):
    """A `Qwen2Config` with the sizes of the condition adapter, see `ConditionFields`.

    Attributes:
        model_type: Name of the architecture in `config.json`.
    """

    model_type = TYPE_PREFIX + Qwen2Config.model_type


@strict
class GatedQwen3Config(ConditionFields, Qwen3Config):
    """A `Qwen3Config` with the sizes of the condition adapter, see `ConditionFields`.

    Attributes:
        model_type: Name of the architecture in `config.json`.
    """

    model_type = TYPE_PREFIX + Qwen3Config.model_type


@strict
class GatedSmolLM3Config(ConditionFields, SmolLM3Config):
    """A `SmolLM3Config` with the sizes of the condition adapter, see `ConditionFields`.

    Attributes:
        model_type: Name of the architecture in `config.json`.
    """

    model_type = TYPE_PREFIX + SmolLM3Config.model_type


class GatedMistralForCausalLM(ConditionedLM, MistralForCausalLM):
    """`MistralForCausalLM` with conditions, see `ConditionedLM`.

    Attributes:
        config: Sizes of the model and its condition adapter.
        config_class: What transformers reads `config.json` with.
    """

    config: GatedMistralConfig
    config_class = GatedMistralConfig


class GatedQwen2ForCausalLM(ConditionedLM, Qwen2ForCausalLM):
    """`Qwen2ForCausalLM` with conditions, see `ConditionedLM`.

    Attributes:
        config: Sizes of the model and its condition adapter.
        config_class: What transformers reads `config.json` with.
    """

    config: GatedQwen2Config
    config_class = GatedQwen2Config


class GatedQwen3ForCausalLM(ConditionedLM, Qwen3ForCausalLM):
    """`Qwen3ForCausalLM` with conditions, see `ConditionedLM`.

    Attributes:
        config: Sizes of the model and its condition adapter.
        config_class: What transformers reads `config.json` with.
    """

    config: GatedQwen3Config
    config_class = GatedQwen3Config


class GatedSmolLM3ForCausalLM(ConditionedLM, SmolLM3ForCausalLM):
    """`SmolLM3ForCausalLM` with conditions, see `ConditionedLM`.

    Attributes:
        config: Sizes of the model and its condition adapter.
        config_class: What transformers reads `config.json` with.
    """

    config: GatedSmolLM3Config
    config_class = GatedSmolLM3Config


FAMILIES: dict[str, tuple[type[ConditionFields], type[ConditionedLM]]] = {
    config.model_type: (config, model)
    for config, model in (
        (GatedMistralConfig, GatedMistralForCausalLM),
        (GatedQwen2Config, GatedQwen2ForCausalLM),
        (GatedQwen3Config, GatedQwen3ForCausalLM),
        (GatedSmolLM3Config, GatedSmolLM3ForCausalLM),
    )
}
"""Configuration and model, by the model type of `config.json`."""
for _name, (_config, _model) in FAMILIES.items():
    AutoConfig.register(_name, _config, exist_ok=True)
    AutoModelForCausalLM.register(_config, _model, exist_ok=True)
