"""Preprocessing against the tensors of the official loaders."""

from __future__ import annotations

import numpy as np
import pytest
from golden_files import Golden, assert_near

from sensebind.perception.imagebind.preprocess.audio import mel_clips, resample, waveform
from sensebind.perception.imagebind.preprocess.clips import clip_times
from sensebind.perception.imagebind.preprocess.image import image_tensor
from sensebind.perception.imagebind.preprocess.points import Normalisation, cloud, normalised
from sensebind.perception.imagebind.preprocess.text import Tokenizer, read_merges
from sensebind.perception.imagebind.preprocess.video import clip_crops
from sensebind.perception.imagebind.processor import ImageSettings

PIXELS = 2e-5
SAMPLES = 2e-5
MEL = 1e-3


@pytest.mark.golden("preprocess_image")
def test_images(golden: Golden) -> None:
    c = golden.config
    for name, pixels in golden.under("input.").items():
        out = image_tensor(pixels.numpy(), c["size"], tuple(c["mean"]), tuple(c["std"]))
        assert_near(out, golden.tensors[f"output.{name}"], PIXELS, what=name)


@pytest.mark.golden("preprocess_video")
def test_video(golden: Golden) -> None:
    statistics = ImageSettings()
    for name, frames in golden.under("input.").items():
        size = golden.config["crop_size"][name]
        first, last = frames[0].numpy(), frames[-1].numpy()
        out = clip_crops(first, last, size, statistics.mean, statistics.std)
        assert_near(out, golden.tensors[f"output.{name}"], PIXELS, what=name)


@pytest.mark.golden("preprocess_audio")
def test_audio(golden: Golden) -> None:
    c = golden.config
    for name, samples in golden.under("input.").items():
        rate = c["sample_rates"][name]
        wave = resample(waveform(samples.numpy(), rate), rate, c["target_rate"])
        resampled = golden.tensors.get(f"output.resampled.{name}")
        if resampled is not None:
            assert_near(wave, resampled, SAMPLES, what=name)
        out = mel_clips(
            wave,
            rate=c["target_rate"],
            clips=c["clips"],
            seconds=c["clip_duration"],
            bins=c["mel_bins"],
            frames=c["target_length"],
            mean=c["mean"],
            std=c["std"],
        )
        assert_near(out, golden.tensors[f"output.{name}"][0], MEL, what=name)


@pytest.mark.golden("preprocess_point")
def test_points(golden: Golden) -> None:
    modes: dict[str, Normalisation] = {
        "imagebind_llm_loader": "none",
        "pc_normalize": "unit_sphere",
    }
    for name, raw in golden.under("input.").items():
        for official, mode in modes.items():
            expected = golden.tensors[f"output.{official}.{name}"].reshape(-1, 3).numpy()
            np.testing.assert_allclose(normalised(cloud(raw.numpy()), mode), expected, atol=1e-6)


@pytest.mark.golden("clip_sampler")
def test_clip_times(golden: Golden) -> None:
    for row in golden.document["rows"]:
        times = clip_times(row["duration"], row["clip_duration"], row["clips_per_video"])
        assert [[float(start), float(end)] for start, end in times] == row["timepoints"]
        if "audio_sample_ranges_16k" in row:
            ranges = [[int(start * 16000), int(end * 16000)] for start, end in times]
            assert ranges == row["audio_sample_ranges_16k"]


@pytest.mark.golden("preprocess_text")
def test_text(golden: Golden) -> None:
    files = sorted(golden.directory.glob("bpe_simple_vocab*.txt.gz"))
    if not files:
        pytest.skip("needs CLIP's merges file bpe_simple_vocab_16e6.txt.gz beside it")
    c = golden.config
    merges = read_merges(files[0], c["start_id"] - 512)
    cut = Tokenizer(merges, c["context_length"], "cut")
    keep_end = Tokenizer(merges, c["context_length"], "keep_end")
    assert (cut.start, cut.end) == (c["start_id"], c["end_id"])
    for row in golden.document["rows"]:
        assert cut.encode(row["text"]) == row["bpe_ids_no_special"]
        assert cut([row["text"]])[0].tolist() == row["tokens_imagebind_llm"]
        assert keep_end([row["text"]])[0].tolist() == row["tokens_imagebind_current"]
