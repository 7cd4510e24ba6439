"""How an image is made and written. PyTorch is not imported: a command checks these first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from sensebind.errors import ConfigurationError, InputError

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """How a picture is made.

    Attributes:
        steps: Of denoising.
        guidance: How much the embedding counts against none; 1 and less switch guidance off.
        noise: Noise added to the embedding, 0 to 999: more of it, more variety.
        prompt: Words for the text encoder of the pipeline, in addition to the embedding.
        side: Pixels of the square, a multiple of 8; the pipeline's own by default.
        seed: Makes the picture repeatable.
    """

    steps: int = 20
    guidance: float = 10.0
    noise: int = 0
    prompt: str = ""
    side: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.noise < 0 or not math.isfinite(self.guidance):
            raise ConfigurationError(
                f"a picture takes 1 step or more and noise from 0, not {self.steps} steps and "
                f"noise {self.noise}"
            )
        if self.side is not None and (self.side < 8 or self.side % 8):
            raise ConfigurationError(f"the side of a picture is a multiple of 8, not {self.side}")


def image_format(path: Path) -> str:
    """Returns Pillow's name of the format that the ending of a file stands for.

    Raises:
        InputError: No known ending.
    """
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise InputError(f"{path}: pictures end in {', '.join(_FORMATS)}") from None
