"""A robot whose sensors are files: `sensebind chat robot.yaml` with questions in a pipe."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from fixtures.openai_server import calls, openai_server, picture, says
from fixtures.robot_of_files import write_recordings, write_robot
from PIL import Image

from sensebind.memory.episode_store import EpisodeStore

pytestmark = [pytest.mark.slow, pytest.mark.extended]

QUESTIONS = """\
what do you see?
what do you hear?
what is near you?
/wait 3
when did you last hear a radio?
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("robot")
    return folder, write_recordings(folder)


def sensebind(*arguments: str | Path, folder: Path, given: str = "") -> tuple[int, str, str]:
    """Run a command with a state directory of its own."""
    environment = os.environ | {
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "sensebind", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        timeout=250,
        env=environment,
    )
    return done.returncode, done.stdout, done.stderr


def test_answers_name_what_is_in_each_file(home: tuple[Path, dict[str, str]]) -> None:
    folder, truth = home
    robot = write_robot(folder, "files")
    code, out, errors = sensebind("chat", robot, "--json", folder=folder, given=QUESTIONS)
    assert code == 0, errors
    sight, hearing, scan, memory = [json.loads(line) for line in out.splitlines()]
    assert truth["sight"] in sight["assistant"], sight
    assert truth["hearing"] in hearing["assistant"], hearing
    assert truth["scan"] in scan["assistant"], scan
    assert [call["name"] for call in memory["tool_calls"]] == ["recall"]
    for record in (sight, hearing, scan):
        ages = {p["stream"]: p["age_ms"] for p in record["percepts"] if p["state"] == "present"}
        assert {"files.camera", "files.microphone", "files.lidar"} <= ages.keys()
        assert all(0 <= age < 2000 for age in ages.values()), ages
    with EpisodeStore(folder / "memory.sqlite") as store:
        kept = store.episodes(store.ids().tolist()).values()
        assert {one.modality for one in kept} == {"vision", "audio", "point"}
    code, out, errors = sensebind("recall", robot, f"a {truth['sight']}", "--json", folder=folder)
    assert code == 0, errors
    found = json.loads(out)
    [best, *_] = found["found"]
    assert best["reference"].startswith("frame:files.camera@"), found


def test_a_missing_file_is_one_line_and_exit_code_2(home: tuple[Path, dict[str, str]]) -> None:
    folder, _ = home
    robot = write_robot(folder, "lost")
    robot.write_text(robot.read_text().replace("video.mp4", "gone.mp4"))
    code, out, errors = sensebind("chat", robot, "--json", folder=folder, given="hello\n")
    assert (code, out) == (2, "")
    assert "gone.mp4" in errors.splitlines()[-1], errors
    code, _, errors = sensebind("config", "check", robot, folder=folder)
    assert code == 2 and len(errors.splitlines()) == 1 and "gone.mp4" in errors


def test_another_language_model_gets_the_image_that_is_seen(
    home: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    folder, truth = home
    shown = tmp_path / "shown.png"
    Image.new("RGB", (40, 30), (220, 20, 20)).save(shown)
    script = f"what do you see?\n/show {shown}\nand what is this?\n"
    answers = iter([calls("detect", kind=truth["sight"]), says("One."), says("Red.")])
    with openai_server() as server:
        server.answer = lambda _: next(answers)
        options = f"{{base_url: '{server.url}'}}"
        llm = f"llm: {{model: 'openai:m', images: true, audio: true, options: {options}}}\n"
        robot = write_robot(folder, "remote", llm)
        code, out, errors = sensebind("chat", robot, "--json", folder=folder, given=script)
    assert code == 0, errors
    first, second = [json.loads(line) for line in out.splitlines()]
    assert first["assistant"] == "One." and second["assistant"] == "Red."
    [call] = first["tool_calls"]
    assert call["name"] == "detect" and not call["failed"]
    assert not server.refused, server.refused
    system, user = server.asked[0]["messages"]
    assert "sees, hears and scans" in system["content"]
    words, *parts = user["content"]
    assert f"remote.camera sees {truth['sight']}" in words["text"], words
    seen = [picture(part) for part in parts if part["type"] == "image_url"]
    height, width = cv2.VideoCapture(str(folder / "video.mp4")).read()[1].shape[:2]
    assert [one.shape for one in seen] == [(height, width, 3)]
    [sound] = [part["input_audio"] for part in parts if part["type"] == "input_audio"]
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(sound["data"])))
    assert rate == 16_000 and len(heard) >= rate and np.abs(heard).max() > 0.01
    red, *_ = [picture(p) for p in server.asked[-1]["messages"][-1]["content"] if "image_url" in p]
    assert red.shape == (30, 40, 3)
    stored = (folder / "state/sensebind/remote/dialogs.sqlite").read_bytes()
    assert b"base64" not in stored and b"shown.png" in stored
