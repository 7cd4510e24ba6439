"""What counts as a change of a picture, a sound and a sweep, and what does not."""

import numpy as np
import pytest
from fixtures.fake_senses import sample

from sensebind.perception.percept import Modality, Observation
from sensebind.perception.workers.change_detector import change, digest

THRESHOLD = 0.02


def of(data: np.ndarray, modality: Modality) -> np.ndarray | None:
    return digest(Observation(data, "s", modality, 0, 0.0, 0, "f", 16000))


def picture(seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.kron(small, np.ones((20, 20, 1), np.uint8))


def test_noise_of_a_camera_is_no_change_and_a_small_thing_is() -> None:
    image = picture()
    noise = np.random.default_rng(1).integers(-3, 4, image.shape)
    noisy = np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)
    assert change(of(image, Modality.VISION), of(noisy, Modality.VISION)) < THRESHOLD
    thing = image.copy()
    thing[50:60, 70:80] = 255 - thing[50:60, 70:80]
    assert change(of(image, Modality.VISION), of(thing, Modality.VISION)) > THRESHOLD


def test_a_sound_changes_when_something_begins_to_sound() -> None:
    silence = np.zeros(32000, np.float32)
    hum = 0.1 * np.sin(np.arange(32000) / 16000 * 2 * np.pi * 200).astype(np.float32)
    click = silence.copy()
    click[30000:30100] = 0.5
    quiet = of(silence, Modality.AUDIO)
    assert change(quiet, of(silence.copy(), Modality.AUDIO)) == 0
    assert change(quiet, of(hum, Modality.AUDIO)) > THRESHOLD
    assert change(quiet, of(click, Modality.AUDIO)) > THRESHOLD
    assert change(of(hum, Modality.AUDIO), of(np.roll(hum, 80), Modality.AUDIO)) < THRESHOLD


def test_a_sweep_changes_when_a_thing_comes_near() -> None:
    empty, _ = sample(Modality.POINT, empty=True)
    box, _ = sample(Modality.POINT)
    jitter = empty + np.random.default_rng(2).normal(0, 0.005, empty.shape).astype(np.float32)
    assert change(of(empty, Modality.POINT), of(box, Modality.POINT)) > THRESHOLD
    assert change(of(empty, Modality.POINT), of(jitter, Modality.POINT)) < THRESHOLD


@pytest.mark.parametrize(
    ("modality", "data"),
    [
        (Modality.VISION, np.zeros((4, 4), np.float32)),
        (Modality.AUDIO, np.zeros((2, 2), np.float32)),
        (Modality.AUDIO, np.zeros(3, np.float32)),
        (Modality.POINT, np.zeros((5, 2), np.float32)),
        (Modality.TEXT, np.zeros(5, np.float32)),
    ],
)
def test_what_has_no_digest_always_counts_as_changed(modality: Modality, data: np.ndarray) -> None:
    assert of(data, modality) is None and change(None, None) == 1.0


def test_what_is_not_finite_counts_as_changed() -> None:
    bad = np.full(32000, np.nan, np.float32)
    assert change(of(bad, Modality.AUDIO), of(bad, Modality.AUDIO)) == 1.0
    cloud = np.full((10, 3), np.inf, np.float32)
    assert change(of(cloud, Modality.POINT), of(cloud, Modality.POINT)) == 1.0


def test_other_sizes_count_as_changed() -> None:
    nothing = of(np.zeros((0, 3), np.float32), Modality.POINT)
    box, _ = sample(Modality.POINT)
    assert change(nothing, of(box, Modality.POINT)) == 1.0
    assert change(nothing, nothing) == 0.0
