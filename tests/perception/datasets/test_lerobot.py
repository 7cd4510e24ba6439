"""`sensebind export --to lerobot`: what is written, by the schema of LeRobotDataset v3.0."""

import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import av
import numpy as np
import pyarrow.parquet as parquet
import pytest
from fixtures.timed_recordings import heard, perceived, seen, write

from sensebind.agent.cli import main
from sensebind.agent.robot.stores import owner_of
from sensebind.perception.datasets import lerobot
from sensebind.perception.datasets.lerobot import MISSING

CAMERA, HEARING = "observation.images.camera", "observation.embeddings.microphone"
PLACE = "chunk-000/file-000"


def export(capsys: Any, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["export", *map(str, arguments)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def walk(file: Path, first: int = 40, steps: int = 8) -> Path:
    """A camera at 20 images a second, a microphone's percept now and then."""
    entries: list = [(0.0, perceived(0)), (0.0, heard())]
    entries += [(0.05 * number, seen(first + 20 * number)) for number in range(steps)]
    entries.append((0.12, perceived(-1)))
    return write(file, sorted(entries, key=lambda one: one[0]))


@pytest.fixture
def dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two recordings as two episodes of 4 and 2 frames."""
    first, second = walk(tmp_path / "a.mcap"), walk(tmp_path / "b.mcap", 100, 4)
    out = tmp_path / "walks"
    code, said, errors = export(capsys, first, second, "--out", out, "--task", "go round")
    assert code == 0, errors
    assert "2 episodes, 6 frames at 10 a second" in said
    assert f"{first}: left out: sound of microphone, of percepts all but their" in errors
    return out


def test_info_and_files_are_those_of_the_format(dataset: Path) -> None:
    info = json.loads((dataset / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == 10
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (2, 6, 1)
    assert info["splits"] == {"train": "0:2"}
    features = info["features"]
    assert features[CAMERA]["dtype"] == "video" and features[CAMERA]["shape"] == [32, 48, 3]
    assert features[CAMERA]["info"]["video.codec"] == "h264"
    assert features[HEARING] == {
        "dtype": "float32",
        "shape": [4],
        "names": None,
        "info": {"encoder": "abc"},
    }
    counters = {"timestamp", "frame_index", "episode_index", "index", "task_index"}
    assert counters <= features.keys()
    for number in range(2):
        place = {"chunk_index": 0, "file_index": number}
        assert (dataset / info["data_path"].format(**place)).is_file()
        assert (dataset / info["video_path"].format(video_key=CAMERA, **place)).is_file()
    assert not any(one.name.startswith(".walks") for one in dataset.parent.iterdir())
    for file in dataset.rglob("*"):
        below = PurePosixPath(file.relative_to(dataset))
        assert file.is_dir() or owner_of(below, "chosen"), f"nobody owns {below}"
    assert dataset.stat().st_mode & 0o077 == 0  # it is what the robot saw


def test_numbers_are_the_newest_of_their_time(dataset: Path) -> None:
    table = parquet.read_table(dataset / f"data/{PLACE}.parquet")
    assert table["frame_index"].to_pylist() == [0, 1, 2, 3]
    assert table["timestamp"].to_pylist() == pytest.approx([0.0, 0.1, 0.2, 0.3])
    # Nothing was heard from 0.12 s on: an embedding of zeros.
    assert table[HEARING].to_pylist() == [[1, 0, 0, 0]] * 2 + [[0, 0, 0, 0]] * 2
    assert table["age.embeddings.microphone"].to_pylist() == pytest.approx(
        [0.0, 0.1, 0.08, 0.18], abs=1e-6
    )
    second = parquet.read_table(dataset / "data/chunk-000/file-001.parquet")
    assert second["index"].to_pylist() == [4, 5] and second["episode_index"].to_pylist() == [1, 1]


def test_images_are_in_the_video_at_their_times(dataset: Path) -> None:
    with av.open(str(dataset / f"videos/{CAMERA}/{PLACE}.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.average_rate == 10
        frames = list(video.decode(stream))
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    shown = [int(np.median(frame.to_ndarray(format="rgb24")[:, :20])) for frame in frames]
    assert shown == pytest.approx([40, 80, 120, 160], abs=4)  # every second image, 20 levels apart


def test_episodes_tasks_and_statistics(dataset: Path) -> None:
    episodes = parquet.read_table(dataset / f"meta/episodes/{PLACE}.parquet").to_pylist()
    assert [(one["dataset_from_index"], one["dataset_to_index"]) for one in episodes] == [
        (0, 4),
        (4, 6),
    ]
    assert [one["tasks"] for one in episodes] == [["go round"]] * 2
    assert episodes[1]["data/file_index"] == episodes[1][f"videos/{CAMERA}/file_index"] == 1
    assert episodes[0][f"videos/{CAMERA}/to_timestamp"] == pytest.approx(0.4)
    assert episodes[0][f"stats/{CAMERA}/max"] == [[[160 / 255]]] * 3
    tasks = parquet.read_table(dataset / "meta/tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "go round"}]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    stats = json.loads((dataset / "meta/stats.json").read_text())
    assert stats[CAMERA]["count"] == [6] and np.shape(stats[CAMERA]["mean"]) == (3, 1, 1)
    levels = [40, 80, 120, 160, 100, 140]
    assert stats[CAMERA]["mean"][0][0][0] == pytest.approx(np.mean(levels) / 2 / 255)
    assert stats[HEARING]["mean"] == pytest.approx([4 / 6, 0, 0, 0])


def test_a_long_video_keeps_its_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An encoder holds some dozens of images back before the first is written."""
    entries = [(0.05 * k, seen(k + 50, side=(16, 16))) for k in range(150)]
    code, _, errors = export(
        capsys, write(tmp_path / "r.mcap", entries), "--out", tmp_path / "d", "--fps", 20
    )
    assert code == 0, errors
    with av.open(str(tmp_path / f"d/videos/{CAMERA}/{PLACE}.mp4")) as video:
        times = [frame.time for frame in video.decode(video=0)]
    assert times == pytest.approx([k / 20 for k in range(150)])


def test_a_side_that_is_odd_keeps_every_pixel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "r.mcap", [(0.1 * k, seen(200, side=(33, 47))) for k in range(3)])
    code, _, errors = export(capsys, file, "--out", tmp_path / "d")
    assert code == 0, errors
    with av.open(str(tmp_path / f"d/videos/{CAMERA}/{PLACE}.mp4")) as video:
        [*frames] = video.decode(video=0)
    assert [(one.height, one.width) for one in frames] == [(33, 47)] * 3


def test_what_was_not_ready_at_first_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "r.mcap", [(0.0, seen(9)), (0.25, perceived(1)), (0.5, seen(9))])
    _, said, errors = export(capsys, file, "--out", tmp_path / "d", "--json")
    assert "left out: the first 0.25 s" in errors
    done = json.loads(said)
    assert done["frames"] == 3 and done["features"][:2] == [CAMERA, HEARING]
    assert done["lost"] == {str(file): {"cut": False, "damaged": 0, "refused": 0}}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([(0.0, seen(1)), (0.5, seen(1))], "a data set has one set of columns"),
        ([(0.0, seen(1, side=(8, 8))), (0.1, perceived(1))], "a column has one shape"),
        ([(0.0, seen(1)), (0.1, perceived(1, model="other"))], "two spaces are not mixed"),
    ],
)
def test_recordings_that_do_not_go_together_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: list, message: str
) -> None:
    first, second = walk(tmp_path / "a.mcap"), write(tmp_path / "b.mcap", other)
    code, _, errors = export(capsys, first, second, "--out", tmp_path / "d")
    assert code == 2 and message in errors and len(errors.splitlines()) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mcap", "b.mcap"]


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lerobot._Writer, "_write_json", full)
    code, _, errors = export(capsys, walk(tmp_path / "a.mcap"), "--out", tmp_path / "d")
    assert code == 2 and "No space left on device" in errors
    assert [one.name for one in tmp_path.iterdir()] == ["a.mcap"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.mcap"], "recording nowhere.mcap does not exist"),
        (["{file}", "{file}"], "named twice"),
        (["{file}", "--stream", "rear"], "has no stream 'rear'"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    file = walk(tmp_path / "a.mcap")
    given = [one.format(file=file) for one in arguments]
    code, _, errors = export(capsys, *given, "--out", tmp_path / "d")
    assert code == 2 and message in errors and len(errors.splitlines()) == 1
    code, _, errors = export(capsys, file, "--out", tmp_path)
    assert code == 2 and "exists already" in errors


def test_without_the_extra_one_line_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, _, errors = export(capsys, walk(tmp_path / "a.mcap"), "--out", tmp_path / "d")
    assert code == 2 and errors.strip().endswith(MISSING)
