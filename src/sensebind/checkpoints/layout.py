"""Where the parts of a checkpoint directory lie, and how its visual cache is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sensebind.errors import CheckpointError


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
    """Return the ImageBind part of a checkpoint directory.

    Raises:
        CheckpointError: There is none.
    """
    for directory in (checkpoint / "imagebind", checkpoint):
        if (directory / "preprocessor_config.json").is_file():
            return directory
    raise CheckpointError(f"no ImageBind in {checkpoint}: imagebind/config.json is missing")


def cache_directory(checkpoint: Path) -> Path | None:
    """Return the visual cache of a checkpoint directory; None if it has none."""
    path = checkpoint / "visual_cache"
    return path if path.is_dir() else None
