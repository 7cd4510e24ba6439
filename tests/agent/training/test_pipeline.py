"""`sensebind train all` at a tiny size: side by side, all is learned, and nothing is twice."""

import logging
from pathlib import Path

import pytest

from sensebind.agent.training.bind.audio_and_points import SenseStage
from sensebind.agent.training.bind.pipeline import BindRecipe
from sensebind.agent.training.bind.vision import CrowdStage, ImageStage
from sensebind.agent.training.detector.train import DetectorRecipe
from sensebind.agent.training.llama.presets import train_words_once
from sensebind.agent.training.llama.train import LlamaRecipe
from sensebind.agent.training.pipeline import train_beside_encoders, train_detector_once
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind
from sensebind.tools.detection import Detector

BIND = BindRecipe(
    scenes=36,
    development=12,
    images=ImageStage(word_steps=2, steps=3, batch=8),
    crowds=CrowdStage(steps=2),
    audio=SenseStage(steps=2, batch=4, bank=16),
    points=SenseStage(steps=2, batch=4, bank=16),
    cache_size=12,
)
DETECTOR = DetectorRecipe(image_size=64, close_up_steps=2, steps=3, batch=4, warmup=1)
LLAMA = LlamaRecipe(width=24, layers=1, heads=2, inner=32, tokens=400, word_steps=2)


@pytest.mark.extended
def test_all_is_trained_side_by_side_and_an_earlier_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint, run = tmp_path / "checkpoint", tmp_path / "run"
    train_beside_encoders(checkpoint, run=run, bind=BIND, detector=DETECTOR, llama=LLAMA)
    ImageBind.from_pretrained(checkpoint / "imagebind")
    VisualCache.load(checkpoint / "visual_cache")
    Detector.from_pretrained(checkpoint / "detector")
    written = (checkpoint / "detector/model.safetensors", run / "llama/words/model.safetensors")
    before = [path.stat().st_mtime_ns for path in written]
    with caplog.at_level(logging.INFO, logger="sensebind"):
        train_detector_once(run, checkpoint / "detector", DETECTOR, BIND)
        train_words_once(run / "llama", LLAMA)
    assert "took" in caplog.text and "from an earlier run" in caplog.text
    assert [path.stat().st_mtime_ns for path in written] == before
