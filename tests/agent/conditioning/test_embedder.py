"""Texts and files in the space of the percepts, with trunks that are loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pytest
from PIL import Image

from sensebind.agent.conditioning.embedder import MAX_TEXT, Embedder
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.conditioning.tagging import Tagger
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.percept import Modality


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trunks that were loaded, in order."""
    found: list[str] = []
    whole = ImageBind.from_pretrained

    def load(path: Path | str, modalities: list[str], **options: Any) -> ImageBind:
        found.extend(modalities)
        return whole(path, modalities, **options)

    monkeypatch.setattr(ImageBind, "from_pretrained", load)
    # Other tests of this process may hold encoders.
    monkeypatch.setattr("sensebind.perception.imagebind.placement._HELD", WeakValueDictionary())
    return found


def test_no_trunk_is_loaded_twice(loads: list[str], tmp_path: Path) -> None:
    checkpoint, image = default_checkpoint(), tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(image)
    embedder = Embedder(checkpoint)
    assert len(embedder.model) == 12
    assert loads == []  # its name needs no weights
    text = embedder.text("a  dog ")
    tagger = Tagger(checkpoint, ["dog", "cat"])
    for _ in range(2):
        embedder.file("vision", image)
    MediaEncoder(checkpoint).embed("vision", image)
    stream = SenseEncoder.from_pretrained(imagebind_directory(checkpoint), Modality.VISION)
    assert stream.digest == embedder.model
    assert loads == ["text", "vision"]
    assert tagger.tags(text)[0].word == "dog"
    np.testing.assert_allclose(np.linalg.norm(text), 1, atol=1e-6)


def test_it_says_what_the_model_says() -> None:
    directory = imagebind_directory(default_checkpoint())
    model = ImageBind.from_pretrained(directory, ["text"])
    ids = ImageBindProcessor.from_pretrained(directory).text(["a red ball"])
    wanted = model.encode("text", ids)[0].detach().numpy()
    embedder = Embedder(default_checkpoint())
    np.testing.assert_allclose(
        embedder.text("a red ball"), wanted / np.linalg.norm(wanted), atol=1e-6
    )
    assert embedder.model == model.digest


@pytest.mark.parametrize("text", ["", "  ", "x" * (MAX_TEXT + 1)])
def test_texts_have_a_length(text: str) -> None:
    with pytest.raises(InputError, match="characters"):
        Embedder(default_checkpoint()).text(text)
