"""The detect tool, with a detector that looks for coloured squares instead of trained weights."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensebind.errors import CheckpointError, InputError, SourceError, ToolError
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import Camera, Transform
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.detection import (
    Detection,
    Detector,
    ZeroShotDetector,
    describe,
    detect_tool,
    distinct,
    draw,
    find_tool,
    locator,
)
from sensebind.tools.ranging import Ranging


class Squares(Detector):
    """Knows two labels and always finds the same boxes."""

    def __init__(self, found: list[Detection]) -> None:
        self.labels = ("ball", "dog")
        self.threshold = 0.5
        self._found = found

    def detect(self, image: np.ndarray, threshold: float | None = None) -> list[Detection]:
        return self._found


def frame(age: float = 0.0) -> Observation:
    return Observation(
        data=np.zeros((224, 224, 3), np.uint8),
        stream="camera",
        modality=Modality.VISION,
        captured_at=123,
        monotonic=time.monotonic() - age,
        sequence=0,
        frame_id="camera_optical",
    )


FOUND = [
    Detection("ball", 0.8, (180, 100, 220, 130)),
    Detection("ball", 0.9, (10, 100, 70, 170)),
    Detection("dog", 0.7, (100, 100, 120, 120)),
]


def call(tool, **arguments):
    return tool.invoke({"type": "tool_call", "id": "1", "name": "detect", "args": arguments})


def test_counts_and_places_from_left_to_right() -> None:
    message = call(detect_tool(Squares(FOUND), frame), kind="ball")
    assert message.content == "2 ball: left near, right far"
    assert message.artifact["reference"] == "frame:camera@123"
    assert len(message.artifact["detections"]) == 3
    assert describe("dog", [], 224, 224) == "0 dog"


def lidar() -> Ranging:
    """Something 2 m away behind every pixel of a camera with 90 degrees."""
    across = np.linspace(-2, 2, 200)
    points = np.stack([np.full(200, 2.0), across, np.zeros(200)], axis=1).astype(np.float32)
    sweep = Observation(points, "lidar", Modality.POINT, 1, 0.0, 0, "lidar")
    above = Transform.of((0.0, 0.0, 0.5))
    lens = Intrinsics.pinhole(224, 224, np.pi / 2)
    return Ranging(lambda: sweep, Camera.mounted(lens, above), above)


def test_lidar_tells_where_things_are() -> None:
    message = call(detect_tool(Squares(FOUND), frame, ranging=lidar()), kind="ball")
    assert message.content.startswith("2 ball: left near, right far; seen from the robot: 2.0 m")
    first, second = message.artifact["positions"]
    assert first["left"] > 0 > second["left"]
    locate = locator(Squares(FOUND), frame, lidar())
    assert locate("dog")[0] == pytest.approx(2.0)
    with pytest.raises(ToolError, match="no cow in view"):
        locate("cow")


def test_the_model_reads_that_a_camera_is_calibrated_for_other_images() -> None:
    squares = Squares([Detection("ball", 0.8, (10, 10, 40, 40))])
    tool = detect_tool(squares, lambda: replace(frame(), data=np.zeros((100, 224, 3), np.uint8)))
    assert call(tool, kind="ball").content == "1 ball: left near"
    placed = detect_tool(
        squares,
        lambda: replace(frame(), data=np.zeros((100, 224, 3), np.uint8)),
        ranging=lidar(),
    )
    assert call(placed, kind="ball").content.startswith("error: ")


def test_boxes_are_drawn() -> None:
    drawn = draw(np.zeros((224, 224, 3), np.uint8), FOUND)
    assert drawn[100:170, 10].any() and not drawn[200:, 200:].any()


class Anything(ZeroShotDetector):
    """Finds a thing of any name in the same places."""

    def __init__(self) -> None:
        pass

    def detect(self, image: np.ndarray, what: Sequence[str]) -> list[Detection]:
        return [replace(one, label=what[0]) for one in FOUND]


def test_anything_is_looked_for_in_a_part_of_the_picture() -> None:
    tool = find_tool(Anything(), frame)
    assert call(tool, what="red cup").content == "3 red cup: left near, middle far, right far"
    assert call(tool, what="red cup", where="right").content == "1 red cup: right far"


def test_refuses_a_stale_frame_and_a_missing_one() -> None:
    message = call(detect_tool(Squares(FOUND), lambda: frame(age=5), max_age=1), kind="ball")
    assert message.status == "error" and message.content.startswith("error: the newest picture is")

    def broken() -> Observation:
        raise SourceError("the camera is unplugged")

    message = call(detect_tool(Squares(FOUND), broken), kind="ball")
    assert message.content == "error: there is no picture: the camera is unplugged"


def test_unknown_kind_is_told_not_raised() -> None:
    message = call(detect_tool(Squares(FOUND), frame), kind="sun")
    assert message.status == "error" and message.content.startswith("error: ")


def test_missing_and_foreign_checkpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no detector at"):
        Detector.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Detector.from_pretrained(tmp_path)


def test_real_architecture_round_trip(tmp_path: Path) -> None:
    from transformers import RTDetrForObjectDetection
    from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

    from sensebind.agent.training.detector.train import small_config

    RTDetrForObjectDetection(small_config()).half().save_pretrained(tmp_path)
    RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    detector = Detector.from_pretrained(tmp_path, threshold=0.0)
    batch = detector.detect_batch([np.zeros((224, 224, 3), np.uint8)] * 2)
    assert len(batch) == 2 and batch[0] and batch[0][0].label in detector.labels
    with pytest.raises(InputError, match="uint8"):
        detector.detect(np.zeros((3, 224, 224), np.float32))


def test_a_thing_that_is_found_twice_is_one_thing() -> None:
    ball, again = Detection("ball", 0.9, (10, 10, 50, 50)), Detection("ball", 0.6, (12, 9, 50, 52))
    beside = Detection("ball", 0.5, (40, 10, 80, 50))
    perhaps, hardly = (Detection("drum", score, (10, 10, 50, 50)) for score in (0.7, 0.5))
    assert distinct([again, beside, perhaps, ball]) == [ball, perhaps, beside]
    assert distinct([hardly, ball]) == [ball] and distinct([]) == []
