"""What encodes each stream of a robot, and that spaces are not mixed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.encoders.names import BUILT_IN, OWN, check_encoder, parted

if TYPE_CHECKING:
    from sensebind.agent.robot.config import RobotConfig

_NAMING = ("llm", "ros")
"""Sections that name what is perceived, by the text trunk of the checkpoint's ImageBind."""


def stream_encoder(robot: RobotConfig, stream: str) -> str:
    """Return what encodes a stream, its directory found from the robot's file.

    Raises:
        ConfigurationError: There is no encoder of that name, or its space is not that of the parts
            that name what is perceived.
    """
    spec = robot.streams[stream].encoder or robot.encoder
    try:
        check_encoder(spec)
    except ConfigurationError as error:
        raise ConfigurationError(f"{stream}: {error}") from error
    name, target = parted(spec)
    if name == OWN and not target:
        return OWN
    for section in _NAMING:
        if getattr(robot, section) is not None:
            raise ConfigurationError(
                f"{stream}: {section}: takes embeddings of the checkpoint's own ImageBind, and "
                f"those of encoder {spec} lie in another space: leave {section}: or encoder: out"
            )
    return f"{name}:{robot.resolve(Path(target))}" if name in BUILT_IN else spec


def check_spaces(robot: RobotConfig) -> None:
    """Refuse a gated language model that takes embeddings of another encoder than the streams'.

    Widths alone do not reveal it: the model would talk about things that nobody perceives.

    Raises:
        ConfigurationError: They are of two spaces; the message names both.
        CheckpointError: A checkpoint is damaged.
    """
    if robot.llm is None or not robot.llm.ours or not robot.llm.place:
        return
    place = Path(robot.llm.place)
    folder = place.parent if place.is_file() else place
    try:
        theirs = imagebind_directory(folder)
    except CheckpointError:
        return  # a language model alone, which takes what the robot's checkpoint encodes
    from sensebind.perception.encoders.imagebind import ImageBindEncoder  # takes PyTorch in

    ours = imagebind_directory(robot.weights)
    if theirs.resolve() == ours.resolve():
        return
    one, other = (ImageBindEncoder.identify(str(path)) for path in (theirs, ours))
    if one != other:
        raise ConfigurationError(
            f"llm: {robot.llm.model} takes embeddings of the encoder in {theirs} (space {one}), "
            f"the streams are encoded by {ours} (space {other}): name its checkpoint as checkpoint:"
        )
