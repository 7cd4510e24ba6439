"""A robot that may move without a question starts only when all that this needs is there."""

from pathlib import Path

import numpy as np
import pytest
from langchain_core.tools import StructuredTool

from sensebind.agent.approval import Policy
from sensebind.agent.robot.config_file import parse_config, read_config
from sensebind.agent.robot.policy import check_unasked, unknown_names
from sensebind.agent.robot.robot import Robot
from sensebind.errors import ConfigurationError
from sensebind.tools.motion import Motion, motion_tools
from sensebind.tools.risk import Risk, labelled

FILE = """\
name: rover
streams:
  lidar: {source: 'cloud:clouds', mount: {xyz: [0, 0, 0.5]}}
motion: {class: 'sensebind.tools.motion.simulation:SimulatedBase', footprint: 0.3}
policy: {approved: [drive], fence: [0, 0, 3, 3], max_distance: 2}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "clouds").mkdir()
    np.save(tmp_path / "clouds" / "0.npy", np.ones((5, 3), np.float32))
    (tmp_path / "robot.yaml").write_text(FILE)
    (tmp_path / "robot.yaml").chmod(0o600)
    return tmp_path


def test_it_does_not_start_where_doctor_does_not_pass(folder: Path) -> None:
    (folder / "clouds" / "0.npy").write_bytes(b"not a cloud")
    robot = Robot(read_config(folder / "robot.yaml"))
    words = r"needs a `sensebind doctor` that passes: stream lidar: .*0\.npy"
    with pytest.raises(ConfigurationError, match=words), robot:
        pass
    assert not hasattr(robot, "supervisor")  # nothing was started


def test_it_does_not_start_without_what_the_file_must_say(folder: Path) -> None:
    text = FILE.replace("fence: [0, 0, 3, 3], ", "")
    (folder / "robot.yaml").write_text(text)
    for transient in (False, True):
        robot = Robot(read_config(folder / "robot.yaml"), transient=transient)
        with pytest.raises(ConfigurationError, match=r"needs policy: \{fence\}$"), robot:
            pass


def test_doctor_passes_where_all_is_there(folder: Path) -> None:
    with Robot(read_config(folder / "robot.yaml")) as robot:  # no language model: nothing moves
        assert robot.supervisor.status()


class Mover:
    guards_itself = False

    def drive(self, metres: float) -> float:
        return metres

    def turn(self, radians: float) -> float:
        return radians

    def pose(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 0.0)

    def stop(self) -> None:
        pass


def test_an_unguarded_robot_is_refused_at_its_start() -> None:
    policy = Policy(approved=frozenset({"drive"}))
    with pytest.raises(ConfigurationError, match="does not guard itself"):
        check_unasked(policy, motion_tools(Motion(Mover())))
    guarded = type("Guarded", (Mover,), {"guards_itself": True})()
    check_unasked(policy, motion_tools(Motion(guarded)))


def test_a_movement_of_ones_own_keeps_no_fence_and_is_refused() -> None:
    def fly() -> str:
        """Flies."""
        return "up"

    tool = labelled(StructuredTool.from_function(fly), Risk.MOVE)
    check_unasked(Policy(), [tool])
    with pytest.raises(
        ConfigurationError, match="fly moves the robot, and keeps neither the fence"
    ):
        check_unasked(Policy(approved=frozenset({"fly"})), [tool])


def test_a_name_in_the_policy_that_no_tool_has_is_said() -> None:
    def oven_on() -> str:
        """Switches it on."""
        return "on"

    tool = labelled(StructuredTool.from_function(oven_on), Risk.CHANGE)
    config = parse_config(
        "streams: {camera: {source: 'camera:0'}}\n"
        "policy: {forbidden: [oven_onn, oven_on, drive], spoken: [launch]}\n"
    )
    assert unknown_names(config, [tool]) == [
        "policy: forbidden: the robot has no tool 'oven_onn': did you mean oven_on?",
        "policy: spoken: the robot has no tool 'launch'",
    ]


def test_voice_approves_nothing_that_moves() -> None:
    def lamp_on() -> str:
        """Switches it on."""
        return "on"

    lamp = labelled(StructuredTool.from_function(lamp_on), Risk.CHANGE)
    policy = Policy(spoken=frozenset({"lamp_on", "drive"}))
    assert policy.may_be_spoken(lamp) and not Policy().may_be_spoken(lamp)
    [drive] = [one for one in motion_tools(Motion(Mover())) if one.name == "drive"]
    assert not policy.may_be_spoken(drive)
