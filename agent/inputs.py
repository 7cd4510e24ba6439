"""What a command is given to perceive: one thing of each kind, and how much each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sensebind.errors import InputError

KINDS = {
    "image": "vision", "video": "video", "audio": "audio", "text": "text", "depth": "depth",
    "thermal": "thermal", "imu": "imu", "points": "point",
}  # fmt: skip
"""Option of a command and the modality that `FileSenses` calls it."""

_ALIASES = {"sight": "vision", "hearing": "audio", "scan": "point"}
_MODALITIES = {**KINDS, **_ALIASES, **{modality: modality for modality in KINDS.values()}}


def given(**options: Path | str | None) -> dict[str, Path | str]:
    """Returns the options that are set, by modality.

    Args:
        **options: `image`, `video`, … to a file, `text` to a text.
    """
    return {KINDS[name]: value for name, value in options.items() if value is not None}


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
        weights[modality] = weight
    return weights
