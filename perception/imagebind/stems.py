"""From a modality's tensor to the tokens of its trunk."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.errors import InputError
from sensebind.perception.imagebind.config import (
    AudioConfig,
    ImuConfig,
    PlaneConfig,
    TextConfig,
    VisionConfig,
)


def learned_token(*shape: int) -> nn.Parameter:
    """A parameter drawn from the truncated normal of width 0.02."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(*shape), std=0.02))


class PositionEmbedding(nn.Module):
    """Learned positions of the cls token and of a grid of patches.

    Args:
        grid: Rows and columns of patches.
        width: Token width D.

    Attributes:
        grid: Rows and columns of patches that positions are stored for.
        pos_embed: Learned positions [1,1+rows*columns,D], that of the cls token first.
    """

    def __init__(self, grid: tuple[int, int], width: int) -> None:
        super().__init__()
        self.grid = grid
        self.pos_embed = learned_token(1, 1 + grid[0] * grid[1], width)

    def forward(self, patches: int) -> Tensor:
        """Positions [1,1+patches,D], resized when another square number of patches is asked for."""
        stored = self.grid[0] * self.grid[1]
        if patches == stored:
            return self.pos_embed
        side = math.isqrt(patches)
        if self.grid[0] != self.grid[1] or side * side != patches:
            raise InputError(
                f"{patches} patches do not fit positions of a {self.grid[0]}x{self.grid[1]} grid; "
                "only square grids can be resized to another square"
            )
        cls, rest = self.pos_embed[:, :1], self.pos_embed[:, 1:]  # [1,1,D], [1,R*C,D]
        rest = rest.transpose(1, 2).unflatten(2, self.grid).float()  # [1,D,R,C]
        # The published model hands over the factor, not the size: the sampling positions follow it.
        rest = F.interpolate(rest, scale_factor=math.sqrt(patches / stored), mode="bicubic")
        return torch.cat([cls, rest.flatten(2).transpose(1, 2).to(cls.dtype)], dim=1)


class FrameStem(nn.Module):
    """Patches of an image or of a short clip; the weight spans the frames of a clip.

    Attributes:
        proj: Convolution of a clip at index 1, with the weight [D,3,frames,patch,patch].
        patch: Side of a patch, pixels.
    """

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        kernel = (config.frames, config.patch, config.patch)
        # Index 1: in the published model, index 0 repeats a single frame along time.
        self.proj = nn.Sequential(
            nn.Identity(), nn.Conv3d(3, config.width, kernel, stride=kernel, bias=False)
        )
        self.patch = config.patch

    def forward(self, x: Tensor) -> Tensor:
        """[B,3,H,W], [B,3,1,H,W] or [B,3,frames,H,W] to patches [B,L,D]."""
        if x.ndim == 5 and x.shape[2] == 1:
            x = x.squeeze(2)
        if x.ndim == 5:
            return self.proj(x).flatten(2).transpose(1, 2)
        # A still repeated over the clip: one convolution with the kernel summed over time.
        kernel = self.proj.get_parameter("1.weight").sum(dim=2)  # [D,3,p,p]
        still = F.conv2d(x, kernel, stride=self.patch)  # [B,D,R,C]
        return still.flatten(2).transpose(1, 2)


class PlaneStem(nn.Module):
    """Patches of a one-channel image, normalised.

    Attributes:
        proj: Convolution that makes a token of each patch, with the weight [D,1,patch,patch].
        norm_layer: LayerNorm of the tokens.
    """

    def __init__(self, width: int, patch: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, patch, stride=stride, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """[B,1,H,W] to patches [B,L,D]."""
        return self.norm_layer(self.proj(x).flatten(2).transpose(1, 2))


class WindowStem(nn.Module):
    """Windows of a many-channel signal, normalised.

    Attributes:
        proj: Projection of a window to a token, with the weight [D,inputs].
        norm_layer: LayerNorm of the tokens.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, width, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """[B,L,inputs] to tokens [B,L,D]."""
        return self.norm_layer(self.proj(x))


class PatchPreprocessor(nn.Module):
    """A patch stem, the cls token in front, positions added.

    Attributes:
        cls_token: Learned first token [1,1,D], which the head reads after the trunk.
        pos_embedding_helper: Positions of the cls token and the patches.
    """

    def __init__(
        self, stem_name: str, stem: nn.Module, config: VisionConfig | AudioConfig | PlaneConfig
    ) -> None:
        super().__init__()
        self.cls_token = learned_token(1, 1, config.width)
        self.add_module(stem_name, stem)  # "rgbt_stem" or "depth_stem" in the published files
        self.pos_embedding_helper = PositionEmbedding(config.grid, config.width)
        self._stem_name = stem_name

    def forward(self, x: Tensor) -> Tensor:
        """Image-like input to tokens [B,1+L,D]."""
        patches = self.get_submodule(self._stem_name)(x)
        cls = self.cls_token.expand(patches.shape[0], -1, -1)
        return torch.cat([cls, patches], dim=1) + self.pos_embedding_helper(patches.shape[1])


class TextPreprocessor(nn.Module):
    """Token and position embeddings, and the causal mask.

    Attributes:
        mask: Additive causal mask [L,L] for the longest text L: 0 where a token may look, -inf at
            what follows it.
        token_embedding: Vectors of the ids, [vocab_size,D].
        pos_embed: Learned positions [1,L,D].
    """

    mask: Tensor

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        context = config.context_length
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.pos_embed = nn.Parameter(torch.empty(1, context, config.width))
        self.register_buffer("mask", torch.full((context, context), -math.inf).triu_(1))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.pos_embed, std=0.01)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Ids [B,L] to tokens [B,L,D] and the additive mask [L,L]."""
        n = ids.shape[1]
        return self.token_embedding(ids) + self.pos_embed[:, :n], self.mask[:n, :n]


class ImuPreprocessor(nn.Module):
    """Windows of consecutive samples as tokens.

    Attributes:
        window: Consecutive samples of a token.
        pos_embed: Learned positions [1,1+length/window,D], that of the cls token first.
        cls_token: Learned first token [1,1,D], which the head reads after the trunk.
        imu_stem: Makes a token of each window.
    """

    def __init__(self, config: ImuConfig) -> None:
        super().__init__()
        self.window = config.window
        self.pos_embed = learned_token(1, 1 + config.length // config.window, config.width)
        self.cls_token = learned_token(1, 1, config.width)
        self.imu_stem = WindowStem(config.channels * config.window, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Samples [B,C,T] to tokens [B,1+T/window,D]."""
        windows = x.unfold(2, self.window, self.window)  # [B,C,T/w,w]
        tokens = self.imu_stem(windows.transpose(1, 2).flatten(2))  # channel-major within a window
        return torch.cat([self.cls_token.expand(x.shape[0], -1, -1), tokens], 1) + self.pos_embed
