"""The point trunk: an encoder of clouds and its projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sensebind.perception.imagebind.config import PointConfig
from sensebind.perception.imagebind.point import PointEncoder
from sensebind.perception.imagebind.point_mae import PointMaeEncoder


class PointTrunk(nn.Module):
    """Clouds [B,N,3] to [B,feature_width].

    Attributes:
        point_encoder: Point-BERT, or I2P-MAE where the config has levels.
        pc_projection: Projection of its features [2*width,feature_width]; [width,feature_width] for
            I2P-MAE.
    """

    def __init__(self, config: PointConfig) -> None:
        super().__init__()
        if config.levels:
            self.point_encoder, features = PointMaeEncoder(config), config.width
        else:
            self.point_encoder, features = PointEncoder(config), 2 * config.width
        self.pc_projection = nn.Parameter(torch.empty(features, config.feature_width))
        # trunc_normal_: unlike normal_ it does not import torch._dynamo on the meta device (2 s).
        nn.init.trunc_normal_(self.pc_projection, std=config.feature_width**-0.5)

    def forward(self, points: Tensor, start: Tensor | None = None) -> Tensor:
        """Clouds [B,N,3] to [B,feature_width]; `start` as in the encoder."""
        return self.point_encoder(points, start) @ self.pc_projection
