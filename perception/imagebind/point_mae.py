"""I2P-MAE, the other encoder of Point-Bind: three levels, each grouping the one before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sensebind.errors import InputError
from sensebind.perception.imagebind.config import PointConfig
from sensebind.perception.imagebind.point import (
    GroupEncoder,
    PointBlocks,
    farthest_points,
    neighbours,
    take,
)
from sensebind.perception.imagebind.transformer import drop_path_rates

NEAR_ORIGIN = 1e-3  # squared; Point-Bind's sampler takes no point nearer than this


class HierarchicalEncoder(nn.Module):
    """The levels; names are those of the published files.

    Attributes:
        levels: Sizes of each level, the one with the most groups first.
        token_embed: Per level, from the neighbours of a centre to its token.
        encoder_pos_embeds: Per level, from a centre [3] to its position [width].
        encoder_blocks: Per level, the transformer blocks over its tokens.
    """

    def __init__(self, config: PointConfig) -> None:
        super().__init__()
        self.levels = config.levels
        first, *later = config.levels
        self.token_embed = nn.ModuleList(
            [GroupEncoder(3, *config.encoder_hidden, first.width)]
            + [
                GroupEncoder(before.width, before.width, 2 * before.width, level.width, level.width)
                for before, level in zip(config.levels, later, strict=False)
            ]
        )
        self.encoder_pos_embeds = nn.ModuleList(
            nn.Sequential(nn.Linear(3, level.width), nn.GELU(), nn.Linear(level.width, level.width))
            for level in config.levels
        )
        rates = drop_path_rates(config.drop_path, sum(level.blocks for level in config.levels))
        self.encoder_blocks = nn.ModuleList(
            PointBlocks(level.width, config.heads, [rates.pop(0) for _ in range(level.blocks)])
            for level in config.levels
        )

    def forward(self, points: Tensor, start: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Clouds [B,N,3] to the last level's tokens [B,G,D] and the centres of each level."""
        tokens, places, centres = None, points, []
        parts = zip(
            self.levels,
            self.token_embed,
            self.encoder_pos_embeds,
            self.encoder_blocks,
            strict=True,
        )
        for level, embed, position, blocks in parts:
            skip = places.square().sum(-1) <= NEAR_ORIGIN  # [B,N]
            sampled = farthest_points(places, level.groups, start, skip=skip)
            start = None  # later levels begin with their first centre
            centre = take(places, sampled)  # [B,G,3]
            around = neighbours(places, centre, level.group_size)  # [B,G,K]
            if tokens is None:
                groups = take(places, around) - centre.unsqueeze(2)  # [B,G,K,3]
            else:
                groups = take(tokens, around)  # [B,G,K,D]: what the neighbours are, not where
            near = torch.cdist(centre, centre) < level.radius  # [B,G,G]
            tokens = blocks(embed(groups), position(centre), near.unsqueeze(1))
            places = centre
            centres.append(centre)
        assert tokens is not None  # there is at least one level
        return tokens, centres


class PointMaeEncoder(nn.Module):
    """I2P-MAE: clouds [B,N,3] to features [B,width].

    Attributes:
        smallest: Fewest points of a cloud that the first level can sample and group.
        h_encoder: The levels.
        norm: LayerNorm of the last level's tokens.
    """

    def __init__(self, config: PointConfig) -> None:
        super().__init__()
        self.smallest = max(config.levels[0].groups, config.levels[0].group_size)
        self.h_encoder = HierarchicalEncoder(config)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, points: Tensor, start: Tensor | None = None) -> Tensor:
        """Clouds [B,N,3] to [B,width]; `start` [B] is the first point that sampling takes."""
        if points.shape[1] < self.smallest:
            raise InputError(
                f"a cloud of {points.shape[1]} points is smaller than the {self.smallest} that "
                "the encoder samples; let the processor resample it"
            )
        tokens = self.norm(self.h_encoder(points, start)[0])
        return tokens.mean(dim=1) + tokens.amax(dim=1)
