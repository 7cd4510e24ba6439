"""A video file as if a camera saw it now."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sensebind.errors import SourceError, one_line
from sensebind.perception.modality import Modality
from sensebind.perception.sources.file_source import PlayedSource, Sample

log = logging.getLogger(__name__)


class VideoFile(PlayedSource):
    """The pictures of a video file, in its own time, as a player shows them.

    Args:
        target: The file.
        stream: Name of the stream.
        speed: 1 is real time, 0 as fast as it is read.
        loop: Begin again at the end.
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
        from av.error import FFmpegError

        from sensebind.perception.imagebind.preprocess import video_files as videos
        from sensebind.perception.imagebind.preprocess.files import checked

        file = checked(self._path, "video", videos.MAX_BYTES)
        damage = videos.Damage()
        before, latest = self._refused, 0.0
        try:
            with videos.opened(file) as (container, stream):
                screen = videos.Screen(stream)
                if videos.untimed(stream) and self._speed:
                    log.warning("video %s %s", file, videos.UNTIMED)
                for at, frame in videos.timed_frames(container, stream, damage):
                    self._refused = before + damage.packets
                    latest = max(latest, float(at))
                    yield Sample(screen.picture(frame), latest)
            self._refused = before + damage.packets
        except (FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"{self._name} cannot be decoded: {one_line(error)}") from error
