"""What encodes each stream of a robot, and that spaces are not mixed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from sensebind.agent.robot.sections import LlmConfig
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.encoders.names import BUILT_IN, OWN, check_encoder, parted

NAMING = ("llm", "ros")
"""Sections that name what is perceived, by the text trunk of the checkpoint's ImageBind."""


def stream_encoder(
    stream: str, spec: str, given: Collection[str], resolve: Callable[[Path], Path]
) -> str:
    """Return what encodes a stream, its directory found from the robot's file.

    Args:
        stream: Name of the stream, for messages.
        spec: The encoder as the file names it.
        given: Which sections of `NAMING` the file has.
        resolve: Makes a path of the file, relative to its folder, one of this machine.

    Raises:
        ConfigurationError: There is no encoder of that name, or its space is not that of the parts
            that name what is perceived.
    """
    try:
        check_encoder(spec)
    except ConfigurationError as error:
        raise ConfigurationError(f"{stream}: {error}") from error
    name, target = parted(spec)
    if name == OWN and not target:
        return OWN
    for section in NAMING:
        if section in given:
            raise ConfigurationError(
                f"{stream}: {section}: takes embeddings of the checkpoint's own ImageBind, and "
                f"those of encoder {spec} lie in another space: leave {section}: or encoder: out"
            )
    return f"{name}:{resolve(Path(target))}" if name in BUILT_IN else spec


def check_directory(stream: str, encoder: str) -> None:
    """Refuse an encoder of ours whose directory is absent.

    Args:
        stream: Name of the stream, for messages.
        encoder: As `stream_encoder` returns it.

    Raises:
        ConfigurationError: There is no such directory.
    """
    name, target = parted(encoder)
    if name in BUILT_IN and target and not Path(target).exists():
        raise ConfigurationError(
            f"{stream}: encoder {name}: {target} does not exist: paths are relative to the "
            "robot's file"
        )


def check_spaces(llm: LlmConfig | None, weights: Path, resolve: Callable[[Path], Path]) -> None:
    """Refuse a gated language model that takes embeddings of another encoder than the streams'.

    Widths alone do not reveal it: the model would talk about things that nobody perceives.

    Args:
        llm: The language model; None is fine.
        weights: The robot's checkpoint, whose ImageBind encodes the streams.
        resolve: Makes a path of the file, relative to its folder, one of this machine.

    Raises:
        ConfigurationError: They are of two spaces; the message names both.
        CheckpointError: A checkpoint is damaged.
    """
    if llm is None or not llm.ours or not llm.place:
        return
    place = resolve(Path(llm.place))
    folder = place.parent if place.is_file() else place
    try:
        theirs = imagebind_directory(folder)
    except CheckpointError:
        return  # a language model alone, which takes what the robot's checkpoint encodes
    from sensebind.perception.encoders.imagebind import ImageBindEncoder  # takes PyTorch in

    ours = imagebind_directory(weights)
    if theirs.resolve() == ours.resolve():
        return
    one, other = (ImageBindEncoder.identify(str(path)) for path in (theirs, ours))
    if one != other:
        raise ConfigurationError(
            f"llm: {llm.model} takes embeddings of the encoder in {theirs} (space {one}), the "
            f"streams are encoded by {ours} (space {other}): name its checkpoint as checkpoint:"
        )
