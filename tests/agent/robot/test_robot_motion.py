"""A SimHome robot is sent to what its detector and its lidar find."""

import math
import os
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from fixtures.ports import free_port
from fixtures.waiting import until

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.motion import DrivingProcess, moving_tools, own_motion
from sensebind.agent.robot.simhome import simhome_robot
from sensebind.errors import ConfigurationError, ToolError
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome import camera_setup, lidar
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import demo_scene
from sensebind.tools.detection import Detection, Detector, locator
from sensebind.tools.motion import Motion, MotionSettings
from sensebind.tools.motion.simulation import Simulation
from sensebind.tools.ranging import Ranging
from sensebind.tools.risk import Risk, risk_of

EXAMPLES = Path(__file__).parents[3] / "examples"
SIMULATED = "sensebind.tools.motion.simulation:SimulatedBase"


class Base:
    """SimHome's robot, moved at once."""

    def __init__(self, home: SimHome) -> None:
        self._robot = home.robot

    def drive(self, metres: float) -> float:
        return self._robot.drive(metres)

    def turn(self, radians: float) -> float:
        return self._robot.turn(radians)

    def pose(self) -> tuple[float, float, float]:
        return self._robot.pose

    def stop(self) -> None:
        pass


class Eyes(Detector):
    """Finds what is really in view."""

    def __init__(self, home: SimHome) -> None:
        self._home = home

    def detect(self, image: np.ndarray, threshold: float | None = None) -> list[Detection]:
        return [
            Detection(one.kind, 1.0, (*map(float, one.box),))  # type: ignore[arg-type]
            for one in truth(self._home).visible
        ]


def observed(data: np.ndarray, modality: Modality, age: float = 0.0) -> Observation:
    return Observation(data, "x", modality, 0, time.monotonic() - age, 0, "x")


def test_its_file_says_where_the_simulator_has_its_sensors() -> None:
    places = simhome_robot().places()
    assert not places.missing
    camera, setup = places.cameras["camera"], camera_setup.CameraSetup()
    assert camera.pose.translation == pytest.approx(setup.xyz)
    ahead = camera.pose.rotation[:, 2]  # the optical axis
    down = camera_setup.CAMERA_TILT
    assert ahead == pytest.approx([math.cos(down), 0, -math.sin(down)], abs=1e-5)
    edge = camera.intrinsics.rays(np.array([[-0.5, 111.5], [223.5, 111.5]]))
    assert math.acos(edge[0] @ edge[1]) == pytest.approx(camera_setup.FIELD_OF_VIEW, abs=1e-4)
    assert places.lidars["lidar"].translation == pytest.approx([0, 0, lidar.LIDAR_HEIGHT])


@pytest.fixture
def home() -> SimHome:
    return SimHome(demo_scene(3))


def approach(home: SimHome, kind: str, age: float = 0.0) -> str:
    places = simhome_robot().places()
    sweep = lambda: observed(home.lidar(), Modality.POINT)  # noqa: E731
    ranging = Ranging(sweep, places.cameras["camera"], places.lidars["lidar"])
    frame = lambda: observed(home.camera(), Modality.VISION, age)  # noqa: E731
    tools = moving_tools(Motion(Base(home)), locator(Eyes(home), frame, ranging))
    assert {tool.name: risk_of(tool) for tool in tools} == {
        "drive": Risk.MOVE,
        "turn": Risk.MOVE,
        "approach": Risk.MOVE,
        "stop": Risk.STOP,
    }
    [tool] = [tool for tool in tools if tool.name == "approach"]
    return str(tool.invoke({"kind": kind}))


def test_it_goes_to_the_nearest_of_a_kind(home: SimHome) -> None:
    before = {one.color: one.distance for one in truth(home).visible if one.kind == "ball"}
    assert before["red"] < before["yellow"]
    assert approach(home, "ball").startswith("arrived at")
    [red] = [one for one in truth(home).visible if (one.kind, one.color) == ("ball", "red")]
    assert red.distance < 1.0


def test_it_does_not_go_to_what_it_does_not_see(home: SimHome) -> None:
    before = home.robot.pose
    assert approach(home, "car") == "error: no car in view"
    assert "the newest picture is" in approach(home, "ball", age=3.0)
    assert home.robot.pose == before


# --- robots of one's own --------------------------------------------------------------------------


class Mover:
    """A robot that moves by itself."""

    guards_itself = True

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("it must move")

    def drive(self, metres: float) -> float:
        return metres

    def turn(self, radians: float) -> float:
        return radians

    def pose(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 0.0)

    def stop(self) -> None:
        pass


def robot(motion: dict[str, object], streams: str = "", **policy: object) -> RobotConfig:
    return RobotConfig.model_validate(
        {
            "streams": {
                "camera": {"source": "camera:0"},
                "lidar": {"source": "sweeps:ipc:///tmp/none", "modality": "point"},
            }
            | (yaml.safe_load(streams) or {}),
            "motion": motion,
            "policy": policy,
        }
    )


def test_a_mover_of_ones_own_is_named_in_the_file() -> None:
    config = robot({"class": f"{__name__}:Mover"}, max_distance=2.5, fence=[-1, -1, 1, 1])
    with ExitStack() as stack:
        motion = own_motion(config, config.places(), stack)
        assert not motion.unguarded and motion.limits.distance == 2.5
        assert motion.limits.fence == (-1, -1, 1, 1)
        assert motion.turn(90) == "turned 90.0 degrees"
        assert motion.pid == 0  # nothing but this process


def test_a_base_of_ones_own_is_driven_by_the_driving_process() -> None:
    with Simulation() as simulation, ExitStack() as stack:
        config = robot(
            {"class": SIMULATED, "arguments": {"port": simulation.port}, "footprint": 0.25}
        )
        motion = own_motion(config, config.places(), stack, ages=lambda: {"camera": 0.0})
        assert "no lidar" in motion.unguarded
        assert psutil.Process(motion.pid).ppid() == os.getpid()

        def heard() -> bool:  # a movement of nothing is not refused
            with suppress(ToolError):
                return bool(motion.drive(0.0))
            return False

        until(heard)
        assert motion.drive(0.2) == "drove 0.2 m"
        assert simulation.order().pose[0] == pytest.approx(0.2, abs=0.03)


def test_the_lidar_of_the_driving_process_is_paused_with_its_stream() -> None:
    port = free_port(socket.SOCK_DGRAM)
    source = f"velodyne:{port}"
    config = robot(
        {"class": SIMULATED, "arguments": {"port": 1}, "footprint": 0.25, "lidar": source},
        f"lidar: {{source: '{source}', mount: {{xyz: [0, 0, 0.3]}}}}",
    )
    assert config.stream_names["lidar"] == "lidar"

    def bound() -> bool:  # a socket of the device, whoever has it
        lines = Path("/proc/net/udp").read_text().splitlines()[1:]
        return any(line.split()[1].endswith(f":{port:04X}") for line in lines)

    driving = DrivingProcess(frozenset({"lidar"}))  # as after a restart
    with ExitStack() as stack:
        own_motion(config, config.places(), stack, driving=driving)
        time.sleep(0.5)
        assert not bound()
        driving.hold(frozenset())
        until(bound)
        driving.hold(frozenset({"camera"}))  # another stream: it stays open
        time.sleep(0.3)
        assert bound()
        driving.hold(frozenset({"camera", "lidar"}))
        assert not bound()
        driving.hold(frozenset({"camera"}))
        until(bound)


def test_what_the_file_says_reaches_the_driving_process(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[MotionSettings] = []

    def no_process(settings: MotionSettings, paused: bool) -> None:
        assert not paused
        made.append(settings.check())
        raise ConfigurationError("it is not started here")

    monkeypatch.setattr("sensebind.agent.robot.motion.MotionServer", no_process)
    fields = {
        "class": SIMULATED,
        "footprint": {"front": 0.3, "back": 0.2, "half_width": 0.25},
        "lidar": "velodyne:2368",
        "max_speed": 0.8,
        "max_acceleration": 0.4,
        "braking": 1.5,
        "keep_away": 0.3,
        "heights": [0.06, 0.9],
    }
    mounted = (
        "lidar: {source: 'velodyne:2368', mount: {xyz: [0.1, 0, 0.7], rpy: [3.14159, 0, 0.2]}}"
    )
    config = robot(fields, mounted, fence=[0, 0, 3, 2])
    with pytest.raises(ConfigurationError, match="not started here"), ExitStack() as stack:
        own_motion(config, config.places(), stack)
    [settings] = made
    assert (settings.speed, settings.acceleration, settings.braking) == (0.8, 0.4, 1.5)
    assert (settings.keep_away, settings.fence, settings.turn_rate) == (0.3, (0, 0, 3, 2), 1.0)
    mount = settings.mount
    assert (mount.forward, mount.height, mount.lowest, mount.highest) == (0.1, 0.7, 0.06, 0.9)
    assert (abs(mount.roll), mount.yaw) == pytest.approx((math.pi, 0.2), abs=1e-4)
    config = robot(fields)  # its lidar has no mount
    with (
        pytest.raises(ConfigurationError, match="lidar: no mount: add mount:"),
        ExitStack() as stack,
    ):
        own_motion(config, config.places(), stack)


def test_older_spellings_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "robot.yaml"
    file.write_text(
        "streams: {camera: {source: 'camera:0'}}\n"
        f"motion: {{class: '{SIMULATED}', max_distance: 2, fence: [-2, -2, 4, 3],\n"
        "  driving: {speed: 0.3, footprint: {front: 0.2, back: 0.2, half_width: 0.2}}}\n"
    )
    config = read_config(file)
    assert (config.policy.fence, config.policy.max_distance) == ((-2, -2, 4, 3), 2)
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "fence: is now a key of policy:" in line]
    assert [line for line in said if "driving: {footprint, speed}" in line]
    assert not read_config(EXAMPLES / "simhome.yaml").old_spellings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class": "no.such.module:Base"}, "cannot find"),
        ({"class": f"{__name__}:Nothing"}, "cannot find"),
        ({"class": f"{__name__}:Mover", "arguments": {"speed": -1}}, "it must move"),
        ({"class": "collections:OrderedDict"}, "neither a Base"),
        ({"class": f"{SIMULATED}", "driving": {"wheels": 4}}, "Object contains unknown"),
        ({"class": f"{SIMULATED}"}, "missing required field `footprint`"),
    ],
)
def test_a_robot_that_cannot_be_moved_says_why(fields: dict[str, object], words: str) -> None:
    config = robot(fields)
    with pytest.raises(ConfigurationError, match=words), ExitStack() as stack:
        own_motion(config, config.places(), stack)
