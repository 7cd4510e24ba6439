"""Where the parts of a checkpoint directory lie, and how its visual cache is used."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError

EMBEDDED = "simhome"
"""What a checkpoint calls the embedded one, whose encoder its conditions come from."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How embeddings are enhanced by the visual cache (ImageBind-LLM, arXiv 2309.03905, 3.4).

    Attributes:
        k: Number of neighbours.
        temperature: Of the softmax over their similarities.
        weight: Share of the neighbours' mean in the result, 0 to 1.
    """

    k: int = 10
    temperature: float = 20.0
    weight: float = 0.5


def imagebind_directory(checkpoint: Path) -> Path:
    """Return the ImageBind part of a checkpoint directory, or of the one that it names.

    Raises:
        CheckpointError: There is none.
    """
    for directory in (checkpoint / "imagebind", checkpoint):
        if (directory / "preprocessor_config.json").is_file():
            return directory
    if (encoder := _encoder_of(checkpoint)) is not None:
        for directory in (encoder / "imagebind", encoder):
            if (directory / "preprocessor_config.json").is_file():
                return directory
        raise CheckpointError(f"no ImageBind in {encoder}, which {checkpoint} names as its encoder")
    raise CheckpointError(f"no ImageBind in {checkpoint}: imagebind/config.json is missing")


def cache_directory(checkpoint: Path) -> Path | None:
    """Return the visual cache of a checkpoint directory; None if it has none.

    It goes with the encoder: where a checkpoint names that of another, the cache is the other's.
    """
    path = checkpoint / "visual_cache"
    if path.is_dir():
        return path
    encoder = _encoder_of(checkpoint)
    return None if encoder is None else cache_directory(encoder)


def _encoder_of(checkpoint: Path) -> Path | None:
    """The checkpoint that `encoder` in config.json names; "simhome" is the embedded one."""
    try:
        fields = json.loads((checkpoint / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None  # whoever loads the checkpoint says what is wrong with it
    named = fields.get("encoder") if isinstance(fields, dict) else None
    if not isinstance(named, str) or not named:
        return None
    place = default_checkpoint() if named == EMBEDDED else checkpoint / named
    return None if place.resolve() == checkpoint.resolve() else place


def cache_home() -> Path:
    """`$XDG_CACHE_HOME/sensebind`, or `~/.cache/sensebind`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sensebind"


def models_directory() -> Path:
    """Where `sensebind pull` puts models, each in a directory of its name."""
    return cache_home() / "models"
