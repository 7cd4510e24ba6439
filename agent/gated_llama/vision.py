"""The conditioner of LLaMA-Adapter V2: what learned queries read off a picture's CLIP tokens."""

import torch
from torch import Tensor, nn

from sensebind.agent.gated_llama.config import ConditionFields


class VisionConditioner(nn.Module):
    """A CLIP tower, and query blocks that boil its tokens down to the condition tokens.

    Attributes:
        clip: CLIP's vision tower with its projection.
        clip_proj: Linear, projection_dim of CLIP to vision_width.
        clip_norm: LayerNorm [vision_width] of the projected CLIP tokens.
        query: [adapter_len, vision_width] learned queries, put before the CLIP tokens.
        blocks: Pre-norm transformer layers over queries and CLIP tokens.
        proj: Linear, vision_width to hidden.
        norm: LayerNorm [hidden] of the condition tokens.
    """

    def __init__(self, config: ConditionFields) -> None:
        # Few checkpoints have a tower, and CLIP's module takes long to import.
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        super().__init__()
        width = config.vision_width
        clip = CLIPVisionConfig(**(config.vision_clip or {}))
        self.clip = CLIPVisionModelWithProjection(clip)
        self.clip_proj = nn.Linear(clip.projection_dim, width)
        self.clip_norm = nn.LayerNorm(width)
        self.query = nn.Parameter(torch.zeros(config.adapter_len, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                config.vision_heads,
                config.vision_hidden_size,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(config.vision_blocks)
        )
        self.proj = nn.Linear(width, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size)

    def clip_tokens(self, images: Tensor) -> Tensor:
        """All tokens of the tower [B, 1 + patches, projection_dim], the class token first.

        CLIP itself normalises and projects the class token alone.
        """
        tower = self.clip.vision_model
        hidden = tower(images).last_hidden_state
        return self.clip.visual_projection(tower.post_layernorm(hidden))

    def forward(self, images: Tensor) -> Tensor:
        """Maps preprocessed pictures [B, 3, H, W] to condition tokens [B, adapter_len, hidden]."""
        seen = self.clip_norm(self.clip_proj(self.clip_tokens(images)))  # [B, 1 + patches, width]
        queries = self.query.expand(len(images), -1, -1)
        tokens = torch.cat([queries, seen], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(self.proj(tokens[:, : queries.shape[1]]))
