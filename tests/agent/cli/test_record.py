"""`sensebind record` and `sensebind replay`: the same observations give the same percepts."""

import io
import json
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from fixtures.fake_senses import sample, save_tiny_imagebind
from mcap.reader import make_reader

from sensebind.agent.cli import main
from sensebind.agent.cli.record import record
from sensebind.agent.cli.replay import replay
from sensebind.errors import ConfigurationError
from sensebind.perception.frames.recording import Recording
from sensebind.perception.percept import Modality


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random ImageBind."""
    path = tmp_path_factory.mktemp("checkpoint")
    save_tiny_imagebind(path / "imagebind")
    return path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three senses from files, endless."""
    folder = tmp_path_factory.mktemp("senses")
    writer = cv2.VideoWriter(
        str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 20, (40, 32)
    )
    for number in range(40):
        writer.write(sample(Modality.VISION, seed=number)[0])
    writer.release()
    sound = np.concatenate([sample(Modality.AUDIO, seed=number)[0] for number in range(5)])
    soundfile.write(folder / "sound.wav", sound, 16_000)
    (folder / "sweeps").mkdir()
    for number in range(20):
        cloud, _ = sample(Modality.POINT, empty=number % 3 == 0, seed=number)
        np.save(folder / "sweeps" / f"{number:02}.npy", cloud)
    return [
        f"camera=video:{folder}/clip.mp4",
        f"microphone=audio:{folder}/sound.wav",
        f"lidar=cloud:{folder}/sweeps",
    ]


@pytest.fixture(scope="module")
def recording(
    checkpoint: Path, sources: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("recording") / "r.mcap"
    assert record(path, sources, seconds=5.0, checkpoint=checkpoint) == 0
    return path


def test_a_replay_perceives_the_same_bit_for_bit(
    recording: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(recording, speed=0, checkpoint=checkpoint, as_json=True) == 0
    *steps, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(summary["streams"]) == 3 and not summary["cut"]
    for stream, result in summary["streams"].items():
        assert result["percepts"] == result["identical"] > 0, stream
        assert result["observations"] >= result["percepts"]
    assert {step["verdict"] for step in steps} == {"identical", "identical, nothing perceived"}


def test_other_weights_are_told_apart(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sensebind.perception.imagebind import ImageBind

    save_tiny_imagebind(tmp_path / "imagebind")
    model = ImageBind.from_pretrained(tmp_path / "imagebind", ["vision", "audio", "point"])
    for parameter in model.parameters():
        parameter.data.mul_(1.01)
    model.save_pretrained(tmp_path / "imagebind")
    assert replay(recording, 0, checkpoint=tmp_path, as_json=True) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    for result in summary["streams"].values():
        assert result["other_weights"] == result["percepts"] > 0 == result["identical"]


def test_step_waits_for_a_line_each(
    recording: Path,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n"))
    assert replay(recording, step=True, checkpoint=checkpoint, as_json=True) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3  # two percepts and the summary


def test_on_the_command_line(
    recording: Path,
    sources: list[str],
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0)

    output = str(tmp_path / "raw.mcap")
    raw = ("record", output, *sources, "--seconds", "1", "--no-percepts", "--pictures", "jpeg")
    assert run(*raw) == 0
    assert "raw.mcap: " in capsys.readouterr().out
    with Path(output).open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    assert "/camera/percept" not in {one.topic for one in summary.channels.values()}
    assert run(*raw) == 2 and "exists already" in capsys.readouterr().err
    assert run("replay", str(recording), "--speed", "0", "--checkpoint", str(checkpoint)) == 0
    assert "camera" in capsys.readouterr().out
    assert run("replay", str(tmp_path / "none.mcap")) == 2
    assert "none.mcap does not exist" in capsys.readouterr().err


def test_a_stream_that_gives_nothing_is_told(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["camera=camera:/dev/video99"]
    assert record(tmp_path / "r.mcap", sources, seconds=0.5, checkpoint=checkpoint) == 1
    assert "/dev/video99 does not exist" in capsys.readouterr().err
    for wrong in ([], ["camera:0"], ["camera=nose:0"]):
        with pytest.raises(ConfigurationError):
            record(tmp_path / "s.mcap", wrong, checkpoint=checkpoint)


def test_a_full_disk_names_the_file_and_leaves_what_was_written(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "full.mcap"
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, hard))  # EFBIG, where a disk has ENOSPC
    try:
        with pytest.raises(SystemExit) as ended:
            main(["record", str(output), *sources, "--seconds", "60", "--no-percepts"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ended.value.code == 2
    error = capsys.readouterr().err.strip()
    assert str(output) in error and len(error.splitlines()) == 1
    assert list(Recording(output))
