"""The encoder: batches, clips, what is remembered, and half precision."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind import (
    AudioConfig,
    Encoder,
    ImageBind,
    ImageBindConfig,
    TextConfig,
    VisionConfig,
)

CONFIG = ImageBindConfig(
    out_width=10,
    vision=VisionConfig(width=16, blocks=2, heads=2, image_size=28),
    text=TextConfig(width=16, blocks=2, heads=2, vocab_size=40, context_length=12),
    audio=AudioConfig(width=16, blocks=2, heads=2, mel_bins=32, mel_frames=44, stride=14),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("encoder")
    ImageBind(CONFIG).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(directory: Path) -> ImageBind:
    return ImageBind.from_pretrained(directory)


def test_inputs_of_many_shapes_equal_the_model(directory: Path, model: ImageBind) -> None:
    still, video = torch.randn(3, 28, 28), torch.randn(6, 3, 2, 28, 28)
    sound, ids = torch.randn(3, 1, 32, 44), torch.tensor([38, 5, 6, 39] + [0] * 8)
    encoder = Encoder(directory, batch=4)
    got = encoder.encode("vision", [still, video, still])
    got += encoder.encode("audio", [sound]) + encoder.encode("text", [ids])
    with torch.inference_mode():
        wanted = [model.encode_with_prenorm("vision", x[None]) for x in (still, video, still)]
        wanted += [model.encode_with_prenorm("audio", sound[None])]
        wanted += [model.encode_with_prenorm("text", ids[None])]
    for one, (final, prenorm) in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one.final, final[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.prenorm, prenorm[0], rtol=1e-4, atol=1e-5)
    assert (encoder.counts.encoded, encoder.counts.remembered) == (1 + 6 + 3 + 1, 1)


def test_equal_clips_are_encoded_once_and_old_ones_forgotten(directory: Path) -> None:
    encoder = Encoder(directory, remember=2)
    clip = torch.randn(1, 32, 44)
    repeated = encoder.encode("audio", [clip.repeat(3, 1, 1, 1)])[0]
    assert (encoder.counts.encoded, encoder.counts.remembered) == (1, 2)
    again = encoder.encode("audio", [clip])[0]
    np.testing.assert_allclose(again.final, repeated.final, rtol=1e-6)
    assert encoder.counts.encoded == 1
    encoder.encode("audio", [torch.randn(2, 1, 32, 44)])
    assert encoder.counts.forgotten == 1
    encoder.encode("audio", [clip])
    assert encoder.counts.encoded == 4
    silent = Encoder(directory, remember=0)
    for _ in range(2):
        silent.encode("audio", [clip])
    assert silent.counts.encoded == 2


def test_half_precision_points_the_same_way(directory: Path) -> None:
    x = torch.randn(3, 28, 28)
    [full], [half] = (
        Encoder(directory, precision=precision).encode("vision", [x])
        for precision in ("float32", "bfloat16")
    )
    assert half.final.dtype == np.float32
    assert np.isclose(np.linalg.norm(half.final), 1, atol=1e-5)
    assert full.final @ half.final > 0.999


@pytest.mark.parametrize("modality", ["vision", "audio", "text"])
def test_eight_bits_point_the_same_way(directory: Path, modality: str) -> None:
    x = {
        "vision": torch.randn(3, 28, 28),
        "audio": torch.randn(2, 1, 32, 44),
        "text": torch.tensor([38, 5, 6, 39] + [0] * 8),
    }[modality]
    [full], [small] = (
        Encoder(directory, precision=precision).encode(modality, [x])
        for precision in ("float32", "int8")
    )
    cosine = full.final @ small.final / np.linalg.norm(full.final) / np.linalg.norm(small.final)
    assert cosine > 0.999 and not np.array_equal(full.final, small.final)


@pytest.mark.parametrize(
    ("device", "precision", "says"),
    [
        ("cpu", "int4", "int4.*use one of float32"),
        ("tpu9", "float32", "tpu9.*use cpu, cuda"),
        ("meta", "int8", "int8 is for CPUs, not for meta"),
        ("cuda:99", "float32", "cuda:99.*sees [0-9]+ GPUs"),
    ],
)
def test_where_nothing_can_compute_is_refused(
    directory: Path, device: str, precision: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Encoder(directory, device=device, precision=precision)


def test_what_cannot_be_encoded_is_refused(directory: Path) -> None:
    encoder = Encoder(directory)
    with pytest.raises(ConfigurationError, match="no 'depth' trunk"):
        encoder.encode("depth", [torch.zeros(1, 32, 32)])
    for x in (torch.zeros(1, 3, 28, 28), torch.zeros(28, 28), torch.zeros(0, 3, 2, 28, 28)):
        with pytest.raises(InputError):
            encoder.encode("vision", [x])
    assert encoder.encode("vision", []) == []
    with pytest.raises(ConfigurationError, match="passes"):
        Encoder(directory, batch=0)


def test_an_encoder_is_shared_while_somebody_holds_it(directory: Path, model: ImageBind) -> None:
    encoder = Encoder.shared(directory)
    encoder.load(["text"])
    assert Encoder.shared(str(directory)) is encoder
    assert Encoder.shared(directory / ".." / directory.name) is encoder
    assert Encoder.shared(directory, precision="int8") is not encoder
    assert Encoder(directory) is not encoder
    assert encoder.digest == model.digest
    gone = weakref.ref(encoder)
    del encoder
    gc.collect()
    assert gone() is None
