"""`sensebind serve` and `ui` as people start them: files, tokens, errors, and a real robot."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fixtures.robot_of_files import write_recordings, write_robot
from openai import OpenAI

from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config_file import read_config

COMMAND = [sys.executable, "-m", "sensebind"]


def environment(folder: Path) -> dict[str, str]:
    changed = {"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    return os.environ | changed | {"PYTHONPATH": ":".join(sys.path)}


@pytest.mark.parametrize(
    ("robot", "arguments", "said"),
    [
        ("streams: {camera: {source: 'camera:0'}}\n", [], "add `llm: sensebind`"),
        (None, ["--attach"], "does not run"),
        (None, ["--origin", "panel.example"], "https://panel.example"),
        (None, ["--origin", "https://panel.example/page"], "https://panel.example"),
        (None, ["--token", "env:NOBODY_HAS_SET_THIS"], "NOBODY_HAS_SET_THIS"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, robot: str | None, arguments: list[str], said: str
) -> None:
    file = tmp_path / "rover.yaml"
    file.write_text(robot or "llm: sensebind\nstreams: {camera: {source: 'camera:0'}}\n")
    done = subprocess.run(
        [*COMMAND, "serve", str(file), *arguments],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.extended
def test_a_robot_is_served_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_recordings(tmp_path / "files")
    file = write_robot(tmp_path / "files", "served")
    command = [*COMMAND, "serve", str(file), "--port", "0", "--token", "env:MINE"]
    own = environment(tmp_path) | {"MINE": "m" * 24}
    serving = subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True)
    try:
        assert serving.stdout is not None
        address = ""
        for line in serving.stdout:
            if line.startswith("served at "):
                address = line.removeprefix("served at ").strip()
                break
        robot = OpenAI(base_url=address, api_key="m" * 24, max_retries=5, timeout=60)
        answer = robot.chat.completions.create(
            model="served", messages=[{"role": "user", "content": "what do you see?"}]
        )
        assert answer.choices[0].message.content
        found = robot.embeddings.create(model="imagebind", input="a dog")
        assert len(found.data[0].embedding) > 64
        [server] = [
            one
            for one in psutil.Process(serving.pid).children(recursive=True)
            if "sensebind.agent.server.process" in one.cmdline()
        ]
        libraries = {Path(one.path).name for one in server.memory_maps()}
        assert not [name for name in libraries if "torch" in name]  # it holds no PyTorch
        server.kill()  # and the robot goes on, and so does another server
        time.sleep(0.5)
        assert AttachedRobot(read_config(file)).tools()
        assert [one.id for one in robot.models.list()] == ["served", "imagebind"]
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(20)
    assert serving.returncode == 0
