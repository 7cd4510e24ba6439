"""Point cloud files as if a lidar saw them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.file_source import PlayedSource, Sample
from sensebind.perception.sources.returns import checked_range, returns

ENDINGS = (".pcd", ".ply", ".npy", ".bin", ".xyz", ".pts")
"""What is played of a folder: a .txt there may be anything."""


class CloudFiles(PlayedSource):
    """A point cloud file, or all of a folder in order of name: .pcd .ply .npy .bin .xyz …

    Beams without a return (NaN, or exactly 0, 0, 0) are left out. A .bin has no header: it is read
    where only one layout is possible, else `columns` has to say what it holds.

    Args:
        target: The file or folder.
        stream: Name of the stream.
        rate: Clouds per second.
        speed: 1 is real time, 0 as fast as it is read.
        loop: Whether it begins again at the end.
        frame_id: Coordinate frame of the lidar.
        columns: Numbers of a row of .bin files, such as "x y z intensity ring" (nuScenes); with
            "float64" where they are doubles.
        min_range: Nearer points are left out (the robot itself), metres.

    Raises:
        ConfigurationError: The rate is not more than 0, the columns have no x, y or z, or the
            range is negative.
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
        columns: str | Sequence[str] = "",
        min_range: float = 0.0,
    ) -> None:
        if not 0 < rate <= 1000:
            raise ConfigurationError(f"{stream}: {rate} clouds per second; give 0 to 1000")
        super().__init__(stream, f"point cloud {target}", speed, loop)
        if columns:
            from sensebind.perception.imagebind.preprocess.headerless import parse_columns

            parse_columns(columns)
        self._columns = columns
        self._min_range = checked_range(stream, min_range)
        self._path = Path(target)
        self._rate = rate
        self.frame_id = frame_id

    def _samples(self) -> Iterator[Sample]:
        from sensebind.perception.imagebind.preprocess.headerless import Recognizer
        from sensebind.perception.imagebind.preprocess.point_files import read_points

        recognizer = Recognizer()
        for number, path in enumerate(self._files()):
            try:
                columns = self._columns if path.suffix.lower() == ".bin" else ""
                points = read_points(path, columns=columns, recognizer=recognizer)[:, :3]
            except InputError as error:
                if path == self._path:
                    raise
                self._refuse(error)
                continue
            yield Sample(returns(points, self._min_range), number / self._rate)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        files = sorted(file for file in self._path.iterdir() if file.suffix.lower() in ENDINGS)
        if not files:
            raise SourceError(f"no point clouds in {self._path}: put {' '.join(ENDINGS)} there")
        return files
