"""Point-BERT: farthest-point samples, their neighbours, a transformer over the groups."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.errors import InputError
from sensebind.perception.imagebind.config import PointConfig
from sensebind.perception.imagebind.stems import learned_token
from sensebind.perception.imagebind.transformer import DropPath, Mlp, drop_path_rates


def farthest_points(
    points: Tensor, count: int, start: Tensor | None = None, *, skip: Tensor | None = None
) -> Tensor:
    """Indices of points far from each other, each the farthest from those before it.

    Args:
        points: Clouds [B,N,3].
        count: How many to take, G.
        start: First index of each cloud [B]. None starts at point 0, so that the same cloud always
            gives the same samples; the published code draws it at random on every call.
        skip: Points [B,N] bool that are never taken, but for the first.

    Returns:
        Indices [B,G] in the order of sampling.
    """
    b, n, _ = points.shape
    current = points.new_zeros(b, dtype=torch.long) if start is None else start.to(points.device)
    nearest = points.new_full((b, n), 1e10)  # squared distance to the closest sample so far
    chosen = []
    for _ in range(count):
        chosen.append(current)
        centre = points.gather(1, current.view(b, 1, 1).expand(-1, 1, 3))  # [B,1,3]
        nearest = torch.minimum(nearest, (points - centre).square().sum(-1))
        current = (nearest if skip is None else nearest.masked_fill(skip, -1)).argmax(-1)
    return torch.stack(chosen, dim=1)


def random_starts(points: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A first index per cloud [B], drawn uniformly as the published code does."""
    b, n, _ = points.shape
    return torch.randint(n, (b,), generator=generator)


def neighbours(points: Tensor, centres: Tensor, count: int) -> Tensor:
    """Indices [B,G,count] of the points nearest to each centre, in no particular order.

    Distances are expanded as |a|² - 2ab + |b|², like the published code, so that ties at the
    border of a group fall the same way.
    """
    distances = -2 * centres @ points.transpose(1, 2)  # [B,G,N]
    distances += centres.square().sum(-1, keepdim=True)
    distances += points.square().sum(-1).unsqueeze(1)
    return distances.topk(count, dim=-1, largest=False, sorted=False).indices


def take(values: Tensor, index: Tensor) -> Tensor:
    """Rows of `values` [B,N,C] at `index` [B,...] as [B,...,C]."""
    rows = index.flatten(1).unsqueeze(-1).expand(-1, -1, values.shape[-1])
    return values.gather(1, rows).unflatten(1, index.shape[1:])


class GroupEncoder(nn.Module):
    """A small PointNet: the points of one group become one vector.

    Args:
        inputs: Width of a point.
        hidden: Of the first layer.
        joined: Of a group's vector and a point's, side by side.
        outputs: Of the result.
        narrow: Of the third layer; `joined` by default.

    Attributes:
        first_conv: Layers from a point [inputs] to its local vector [joined/2].
        second_conv: Layers from the group's maximum and the point's own vector, [joined], to
            [outputs].
    """

    def __init__(
        self, inputs: int, hidden: int, joined: int, outputs: int, narrow: int | None = None
    ) -> None:
        super().__init__()
        narrow = narrow or joined
        self.first_conv = nn.Sequential(
            nn.Conv1d(inputs, hidden, 1),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Conv1d(hidden, joined // 2, 1),
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(joined, narrow, 1),
            nn.BatchNorm1d(narrow),
            nn.ReLU(),
            nn.Conv1d(narrow, outputs, 1),
        )

    def forward(self, groups: Tensor) -> Tensor:
        """Groups [B,G,K,inputs] to vectors [B,G,outputs]."""
        b, g, k, inputs = groups.shape
        local = self.first_conv(groups.reshape(1, -1, inputs).transpose(1, 2))  # [1,joined/2,B*G*K]
        whole = local.unflatten(2, (-1, k)).amax(dim=3)  # [1,joined/2,B*G]
        # The layer reads [global, local]; its global half is the same for all points of a group.
        weight = self.second_conv.get_parameter("0.weight")
        bias = self.second_conv.get_parameter("0.bias")
        half = whole.shape[1]
        shared = F.conv1d(whole, weight[:, :half], bias)  # [1,narrow,B*G]
        joined = F.conv1d(local, weight[:, half:]).unflatten(2, (-1, k)) + shared.unsqueeze(3)
        out = self.second_conv[1:](joined.flatten(2))  # [1,outputs,B*G*K]
        return out.unflatten(2, (b, g, k)).amax(dim=4).squeeze(0).permute(1, 2, 0)


class PointAttention(nn.Module):
    """Self-attention with a fused projection without bias.

    Attributes:
        heads: Number of heads H.
        qkv: Projection to queries, keys and values, from D to 3D.
        proj: Projection of the joined heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens [B,L,D] to [B,L,D]; `mask` is added to the scores, or True where one may look."""
        b, n, width = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # [B,H,L,d]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(out.transpose(1, 2).reshape(b, n, width))


class PointBlock(nn.Module):
    """Pre-norm block with the eps of Point-BERT, 1e-5.

    Attributes:
        norm1: LayerNorm before the attention.
        attn: Attention of the tokens to each other.
        norm2: LayerNorm before the mlp.
        mlp: Layers that see one token at a time.
        drop_path: Drops either branch in training.
    """

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = PointAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens [B,L,D] to [B,L,D]; the mask is the attention's."""
        x = x + self.drop_path(self.attn(self.norm1(x), mask))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PointBlocks(nn.Module):
    """Blocks each of which adds the positions to its input.

    Attributes:
        blocks: The blocks, the first to be applied first.
    """

    def __init__(self, width: int, heads: int, rates: list[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(PointBlock(width, heads, rate) for rate in rates)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens [B,L,D] with positions [B,L,D] to [B,L,D]."""
        for block in self.blocks:
            x = block(x + positions, mask)  # the residual carries the position, too
        return x


class PointEncoder(nn.Module):
    """Point-BERT: clouds [B,N,3] to features [B,2*width].

    Attributes:
        groups: Number of groups G.
        group_size: Points of a group K.
        encoder: From the points of a group to its vector [encoder_width].
        reduce_dim: From a group's vector to its token [D].
        cls_token: Learned first token [1,1,D].
        cls_pos: Its position [1,1,D].
        pos_embed: From a group's centre [3] to its position [D].
        blocks: Transformer blocks over the groups.
        norm: LayerNorm after the last block.
    """

    def __init__(self, config: PointConfig) -> None:
        super().__init__()
        width = config.width
        self.groups, self.group_size = config.groups, config.group_size
        self.encoder = GroupEncoder(3, *config.encoder_hidden, config.encoder_width)
        self.reduce_dim = nn.Linear(config.encoder_width, width)
        self.cls_token = learned_token(1, 1, width)
        self.cls_pos = learned_token(1, 1, width)
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, width))
        rates = drop_path_rates(config.drop_path, config.blocks)
        self.blocks = PointBlocks(width, config.heads, rates)
        self.norm = nn.LayerNorm(width)

    def group(self, points: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Clouds [B,N,3] to centred groups [B,G,K,3] and their centres [B,G,3]."""
        if points.shape[1] < self.group_size:
            raise InputError(
                f"a cloud of {points.shape[1]} points is smaller than one group of "
                f"{self.group_size}; let the processor resample it"
            )
        centres = take(points, farthest_points(points, self.groups, start))
        around = take(points, neighbours(points, centres, self.group_size))
        return around - centres.unsqueeze(2), centres

    def forward(self, points: Tensor, start: Tensor | None = None) -> Tensor:
        """Clouds [B,N,3] to [B,2*width]; `start` [B] is the first point that sampling takes."""
        groups, centres = self.group(points, start)
        b = points.shape[0]
        tokens = self.reduce_dim(self.encoder(groups))  # [B,G,D]
        tokens = torch.cat([self.cls_token.expand(b, -1, -1), tokens], dim=1)
        positions = torch.cat([self.cls_pos.expand(b, -1, -1), self.pos_embed(centres)], dim=1)
        tokens = self.norm(self.blocks(tokens, positions))  # [B,1+G,D]
        return torch.cat([tokens[:, 0], tokens[:, 1:].amax(dim=1)], dim=-1)
