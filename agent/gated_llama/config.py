"""Configuration of a gated language model: its family's own, plus how conditions enter it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from huggingface_hub.dataclasses import strict
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from sensebind.perception.checkpoint_json import DEEPEST, check_bounds, number, whole_number
from sensebind.perception.storage.stored_version import newer

FORMAT_VERSION = 1
"""Of config.json and the tensors' names; files that bear none have this one."""
CONDITIONERS = ("bind", "vision", "none")
INJECTION_POINTS = ("attention", "block")
TYPE_PREFIX = "gated_"
"""Of the model type of a gated model, before that of its family."""

if TYPE_CHECKING:
    _Family = LlamaConfig
else:
    _Family = object


@dataclass(kw_only=True)
class ConditionFields(_Family):
    """What a family's configuration needs for the condition adapter; mixed into each of them.

    One design: a conditioner makes condition tokens, an injection adds them to the layers.
    ImageBind-LLM is `conditioner="bind"` with one token and one slot; the small SimHome model has
    one slot per sense; LLaMA-Adapter V2 is `"vision"` and V1 is `"none"`, both with ten tokens.
    `adapter_len > 1` chooses the multi-token gated attention path.

    Attributes:
        format_version: Of the file; one of a newer SenseBind is refused.
        conditioner: Where condition tokens come from: "bind", the bind network, from embeddings;
            "vision", a CLIP tower and query blocks, from pictures; "none", the prefix alone, so
            that every token is read under the same condition.
        injection_point: Where a condition enters a layer: "attention", added to the output of the
            attention, as published; "block", added to the output of the whole block, as llama.cpp
            adds a control vector.
        injection_rank: Rank of the map of each layer and slot with "block", which has no
            projections of the language model to go through.
        injected_layers: Layers that take conditions in, the last ones; 0 for all that can (with
            "block" all but the first, which llama.cpp's control vectors do not reach).
        slots: Condition tokens that are summed, one per sense.
        senses: Name of each slot, in order; may stay empty for a model of one slot.
        adapter_len: Condition tokens that share one softmax; 1 is the one-vector path.
        query_len: Prefix queries per layer and slot; 1 (shared by all tokens) or `adapter_len`.
        gate_tanh: Whether gates go through tanh; the inference code released with LLaMA-Adapter
            V1 used them raw.
        layer_gates: One further factor per layer, the `new_gate` of LLaMA-Adapter V2.
        bind_dim: Width D of the embeddings that condition the model.
        bind_blocks: SwiGLU blocks of the bind network.
        bind_hidden_size: Inner width of those blocks; 0 for the usual 4 × `hidden_size`.
        bind_legacy: The bridge of the "7B-beta" checkpoint: LayerNorm, and biases in the blocks.
        bind_norm_eps: Epsilon of the bind network's norms; 0 for the usual 1e-6 (legacy: 1e-5).
        vision_clip: Fields of the CLIP tower's `CLIPVisionConfig`.
        vision_width: Width of the query blocks.
        vision_blocks: How many query blocks.
        vision_heads: Their attention heads.
        vision_hidden_size: Their inner width; 0 for the usual 4 × `vision_width`.
        vision_bgr: The weights were trained with the colour channels of OpenCV, blue first.
        lora_rank: Rank of unmerged LoRA factors on all seven linear layers of a block; 0 for none.
        base_rank: Rank of the factors kept to recover the layers before LoRA was merged
            (the condition path uses them without LoRA); 0 if nothing was merged.
        act_score: Probability of an acting call below which a person is asked whether it was
            meant, 0 to 1; measured on sentences that the weights were not trained on.
        base: Of a checkpoint that holds an adapter only, the language model that it belongs to:
            see `base_model.BaseReference`.
        encoder: Checkpoint directory with the encoder of its conditions, where that is not next to
            it; relative to the checkpoint, or "simhome", the embedded one.
    """

    format_version: int = FORMAT_VERSION
    conditioner: str = "bind"
    injection_point: str = "attention"
    injection_rank: int = 32
    injected_layers: int = 0
    slots: int = 1
    senses: list[str] | None = None
    adapter_len: int = 1
    query_len: int = 1
    gate_tanh: bool = True
    layer_gates: bool = False
    bind_dim: int = 1024
    bind_blocks: int = 3
    bind_hidden_size: int = 0
    bind_legacy: bool = False
    bind_norm_eps: float = 0.0
    vision_clip: dict | None = None
    vision_width: int = 768
    vision_blocks: int = 8
    vision_heads: int = 16
    vision_hidden_size: int = 0
    vision_bgr: bool = False
    lora_rank: int = 0
    base_rank: int = 0
    act_score: float = 0.9
    base: dict | None = None
    encoder: str | None = None

    def __post_init__(self, **kwargs):
        self.senses = list(self.senses or [])
        self.injected_layers = self.injected_layers or self._injectable_layers
        self.bind_hidden_size = self.bind_hidden_size or 4 * self.hidden_size
        self.bind_norm_eps = self.bind_norm_eps or (1e-5 if self.bind_legacy else 1e-6)
        self.vision_hidden_size = self.vision_hidden_size or 4 * self.vision_width
        super().__post_init__(**kwargs)

    @property
    def _injectable_layers(self) -> int:
        return self.num_hidden_layers - (self.injection_point == "block")

    @property
    def head_width(self) -> int:
        """Width of an attention head, which not every family's configuration names."""
        named: int | None = getattr(self, "head_dim", None)
        return named or self.hidden_size // self.num_attention_heads

    @property
    def condition_shape(self) -> tuple[int, ...]:
        """Shape of one condition: its slots first, then what one slot holds; () if there is none.

        Embeddings [slots × adapter_len, bind_dim], or one picture [1, 3, height, width].
        """
        if self.conditioner == "bind":
            return (self.slots * self.adapter_len, self.bind_dim)
        if self.conditioner == "vision":
            assert self.vision_clip  # validated
            side = self.vision_clip["image_size"]
            return (1, 3, side, side)
        return ()

    def validate_condition(self):
        """Checks that the condition sizes fit each other (called by `strict`)."""
        if self.format_version > FORMAT_VERSION:
            raise ValueError(newer("it", self.format_version, FORMAT_VERSION))
        if self.conditioner not in CONDITIONERS:
            raise ValueError(f"conditioner must be one of {', '.join(CONDITIONERS)}")
        if self.injection_point not in INJECTION_POINTS:
            raise ValueError(f"injection_point must be one of {', '.join(INJECTION_POINTS)}")
        if min(self.bind_dim, self.slots, self.adapter_len, self.bind_blocks) < 1:
            raise ValueError("bind_dim, slots, adapter_len and bind_blocks must be at least 1")
        if not 1 <= self.injected_layers <= self._injectable_layers:
            raise ValueError(
                f"injected_layers {self.injected_layers} of {self._injectable_layers} layers"
            )
        if self.adapter_len > 1 and not isinstance(self, GatedLlamaConfig):
            raise ValueError("only a LLaMA has the multi-token path (adapter_len > 1)")
        if self.injection_point == "block" and (self.adapter_len > 1 or self.base_rank):
            raise ValueError("injection_point 'block' goes with adapter_len 1 and base_rank 0")
        if self.senses and len(self.senses) != self.slots:
            raise ValueError(f"{len(self.senses)} senses named for {self.slots} slots")
        if self.slots > 1 and (self.adapter_len > 1 or self.conditioner != "bind"):
            raise ValueError(
                "the multi-token path (adapter_len > 1) and conditioners other than the bind "
                "network have one slot"
            )
        if not 0 <= self.act_score <= 1:
            raise ValueError(f"act_score must be from 0 to 1, got {self.act_score}")
        if self.query_len not in (1, self.adapter_len):
            raise ValueError(f"query_len must be 1 or adapter_len, got {self.query_len}")
        if self.conditioner == "vision" and "image_size" not in (self.vision_clip or {}):
            raise ValueError("conditioner 'vision' needs vision_clip, the sizes of its CLIP tower")


@strict
class GatedLlamaConfig(ConditionFields, LlamaConfig):
    """A `LlamaConfig` with the sizes of the condition adapter, see `ConditionFields`.

    It serves LLaMA 1 to 3.3, SmolLM2, and whatever else is a LLaMA to transformers.

    Attributes:
        model_type: Name of the architecture in `config.json`.
    """

    model_type = "gated_llama"


_SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
    "sliding_window",
    "slots",
    "injection_rank",
    "adapter_len",
    "query_len",
    "bind_dim",
    "bind_hidden_size",
    "vision_width",
    "vision_heads",
    "vision_hidden_size",
)
_DEPTHS = ("num_hidden_layers", "injected_layers", "bind_blocks", "vision_blocks")
_ROPE = ("rope_theta", "factor", "low_freq_factor", "high_freq_factor", "attention_factor")


def check_fields(fields: Mapping[str, Any]) -> None:
    """Checks the numbers of a config.json, before anything is made of them.

    In a file every size that is there is a size: that 0 stands for a usual one is for callers of
    `GatedLlamaConfig`, which writes the resolved number.

    Raises:
        ValueError: One is not a number of its kind, or out of range; names the field.
    """
    check_bounds(fields)
    for key in _SIZES:
        whole_number(fields, key, default=1)
    for key in _DEPTHS:
        whole_number(fields, key, most=DEEPEST, default=1)
    for key in ("lora_rank", "base_rank"):
        whole_number(fields, key, least=0, default=0)
    number(fields, "rms_norm_eps", most=1.0, default=1e-6)
    number(fields, "act_score", above=-1e-30, most=1.0, default=0.9)
    number(fields, "bind_norm_eps", above=-1e-30, most=1.0, default=1e-6)
    check_rope(fields)
    vocabulary = whole_number(fields, "vocab_size", default=32_000)
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        token_ids(fields, key, vocabulary)


def check_rope(fields: Mapping[str, Any]) -> None:
    """Checks how rotary frequencies are computed; transformers 4 calls it `rope_scaling`.

    Raises:
        ValueError: A kind that transformers does not know, or a number out of range.
    """
    number(fields, "rope_theta", default=1.0)
    for key in ("rope_parameters", "rope_scaling"):
        rope = fields.get(key) or {}
        if not isinstance(rope, dict):
            raise ValueError(f"{key} is not an object")
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default" and kind not in ROPE_INIT_FUNCTIONS:
            known = ", ".join(["default", *ROPE_INIT_FUNCTIONS])
            raise ValueError(f"{key} is of type {kind!r:.40}, not one of {known}")
        for name in _ROPE:
            number(rope, name, default=1.0)
        whole_number(rope, "original_max_position_embeddings", default=1)


def token_ids(fields: Mapping[str, Any], key: str, vocabulary: int) -> list[int]:
    """The tokens that a field names: one, several, or none.

    Args:
        fields: Of a configuration.
        key: Such as `eos_token_id`.
        vocabulary: How many tokens the model has.

    Raises:
        ValueError: Not ids of the vocabulary; names the field.
    """
    value = fields.get(key)
    ids = [] if value is None else value if isinstance(value, list) else [value]
    for one in ids:
        whole_number({key: one}, key, least=0, most=vocabulary - 1)
    return ids
