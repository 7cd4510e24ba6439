"""ImageBind: trunks, heads and preprocessing of seven modalities in one embedding space."""

from sensebind.perception.imagebind.config import (
    AudioConfig,
    DepthConfig,
    ImageBindConfig,
    ImuConfig,
    PointConfig,
    TextConfig,
    ThermalConfig,
    VisionConfig,
)
from sensebind.perception.imagebind.model import ImageBind

__all__ = [
    "AudioConfig",
    "DepthConfig",
    "ImageBind",
    "ImageBindConfig",
    "ImuConfig",
    "PointConfig",
    "TextConfig",
    "ThermalConfig",
    "VisionConfig",
]
