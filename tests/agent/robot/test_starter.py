"""`sensebind init`: the file it writes is a robot, with devices and without."""

from pathlib import Path

import pytest

from sensebind.agent.cli import main
from sensebind.agent.robot.config_file import parse_config, read_config
from sensebind.agent.robot.starter import starter
from sensebind.perception.sources.base import Device
from sensebind.perception.sources.registry import Kind


def kinds(cameras: int = 0, microphones: int = 0, problem: str = "") -> list[Kind]:
    found = tuple(Device(f"camera:{n}", f"Camera {n}", "640x480") for n in range(cameras))
    heard = tuple(Device(f"microphone:{n}", f"Mic {n}") for n in range(microphones))
    return [Kind("camera", "", found), Kind("microphone", "", heard, problem)]


@pytest.mark.parametrize(("cameras", "microphones"), [(0, 0), (1, 0), (2, 1), (0, 3)])
def test_what_was_found_becomes_streams(cameras: int, microphones: int) -> None:
    made = starter("rover", kinds(cameras, microphones))
    config = parse_config(made.text)
    expected = ["camera", "camera2"][: max(1, cameras)] + ["microphone"] * bool(microphones)
    assert list(config.streams) == expected
    assert (config.name, config.llm and config.llm.model) == ("rover", "sensebind")
    assert config.memory is not None and {tool.kind for tool in config.tools} >= {"recall"}
    assert len(made.found) == cameras + bool(microphones)


def test_what_is_missing_says_how_to_install_it() -> None:
    made = starter("rover", kinds(problem="pip install 'sensebind[microphone]'"))
    assert made.missing == ("pip install 'sensebind[microphone]'",)
    assert "  # pip install 'sensebind[microphone]'\n" in made.text


def test_init_writes_a_file_that_check_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="0"):
        main(["init", "rover"])
    assert read_config(tmp_path / "rover.yaml").check()
    with pytest.raises(SystemExit, match="2"):
        main(["init", "rover"])
    assert "rover.yaml exists already" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["init", "../rover"])


def test_how_to_say_where_a_camera_sits_stands_in_comments() -> None:
    text = starter("rover", kinds(cameras=1), "rover.yaml").text
    assert "# mount: {xyz:" in text.replace("#     mount", "# mount")
    assert "`sensebind calibrate rover.yaml`" in text and "# urdf: robot.urdf" in text
    said = text.replace('"camera:0", rate: 8}', '"camera:0", rate: 8, mount: {xyz: [0.1, 0, 0.6]}}')
    assert parse_config(said).streams["camera"].mount is not None
