"""Configuration of the gated LLaMA: a LLaMA, plus how conditions enter it."""

from huggingface_hub.dataclasses import strict
from transformers import LlamaConfig


@strict
class GatedLlamaConfig(LlamaConfig):
    """A `LlamaConfig` with the sizes of the condition adapter.

    The official ImageBind-LLM is the case of one slot; the small SimHome model has one slot per
    sense. `adapter_len > 1` chooses the multi-token gated attention path.

    Attributes:
        bind_dim: Width D of the embeddings that condition the model.
        slots: Condition tokens that are summed, one per sense.
        senses: Name of each slot, in order; may stay empty for a model of one slot.
        adapter_len: Condition tokens that share one softmax; 1 is the one-vector path.
        query_len: Prefix queries per layer and slot; 1 (shared by all tokens) or `adapter_len`.
        bind_blocks: SwiGLU blocks of the bind network.
        bind_hidden_size: Inner width of those blocks; 0 for the usual 4 × `hidden_size`.
        bind_legacy: The bridge of the "7B-beta" checkpoint: LayerNorm, and biases in the blocks.
        bind_norm_eps: Epsilon of the bind network's norms; 0 for the usual 1e-6 (legacy: 1e-5).
        lora_rank: Rank of unmerged LoRA factors on all seven linear layers of a block; 0 for none.
        base_rank: Rank of the factors kept to recover the layers before LoRA was merged
            (the condition path uses them without LoRA); 0 if nothing was merged.
    """

    model_type = "gated_llama"

    bind_dim: int = 1024
    slots: int = 1
    senses: list[str] | None = None
    adapter_len: int = 1
    query_len: int = 1
    bind_blocks: int = 3
    bind_hidden_size: int = 0
    bind_legacy: bool = False
    bind_norm_eps: float = 0.0
    lora_rank: int = 0
    base_rank: int = 0

    def __post_init__(self, **kwargs):
        self.senses = list(self.senses or [])
        self.bind_hidden_size = self.bind_hidden_size or 4 * self.hidden_size
        self.bind_norm_eps = self.bind_norm_eps or (1e-5 if self.bind_legacy else 1e-6)
        super().__post_init__(**kwargs)

    def validate_condition(self):
        """Checks that the condition sizes fit each other (called by `strict`)."""
        if min(self.bind_dim, self.slots, self.adapter_len, self.bind_blocks) < 1:
            raise ValueError("bind_dim, slots, adapter_len and bind_blocks must be at least 1")
        if self.senses and len(self.senses) != self.slots:
            raise ValueError(f"{len(self.senses)} senses named for {self.slots} slots")
        if self.adapter_len > 1 and self.slots > 1:
            raise ValueError("the multi-token path (adapter_len > 1) has one slot")
        if self.query_len not in (1, self.adapter_len):
            raise ValueError(f"query_len must be 1 or adapter_len, got {self.query_len}")
