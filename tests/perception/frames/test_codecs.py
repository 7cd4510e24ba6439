"""The compressed forms of samples: there and back, and what is damaged is refused."""

import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.frames.codecs import (
    FLAC,
    JPEG,
    MEDIA,
    POINTS,
    compress,
    decompress,
    deflate_points,
    flac,
    from_flac,
    from_jpeg,
    inflate_points,
    jpeg,
)
from sensebind.perception.percept import Modality, Observation


def observation(modality: Modality, data: np.ndarray, rate: int = 0) -> Observation:
    return Observation(data, "s", modality, time.time_ns(), time.monotonic(), 1, "f", rate)


def test_pictures_survive_jpeg() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :15] = (200, 30, 10)
    back = from_jpeg(jpeg(image, 95))
    assert back.shape == image.shape and back.flags.c_contiguous
    np.testing.assert_allclose(back[5, 5].astype(int), (200, 30, 10), atol=8)
    for bad in (image[..., 0], image.astype(np.float32), image[:0]):
        with pytest.raises(InputError):
            jpeg(bad)
    for payload in (b"", b"no picture", jpeg(image)[:30]):
        with pytest.raises(InputError):
            from_jpeg(payload)


def test_sound_keeps_sixteen_bits() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 3000).astype(np.float32)
    back, rate = from_flac(flac(samples, 16000))
    assert rate == 16000 and back.dtype == np.float32
    np.testing.assert_allclose(back, samples, atol=2**-15)
    loud, _ = from_flac(flac(4 * samples, 44100))
    assert np.abs(loud).max() <= 1.0
    for bad in (samples[None], samples[:0], samples * np.nan):
        with pytest.raises(InputError):
            flac(bad, 16000)
    with pytest.raises(InputError):
        flac(samples, 0)
    for payload in (b"", b"RIFF", flac(samples, 16000)[:40]):
        with pytest.raises(InputError):
            from_flac(payload)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(0, 300), seed=st.integers(0, 2**32 - 1))
def test_clouds_lose_nothing(count: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(scale=20, size=(count, 3)).astype(np.float32)
    np.testing.assert_array_equal(inflate_points(deflate_points(points)), points)


def test_a_sweep_becomes_smaller() -> None:
    angle = np.linspace(0, 2 * np.pi, 30_000)
    sweep = np.stack([5 * np.cos(angle), 5 * np.sin(angle), 0 * angle], 1).astype(np.float32)
    assert len(deflate_points(sweep)) < 0.75 * sweep.nbytes
    for bad in (sweep[:, :2], sweep[0]):
        with pytest.raises(InputError):
            deflate_points(bad)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), modality=st.sampled_from(list(MEDIA)))
def test_damaged_payloads_are_refused_or_read_as_what_they_say(
    data: st.DataObject, modality: Modality
) -> None:
    sample = {
        Modality.VISION: np.full((9, 7, 3), 77, np.uint8),
        Modality.AUDIO: np.linspace(-1, 1, 500, dtype=np.float32),
        Modality.POINT: np.ones((20, 3), np.float32),
    }[modality]
    payload = bytearray(compress(observation(modality, sample, 16000)))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(payload[: data.draw(st.integers(0, len(payload)))])
    try:
        back = decompress(cut, MEDIA[modality])
    except InputError as error:
        assert str(error)
    else:
        assert back.dtype == sample.dtype and back.ndim == sample.ndim


def test_a_small_payload_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensebind.perception.frames.codecs.MAX_POINTS", 1000)
    with pytest.raises(InputError, match="whole"):
        inflate_points(zlib.compress(b"\0" * 1_000_000))


def test_only_senses_have_a_compressed_form() -> None:
    with pytest.raises(InputError, match="text"):
        compress(observation(Modality.TEXT, np.zeros(3)))
    with pytest.raises(InputError, match="media"):
        decompress(b"", "image/gif")
    assert {JPEG, FLAC, POINTS} == set(MEDIA.values())
