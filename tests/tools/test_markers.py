"""Codes that OpenCV drew are read back, with their place; distances by lidar."""

import math
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from sensebind.errors import InputError, SourceError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.markers import MarkerReader, markers_tool
from sensebind.tools.ranging import Ranging

FRAME = 480
LENS = Intrinsics.pinhole(FRAME, FRAME, math.pi / 2)  # the focal length is 240 pixels
LIDAR = Transform.of((0.0, 0.0, 0.6))
LIFTED = Camera.mounted(LENS, LIDAR)
AHEAD = Camera.mounted(LENS, Transform.of())


def scene() -> np.ndarray:
    """A QR code on the left, an ArUco marker of 80 pixels in the middle of the right half."""
    image = np.full((FRAME, FRAME, 3), 255, np.uint8)
    code = cv2.QRCodeEncoder.create().encode("charging station")
    code = cv2.resize(code, (160, 160), interpolation=cv2.INTER_NEAREST)
    image[160:320, 40:200] = code[..., None]
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    marker = cv2.aruco.generateImageMarker(dictionary, 7, 80)
    image[200:280, 320:400] = marker[..., None]
    return image


def observation(data: np.ndarray, modality: Modality, age: float = 0.0) -> Observation:
    now = time.monotonic() - age
    return Observation(data, "camera", modality, 1, now, 1, "camera")


def test_codes_are_read_with_their_place() -> None:
    reader = MarkerReader(sizes={"aruco": 0.1}, camera=AHEAD)
    found = {marker.kind: marker for marker in reader.read(scene())}
    assert found["qr"].text == "charging station" and found["qr"].position is None
    marker = found["aruco"]
    assert marker.text == "7" and marker.position is not None
    # 0.1 m are 80 pixels at 0.3 m; its middle is 120 pixels, or 0.15 m, to the right
    assert marker.position.ahead == pytest.approx(0.3, abs=0.01)
    assert marker.position.left == pytest.approx(-0.15, abs=0.01)
    with pytest.raises(InputError, match="uint8"):
        reader.read(np.zeros((4, 4)))
    with pytest.raises(InputError, match="no ArUco dictionary"):
        MarkerReader(dictionary="DICT_NONE")
    with pytest.raises(InputError, match="a size of 'tag'"):
        MarkerReader(sizes={"tag": 0.1})


def test_one_marker_may_have_a_size_of_its_own() -> None:
    reader = MarkerReader(sizes={"aruco": 0.3, "aruco 7": 0.1}, camera=AHEAD)
    [marker] = [one for one in reader.read(scene()) if one.kind == "aruco"]
    assert marker.position is not None and marker.position.ahead == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("xyz", "rpy", "place"),
    [
        ((0.2, 0.1, 0.5), (0.0, 0.0, math.pi / 2), (0.2 + 0.15, 0.1 + 0.3, 0.5)),  # to the left
        ((0.0, 0.0, 1.0), (math.pi, 0.0, 0.0), (0.3, 0.15, 1.0)),  # upside down
        ((0.0, 0.0, 1.0), (0.0, math.pi / 2, 0.0), (0.0, -0.15, 0.7)),  # straight down
    ],
)
def test_a_markers_place_follows_the_mount(
    xyz: tuple[float, ...], rpy: tuple[float, ...], place: tuple[float, ...]
) -> None:
    """Before the camera it is 0.3 m ahead and 0.15 m to the right, wherever that looks."""
    reader = MarkerReader(sizes={"aruco": 0.1}, camera=Camera.mounted(LENS, Transform.of(xyz, rpy)))
    [marker] = [one for one in reader.read(scene()) if one.kind == "aruco"]
    assert marker.position is not None
    found = (marker.position.ahead, marker.position.left, marker.position.up)
    assert found == pytest.approx(place, abs=0.01)


def test_images_of_another_shape_than_the_calibrated_ones_are_refused() -> None:
    camera = Camera.mounted(replace(LENS, width=640, cx=300.0), Transform.of())
    reader = MarkerReader(sizes={"aruco": 0.1}, camera=camera)
    tool = markers_tool(reader, lambda: observation(scene(), Modality.VISION))
    said = tool.invoke({})
    assert said.startswith("error: the camera was calibrated with images of 640 x 480 pixels")
    half = Camera.mounted(LENS.resized(240, 240), Transform.of())  # scaled alike: fits
    [marker] = [
        one
        for one in MarkerReader(sizes={"aruco": 0.1}, camera=half).read(scene())
        if one.kind == "aruco"
    ]
    assert marker.position is not None and marker.position.ahead == pytest.approx(0.3, abs=0.01)


def test_the_tool_refuses_stale_frames() -> None:
    tool = markers_tool(MarkerReader(), lambda: observation(scene(), Modality.VISION))
    call = {"type": "tool_call", "id": "1", "name": "read_codes", "args": {}}
    message = tool.invoke(call)
    assert "qr 'charging station'" in message.content and "aruco '7'" in message.content
    assert len(message.artifact["codes"]) == 2
    old = markers_tool(MarkerReader(), lambda: observation(scene(), Modality.VISION, age=5))
    assert old.invoke(call).content == "error: the newest picture is 5.0 s old"
    blank = np.full((64, 64, 3), 255, np.uint8)
    empty = markers_tool(MarkerReader(), lambda: observation(blank, Modality.VISION))
    assert empty.invoke(call).content == "no codes"


def test_lidar_gives_the_distance_of_what_is_in_a_box() -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal([2.06, 0.5, 0.0], 0.03, (60, 3))  # its nearest points are at 2.0 m
    wall = np.stack([np.full(400, 4.0), rng.uniform(-4, 4, 400), rng.uniform(-1, 1, 400)], axis=1)
    points = np.concatenate([ball, wall]).astype(np.float32)
    # the ball is at 0.25 of the half width to the left: pixel 240 - 60
    around_ball, right = (160.0, 220.0, 200.0, 260.0), (400.0, 200.0, 440.0, 280.0)
    ranging = Ranging(lambda: observation(points, Modality.POINT), LIFTED, LIDAR)
    seen, other, nothing = ranging.positions(
        [around_ball, right, (0.0, 0.0, 2.0, 2.0)], FRAME, FRAME
    )
    assert seen is not None and other is not None and nothing is None
    assert (seen.ahead, seen.left) == (pytest.approx(2, abs=0.1), pytest.approx(0.5, abs=0.1))
    assert other.ahead == pytest.approx(4, abs=0.1) and other.left < 0
    assert str(seen) == "2.0 m ahead, 0.5 m left"

    def gone() -> Observation:
        raise SourceError("no lidar")

    assert Ranging(gone, LIFTED, LIDAR).positions([right], FRAME, FRAME) == [None]
