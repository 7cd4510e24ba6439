"""Which tools a robot has, and what they know of places, by what its file says of its sensors."""

import time
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from sensebind.agent.conditioning.awareness import MAX_AGE
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.tools import ToolContext, make_tools
from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.detection import Detection, Detector

CAMERA = (
    "mount: {xyz: [0, 0, 0.6], rpy: [0, 0, 1.5707963]}, "
    "intrinsics: {fx: 240, fy: 240, cx: 239.5, cy: 239.5, width: 480, height: 480}"
)
LIDAR = "mount: {xyz: [0, 0, 0.6]}"


class Mover:
    """A robot that moves by itself, and says where it was sent."""

    guards_itself = True

    def __init__(self) -> None:
        self.at = (0.0, 0.0, 0.0)

    def drive(self, metres: float) -> float:
        x, y, heading = self.at
        self.at = (x + metres * np.cos(heading), y + metres * np.sin(heading), heading)
        return metres

    def turn(self, radians: float) -> float:
        self.at = (*self.at[:2], self.at[2] + radians)
        return radians

    def pose(self) -> tuple[float, float, float]:
        return self.at

    def stop(self) -> None:
        pass


class Eyes(Detector):
    """Finds a ball in the middle of the image."""

    def __init__(self) -> None:
        self.labels = ("ball",)

    def detect(self, image: np.ndarray, threshold: float | None = None) -> list[Detection]:
        return [Detection("ball", 0.9, (200, 200, 280, 280))]


class Senses:
    """The newest frame of each stream: a marker, and something 2 m to the left of the robot."""

    def frame(self, stream: str, max_age: float = MAX_AGE) -> Observation:
        if stream == "lidar":
            rng = np.random.default_rng(0)
            ball = rng.normal([0.0, 2.0, 0.0], 0.02, (80, 3)).astype(np.float32)
            return Observation(ball, stream, Modality.POINT, 1, time.monotonic(), 1, stream)
        if stream != "camera":
            raise SourceError(f"nothing of {stream}")
        image = np.full((480, 480, 3), 255, np.uint8)
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
        marker = cv2.aruco.generateImageMarker(dictionary, 5, 80)
        image[200:280, 200:280] = marker[..., None]
        return Observation(image, stream, Modality.VISION, 1, time.monotonic(), 1, stream)

    def newest(self, stream: str, max_age: float = MAX_AGE) -> SimpleNamespace:
        return SimpleNamespace(header=SimpleNamespace(known=True))

    def report(self) -> dict[str, Any]:
        return {"camera": SimpleNamespace(stream="camera", modality="vision", age_ms=5.0)}


def tools_of(
    camera: str, lidar: str = LIDAR, more: str = "tools: [detect]\n", llm: str = "llm: 'ollama:x'\n"
) -> dict[str, Any]:
    config = parse_config(
        f"streams:\n  camera: {{source: 'camera:0', {camera}}}\n"
        f"  lidar: {{source: 'velodyne:2368', {lidar}}}\n"
        f"motion: {{class: '{__name__}:Mover'}}\npolicy: {{max_distance: 3}}\n{llm}{more}"
    )
    with ExitStack() as stack:
        context = ToolContext(config, cast(Any, Senses()), None, None, stack)
        context.__dict__["detector"] = Eyes()
        return {tool.name: tool for tool in make_tools(context)}


def call(tool: Any, **arguments: object) -> Any:
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments})


def test_with_mounts_it_goes_to_what_it_sees() -> None:
    """The camera looks to the left: what is in the middle of its image is 2 m to the left."""
    tools = tools_of(CAMERA)
    message = call(tools["detect"], kind="ball")
    assert message.content.endswith("seen from the robot: 0.0 m ahead, 2.0 m left")
    moved = call(tools["approach"], kind="ball")
    assert moved.content in ("arrived at (0.0, 1.5)", "arrived at (-0.0, 1.5)")


@pytest.mark.parametrize(
    ("camera", "lidar"),
    [
        ("rate: 8", LIDAR),
        (CAMERA, "rate: 5"),
        ("mount: {xyz: [0, 0, 0.6]}", LIDAR),  # without a lens
    ],
)
def test_without_them_it_does_not(camera: str, lidar: str) -> None:
    tools = tools_of(camera, lidar)
    assert "approach" not in tools and "drive" in tools
    assert "seen from the robot" not in call(tools["detect"], kind="ball").content
    with pytest.raises(ConfigurationError, match="tools: detect: places need a camera and a lidar"):
        tools_of(camera, lidar, "tools: [detect: {places: true}]\n")


def test_the_embedded_model_is_told_places_where_that_is_wanted() -> None:
    plain = call(tools_of(CAMERA, llm="llm: sensebind\n")["detect"], kind="ball")
    assert "seen from the robot" not in plain.content
    wanted = tools_of(CAMERA, more="tools: [detect: {places: true}]\n", llm="llm: sensebind\n")
    assert "seen from the robot" in call(wanted["detect"], kind="ball").content


def test_codes_have_places_by_their_sizes() -> None:
    codes = (
        "tools: [codes: {dictionary: DICT_APRILTAG_36h11, sizes: {aruco: 0.4, 'aruco 5': 0.1}}]\n"
    )
    message = call(tools_of(CAMERA, more=codes)["read_codes"])
    [code] = message.artifact["codes"]
    # 0.1 m are 80 pixels at 0.3 m, and the camera looks to the left
    assert (code["kind"], code["text"]) == ("aruco", "5")
    assert code["position"]["left"] == pytest.approx(0.3, abs=0.01)
    unplaced = call(tools_of("rate: 8", more=codes)["read_codes"])
    assert unplaced.artifact["codes"][0]["position"] is None
    for wrong, words in (
        ("{dictionary: DICT_NO}", "no ArUco dictionary"),
        ("{sizes: {tag: 0.1}}", "a size of 'tag'"),
    ):
        with pytest.raises(InputError, match=words):
            tools_of(CAMERA, more=f"tools: [codes: {wrong}]\n")
