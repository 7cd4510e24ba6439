"""Training of the detector: labels, augmentation, and files that the detection tool reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sensebind.agent.training.detector.close_ups import CloseUps
from sensebind.agent.training.detector.train import (
    DetectorRecipe,
    Frames,
    augment,
    learning_rate_factor,
    map50,
    train_detector,
)
from sensebind.agent.training.simhome_data import RawScenes, SceneRecord, Sighting
from sensebind.perception.simhome.catalog import KINDS
from sensebind.tools.detection import Detector

BALL = Sighting("ball", "red", 1.5, 3136, (28, 56, 84, 112))
CHAIR = Sighting("chair", "blue", 4.0, 400, (200, 100, 224, 140))


def scenes(count: int = 16) -> RawScenes:
    """Grey rooms: a red square for a ball in every second one, and a far chair."""
    images = np.full((count, 224, 224, 3), 90, np.uint8)
    records = [SceneRecord(seed) for seed in range(count)]
    for row in range(0, count, 2):
        left, top, right, bottom = BALL.box
        images[row, top:bottom, left:right] = (200, 30, 30)
        records[row] = replace(records[row], main=BALL, others=(CHAIR,))
    none = np.zeros(0, np.int64)
    return RawScenes(records, images, [], none, np.zeros((0, 1), np.int16), none)


def test_frames_are_resized_and_boxes_are_relative() -> None:
    frames = Frames.of(scenes(4), 64)
    assert frames.pixels.shape == (4, 3, 64, 64) and frames.pixels.dtype == torch.uint8
    label = frames.labels[0]
    assert label["class_labels"].tolist() == [KINDS.index("ball"), KINDS.index("chair")]
    assert torch.allclose(label["boxes"][0], torch.tensor([0.25, 0.375, 0.25, 0.25]))
    assert frames.labels[1]["boxes"].shape == (0, 4)
    red = frames.pixels[0, 0] > 150  # where the ball is, in the small picture
    assert red[16:32, 8:24].all() and not red[40:].any()


def test_mirrored_boxes_stay_on_their_things() -> None:
    frames = Frames.of(scenes(32), 64)
    pixels = frames.pixels.float() / 255
    turned, labels = augment(pixels, frames.labels, torch.Generator().manual_seed(0))
    mirrored = 0
    for picture, label in zip(turned[::2], labels[::2], strict=True):
        x, y, width, height = (label["boxes"][0] * 64).round().int().tolist()
        inside = picture[:, y - height // 2 : y + height // 2, x - width // 2 : x + width // 2]
        assert (inside[0] > 2 * inside[1]).all()
        mirrored += x > 32
    assert 0 < mirrored < 16


def test_things_fill_their_close_ups() -> None:
    frames = Frames.of(scenes(32), 64)
    rows = CloseUps(frames.pixels, frames.labels, 32, torch.Generator().manual_seed(0))
    pictures, kinds = rows.draw(40)
    assert pictures.shape == (40, 3, 32, 32) and set(kinds.tolist()) == {
        KINDS.index("ball"),
        KINDS.index("chair"),
    }
    red = (pictures[:, 0] > 2 * pictures[:, 1]).float().mean(dim=(1, 2))
    balls = kinds == KINDS.index("ball")
    assert red[balls].min() > 0.2 and red[~balls].max() < 0.1


def test_the_rate_warms_up_and_comes_down() -> None:
    recipe = DetectorRecipe(steps=1000, warmup=100)
    factors = [learning_rate_factor(step, recipe) for step in (0, 99, 550, 1000)]
    assert factors[0] < 0.02 and factors[1] == 1.0 and 0.4 < factors[2] < 0.6 < factors[1]
    assert abs(factors[3] - 0.02) < 1e-9


def test_what_is_trained_is_what_the_tool_reads(tmp_path: Path) -> None:
    recipe = DetectorRecipe(image_size=64, close_up_steps=2, steps=3, batch=4, warmup=1)
    data = scenes()
    train_detector(data, tmp_path / "detector", recipe, shown=data)
    detector = Detector.from_pretrained(tmp_path / "detector", threshold=0.0)
    assert detector.labels == tuple(KINDS)
    assert detector.detect(data.images[0])
    assert 0.0 <= map50(tmp_path / "detector", data) <= 1.0
    again = tmp_path / "again"
    train_detector(data, again, recipe)
    one, two = ((d / "model.safetensors").read_bytes() for d in (tmp_path / "detector", again))
    assert one == two  # a seed reproduces the weights
