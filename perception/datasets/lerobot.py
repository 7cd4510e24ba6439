"""Writes a LeRobotDataset v3.0: Parquet for numbers, MP4 for images, JSON and Parquet about both.

The layout is that of `lerobot` 0.4 to 0.6 (CODEBASE_VERSION v3.0): every recording is an episode,
with a file of its own for its numbers and for each of its cameras.

    meta/info.json  meta/stats.json  meta/tasks.parquet
    meta/episodes/chunk-000/file-000.parquet
    data/chunk-000/file-000.parquet
    videos/observation.images.camera/chunk-000/file-000.mp4
"""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError

from sensebind.errors import InputError, MissingDependencyError, StorageError, one_line
from sensebind.perception.datasets.resampling import IMAGES, EpisodeFrames, Sample, check_alike
from sensebind.perception.datasets.statistics import PixelCounts, Statistics, of_values, together
from sensebind.perception.datasets.video import VideoWriter

VERSION = "v3.0"
MISSING = "a LeRobotDataset needs pyarrow: pip install 'sensebind[datasets]'"
_CHUNK = 1000  # files a folder
_PLACE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
_DATA = f"data/{_PLACE}.parquet"
_VIDEO = f"videos/{{video_key}}/{_PLACE}.mp4"
_COUNTERS = ("frame_index", "episode_index", "index", "task_index")


def import_pyarrow() -> Any:
    """Return the module `pyarrow`, with `pyarrow.parquet`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependencyError(MISSING) from error
    return importlib.import_module("pyarrow")


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        episodes: How many.
        frames: Of all of them.
        features: Their names, without the counters that every LeRobotDataset has.
        waited: By recording, seconds before its first frame.
        left_out: By recording, what it has and the data set has not.
    """

    episodes: int = 0
    frames: int = 0
    features: list[str] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def export(
    recordings: Iterable[tuple[str, EpisodeFrames]], directory: Path, fps: int, task: str
) -> Exported:
    """Write recordings as a data set, an episode each.

    Args:
        recordings: Names and frames.
        directory: What is made; it is there in the end whole, or not at all.
        fps: Frames a second.
        task: What the robot does in them, in words, as LeRobot's policies are told it.

    Raises:
        InputError: A recording cannot be read, or has other columns than the one before.
        StorageError: The disk is full or the folder cannot be written.
        MissingDependencyError: pyarrow is not installed.
    """
    arrow = import_pyarrow()
    done = Exported()
    with _made_whole(directory) as folder:
        writer = _Writer(arrow, folder, fps, task)
        for name, frames in recordings:
            done.frames += writer.episode(name, frames)
            done.episodes += 1
            done.waited[name], done.left_out[name] = frames.waited, frames.left_out
        writer.finish()
        done.features = [*writer.features]
    return done


@contextmanager
def _made_whole(directory: Path) -> Iterator[Path]:
    """A folder that takes the name of a directory in the end, and is removed after an error."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            yield folder
            folder.rename(directory)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, FFmpegError) as error:
        raise StorageError(f"{directory} cannot be written: {one_line(error)}") from error


class _Writer:
    """Writes the files. Used once."""

    def __init__(self, arrow: Any, folder: Path, fps: int, task: str) -> None:
        self.features: dict[str, dict[str, Any]] = {}
        self._arrow, self._folder, self._fps, self._task = arrow, folder, fps, task
        self._pattern: dict[str, Sample] = {}  # the first sample of each column
        self._episodes: list[dict[str, Any]] = []
        self._statistics: list[dict[str, Statistics]] = []
        self._frames = 0

    def episode(self, name: str, frames: EpisodeFrames) -> int:
        """Write one recording; returns its frames."""
        number = len(self._episodes)
        place = {"chunk_index": number // _CHUNK, "file_index": number % _CHUNK}
        videos: dict[str, VideoWriter] = {}
        pixels: dict[str, PixelCounts] = {}
        columns: dict[str, list[np.ndarray]] = {}
        count = 0
        try:
            for frame in frames:
                if not count:
                    self._begin(name, frame.samples)
                    videos = self._videos(frame.samples, place)
                    pixels = {key: PixelCounts() for key in videos}
                    columns = {key: [] for key in self.features if key not in videos}
                for column, sample in frame.samples.items():
                    key = f"observation.{column}"
                    if key in videos:
                        videos[key].add(sample.values)
                        pixels[key].add(sample.values)
                    else:
                        columns[key].append(sample.values.astype(np.float32))
                    age = np.array([frame.at - sample.at], np.float32)
                    columns[f"age.{column}"].append(age)
                count += 1
            for video in videos.values():
                video.finish()
        except BaseException:
            for video in videos.values():
                video.abandon()
            raise
        values = {key: np.stack(rows) for key, rows in columns.items()}
        values |= self._counters(number, count)
        self._write_data(values, place)
        statistics = {key: of_values(value) for key, value in values.items()}
        statistics |= {key: one.statistics() for key, one in pixels.items()}
        self._note(number, count, place, list(videos), statistics)
        return count

    def finish(self) -> None:
        """Write what is known of all episodes."""
        arrow = self._arrow
        place = {"chunk_index": 0, "file_index": 0}
        self._write_table(
            arrow.Table.from_pylist(self._episodes), f"meta/episodes/{_PLACE}.parquet", place
        )
        # The task is the index of a pandas DataFrame, which is what LeRobot looks tasks up in.
        about = {
            "index_columns": ["task"],
            "column_indexes": [],
            "columns": [
                {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy}
                | {"metadata": None}
                for name, kind, numpy in (
                    ("task_index", "int64", "int64"),
                    ("task", "unicode", "object"),
                )
            ],
            "creator": {"library": "pyarrow", "version": arrow.__version__},
            "pandas_version": "2.2.0",
        }
        tasks = arrow.table({"task_index": arrow.array([0], arrow.int64()), "task": [self._task]})
        tasks = tasks.replace_schema_metadata({"pandas": json.dumps(about)})
        self._write_table(tasks, "meta/tasks.parquet", place)
        whole = {
            key: {name: value.tolist() for name, value in together(parts).items()}
            for key in self._statistics[0]
            for parts in [[one[key] for one in self._statistics]]
        }
        self._write_json("meta/stats.json", whole)
        self._write_json("meta/info.json", self._info())

    def _info(self) -> dict[str, Any]:
        counters = {
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
            **{name: {"dtype": "int64", "shape": [1], "names": None} for name in _COUNTERS},
        }
        videos = any(one["dtype"] == "video" for one in self.features.values())
        return {
            "codebase_version": VERSION,
            "robot_type": "sensebind",
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": 1,
            "chunks_size": _CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": _DATA,
            "video_path": _VIDEO if videos else None,
            "features": self.features | counters,
        }

    def _begin(self, name: str, samples: Mapping[str, Sample]) -> None:
        """Settle the features, or check that they are those of the episodes before."""
        if self._pattern:
            if self._pattern.keys() != samples.keys():
                raise InputError(
                    f"{name} has {', '.join(samples)}; the recordings before have "
                    f"{', '.join(self._pattern)}: a data set has one set of columns; --stream "
                    "takes those that all have"
                )
            for column, sample in samples.items():
                check_alike(f"{name}, {column}", self._pattern[column], sample)
            return
        self._pattern = dict(samples)
        for column, sample in samples.items():
            self.features[f"observation.{column}"] = self._feature(column, sample)
        for column in samples:
            self.features[f"age.{column}"] = {"dtype": "float32", "shape": [1], "names": None}

    def _feature(self, column: str, sample: Sample) -> dict[str, Any]:
        shape = list(sample.values.shape)
        if column.partition(".")[0] != IMAGES:
            info = {"encoder": sample.space}
            return {"dtype": "float32", "shape": shape, "names": None, "info": info}
        names = ["height", "width", "channels"]
        return {"dtype": "video", "shape": shape, "names": names, "info": {}}

    def _videos(
        self, samples: Mapping[str, Sample], place: Mapping[str, int]
    ) -> dict[str, VideoWriter]:
        opened: dict[str, VideoWriter] = {}
        for column, sample in samples.items():
            key = f"observation.{column}"
            if self.features[key]["dtype"] != "video":
                continue
            path = self._path(_VIDEO.format(video_key=key, **place))
            height, width, _ = sample.values.shape
            opened[key] = VideoWriter(path, self._fps, height, width)
            self.features[key]["info"] = {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": opened[key].pixels,
                "video.is_depth_map": False,
                "video.fps": self._fps,
                "video.channels": 3,
                "has_audio": False,
            }
        return opened

    def _counters(self, episode: int, count: int) -> dict[str, np.ndarray]:
        """The columns that every LeRobotDataset has, [N, 1] each."""
        index = np.arange(count, dtype=np.int64)[:, None]
        return {
            "timestamp": (index / self._fps).astype(np.float32),
            "frame_index": index,
            "episode_index": np.full_like(index, episode),
            "index": index + self._frames,
            "task_index": np.zeros_like(index),
        }

    def _write_data(self, values: Mapping[str, np.ndarray], place: Mapping[str, int]) -> None:
        arrow = self._arrow
        columns = {}
        for key, value in values.items():
            flat = arrow.array(value.ravel())
            width = value.shape[1]
            is_one = width == 1  # LeRobot keeps shape [1] as a plain number
            columns[key] = flat if is_one else arrow.FixedSizeListArray.from_arrays(flat, width)
        self._write_table(arrow.table(columns), _DATA, place)

    def _note(
        self,
        number: int,
        count: int,
        place: Mapping[str, int],
        videos: Sequence[str],
        statistics: dict[str, Statistics],
    ) -> None:
        """What `meta/episodes` says of an episode."""
        row: dict[str, Any] = {
            "episode_index": number,
            "tasks": [self._task],
            "length": count,
            **{f"data/{name}": value for name, value in place.items()},
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + count,
        }
        for key in videos:
            row |= {f"videos/{key}/{name}": value for name, value in place.items()}
            row[f"videos/{key}/from_timestamp"] = 0.0
            row[f"videos/{key}/to_timestamp"] = count / self._fps
        for key, one in statistics.items():
            row |= {f"stats/{key}/{name}": value.tolist() for name, value in one.items()}
        row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        self._episodes.append(row)
        self._statistics.append(statistics)
        self._frames += count

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write_table(self, table: Any, pattern: str, place: Mapping[str, int]) -> None:
        path = self._path(pattern.format(**place))
        self._arrow.parquet.write_table(table, str(path), compression="snappy")

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        self._path(name).write_text(json.dumps(value, indent=4), encoding="utf-8")
