"""Motion: a robot's base as tools, and the small process that drives a base safely.

What is named here is imported when it is first used: the driving process (`process.py`) is a module
of this package, and must start without LangChain and PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensebind.perception.geometry.odometry import Odometry
    from sensebind.tools.motion.client import MotionClient
    from sensebind.tools.motion.contracts import Base, Locator, Mover, Place, Sight, ToBase
    from sensebind.tools.motion.limits import Limits
    from sensebind.tools.motion.ride import MotionEvent
    from sensebind.tools.motion.server import MotionServer
    from sensebind.tools.motion.settings import Footprint, LidarMount, MotionSettings, Part
    from sensebind.tools.motion.tools import Motion, motion_tools

__all__ = [
    "Base",
    "Footprint",
    "LidarMount",
    "Limits",
    "Locator",
    "Motion",
    "MotionClient",
    "MotionEvent",
    "MotionServer",
    "MotionSettings",
    "Mover",
    "Odometry",
    "Part",
    "Place",
    "Sight",
    "ToBase",
    "motion_tools",
]

_MODULES = {
    "contracts": ("Base", "Locator", "Mover", "Place", "Sight", "ToBase"),
    "client": ("MotionClient",),
    "limits": ("Limits",),
    "ride": ("MotionEvent",),
    "server": ("MotionServer",),
    "settings": ("Footprint", "LidarMount", "MotionSettings", "Part"),
    "tools": ("Motion", "motion_tools"),
}


def __getattr__(name: str) -> object:
    if name == "Odometry":
        from sensebind.perception.geometry.odometry import Odometry

        return Odometry
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
