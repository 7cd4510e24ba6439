"""A video file as if a camera saw it now."""

from __future__ import annotations

from collections.abc import Iterator

import cv2

from sensebind.errors import SourceError
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.percept import Modality
from sensebind.perception.sources.file_source import PlayedSource, Sample


class VideoFile(PlayedSource):
    """The pictures of a video file, in its own time.

    Args:
        target: The file.
        stream: Name of the stream.
        speed: 1 is real time, 0 as fast as it is read. `loop`: begin again at the end.
        frame_id: Coordinate frame of the optics.
    """

    modality = Modality.VISION

    def __init__(
        self,
        target: str,
        stream: str,
        speed: float = 1.0,
        loop: bool = False,
        frame_id: str = "camera_optical",
    ) -> None:
        super().__init__(stream, f"video {target}", speed, loop)
        self._path = target
        self.frame_id = frame_id

    def _samples(self) -> Iterator[Sample]:
        capture = cv2.VideoCapture(str(checked(self._path, "video")), cv2.CAP_FFMPEG)
        try:
            if not capture.isOpened():
                raise SourceError(f"{self._name} cannot be opened: it is no video, or is damaged")
            at = 0.0
            while capture.grab():
                at = max(at, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                got, picture = capture.retrieve()
                if got:
                    yield Sample(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), at)
                else:
                    self._refused += 1
        finally:
            capture.release()
