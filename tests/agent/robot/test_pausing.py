"""Paused streams: nothing is perceived, kept or shown of them, until somebody resumes them."""

import json
import threading
import time
from pathlib import Path, PurePosixPath

import pytest
from fixtures.fake_senses import save_tiny_imagebind
from fixtures.percepts import percept
from fixtures.ports import free_port
from fixtures.scripted_chat import ScriptedChat, calls_once
from fixtures.waiting import PATIENCE, until
from langchain_core.tools import StructuredTool

from sensebind.agent.assistant import Assistant, Policy
from sensebind.agent.cli import top
from sensebind.agent.cli.pause import pause as pause_command
from sensebind.agent.cli.pause import resume as resume_command
from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.pausing import Pauses, Pausing, SharedPauses, chosen, pauses_of
from sensebind.agent.robot.robot import Robot
from sensebind.agent.robot.run_directory import is_running
from sensebind.agent.robot.stores import owner_of
from sensebind.errors import InputError, SourceError, StorageError
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.workers.supervisor import Supervisor
from sensebind.tools.risk import Risk, label


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("robot")
    save_tiny_imagebind(home / "imagebind")
    robot = home / "robot.yaml"
    robot.write_text(f"""
name: quiet
checkpoint: {home}
cache: null
simhome: {{seed: 10000003, port: {free_port()}}}
streams:
  camera: {{source: simhome, max_age: 10}}
  lidar: {{source: simhome, max_age: 10}}
""")
    return robot


@pytest.fixture
def config(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RobotConfig:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return parse_config(file.read_text()).located(file)


def test_the_file_is_private_and_a_damaged_one_is_not_guessed(tmp_path: Path) -> None:
    pauses = Pauses(tmp_path / "state" / "paused.json")
    assert pauses.read() == frozenset()
    pauses.write(["lidar", "camera"])
    assert pauses.read() == {"camera", "lidar"}
    assert pauses.path.stat().st_mode & 0o777 == 0o600
    assert pauses.path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in pauses.path.parent.iterdir()] == ["paused.json"]
    for damage in ("", "[", "{}", '{"paused": 3}', "[" * 5000):
        pauses.path.write_text(damage)
        with pytest.raises(StorageError, match="nobody knows which streams are paused"):
            pauses.read()


def test_names_of_streams(config: RobotConfig) -> None:
    assert chosen(config, "all") == {"camera", "lidar"}
    assert chosen(config, "quiet.camera") == chosen(config, "camera") == {"camera"}
    with pytest.raises(InputError, match="there are camera, lidar, all"):
        chosen(config, "nose")


def test_a_robot_that_does_not_run_takes_it_up_later(
    file: Path, config: RobotConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not is_running(config.run_name)
    assert pause_command(file, "camera") == 0
    assert pause_command(file, "all") == 0
    assert resume_command(file, "lidar") == 0
    told = capsys.readouterr().out.splitlines()
    assert "paused: camera, lidar" in told[1] and "from its next start" in told[2]
    assert pauses_of(config).read() == {"camera"}


def test_a_pause_that_cannot_be_read_at_once_is_followed_later(
    config: RobotConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(config.workers("tcp://127.0.0.1:1"))
    failures = iter([StorageError("no descriptors are left")] * 3)
    read = Pauses.read

    def read_later(pauses: Pauses) -> frozenset[str]:
        if threading.current_thread().name == "pausing" and (error := next(failures, None)):
            raise error
        return read(pauses)

    def broken(streams: frozenset[str]) -> None:
        if "lidar" in streams:
            raise ZeroDivisionError

    with Pausing(config, supervisor, pauses_of(config)) as own:
        own.when_paused(broken)
        monkeypatch.setattr(Pauses, "read", read_later)
        SharedPauses(config).pause("camera")
        until(lambda: own.paused == {"camera"})
        assert caplog.text.count("no descriptors are left") == 1
        SharedPauses(config).pause("lidar")
        until(lambda: own.paused == {"camera", "lidar"})
        SharedPauses(config).resume("all")
        until(lambda: not own.paused)  # what fails ends nothing


def test_of_two_pauses_at_the_same_moment_none_is_lost(config: RobotConfig) -> None:
    with Pausing(config, Supervisor(config.workers("tcp://127.0.0.1:1")), pauses_of(config)) as own:
        SharedPauses(config).pause("camera")
        assert own.pause("lidar") == {"camera", "lidar"}  # before it has followed the file
        assert own.paused == pauses_of(config).read() == {"camera", "lidar"}
        SharedPauses(config).resume("camera")
        until(lambda: own.paused == {"lidar"})
        both = threading.Barrier(2)

        def change(name: str) -> None:
            for _ in range(50):
                both.wait(PATIENCE)
                SharedPauses(config).pause(name)
                both.wait(PATIENCE)
                lost.extend({name} - pauses_of(config).read())
                both.wait(PATIENCE)
                SharedPauses(config).resume(name)

        lost: list[str] = []
        threads = [threading.Thread(target=change, args=(name,)) for name in config.streams]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert lost == []


def test_a_muted_stream_is_forgotten_at_once_and_nobody_hears_of_it(tmp_path: Path) -> None:
    heard: list[str] = []
    endpoints = {name: f"ipc://{tmp_path}/{name}" for name in ("camera", "second")}
    with (
        Publisher(endpoints["camera"], "camera") as camera,
        Publisher(endpoints["second"], "second") as second,
        Awareness(
            endpoints,
            dict.fromkeys(endpoints, "vision"),
            listeners=[lambda p: heard.append(p.header.stream)],
        ) as awareness,
    ):

        def see() -> None:
            camera.publish(percept("camera"))
            second.publish(percept("second"))

        until(lambda: (see(), awareness.wait(0.1))[1])
        awareness.mute(["camera"])
        heard.clear()
        with pytest.raises(SourceError, match="camera is paused"):
            awareness.newest("camera")
        with pytest.raises(SourceError, match="paused"):
            awareness.frame("camera")
        until(lambda: (see(), len(heard) > 5)[1])
        assert "camera" not in awareness.snapshot()[0] and set(heard) == {"second"}
        assert set(awareness.at(time.monotonic(), tolerance=60)) == {"second"}
        awareness.mute([])
        until(lambda: (see(), awareness.wait(0.1, ["camera"]))[1])


def test_no_movement_begins_while_what_it_relies_on_is_paused() -> None:
    moved: list[float] = []

    def drive(metres: float) -> str:
        moved.append(metres)
        return "driven"

    tool = StructuredTool.from_function(
        drive, name="drive", description="Drives.", metadata=label(Risk.MOVE)
    )
    held = ["camera paused: the robot does not move blind"]
    one = Assistant(
        ScriptedChat(script=calls_once("drive", metres=1.0)),
        [tool],
        policy=Policy(approved=frozenset({"drive"})),
        hold=lambda: held[0],
    )
    assert "does not move blind" in one.ask("go 1 metre").tool_calls[0].result and not moved
    held[0] = ""
    assert one.ask("go 1 metre").tool_calls[0].result == "driven"


@pytest.mark.extended
def test_a_running_robot_closes_the_device_and_stays_so_over_a_restart(
    file: Path, config: RobotConfig
) -> None:
    frames = config.frame_spec.directory / "quiet.camera.frames"

    def kept(robot: Robot) -> int:
        store = robot._config.frame_spec.open()
        with store:
            return len(store.references("quiet.camera"))

    def states(robot: Robot) -> dict[str, str]:
        return {row.stream: row.state for row in robot.monitor.rows()}

    with Robot(config) as robot:
        until(lambda: all(row.received for row in robot.monitor.rows()) and kept(robot))
        before = robot.supervisor.status()["quiet.lidar"].pid
        assert SharedPauses(config).pause("camera") == {"camera"}
        assert "quiet.camera" not in robot.supervisor.pids
        count, size = kept(robot), frames.stat().st_size
        time.sleep(1.5)
        assert (kept(robot), frames.stat().st_size) == (count, size)
        assert states(robot)["quiet.camera"] == "paused"
        until(lambda: states(robot)["quiet.lidar"] == "running")
        assert robot.supervisor.status()["quiet.lidar"].pid == before
        rows = {row.stream: row for row in robot.monitor.rows()}
        assert "paused" in top.as_text(list(rows.values())) and top._is_well(rows["quiet.camera"])
        assert robot.pausing.paused == {"camera"}
    with Robot(config) as robot:  # after a restart
        until(lambda: states(robot)["quiet.lidar"] == "running")
        assert states(robot)["quiet.camera"] == "paused" and kept(robot) == count
        assert robot.pausing.resume("camera") == frozenset()
        until(lambda: kept(robot) > count)
        until(lambda: states(robot)["quiet.camera"] == "running")
    for path in config.state_directory.rglob("*"):
        name = PurePosixPath(path.relative_to(config.state_directory))
        assert path.is_dir() or owner_of(name), f"nobody owns {name}"
    assert json.loads((config.state_directory / "paused.json").read_text()) == {"paused": []}
