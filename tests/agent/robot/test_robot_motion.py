"""A SimHome robot is sent to what its detector and its lidar find."""

import math
import time
from contextlib import ExitStack, suppress

import numpy as np
import pytest
from langchain_core.tools import ToolException

from sensebind.agent.robot.motion import (
    CAMERA,
    LIDAR_HEIGHT,
    RADIUS,
    moving_tools,
    own_motion,
)
from sensebind.agent.robot.sections import MotionConfig
from sensebind.errors import ConfigurationError
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome import camera, lidar, scene
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import demo_scene
from sensebind.tools.detection import Detection, Detector
from sensebind.tools.motion import Motion
from sensebind.tools.motion.simulation import Simulation
from sensebind.tools.risk import Risk, risk_of

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


def test_the_camera_sits_where_the_simulator_has_it() -> None:
    assert CAMERA.field_of_view == camera.FIELD_OF_VIEW and CAMERA.tilt == camera.CAMERA_TILT
    assert CAMERA.forward == camera.CAMERA_FORWARD
    assert (lidar.LIDAR_HEIGHT, scene.ROBOT_RADIUS) == (LIDAR_HEIGHT, RADIUS)
    assert math.isclose(CAMERA.up, camera.CAMERA_HEIGHT - lidar.LIDAR_HEIGHT)


@pytest.fixture
def home() -> SimHome:
    return SimHome(demo_scene(3))


def approach(home: SimHome, kind: str, age: float = 0.0) -> str:
    tools = moving_tools(
        Motion(Base(home)),
        Eyes(home),
        lambda: observed(home.camera(), Modality.VISION, age),
        lambda: observed(home.lidar(), Modality.POINT),
    )
    assert {tool.name: risk_of(tool) for tool in tools} == {
        "drive": Risk.MOVE, "turn": Risk.MOVE, "approach": Risk.MOVE, "stop": Risk.STOP,
    }  # fmt: skip
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


def test_a_mover_of_ones_own_is_named_in_the_file() -> None:
    config = MotionConfig.model_validate({"class": f"{__name__}:Mover", "max_distance": 2.5})
    with ExitStack() as stack:
        motion = own_motion(config, stack)
        assert not motion.unguarded and motion.limits.distance == 2.5
        assert motion.turn(90) == "turned 90.0 degrees"


def test_a_base_of_ones_own_is_driven_by_the_driving_process() -> None:
    with Simulation() as simulation, ExitStack() as stack:
        config = MotionConfig.model_validate(
            {
                "class": "sensebind.tools.motion.simulation:SimulatedBase",
                "arguments": {"port": simulation.port},
                "driving": {"footprint": {"front": 0.25, "back": 0.25, "half_width": 0.25}},
            }
        )
        motion = own_motion(config, stack, ages=lambda: {"camera": 0.0})
        assert "no lidar" in motion.unguarded
        for _ in range(100):
            with suppress(ToolException):  # the base has not been heard yet
                assert motion.drive(0.2) == "drove 0.2 m"
                break
            time.sleep(0.05)
        assert simulation.order().pose[0] == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class": "no.such.module:Base"}, "cannot find"),
        ({"class": f"{__name__}:Nothing"}, "cannot find"),
        ({"class": f"{__name__}:Mover", "arguments": {"speed": -1}}, "it must move"),
        ({"class": "collections:OrderedDict"}, "neither a Base"),
        ({"class": f"{SIMULATED}", "driving": {"wheels": 4}}, "driving: Object contains unknown"),
        ({"class": f"{SIMULATED}"}, "driving: Object missing required field `footprint`"),
    ],
)
def test_a_robot_that_cannot_be_moved_says_why(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words), ExitStack() as stack:
        own_motion(MotionConfig.model_validate(fields), stack)
