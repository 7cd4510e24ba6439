"""`sensebind doctor rover.yaml` opens what the file names."""

import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.doctor_robot import examine_robot, sent_away

STREAMS = "streams: {lidar: {source: 'cloud:clouds'}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "clouds").mkdir()
    np.save(tmp_path / "clouds" / "0.npy", np.ones((5, 3), np.float32))
    return tmp_path


def examined(folder: Path, text: str) -> dict[str, tuple[Verdict, str, str]]:
    file = folder / "rover.yaml"
    file.write_text(text)
    found = examine_robot(read_config(file))
    return {one.name: (one.verdict, one.found, one.mend) for one in found}


def test_a_sample_of_each_stream_is_read(folder: Path) -> None:
    found = examined(folder, STREAMS)
    verdict, what, _ = found["stream lidar"]
    assert verdict is Verdict.OK and what.startswith("point 5 x 3, ") and what.endswith(" s old")
    assert found["checkpoint"][0] is Verdict.OK and "GB of memory" in found["checkpoint"][1]


def test_images_that_do_not_fit_the_calibration_are_bad(folder: Path) -> None:
    video = cv2.VideoWriter(
        str(folder / "video.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 36)
    )
    for _ in range(3):
        video.write(np.zeros((36, 64, 3), np.uint8))
    video.release()
    text = (
        "streams: {camera: {source: 'video:video.avi', mount: {xyz: [0, 0, 1]},\n"
        "  intrinsics: {fx: 60, fy: 60, cx: 40, cy: 30, width: 80, height: 60}}}\n"
    )
    verdict, what, mend = examined(folder, text)["stream camera"]
    assert verdict is Verdict.BAD and mend
    assert "80 x 60 pixels, and these have 64 x 36, another aspect ratio" in what
    fits = text.replace("cy: 30, width: 80, height: 60", "cy: 22, width: 80, height: 45")
    assert examined(folder, fits)["stream camera"][0] is Verdict.OK


def test_a_stream_that_gives_nothing_says_why_and_what_to_do(folder: Path) -> None:
    (folder / "clouds" / "0.npy").write_bytes(b"not a cloud")
    verdict, what, mend = examined(folder, STREAMS)["stream lidar"]
    assert verdict is Verdict.BAD and "0.npy" in what and "\n" not in what and mend


def test_the_language_model_is_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    verdict, what, mend = examined(folder, STREAMS + "llm: 'openai:gpt-5'\n")["language model"]
    assert (verdict, what) == (Verdict.BAD, "OPENAI_API_KEY is not set") and "export" in mend
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ollama = (
            f"llm: {{model: 'ollama:qwen', options: {{base_url: 'http://127.0.0.1:{port}'}}}}\n"
        )
        assert examined(folder, STREAMS + ollama)["language model"][0] is Verdict.OK
    assert examined(folder, STREAMS + ollama)["language model"][0] is Verdict.BAD
    assert examined(folder, STREAMS + "llm: sensebind\n")["language model"][0] is Verdict.OK


def test_every_tool_is_opened(folder: Path) -> None:
    tools = (
        "tools: [clock, detect, openapi: {document: none.json}, python: 'no_such_module:make']\n"
    )
    found = examined(folder, STREAMS + tools)
    assert found["tool clock"][0] is found["tool detect"][0] is Verdict.OK
    assert found["tool openapi"][0] is Verdict.BAD and "none.json" in found["tool openapi"][1]
    assert found["tool python"][0] is Verdict.BAD and "no_such_module" in found["tool python"][1]


def test_a_robot_that_does_not_answer_is_bad(folder: Path) -> None:
    config = read_config(_written(folder))
    config.control_socket.parent.mkdir(parents=True)
    config.control_socket.touch()
    verdicts = {one.name: one.verdict for one in examine_robot(config)}
    assert verdicts["robot"] is Verdict.BAD and "stream lidar" not in verdicts


def _written(folder: Path) -> Path:
    file = folder / "rover.yaml"
    file.write_text(STREAMS + "llm: sensebind\n")
    return file


@pytest.mark.parametrize(
    ("llm", "goes", "says"),
    [
        ("sensebind", False, "none"),
        ("'ollama:llama3.2'", False, "none"),
        ("{model: 'openai:x', options: {base_url: 'http://localhost:8000/v1'}}", False, "none"),
        ("{model: 'openai:x', options: {base_url: 'http://[::1]:8000/v1'}}", False, "none"),
        ("'openai:gpt-5'", True, "with every question openai gets the dialog so far"),
        ("{model: 'openai:gpt-5', images: true, audio: true}", True, "in words, images, sounds,"),
        ("{model: 'openai:gpt-5', images: false}", True, "in words, and results of tools"),
        ("{model: 'ollama:x', options: {base_url: 'http://10.0.0.9:11434'}}", True, "10.0.0.9"),
    ],
)
def test_which_data_leave_the_machine(folder: Path, llm: str, goes: bool, says: str) -> None:
    section = read_config_of(folder, f"llm: {llm}\n").llm
    assert section is not None
    check = sent_away(section)
    assert (check.verdict is Verdict.WARNING) == goes and says in check.found


def read_config_of(folder: Path, more: str) -> RobotConfig:
    file = folder / "rover.yaml"
    file.write_text(STREAMS + more)
    return read_config(file)
