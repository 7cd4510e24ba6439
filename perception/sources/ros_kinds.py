"""Which messages of ROS 2 are perceived, as what, and how a user wants them to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensebind.perception.modality import Modality

if TYPE_CHECKING:
    from sensebind.perception.pixels import Range

KINDS: dict[str, Modality] = {
    "sensor_msgs/msg/PointCloud2": Modality.POINT,
    "sensor_msgs/msg/LaserScan": Modality.POINT,
    "sensor_msgs/msg/Image": Modality.VISION,
    "sensor_msgs/msg/CompressedImage": Modality.VISION,
    "audio_common_msgs/msg/AudioData": Modality.AUDIO,
    "audio_common_msgs/msg/AudioDataStamped": Modality.AUDIO,
}
"""What messages of a type are perceived as."""


def type_name(name: str) -> str:
    """The name of a message type as ROS 2 writes it, `package/msg/Type`."""
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How messages are read.

    Attributes:
        depth: Whether images are depth in metres instead of pictures.
        range: How samples of more than 8 bits become brightness, see `pixels.to_uint8`.
        min_range: Points nearer than that are left out, metres.
    """

    depth: bool = False
    range: Range = "declared"
    min_range: float = 0.0


USUAL = Reading()
"""How they are read where a user says nothing."""


def modality_of(name: str, depth: bool = False) -> Modality | None:
    """What messages of a type are perceived as; None for those that cannot be.

    Args:
        name: The type.
        depth: Whether images are depth.
    """
    known = KINDS.get(type_name(name))
    return Modality.DEPTH if depth and known is Modality.VISION else known
