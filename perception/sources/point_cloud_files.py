"""Point cloud files as if a lidar saw them now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.percept import Modality
from sensebind.perception.sources.file_source import PlayedSource, Sample

ENDINGS = (".pcd", ".ply", ".npy", ".bin", ".xyz", ".pts")


class CloudFiles(PlayedSource):
    """A point cloud file, or all of a folder in order of name: .pcd .ply .npy, KITTI's .bin …

    Args:
        target: The file or folder.
        stream: Name of the stream.
        rate: Clouds per second.
        speed: 1 is real time, 0 as fast as it is read. `loop`: begin again at the end.
        frame_id: Coordinate frame of the lidar.

    Raises:
        ConfigurationError: The rate is not more than 0.
    """

    modality = Modality.POINT

    def __init__(
        self,
        target: str,
        stream: str,
        rate: float = 10.0,
        speed: float = 1.0,
        loop: bool = False,
        frame_id: str = "lidar",
    ) -> None:
        if not 0 < rate <= 1000:
            raise ConfigurationError(f"{stream}: {rate} clouds per second; give 0 to 1000")
        super().__init__(stream, f"point cloud {target}", speed, loop)
        self._path = Path(target)
        self._rate = rate
        self.frame_id = frame_id

    def _samples(self) -> Iterator[Sample]:
        for number, path in enumerate(self._files()):
            try:
                points = read_points(path)[:, :3].astype(np.float32)
            except InputError:
                if path == self._path:
                    raise
                self._refused += 1
                continue
            yield Sample(points[np.isfinite(points).all(axis=1)], number / self._rate)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        files = sorted(file for file in self._path.iterdir() if file.suffix.lower() in ENDINGS)
        if not files:
            raise SourceError(f"no point clouds in {self._path}: put {' '.join(ENDINGS)} there")
        return files
