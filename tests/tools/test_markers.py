"""Codes that OpenCV drew are read back, with their place; distances by lidar."""

import math
import time

import cv2
import numpy as np
import pytest

from sensebind.errors import InputError, SourceError
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.markers import MarkerReader, markers_tool
from sensebind.tools.ranging import Mount, Ranging

FRAME = 480


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
    mount = Mount(field_of_view=math.pi / 2)  # 90 degrees: the focal length is 240 pixels
    reader = MarkerReader(sizes={"aruco": 0.1}, mount=mount)
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
    ball = rng.normal([2.0, 0.5, 0.0], 0.03, (60, 3))
    wall = np.stack([np.full(400, 4.0), rng.uniform(-4, 4, 400), rng.uniform(-1, 1, 400)], axis=1)
    points = np.concatenate([ball, wall]).astype(np.float32)
    mount = Mount(field_of_view=math.pi / 2)
    # the ball is at 0.25 of the half width to the left: pixel 240 - 60
    around_ball, right = (160.0, 220.0, 200.0, 260.0), (400.0, 200.0, 440.0, 280.0)
    ranging = Ranging(lambda: observation(points, Modality.POINT), mount)
    seen, other, nothing = ranging.positions(
        [around_ball, right, (0.0, 0.0, 2.0, 2.0)], FRAME, FRAME
    )
    assert seen is not None and other is not None and nothing is None
    assert (seen.ahead, seen.left) == (pytest.approx(2, abs=0.1), pytest.approx(0.5, abs=0.1))
    assert other.ahead == pytest.approx(4, abs=0.1) and other.left < 0
    assert str(seen) == "2.0 m ahead, 0.5 m left"

    def gone() -> Observation:
        raise SourceError("no lidar")

    assert Ranging(gone, mount).positions([right], FRAME, FRAME) == [None]


def test_a_tilted_camera_projects_as_it_looks() -> None:
    mount = Mount(field_of_view=math.pi / 2, up=0.5, tilt=math.radians(45))
    on_axis = np.array([[1.0, 0.0, -0.5], [-1.0, 0.0, 0.5]])
    pixels = mount.project(on_axis, FRAME, FRAME)
    assert pixels[0, :2] == pytest.approx([FRAME / 2, FRAME / 2])
    assert np.isnan(pixels[1]).all()
