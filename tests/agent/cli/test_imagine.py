"""Pictures: the arithmetic of un-normalised embeddings, and a tiny random pipeline."""

# pyright: reportArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from sensebind.agent.cli import main
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.conditioning.unclip import Imagination, PictureSettings, picture_embedding
from sensebind.errors import CheckpointError, ConfigurationError, InputError, MissingDependencyError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import (
    AudioConfig,
    ImageBind,
    ImageBindConfig,
    ImageBindProcessor,
    PointConfig,
    ProcessorSettings,
    VisionConfig,
)

WIDTH = 16
RNG = np.random.default_rng(0)
needs_diffusers = pytest.mark.skipif(
    importlib.util.find_spec("diffusers") is None,
    reason="diffusers is not installed (extra imagine)",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    shared = {"width": 16, "blocks": 1, "heads": 2}
    torch.manual_seed(0)
    ImageBind(
        ImageBindConfig(
            out_width=WIDTH,
            vision=VisionConfig(**shared, image_size=32, patch=16),
            audio=AudioConfig(**shared, stride=16),
            point=PointConfig(
                **shared,
                groups=8,
                group_size=8,
                encoder_width=16,
                encoder_hidden=(8, 16),
                feature_width=32,
            ),
        )
    ).save_pretrained(path / "imagebind")
    settings = {"image": {"size": 32}, "audio": {"silence": -60}}
    processor = ImageBindProcessor(ProcessorSettings.model_validate(settings))
    processor.save_pretrained(path / "imagebind")
    VisualCache.build(RNG.normal(size=(32, WIDTH))).save(path / "visual_cache")
    Image.fromarray(RNG.integers(0, 255, (40, 50, 3), np.uint8)).save(path / "image.png")
    np.save(path / "points.npy", RNG.normal(size=(100, 3)))
    soundfile.write(path / "silence.wav", np.zeros(16000), 16000)
    return path


def test_embeddings_are_mixed_before_they_are_normalised(checkpoint: Path) -> None:
    senses = MediaEncoder(checkpoint)
    image, points = checkpoint / "image.png", checkpoint / "points.npy"
    seen, scanned = senses.encode("vision", image), senses.encode("point", points)
    assert seen is not None and scanned is not None
    things = {"vision": image, "point": points, "audio": checkpoint / "silence.wav"}
    plain = picture_embedding(senses, things, {"point": 0.5}, enhance=False)
    expected = (seen.prenorm + 0.5 * scanned.prenorm / 5) / (1.5 + 1e-6)
    np.testing.assert_allclose(plain, expected, rtol=1e-5)
    enhanced = picture_embedding(senses, things, {"point": 0.5})
    assert np.isclose(np.linalg.norm(enhanced), np.linalg.norm(plain), rtol=1e-5)
    assert not np.allclose(enhanced, plain, rtol=1e-2)
    with pytest.raises(InputError, match="nothing to perceive"):
        picture_embedding(senses, {"audio": checkpoint / "silence.wav"})


def test_settings_out_of_range_are_refused() -> None:
    for settings in ({"steps": 0}, {"noise": -1}, {"side": 30}, {"guidance": float("nan")}):
        with pytest.raises(ConfigurationError):
            PictureSettings(**settings)


def test_a_missing_package_and_foreign_pipelines_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="unclip"):
        Imagination(tmp_path)
    index = tmp_path / "model_index.json"
    index.write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(CheckpointError, match="StableDiffusionPipeline"):
        Imagination(tmp_path)
    index.write_text('{"_class_name": "StableUnCLIPImg2ImgPipeline"}')
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingDependencyError, match=r"sensebind\[imagine\]"):
        Imagination(tmp_path)


@pytest.fixture(scope="module")
def unclip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Stable unCLIP of a few thousand parameters, saved as the published one is."""
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        DDPMScheduler,
        StableUnCLIPImg2ImgPipeline,
        UNet2DConditionModel,
    )
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
        StableUnCLIPImageNormalizer,
    )
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTokenizer,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    words = ["<|startoftext|>", "<|endoftext|>", "a", "a</w>"]
    pipeline = StableUnCLIPImg2ImgPipeline(
        feature_extractor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        image_encoder=CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=8, projection_dim=WIDTH, image_size=32, patch_size=16, **layers
            )
        ),
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=WIDTH),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=CLIPTokenizer(
            vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(words), hidden_size=8, bos_token_id=0, eos_token_id=1, **layers
            )
        ),
        unet=UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            norm_num_groups=4,
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            attention_head_dim=2,
            cross_attention_dim=8,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * WIDTH,
        ),
        scheduler=DDIMScheduler(prediction_type="v_prediction"),
        vae=AutoencoderKL(block_out_channels=(8,), norm_num_groups=4),
    )
    path = tmp_path_factory.mktemp("unclip")
    pipeline.save_pretrained(path)
    return path


@needs_diffusers
def test_pictures_follow_the_embedding_and_the_seed(unclip: Path) -> None:
    imagination = Imagination(unclip)
    quick = PictureSettings(steps=2)
    embedding = 5 * RNG.normal(size=WIDTH).astype(np.float32)
    picture = imagination.picture(embedding, quick)
    assert picture.size == (8, 8) and picture.mode == "RGB"
    pixels = np.asarray(picture)
    assert np.array_equal(np.asarray(imagination.picture(embedding, quick)), pixels)
    assert not np.array_equal(np.asarray(imagination.picture(-embedding, quick)), pixels)
    wide = imagination.picture(embedding, PictureSettings(steps=1, side=16))
    assert wide.size == (16, 16)
    with pytest.raises(InputError, match="16 finite numbers"):
        imagination.picture(np.ones(WIDTH + 1, np.float32))
    with pytest.raises(ConfigurationError, match="0 to 999"):
        imagination.picture(embedding, PictureSettings(noise=1000))


@needs_diffusers
def test_imagine_on_the_command_line(
    checkpoint: Path, unclip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def imagine(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["imagine", "--checkpoint", str(checkpoint), *arguments])
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err.strip()

    seen = ("--image", str(checkpoint / "image.png"), "--points", str(checkpoint / "points.npy"))
    made = ("--pipeline", str(unclip), "--steps", "1", "--device", "cpu")
    output = tmp_path / "dream.png"
    code, out, _ = imagine(str(output), *seen, *made, "--weight", "points=0.5", "--json")
    assert code == 0 and json.loads(out)["size"] == [8, 8]
    assert Image.open(output).size == (8, 8)
    assert list(tmp_path.iterdir()) == [output]
    for arguments, message in (
        ((str(output), *made), "give something to imagine"),
        ((str(tmp_path / "dream.tiff"), *seen, *made), "pictures end in"),
        ((str(tmp_path / "no" / "dream.png"), *seen, *made), "cannot be written"),
        ((str(output), *seen), "stable-diffusion-2-1-unclip"),
        ((str(output), "--text", "a dog", *made), "no 'text' trunk"),
    ):
        code, out, err = imagine(*arguments)
        assert code == 2 and out == "" and message in err.splitlines()[-1]


@needs_diffusers
def test_damaged_and_pickled_pipelines_are_refused(unclip: Path, tmp_path: Path) -> None:
    import shutil

    damaged = tmp_path / "damaged"
    shutil.copytree(unclip, damaged)
    weights = damaged / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="no whole Stable unCLIP"):
        Imagination(damaged)
    weights.unlink()
    torch.save({}, damaged / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no whole Stable unCLIP"):
        Imagination(damaged)
