"""A SimHome robot is sent to what its detector and its lidar find."""

import math
import time

import numpy as np
import pytest

from sensebind.agent.robot.motion import CAMERA, moving_tools
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome import camera, lidar
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import demo_scene
from sensebind.tools.detection import Detection, Detector
from sensebind.tools.motion import Motion
from sensebind.tools.risk import Risk, risk_of


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
