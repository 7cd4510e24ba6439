"""The detect tool, with a detector that looks for coloured squares instead of trained weights."""

import json
import math
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import RTDetrForObjectDetection
    from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

    from sensebind.agent.training.detector.train import small_config

    folder = tmp_path_factory.mktemp("detector")
    RTDetrForObjectDetection(small_config()).save_pretrained(folder)
    RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def _edit(name: str, **values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        fields = json.loads((folder / name).read_text()) | values
        (folder / name).write_text(json.dumps(fields))

    return change


def _tensor(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        file = folder / "model.safetensors"
        tensors = load_file(file)
        change(tensors)
        save_file(tensors, file, {"format": "pt"})

    return rewrite


def _only_pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


NAME = "model.decoder.layers.0.encoder_attn.output_proj.weight"
LIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle": (_only_pickled, "cannot be loaded"),
    "layers": (_edit("config.json", decoder_layers=4096), "decoder_layers is 4096, and its files"),
    "a number beyond all": (_edit("config.json", d_model=2**40), "d_model is 1099511627776"),
    "a width": (_edit("config.json", d_model=4096), "cannot be loaded"),
    "not a number": (_edit("config.json", layer_norm_eps=math.nan), "layer_norm_eps is nan"),
    "a size": (_edit("preprocessor_config.json", size={"height": 10**6, "width": 1}), "height is"),
    "NaN": (_tensor(lambda t: t[NAME].fill_(math.nan)), f"{NAME} holds NaN"),
    "a tensor that is missing": (_tensor(lambda t: t.pop(NAME)), f"lacks 1 tensors, e.g. {NAME}"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_detector_that_lies_about_itself_is_refused_in_one_line(
    lie: str, whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(whole, tmp_path / "detector")
    change, message = LIES[lie]
    change(folder)
    with pytest.raises(CheckpointError, match=re.escape(message)) as refused:
        Detector.from_pretrained(folder)
    assert "\n" not in str(refused.value)
    assert not capfd.readouterr().err  # no table of the library's


def test_no_python_file_of_a_detector_is_run(whole: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "detector")
    mark = tmp_path / "it was run"
    (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own: pass\n")
    names = ("AutoConfig", "AutoModelForObjectDetection", "AutoImageProcessor", "AutoProcessor")
    for file in ("config.json", "preprocessor_config.json"):
        _edit(file, auto_map=dict.fromkeys(names, "own.Own"))(folder)
    Detector.from_pretrained(folder)
    assert not mark.exists()


def test_a_thing_that_is_found_twice_is_one_thing() -> None:
    ball, again = Detection("ball", 0.9, (10, 10, 50, 50)), Detection("ball", 0.6, (12, 9, 50, 52))
    beside = Detection("ball", 0.5, (40, 10, 80, 50))
    perhaps, hardly = (Detection("drum", score, (10, 10, 50, 50)) for score in (0.7, 0.5))
    assert distinct([again, beside, perhaps, ball]) == [ball, perhaps, beside]
    assert distinct([hardly, ball]) == [ball] and distinct([]) == []
