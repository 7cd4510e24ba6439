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
from sensebind.perception.imagebind.encoder import Encoded, Encoder
from sensebind.perception.imagebind.model import ImageBind
from sensebind.perception.imagebind.placement import Placement
from sensebind.perception.imagebind.processor import ImageBindProcessor, ProcessorSettings

__all__ = [
    "AudioConfig",
    "DepthConfig",
    "Encoded",
    "Encoder",
    "ImageBind",
    "ImageBindConfig",
    "ImageBindProcessor",
    "ImuConfig",
    "Placement",
    "PointConfig",
    "ProcessorSettings",
    "TextConfig",
    "ThermalConfig",
    "VisionConfig",
]
