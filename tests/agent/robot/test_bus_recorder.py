"""`sensebind record --robot`: a robot that runs is recorded, and replayed."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from fixtures.fake_senses import save_tiny_imagebind
from fixtures.ports import free_port

from sensebind.agent.cli.record import record
from sensebind.agent.cli.replay import replay
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.robot import Robot
from sensebind.errors import ConfigurationError
from sensebind.perception.frames.recording import Recording
from sensebind.perception.percept import Modality, Percept

pytestmark = pytest.mark.slow


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A robot.yaml on a simulated home; whatever looks alike is encoded as well."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    save_tiny_imagebind(tmp_path / "imagebind")
    path = tmp_path / "robot.yaml"
    path.write_text(f"""
name: rover
checkpoint: {tmp_path}
cache: null
simhome: {{seed: 10000003, port: {free_port()}}}
streams:
  camera: {{source: simhome, max_age: 10, threshold: 0}}
  lidar: {{source: simhome, max_age: 10, threshold: 0}}
frames: {{directory: {tmp_path}/frames}}
""")
    return path


def test_a_running_robot_is_recorded_with_its_own_percepts(
    described: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "drive.mcap"
    with Robot(read_config(described)) as robot:
        end = time.monotonic() + 120
        while not all(row.received for row in robot.monitor.rows()):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert record(output, robot=described, seconds=4.0, as_json=True) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["troubles"] == {}
    recording = Recording(output)
    assert recording.streams() == {"rover.camera": Modality.VISION, "rover.lidar": Modality.POINT}
    entries = list(recording)
    percepts = [one.entry for one in entries if isinstance(one.entry, Percept)]
    kept = {one.entry.reference: one.exact for one in entries if not isinstance(one.entry, Percept)}
    assert {percept.header.observation for percept in percepts} == set(kept)
    assert {exact for reference, exact in kept.items() if "camera" in reference} == {False}
    assert {exact for reference, exact in kept.items() if "lidar" in reference} == {True}

    assert replay(output, 0, checkpoint=tmp_path, as_json=True) == 0
    *_, last = capsys.readouterr().out.splitlines()
    camera, lidar = (json.loads(last)["streams"][f"rover.{name}"] for name in ("camera", "lidar"))
    assert lidar["identical"] == lidar["percepts"] > 0
    assert camera["close"] > 0 == camera["different"] == camera["unmatched"]


def test_a_robot_that_does_not_run_is_refused(described: Path, tmp_path: Path) -> None:
    output = tmp_path / "drive.mcap"
    with pytest.raises(ConfigurationError, match="sensebind run"):
        record(output, robot=described)
    assert not output.exists()
    meaningless: list[dict[str, Any]] = [
        {"sources": ["camera=camera:0"]},
        {"home": 0},
        {"percepts": False},
    ]
    for options in meaningless:
        with pytest.raises(ConfigurationError, match="no other source"):
            record(output, robot=described, **options)
