"""ImageBind: trunks, heads and preprocessing of seven modalities in one embedding space.

Names are imported when they are first used: what reads files (`preprocess`) does not wait for
PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "AudioConfig": "config",
    "DepthConfig": "config",
    "Encoded": "encoder",
    "Encoder": "encoder",
    "ImageBind": "model",
    "ImageBindConfig": "config",
    "ImageBindProcessor": "processor",
    "ImuConfig": "config",
    "Placement": "placement",
    "PointConfig": "config",
    "ProcessorSettings": "processor",
    "TextConfig": "config",
    "ThermalConfig": "config",
    "VisionConfig": "config",
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
