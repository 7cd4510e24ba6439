"""`sensebind run` as a user has it: a real home, real processes, real signals."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_senses import alive, save_tiny_imagebind
from fixtures.ports import free_port
from fixtures.waiting import PATIENCE, until

from sensebind.agent.cli import top
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.robot import Robot
from sensebind.errors import BusError, ConfigurationError, InputError
from sensebind.perception.bus.curve_keys import KeyRing, allow_key, new_keys
from sensebind.perception.bus.pubsub import Subscriber
from sensebind.perception.frames.service import FrameClient

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A robot.yaml on a simulated home, with keys for another machine."""
    home = tmp_path_factory.mktemp("robot")
    save_tiny_imagebind(home / "imagebind")
    robot, agent = new_keys(home / "robot"), new_keys(home / "agent")
    allow_key(home / "robot", agent, "agent")
    allow_key(home / "agent", robot, "rover")
    return f"""
name: rover
checkpoint: {home}
cache: null
simhome: {{seed: 10000003, port: {free_port()}}}
streams:
  camera: {{source: simhome, process: eyes, max_age: 10}}
  second: {{source: {{source: simhome, sensor: camera}}, process: eyes, max_age: 10}}
  lidar: {{source: simhome, max_age: 10}}
bus:
  listen: "tcp://127.0.0.1:{free_port()}"
  frames: "tcp://127.0.0.1:{free_port()}"
  keys: {home}/robot
frames: {{directory: {home}/frames}}
"""


def test_a_robot_is_seen_from_here_and_from_another_machine(
    described: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    config = parse_config(described)
    keys = KeyRing.load(config.bus.keys.parent / "agent")
    with Robot(config) as robot:
        streams = ["rover.camera", "rover.lidar", "rover.second"]
        until(lambda: all(row.received for row in robot.monitor.rows()))
        assert [row.stream for row in robot.monitor.rows()] == streams
        until(lambda: len(robot.pids) == 6)  # home, network, launcher, spare, two workers
        assert all(map(alive, robot.pids.values()))
        sockets = [*streams, "_watch"]
        assert {f"ipc://{config.directory / name}" for name in sockets} == {
            *top.local_endpoints(None)
        }
        with pytest.raises(BusError, match="runs already"), Robot(config):
            pass
        with (
            Subscriber([config.bus.listen], keys=keys) as subscriber,
            FrameClient(config.bus.frames, keys, timeout=PATIENCE) as frames,
        ):
            found = {}
            until(lambda: found.update(subscriber.receive(0.1).percepts) or len(found) == 3)

            def kept(reference: str) -> bool:
                try:
                    return bool(frames.get(reference))
                except InputError:  # a frame is written after its percept is out
                    return False

            for stream, percept in found.items():
                reference = percept.header.observation
                until(lambda reference=reference: kept(reference))
                assert frames.get(reference).stream == stream
        home = robot.pids["simhome"]
        os.kill(home, signal.SIGKILL)
        until(lambda: not alive(home))
        received = {row.stream: row.received for row in robot.monitor.rows()}
        until(lambda: all(r.received > received[r.stream] + 2 for r in robot.monitor.rows()))
        pids = robot.pids
    assert not [pid for pid in pids.values() if alive(pid)]
    assert not config.directory.exists()


def test_what_cannot_run_leaves_nothing_behind(
    described: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    open_to_all = described.replace("tcp://127.0.0.1", "tcp://0.0.0.0", 1)
    config = parse_config(open_to_all.replace("/robot\n", "/none\n"))
    with pytest.raises(BusError, match="keys new"), Robot(config):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = parse_config(f"{described}metrics: {{port: {port}}}\n")
        with pytest.raises((BusError, ConfigurationError), match=str(port)), Robot(config):
            pass
    assert not config.directory.exists()


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("sensebind.agent.robot.robot", ["torch", "mujoco", "fastapi"]),
        ("sensebind.perception.simhome.process", ["torch", "fastapi", "uvicorn", "cv2"]),
    ],
)
def test_each_process_imports_what_it_needs(module: str, foreign: list[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    modules = told.stdout.decode().split()
    assert module in modules and not set(foreign) & set(modules)


def test_a_client_of_a_robot_imports_neither_langchain_nor_encoders() -> None:
    script = (
        "import sys; from sensebind.agent.approval import Decision, Request; "
        "import sensebind.agent.robot.client; print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    heavy = {"langchain", "langchain_core", "langgraph", "torch", "transformers", "cv2"}
    heavy |= {"soundfile", "scipy", "zmq.asyncio", "jsonschema"}
    modules = told.stdout.decode().split()
    assert "sensebind.agent.approval.requests" in modules and not heavy & set(modules)


def test_sigterm_ends_everything_in_order(described: str, tmp_path: Path) -> None:
    file = tmp_path / "robot.yaml"
    file.write_text(described)
    process = subprocess.Popen(
        [sys.executable, "-m", "sensebind", "run", str(file), "--json"],
        stdout=subprocess.PIPE,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        text=True,
    )
    try:
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())["pids"]
        assert {"simhome", "launcher"} <= set(pids)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        rows = json.loads(process.stdout.readline())["streams"]
        assert [row["stream"] for row in rows] == ["rover.camera", "rover.lidar", "rover.second"]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    until(lambda: not any(map(alive, pids.values())))


def test_no_process_outlives_a_robot_that_is_killed(described: str, tmp_path: Path) -> None:
    file = tmp_path / "robot.yaml"
    file.write_text(described)
    process = subprocess.Popen(
        [sys.executable, "-m", "sensebind", "run", str(file), "--json"],
        stdout=subprocess.PIPE,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        pids = json.loads(process.stdout.readline())["pids"]
    process.kill()
    process.wait(PATIENCE)
    until(lambda: not any(map(alive, pids.values())))


def test_a_permanent_mistake_ends_run_in_one_line(tmp_path: Path) -> None:
    """It is known only when the worker opens the file; the other stream does not keep it alive."""
    save_tiny_imagebind(tmp_path / "imagebind")
    for name, content in (("good", np.ones((5, 3), np.float32)), ("bad", None)):
        (tmp_path / name).mkdir()
        if content is not None:
            np.save(tmp_path / name / "0.npy", content)
    (tmp_path / "bad" / "0.npy").write_bytes(b"not a cloud")
    (tmp_path / "rover.yaml").write_text(
        "checkpoint: .\ncache: null\nframes: null\n"
        "streams: {good: {source: 'cloud:good', loop: true}, bad: {source: 'cloud:bad'}}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "sensebind", "run", tmp_path / "rover.yaml", "--seconds", "60"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "bad: " in last and "0.npy" in last, done.stderr
    assert "trying again" not in done.stderr
