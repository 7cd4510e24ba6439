"""What an encoder may be called. No encoder is imported: reading a robot's file stays quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "sensebind.encoders"
PACKAGE = "sensebind.perception.encoders"
OWN = "imagebind"
"""The encoder of the robot's own checkpoint, which its language model is conditioned on."""

BUILT_IN = {
    OWN: "imagebind:ImageBindEncoder",
    "clip": "clip:ClipEncoder",
    "pe_audio": "pe_audio:PeAudioEncoder",
}
_OTHER_WORDS = {"siglip": "clip", "siglip2": "clip", "openclip": "clip", "pe_av": "pe_audio"}
"""What people call an encoder; for the question in an error."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How and where an encoder computes, as a stream of a robot's file says it.

    Attributes:
        device: cpu, cuda, cuda:1.
        precision: float32, bfloat16, float16 or int8; an encoder refuses what it has not.
        segment: Whether a point cloud is a whole sweep, of which the nearest thing is meant.
        sensor_height: Height of a lidar above the floor, metres.
        sensor_tilt: Its roll and pitch, radians.
    """

    device: str = "cpu"
    precision: str = "float32"
    segment: bool = True
    sensor_height: float = 0.60
    sensor_tilt: tuple[float, float] = (0.0, 0.0)


def parted(spec: str) -> tuple[str, str]:
    """Return name and target of "NAME:TARGET"; the target may be missing."""
    name, _, target = spec.partition(":")
    return name, target


def check_encoder(spec: str) -> None:
    """Refuse a name that no encoder has.

    Raises:
        ConfigurationError: There is none; the message says what was probably meant.
    """
    name, target = parted(spec)
    if name not in BUILT_IN and name not in (found := plugins()):
        known = sorted({*BUILT_IN, *found})
        raise ConfigurationError(
            f"there is no encoder {name!r}{_meant(name, known)}; there are {', '.join(known)}"
        )
    if name in BUILT_IN and name != OWN and not target:
        raise ConfigurationError(f"encoder {name!r} needs its weights: {name}:DIRECTORY")


def module_of(spec: str) -> str:
    """Return the module that makes an encoder; "" if there is no such encoder."""
    name, _ = parted(spec)
    if name in BUILT_IN:
        return f"{PACKAGE}.{BUILT_IN[name].partition(':')[0]}"
    point = plugins().get(name)
    return point.module if point is not None else ""


def plugins() -> dict[str, EntryPoint]:
    """Return the encoders of other packages, by name."""
    from importlib.metadata import entry_points  # only for a name that is not built in

    return {point.name: point for point in entry_points(group=GROUP)}


def _meant(name: str, known: Sequence[str]) -> str:
    """Return a question for what was probably meant, or ""."""
    import difflib

    names = {one: one for one in known} | _OTHER_WORDS
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f": did you mean {names[near[0]]}?" if near else ""
