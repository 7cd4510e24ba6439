"""The pre-norm transformer that six of the trunks share, and its parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.perception.imagebind.config import TrunkConfig

BLOCK_EPS = 1e-6  # inside blocks, before them and in heads; the stems use PyTorch's 1e-5


def drop_path_rates(last: float, blocks: int) -> list[float]:
    """Skip probability of each block: linear from 0 to `last`."""
    return [last * i / max(blocks - 1, 1) for i in range(blocks)]


class DropPath(nn.Module):
    """Drops a residual branch per sample in training and rescales the ones kept.

    Attributes:
        probability: Of dropping the branch of a sample.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """[B, ...] to the same shape."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        mask = x.new_empty(x.shape[0], *[1] * (x.ndim - 1)).bernoulli_(keep)
        return x * mask / keep


class Attention(nn.Module):
    """Self-attention with a packed projection and, optionally, one learned extra key and value.

    Names and layout are those of `torch.nn.MultiheadAttention`, which wrote the published files.

    Attributes:
        heads: Number of heads H.
        in_proj_weight: Projections to queries, keys and values, one below the other [3D,D]; None
            in 8 bits.
        in_proj_bias: Their bias [3D]; None in 8 bits.
        out_proj: Projection of the joined heads.
        packed: Takes the place of `in_proj_weight` and `in_proj_bias` in 8 bits; None otherwise.
        bias_k: Learned key [1,1,D] after those of the tokens; None without.
        bias_v: Its value [1,1,D]; None without.
    """

    def __init__(self, width: int, heads: int, *, bias_kv: bool) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.packed: nn.Module | None = None  # takes the place of in_proj in 8 bits
        self.bias_k = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        self.bias_v = nn.Parameter(torch.empty(1, 1, width)) if bias_kv else None
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                nn.init.trunc_normal_(extra, std=0.02)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, asking: Tensor | None = None
    ) -> Tensor:
        """Each token of `asking` [B,A,D] looks at those of x [B,L,D]; by default all of x do."""
        b, _, width = x.shape
        if asking is None:
            q, k, v = self._split(self._project(x), 3)
        else:
            (q,) = self._split(self._project(asking, slice(width)), 1)
            k, v = self._split(self._project(x, slice(width, None)), 2)
        if self.bias_k is not None and self.bias_v is not None:
            # Already in projected space; they come after the last token.
            shape = (1, self.heads, 1, width // self.heads)
            k = torch.cat([k, self.bias_k.view(shape).expand(b, -1, -1, -1)], dim=2)  # [B,H,L+1,d]
            v = torch.cat([v, self.bias_v.view(shape).expand(b, -1, -1, -1)], dim=2)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # [B,H,A,d]
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _project(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """Queries, keys and values [B,L,3D], or those that `rows` names."""
        if self.packed is not None:
            return self.packed(x, rows)
        return F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])

    def _split(self, packed: Tensor, parts: int) -> Tensor:
        """[B,L,parts*D] to [parts,B,H,L,d]."""
        return packed.unflatten(2, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4)


class Mlp(nn.Module):
    """Two layers with an exact GELU between them, four times as wide inside.

    Attributes:
        fc1: Layer from D to 4D.
        fc2: Layer from 4D to D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)).

    Attributes:
        attn: Attention of the tokens to each other.
        norm_1: LayerNorm before the attention.
        mlp: Layers that see one token at a time.
        norm_2: LayerNorm before the mlp.
        drop_path: Drops either branch in training.
    """

    def __init__(self, width: int, heads: int, *, bias_kv: bool, drop_path: float) -> None:
        super().__init__()
        self.attn = Attention(width, heads, bias_kv=bias_kv)
        self.norm_1 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = Mlp(width)
        self.norm_2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens [B,L,D] to [B,L,D]; mask [L,L] as in the attention."""
        x = x + self.drop_path(self.attn(self.norm_1(x), mask))
        return x + self.drop_path(self.mlp(self.norm_2(x)))

    def only(self, x: Tensor, mask: Tensor | None, at: Tensor) -> Tensor:
        """The block's output at one token of each row, and nothing of what others would need.

        Args:
            x: [B,L,D].
            mask: [L,L].
            at: Token of each row [B].

        Returns:
            [B,1,D].
        """
        rows = torch.arange(len(x), device=x.device)
        mask = None if mask is None else mask[at][:, None, None]  # [B,1,1,L]
        normed = self.norm_1(x)
        asking = self.attn(normed, mask, normed[rows, at, None])  # [B,1,D]
        x = x[rows, at, None] + self.drop_path(asking)
        return x + self.drop_path(self.mlp(self.norm_2(x)))


class Transformer(nn.Module):
    """A trunk: tokens [B,L,D] in, one token of each row [B,1,D] out, which is what a head reads.

    No norm after the last block.

    Attributes:
        pre_transformer_layer: LayerNorm before the first block, in vision alone; empty elsewhere.
        blocks: The blocks, the first to be applied first.
    """

    def __init__(self, config: TrunkConfig, *, norm_first: bool = False) -> None:
        super().__init__()
        self.pre_transformer_layer = nn.Sequential(
            *([nn.LayerNorm(config.width, eps=BLOCK_EPS)] if norm_first else [])
        )
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, bias_kv=config.bias_kv, drop_path=rate)
            for rate in drop_path_rates(config.drop_path, config.blocks)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Tokens [B,L,D] and an additive mask [L,L] to the token `at` [B] of each; 0 by default."""
        if at is None:
            at = torch.zeros(len(x), dtype=torch.long, device=x.device)
        x = self.pre_transformer_layer(x)
        *earlier, last = cast("Iterable[Block]", self.blocks)
        for block in earlier:
            x = block(x, mask)
        return last.only(x, mask, at)
