"""How a trunk begins, so that little data do: sines as places, attention to what is near."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from sensebind.perception.imagebind import ImageBind
from sensebind.perception.imagebind.stems import PositionEmbedding
from sensebind.perception.imagebind.transformer import Block, Transformer


@torch.no_grad()
def spread_positions(model: ImageBind, modality: str, strength: float = 0.7) -> None:
    """Starts the position embedding of a grid of patches with sines of row and column.

    The usual tiny random start is drowned by the content of the patches: shapes, which are
    content at places, are then learned only after a long plateau.
    """
    helper = cast(PositionEmbedding, model.modality_preprocessors[modality].pos_embedding_helper)
    rows, columns = helper.grid
    width = helper.pos_embed.shape[2]
    octaves = torch.logspace(0, 3, width // 4, base=2.0) * torch.pi / 2
    parts = []
    for count, axis in ((rows, 0), (columns, 1)):
        at = (torch.arange(count) + 0.5) / count  # 0..1
        angle = at[:, None] * octaves  # [count, width / 4]
        waves = torch.cat([angle.sin(), angle.cos()], dim=1)  # [count, width / 2]
        grid = waves[:, None] if axis == 0 else waves[None]
        parts.append(grid.expand(rows, columns, -1).reshape(rows * columns, -1))
    helper.pos_embed[0, 1:] = strength * 2**0.5 * torch.cat(parts, dim=1)


@torch.no_grad()
def start_local(model: ImageBind, modality: str, strength: float = 0.8) -> None:
    """Starts a trunk's attention as looking at what is alike, which with sines is what is near.

    Queries and keys begin as the same rotation, values with their output as a weak negative
    identity: what attention looks like after long training on pictures, so that little data do.
    """
    trunk = cast(Transformer, model.modality_trunks[modality])
    for block in cast(Iterable[Block], trunk.blocks):
        width = block.attn.out_proj.in_features
        rotation = nn.init.orthogonal_(torch.empty(width, width))
        noise = nn.init.orthogonal_(torch.empty(width, width))
        packed = block.attn.in_proj_weight
        packed[:width] = strength * rotation
        packed[width : 2 * width] = strength * rotation
        packed[2 * width :] = 0.5 * noise
        block.attn.out_proj.weight.copy_(-0.6 * noise.T)
        block.attn.out_proj.weight.add_(torch.randn(width, width) * 0.2 / width**0.5)
