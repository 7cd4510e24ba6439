"""Images as an MP4 of a fixed rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CODEC = "libx264"
_OPTIONS = {"crf": "18", "g": "2", "bf": "0"}
"""Nearly without loss, and every second image stands alone: data sets are read at random, and a
decoder has to start at the image before."""


class VideoWriter:
    """One MP4 in H.264; image k is shown at k / fps.

    Args:
        path: The file.
        fps: Images a second.
        height: Of the images, pixels.
        width: Likewise.

    Attributes:
        pixels: How they are kept: with half the resolution of colour, or with all of it where a
            side is odd, as H.264 cannot halve that.

    Raises:
        FFmpegError: The file cannot be written; likewise below.
    """

    def __init__(self, path: Path, fps: int, height: int, width: int) -> None:
        self.pixels = "yuv444p" if height % 2 or width % 2 else "yuv420p"
        self._container = av.open(str(path), "w", format="mp4")
        stream: Any = self._container.add_stream(CODEC, rate=fps, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, self.pixels
        self._unit = Fraction(1, fps)  # that of the stream becomes the container's own
        stream.time_base = self._unit
        self._stream, self._count = stream, 0

    def add(self, image: np.ndarray) -> None:
        """Append an image, uint8 [H, W, 3] RGB."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = self._count, self._unit
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, and the index."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Close the file, which is thrown away."""
        self._container.close()
