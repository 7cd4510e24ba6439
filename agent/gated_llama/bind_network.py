"""The bind network: from the joint embedding space to the width of the language model."""

from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from sensebind.agent.gated_llama.config import ConditionFields


class BindBlock(nn.Module):
    """A pre-norm SwiGLU block: `h + down(silu(gate n) * up n)` with `n = norm(h)`.

    Attributes:
        norm: RMSNorm [hidden]; LayerNorm with `bind_legacy`.
        gate: Linear, hidden to inner width; goes through SiLU.
        up: Linear, hidden to inner width.
        down: Linear, inner width to hidden.
    """

    def __init__(self, config: ConditionFields) -> None:
        super().__init__()
        width, inner, legacy = config.hidden_size, config.bind_hidden_size, config.bind_legacy
        norm = nn.LayerNorm if legacy else LlamaRMSNorm
        self.norm = norm(width, eps=config.bind_norm_eps)
        self.gate = nn.Linear(width, inner, bias=legacy)
        self.up = nn.Linear(width, inner, bias=legacy)
        self.down = nn.Linear(inner, width, bias=legacy)

    def forward(self, hidden: Tensor) -> Tensor:
        """`x + down(silu(gate(norm(x))) * up(norm(x)))`; [..., hidden] to the same."""
        normed = self.norm(hidden)
        return hidden + self.down(F.silu(self.gate(normed)) * self.up(normed))


class BindNetwork(nn.Module):
    """A projection and `config.bind_blocks` SwiGLU blocks, without a norm at the end.

    Attributes:
        proj: Linear, bind_dim to hidden.
        blocks: The SwiGLU blocks, in order.
    """

    def __init__(self, config: ConditionFields) -> None:
        super().__init__()
        self.proj = nn.Linear(config.bind_dim, config.hidden_size)
        self.blocks = nn.ModuleList(BindBlock(config) for _ in range(config.bind_blocks))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Maps embeddings [..., bind_dim] to features [..., hidden]."""
        hidden = self.proj(embeddings)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden
