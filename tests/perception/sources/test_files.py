"""Videos, sounds and point clouds from files: in their own time, whole, and never twice."""

import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from fixtures.waiting import PATIENCE

from sensebind.errors import ConfigurationError, SourceError, StaleError
from sensebind.perception.sources.audio_file import AudioFile
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.point_cloud_files import CloudFiles
from sensebind.perception.sources.registry import open_source
from sensebind.perception.sources.video import VideoFile

FPS = 20


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video whose pictures grow brighter, sounds that count, and clouds."""
    folder = tmp_path_factory.mktemp("media")
    writer = cv2.VideoWriter(
        str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (64, 48)
    )
    for number in range(40):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    seconds = np.arange(3 * 44100) / 44100
    tone = (0.25 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    (folder / "sounds").mkdir()
    soundfile.write(folder / "sounds" / "a.wav", np.stack([tone, tone], 1), 44100, "FLOAT")
    soundfile.write(folder / "sounds" / "b.flac", tone[: 44100 // 2], 44100)
    (folder / "clouds").mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        cloud = rng.uniform(-1, 1, (100, 3)).astype(np.float32) + number
        np.save(folder / "clouds" / f"{number}.npy", cloud)
    kitti = np.c_[rng.uniform(-1, 1, (100, 3)), rng.random(100)].astype("<f4")
    (folder / "clouds" / "5.bin").write_bytes(kitti.tobytes())
    return folder


class TestVideoFile(SourceConformance):
    @pytest.fixture(autouse=True)
    def _find_media(self, media: Path) -> None:
        self.path = media / "clip.mp4"

    def make_source(self) -> Source:
        return open_source({"source": f"camera:{self.path}", "loop": True}, stream="camera")


class TestAudioFiles(SourceConformance):
    @pytest.fixture(autouse=True)
    def _find_media(self, media: Path) -> None:
        self.path = media / "sounds"

    def make_source(self) -> Source:
        return open_source(
            {"source": f"audio:{self.path}", "loop": True, "hop": 0.1}, stream="microphone"
        )


class TestCloudFiles(SourceConformance):
    @pytest.fixture(autouse=True)
    def _find_media(self, media: Path) -> None:
        self.path = media / "clouds"

    def make_source(self) -> Source:
        return open_source({"source": f"cloud:{self.path}", "loop": True}, stream="lidar")


def test_a_video_steps_through_every_picture(media: Path) -> None:
    with VideoFile(str(media / "clip.mp4"), "camera", speed=0) as video:
        seen = [video.read() for _ in range(40)]
        with pytest.raises(SourceError, match=r"clip\.mp4 has ended"):
            video.read()
    brightness = [int(observation.data.mean()) for observation in seen]
    assert brightness == sorted(brightness) and len(set(brightness)) > 35
    assert [observation.sequence for observation in seen] == list(range(1, 41))
    assert video.dropped == 0


def test_a_video_plays_in_real_time_and_counts_what_was_missed(media: Path) -> None:
    with VideoFile(str(media / "clip.mp4"), "camera", loop=True) as video:
        first = video.read()
        time.sleep(0.5)
        asked = time.monotonic()
        latest = video.read_latest(max_age=1.0, timeout=PATIENCE)
        assert latest.monotonic > asked - 2 / FPS  # the newest, however slow the machine is
        assert latest.monotonic - first.monotonic == pytest.approx(
            (latest.sequence - first.sequence) / FPS, abs=0.02
        )
        assert latest.sequence >= 10 and video.dropped == latest.sequence - 2


def test_a_loop_goes_on_without_a_hole(media: Path) -> None:
    with VideoFile(str(media / "clip.mp4"), "camera", speed=8, loop=True) as video:
        seen = [video.read() for _ in range(100)]
    gaps = np.diff([observation.monotonic for observation in seen])
    assert gaps == pytest.approx(np.full(99, 1 / FPS / 8), abs=1e-3)


def test_sound_is_averaged_resampled_and_cut_in_windows(media: Path) -> None:
    with AudioFile(str(media / "sounds"), "microphone", speed=0) as sound:
        seen = []
        with pytest.raises(SourceError, match="has ended"):
            while True:
                seen.append(sound.read())
    assert [len(observation.data) for observation in seen] == [32000, 32000, 32000, 8000]
    assert {observation.rate for observation in seen} == {16000}
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
    np.testing.assert_allclose(seen[0].data[100:-100], expected[100:-100], atol=2e-3)
    np.testing.assert_array_equal(seen[0].data[8000:], seen[1].data[:-8000])
    assert (seen[0].data * 32768 % 1 == 0).all()


def test_clouds_come_in_order_of_name(media: Path) -> None:
    with CloudFiles(str(media / "clouds"), "lidar", rate=100, speed=0) as clouds:
        seen = [clouds.read() for _ in range(6)]
    assert [round(float(one.data.mean())) for one in seen] == [0, 1, 2, 3, 4, 0]


def test_what_gave_no_echo_and_what_is_too_near_are_no_points(tmp_path: Path) -> None:
    cloud = np.array([[0, 0, 0], [1, 0, 0], [0.1, 0, 0], [np.nan, 1, 1], [np.inf, 0, 0]])
    np.save(tmp_path / "c.npy", cloud)
    for min_range, expected in ((0.0, [1.0, 0.1]), (0.4, [1.0])):
        spec = {"source": f"cloud:{tmp_path / 'c.npy'}", "min_range": min_range, "speed": 0}
        with open_source(spec, stream="lidar") as source:
            np.testing.assert_allclose(source.read().data[:, 0], expected)
    with pytest.raises(ConfigurationError, match="min_range of -1"):
        open_source({"source": "cloud:x", "min_range": -1}, stream="lidar")


def test_columns_of_a_headerless_cloud(tmp_path: Path) -> None:
    rows = np.arange(1, 49, dtype="<f4").reshape(-1, 3)  # three numbers, or four, or six
    (tmp_path / "c.bin").write_bytes(rows.tobytes())
    np.save(tmp_path / "d.npy", rows)
    with pytest.raises(SourceError, match=r"c\.bin .*columns: "):
        open_source({"source": f"cloud:{tmp_path}/c.bin"}, stream="lidar").__enter__()
    spec = {"source": f"cloud:{tmp_path}", "columns": "intensity z y x", "speed": 0}
    with open_source(spec, stream="lidar") as source:
        np.testing.assert_array_equal(source.read().data[0], [4, 3, 2])
        np.testing.assert_array_equal(source.read().data[0], [1, 2, 3])  # .npy has a header
    for columns in ("x y", "x y z z", "x y z float32 float64"):
        with pytest.raises(ConfigurationError, match="give the names of all numbers"):
            open_source({"source": "cloud:x", "columns": columns}, stream="lidar")


def test_when_nothing_can_be_played_the_first_reason_is_given(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("1,0 2,0 3,0\n")
    (tmp_path / "b.xyz").write_text("nonsense\n")
    with pytest.raises(SourceError, match=r"nothing that can be played.*2 refused.*decimal commas"):
        open_source(f"cloud:{tmp_path}", stream="lidar").__enter__()


def test_what_cannot_be_read_is_counted_and_the_others_are_played(tmp_path: Path) -> None:
    np.save(tmp_path / "1.npy", np.ones((5, 3)))
    (tmp_path / "2.npy").write_bytes(b"nonsense")
    np.save(tmp_path / "3.npy", np.full((5, 3), 3.0))
    with CloudFiles(str(tmp_path), "lidar", speed=0) as clouds:
        assert [clouds.read().data[0, 0] for _ in range(2)] == [1, 3]
        assert clouds.refused == 1


def test_what_became_old_is_not_given_as_new(tmp_path: Path) -> None:
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.ones((5, 3)))
    begun = time.monotonic()
    with CloudFiles(str(tmp_path), "lidar", rate=0.01) as clouds:
        time.sleep(0.2)
        with pytest.raises(StaleError) as stale:
            clouds.read_latest(max_age=0.1)
        age = re.search(r"is (\d+\.\d\d) s old, 0\.1 s are allowed", str(stale.value))
        assert age and 0.2 <= float(age[1]) <= time.monotonic() - begun + 0.01
        with pytest.raises(SourceError, match="nothing new"):
            clouds.read_latest(max_age=0.1, timeout=0.05)


@pytest.mark.parametrize("kind", ["video", "audio", "cloud"])
def test_a_missing_or_broken_file_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    with (
        pytest.raises(SourceError, match=r"nothing\.npy"),
        open_source(f"{kind}:{tmp_path}/nothing.npy", stream="s"),
    ):
        raise AssertionError("a file that does not exist was opened")
    broken = tmp_path / "broken.npy"
    broken.write_bytes(b"nonsense " * 100)
    with (
        pytest.raises(SourceError, match=r"broken\.npy"),
        open_source(f"{kind}:{broken}", stream="s"),
    ):
        raise AssertionError("nonsense was opened")


@pytest.mark.parametrize("kind", ["audio", "cloud"])
def test_an_empty_folder_says_what_to_put_there(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match="put "), open_source(f"{kind}:{tmp_path}", stream="s"):
        raise AssertionError("an empty folder was opened")


def test_senseless_options_are_refused() -> None:
    for spec in (
        {"source": "video:x", "speed": -1},
        {"source": "audio:x", "hop": 3},
        {"source": "cloud:x", "rate": 0},
    ):
        with pytest.raises(ConfigurationError, match=r"give|at most"):
            open_source(spec, stream="s")
