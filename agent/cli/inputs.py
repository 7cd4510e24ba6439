"""Options that say what to perceive, and the checks of what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sensebind.errors import InputError
from sensebind.perception.modality import modality_of, senses

Image = Annotated[list[Path] | None, typer.Option(help="A picture.")]
Video = Annotated[list[Path] | None, typer.Option(help="A video; its sound is not heard.")]
Audio = Annotated[list[Path] | None, typer.Option(help="A sound.")]
Text = Annotated[list[str] | None, typer.Option(help="Words, as if they were perceived.")]
Depth = Annotated[
    list[Path] | None, typer.Option(help="Depth: 16-bit picture in millimetres, or .npy in metres.")
]
Thermal = Annotated[list[Path] | None, typer.Option(help="A thermal picture, or .npy of 0..1.")]
Imu = Annotated[list[Path] | None, typer.Option(help="Inertial samples: .npy or .csv.")]
Points = Annotated[list[Path] | None, typer.Option(help="A point cloud.")]
ExampleImage = Annotated[
    list[Path] | None, typer.Option("--image", help="A picture as an example.")
]
ExampleAudio = Annotated[list[Path] | None, typer.Option("--audio", help="A sound as an example.")]
ExamplePoints = Annotated[
    list[Path] | None, typer.Option("--points", help="A point cloud as an example.")
]
Weight = Annotated[
    list[str] | None, typer.Option(help="How much an input counts, such as audio=0.5.")
]

KINDS = {
    "image": "vision",
    "video": "video",
    "audio": "audio",
    "text": "text",
    "depth": "depth",
    "thermal": "thermal",
    "imu": "imu",
    "points": "point",
}
"""Option of a command and the modality that `MediaEncoder` calls it."""

_ALIASES = {sense: modality_of(sense) for sense in senses()}
_MODALITIES = {**KINDS, **_ALIASES, **{modality: modality for modality in KINDS.values()}}


_TYPES = {
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".webp": "image",
    ".bmp": "image",
    ".wav": "audio",
    ".flac": "audio",
    ".mp3": "audio",
    ".ogg": "audio",
    ".mp4": "video",
    ".avi": "video",
    ".mkv": "video",
    ".mov": "video",
    ".webm": "video",
}


def given(**options: Sequence[Path | str] | None) -> dict[str, Path | str]:
    """Returns the options that are set, by modality.

    Args:
        **options: `image`, `video`, … to files, `text` to texts, as often as each was given.

    Raises:
        InputError: One was given twice: there is one slot of each kind.
    """
    found: dict[str, Path | str] = {}
    for name, values in options.items():
        if values and len(values) > 1:
            raise InputError(
                f"--{name} was given {len(values)} times ({', '.join(map(str, values))}): one of "
                "each kind can be perceived at a time"
            )
        for value in values or ():
            found[KINDS[name]] = value
    return found


def check_files(things: Mapping[str, Path | str]) -> None:
    """Refuses what is missing before any weights are loaded.

    Raises:
        InputError: A file that is not there, or a text that is empty.
    """
    for modality, thing in things.items():
        if isinstance(thing, Path) and not thing.is_file():
            raise InputError(f"{thing}: there is no such file")
        if modality == "text" and not str(thing).strip():
            raise InputError("--text is empty")


def example(
    image: Sequence[Path] | None, audio: Sequence[Path] | None, points: Sequence[Path] | None
) -> dict[str, Path]:
    """Returns the one example that is given, by modality; nothing if there is none.

    Raises:
        InputError: There is more than one, or the file does not exist.
    """
    files = given(image=image, audio=audio, points=points)
    found = {modality: Path(path) for modality, path in files.items()}
    if len(found) > 1:
        raise InputError("one example can be looked for at a time")
    check_files(found)
    return found


def parse_weights(options: Sequence[str]) -> dict[str, float]:
    """Reads `audio=0.5` and the like.

    Returns:
        Modality to weight.

    Raises:
        InputError: Not of that form, an unknown sense, or a weight that is no number ≥ 0.
    """
    weights: dict[str, float] = {}
    for option in options:
        name, equals, number = option.partition("=")
        modality = _MODALITIES.get(name.strip())
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not equals or modality is None or not 0 <= weight < float("inf"):
            raise InputError(
                f"--weight {option!r}: write NAME=NUMBER with a number ≥ 0, such as audio=0.5; "
                f"names are {', '.join(KINDS)}"
            )
        if modality in weights:
            raise InputError(f"--weight {option!r}: there is a weight of {name.strip()} already")
        weights[modality] = weight
    return weights


def block_of(file: Path) -> dict[str, Any]:
    """Return the content block of a local file; its extension says what it is.

    Raises:
        InputError: The file does not exist.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    return {"type": _TYPES.get(file.suffix.lower(), "file"), "path": str(file.resolve())}
