"""Sizes of an ImageBind model: one section per trunk, official numbers as defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sensebind.errors import ConfigurationError, one_line
from sensebind.perception.checkpoint_json import DEEPEST, LARGEST
from sensebind.perception.storage.stored_version import newer

FORMAT_VERSION = 1
"""Of config.json and the tensors' names; files that bear none have this one."""
MODALITIES = ("vision", "text", "audio", "depth", "thermal", "imu", "point")


Size = Annotated[int, Field(gt=0, le=LARGEST)]
Depth = Annotated[int, Field(gt=0, le=DEEPEST)]
Length = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class TrunkConfig(BaseModel):
    """What every transformer trunk has.

    Attributes:
        width: Token width D.
        blocks: Number of transformer blocks.
        heads: Attention heads per block; divides the width.
        drop_path: Probability of skipping the last block in training; grows linearly from 0.
        bias_kv: Whether one learned key and value are appended in every attention.
        logit_scale: Factor on the unit embedding; None leaves it at unit norm.
        learn_logit_scale: Whether the factor is a trained parameter or a fixed buffer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Size
    blocks: Depth
    heads: Size
    drop_path: Probability = 0.0
    bias_kv: bool = False
    logit_scale: Length | None = None
    learn_logit_scale: bool = False

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")
        return self


class VisionConfig(TrunkConfig):
    """Images [B,3,H,W] and two-frame clips [B,3,2,H,W].

    Attributes:
        image_size: Side of the square input that the positions are made for, pixels; inputs of
            other sides are taken where they have a square number of patches.
        patch: Side of a patch and step from one to the next, pixels.
        frames: Frames of a clip, which one patch spans in time.
    """

    width: Size = 1280
    blocks: Depth = 32
    heads: Size = 16
    image_size: Size = 224
    patch: Size = 14
    frames: Size = 2

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        side = self.image_size // self.patch
        return side, side


class TextConfig(TrunkConfig):
    """Token ids [B,L], L up to `context_length`.

    Attributes:
        vocab_size: Number of token ids; the largest id in a text is its end.
        context_length: Most tokens of a text, start and end among them.
    """

    width: Size = 1024
    blocks: Depth = 24
    heads: Size = 16
    logit_scale: Length | None = 1 / 0.07
    learn_logit_scale: bool = True
    vocab_size: Size = 49408
    context_length: Size = 77


class AudioConfig(TrunkConfig):
    """Mel clips [B,1,mel_bins,mel_frames], cut into overlapping patches.

    Attributes:
        mel_bins: Mel bands of a clip, the rows of its spectrogram.
        mel_frames: Time frames of a clip, the columns of its spectrogram.
        patch: Side of a patch, in bands and in frames.
        stride: Step from one patch to the next, in bands and in frames; smaller than `patch`, they
            overlap.
    """

    width: Size = 768
    blocks: Depth = 12
    heads: Size = 12
    drop_path: Probability = 0.1
    bias_kv: bool = True
    logit_scale: Length | None = 20.0
    mel_bins: Size = 128
    mel_frames: Size = 204
    patch: Size = 16
    stride: Size = 10

    @property
    def grid(self) -> tuple[int, int]:
        """Rows (frequency) and columns (time) of patches."""
        return (
            (self.mel_bins - self.patch) // self.stride + 1,
            (self.mel_frames - self.patch) // self.stride + 1,
        )


class PlaneConfig(TrunkConfig):
    """One-channel images [B,1,H,W]: depth as disparity, or thermal.

    Attributes:
        image_size: Side of the square input that the positions are made for, pixels; inputs of
            other sides are taken where they have a square number of patches.
        patch: Side of a patch and step from one to the next, pixels.
    """

    width: Size = 768
    blocks: Depth = 12
    heads: Size = 12
    bias_kv: bool = True
    logit_scale: Length | None = 10.0
    image_size: Size = 224
    patch: Size = 16

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        side = self.image_size // self.patch
        return side, side


class DepthConfig(PlaneConfig):
    """Disparity images [B,1,H,W]. The official trunk has 8 heads."""

    width: Size = 384
    heads: Size = 8
    logit_scale: Length | None = 5.0


class ThermalConfig(PlaneConfig):
    """Thermal images [B,1,H,W]."""


class ImuConfig(TrunkConfig):
    """Accelerometer and gyroscope samples [B,channels,length].

    Attributes:
        channels: Numbers per sample; the published six are the axes of both sensors.
        length: Samples of an input along time.
        window: Consecutive samples that become one token; the next token begins where it ends.
    """

    width: Size = 512
    blocks: Depth = 6
    heads: Size = 8
    drop_path: Probability = 0.7
    bias_kv: bool = True
    logit_scale: Length | None = 5.0
    channels: Size = 6
    length: Size = 2000
    window: Size = 8


class PointLevel(BaseModel):
    """One level of an I2P-MAE encoder.

    Attributes:
        groups: Centres, taken from those of the level before.
        group_size: Neighbours that become one token.
        width: Of the tokens.
        blocks: Transformer blocks.
        radius: A token attends to those nearer than this.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: Size
    group_size: Size
    width: Size
    blocks: Depth
    radius: Length


I2P_MAE_LEVELS = (  # as in Point-Bind
    PointLevel(groups=512, group_size=48, width=96, blocks=5, radius=0.24),
    PointLevel(groups=256, group_size=24, width=192, blocks=5, radius=0.48),
    PointLevel(groups=64, group_size=24, width=384, blocks=5, radius=0.96),
)


class PointConfig(TrunkConfig):
    """Point clouds [B,N,3]: groups of neighbours around farthest-point samples.

    Attributes:
        groups: Number of groups (tokens) G.
        group_size: Neighbours per group.
        encoder_width: Width of one group's vector before the transformer.
        encoder_hidden: Widths within the group encoder: of the first layer, and of the joined
            global and local halves.
        feature_width: Width between the trunk and its head.
        levels: Of an I2P-MAE encoder, whose last width is `width`; they take the place of
            `groups`, `group_size`, `blocks` and `encoder_width`. Empty for Point-BERT.
    """

    width: Size = 384
    blocks: Depth = 12
    heads: Size = 6
    drop_path: Probability = 0.1
    logit_scale: Length | None = 1.0
    groups: Size = 512
    group_size: Size = 32
    encoder_width: Size = 256
    encoder_hidden: tuple[Size, Size] = (128, 512)
    feature_width: Size = 512
    levels: Annotated[tuple[PointLevel, ...], Field(max_length=DEEPEST)] = ()

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        if self.levels and self.levels[-1].width != self.width:
            raise ValueError(f"width {self.width} is not the last level's {self.levels[-1].width}")
        if narrow := [level.width for level in self.levels if level.width % self.heads]:
            raise ValueError(f"widths {narrow} are not multiples of {self.heads} heads")
        return self


class ImageBindConfig(BaseModel):
    """Sizes of the whole model. A section that is None is a trunk that does not exist.

    Attributes:
        format_version: Of the file; one of a newer SenseBind is refused.
        out_width: Width of the joint embedding space.
        vision: Trunk of images and clips.
        text: Trunk of texts.
        audio: Trunk of mel spectrograms.
        depth: Trunk of disparity images.
        thermal: Trunk of thermal images.
        imu: Trunk of inertial measurements.
        point: Trunk of point clouds, which is Point-Bind's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Annotated[int, Field(ge=1)] = FORMAT_VERSION
    out_width: Size = 1024
    vision: VisionConfig | None = None
    text: TextConfig | None = None
    audio: AudioConfig | None = None
    depth: DepthConfig | None = None
    thermal: ThermalConfig | None = None
    imu: ImuConfig | None = None
    point: PointConfig | None = None

    @field_validator("format_version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > FORMAT_VERSION:
            raise ValueError(newer("it", version, FORMAT_VERSION))
        return version

    @classmethod
    def huge(cls, *, point: bool = True) -> ImageBindConfig:
        """The published sizes, with or without the point trunk of ImageBind-LLM."""
        return cls(
            vision=VisionConfig(),
            text=TextConfig(),
            audio=AudioConfig(),
            depth=DepthConfig(),
            thermal=ThermalConfig(),
            imu=ImuConfig(),
            point=PointConfig() if point else None,
        )

    @property
    def trunks(self) -> tuple[str, ...]:
        """Names of the modalities that have a trunk, in the official order."""
        return tuple(name for name in MODALITIES if getattr(self, name) is not None)

    def trunk(self, modality: str) -> TrunkConfig:
        """The section of one modality.

        Raises:
            ConfigurationError: The model has no such trunk.
        """
        if modality not in self.trunks:
            raise ConfigurationError(
                f"this ImageBind has no {modality!r} trunk; it has {', '.join(self.trunks)}"
            )
        return getattr(self, modality)

    def only(self, modalities: Iterable[str]) -> ImageBindConfig:
        """The same sizes with only the named trunks.

        Raises:
            ConfigurationError: One of them does not exist here.
        """
        sections = {name: self.trunk(name) for name in modalities}
        return ImageBindConfig.model_validate({"out_width": self.out_width, **sections})

    def to_json(self) -> str:
        """The text of config.json."""
        body = {"model_type": "imagebind", "architectures": ["ImageBind"]}
        return json.dumps(body | self.model_dump(exclude_none=True), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, source: str | Path = "config.json") -> ImageBindConfig:
        """Reads what `to_json` wrote.

        Raises:
            ConfigurationError: Not JSON, or not the description of an ImageBind.
        """
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(
                f"{source} does not describe an ImageBind: {one_line(error)}"
            ) from error
        return cls.from_fields(body, source=source)

    @classmethod
    def from_fields(cls, body: object, *, source: str | Path = "config.json") -> ImageBindConfig:
        """The same from what is read already.

        Raises:
            ConfigurationError: Not the description of an ImageBind.
        """
        try:
            if not isinstance(body, dict) or body.get("model_type") != "imagebind":
                raise ValueError('"model_type" is not "imagebind"')
            return cls.model_validate(
                {k: v for k, v in body.items() if k not in ("model_type", "architectures")}
            )
        except (ValueError, ValidationError) as error:
            raise ConfigurationError(
                f"{source} does not describe an ImageBind: {one_line(error)}"
            ) from error
