"""Encoders: each by the conformance suite, those of transformers against its own forward."""

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from fixtures.fake_senses import save_tiny_imagebind
from fixtures.tiny_encoders import save_tiny_clip, save_tiny_pe_audio
from safetensors.torch import load_file, save_file

from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import CheckpointError, ConfigurationError, MissingDependencyError
from sensebind.perception.encoders.base import Embedding, EncoderOptions, StreamEncoder
from sensebind.perception.encoders.clip import ClipEncoder
from sensebind.perception.encoders.conformance import EncoderConformance
from sensebind.perception.encoders.imagebind import ImageBindEncoder
from sensebind.perception.encoders.names import check_encoder
from sensebind.perception.encoders.pe_audio import PeAudioEncoder
from sensebind.perception.encoders.registry import open_encoder, space_of
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.modality import Modality

OPTIONS = EncoderOptions()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny random weights of each kind."""
    folder = tmp_path_factory.mktemp("weights")
    save_tiny_imagebind(folder / "imagebind")
    for kind in ("clip", "siglip", "siglip2"):
        save_tiny_clip(folder / kind, kind)
    save_tiny_pe_audio(folder / "pe_audio")
    return folder


class _Encoder(EncoderConformance):
    kind: ClassVar[str] = ""
    spec: ClassVar[str] = ""

    @pytest.fixture(autouse=True)
    def _folder(self, weights: Path) -> None:
        self.folder = weights

    def make_encoder(self) -> StreamEncoder:
        target = self.folder / self.kind
        return open_encoder(self.spec.format(target), target, self.modality, OPTIONS)


class TestImageBind(_Encoder):
    kind, spec, texts = "imagebind", "imagebind", False


class TestImageBindHearing(_Encoder):
    kind, spec, modality, texts = "imagebind", "imagebind:{}", Modality.AUDIO, False


class TestImageBindScanning(_Encoder):
    kind, spec, modality, texts = "imagebind", "imagebind", Modality.POINT, False


class TestClip(_Encoder):
    kind, spec = "clip", "clip:{}"


class TestSiglip2(_Encoder):
    kind, spec = "siglip2", "clip:{}"


class TestPeAudio(_Encoder):
    kind, spec, modality = "pe_audio", "pe_audio:{}", Modality.AUDIO


def test_imagebinds_texts_are_those_of_its_text_trunk() -> None:
    own = imagebind_directory(default_checkpoint())
    encoder = open_encoder("imagebind", own, Modality.VISION, OPTIONS)
    texts = ["a dog", "a red ball"]
    processor = ImageBindProcessor.from_pretrained(own)
    with torch.inference_mode():
        expected = ImageBind.from_pretrained(own, ["text"]).encode("text", processor.text(texts))
    expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    np.testing.assert_allclose(encoder.text(texts), expected, atol=1e-5)
    assert {Modality.VISION, Modality.AUDIO, Modality.POINT} <= encoder.modalities


def _sample(modality: Modality) -> Any:
    suite = TestClip()
    suite.modality = modality
    return suite.make_sample(3)


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_images_and_texts_are_those_of_transformers_own_forward(weights: Path, kind: str) -> None:
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = str(weights / kind)
    sample = _sample(Modality.VISION)
    texts = ["a dog", "the red cup on the table"]
    model = AutoModel.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")(
        images=Image.fromarray(sample.data), return_tensors="pt"
    )
    padding: Any = True if kind == "clip" else "max_length"
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=padding, max_length=16, truncation=True, return_tensors="pt"
    )
    masked = {"attention_mask": tokens["attention_mask"]} if kind == "clip" else {}
    with torch.inference_mode():
        whole = model(**images, input_ids=tokens["input_ids"], **masked)
    encoder = ClipEncoder(folder, Modality.VISION, OPTIONS)
    [found] = encoder.encode([sample])
    assert isinstance(found, Embedding)
    np.testing.assert_allclose(found.vector, whole.image_embeds[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(encoder.text(texts), whole.text_embeds.numpy(), atol=1e-5)


def test_sounds_and_texts_are_those_of_pe_audios_own_forward(weights: Path) -> None:
    from transformers import AutoTokenizer, PeAudioFeatureExtractor, PeAudioModel

    from sensebind.perception.imagebind.preprocess.audio import resample

    folder = str(weights / "pe_audio")
    sample = _sample(Modality.AUDIO)
    extractor = PeAudioFeatureExtractor.from_pretrained(folder)
    wave = resample(torch.from_numpy(sample.data)[None], 16_000, 8000)[0].numpy()
    heard = extractor(wave, sampling_rate=8000, return_tensors="pt")
    texts = ["a dog", "the red cup on the table"]
    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    model = PeAudioModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        whole = model(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            input_values=heard["input_values"],
        )
    encoder = PeAudioEncoder(folder, Modality.AUDIO, OPTIONS)
    [found] = encoder.encode([sample])
    assert isinstance(found, Embedding)

    def unit(rows: torch.Tensor) -> np.ndarray:
        return torch.nn.functional.normalize(rows, dim=-1).numpy()

    np.testing.assert_allclose(found.vector, unit(whole.audio_embeds)[0], atol=1e-5)
    np.testing.assert_allclose(encoder.text(texts), unit(whole.text_audio_embeds), atol=1e-5)


def test_the_space_is_known_without_the_weights_and_changes_with_them(
    weights: Path, tmp_path: Path
) -> None:
    folder = weights / "imagebind"
    assert space_of("imagebind", folder, Modality.VISION) == (
        ImageBind.from_pretrained(folder, ["vision"]).digest
    )
    save_tiny_clip(tmp_path / "other", "clip", seed=1)
    ours = [
        space_of(f"clip:{one}", folder, Modality.VISION)
        for one in (weights / "clip", weights / "siglip", tmp_path / "other")
    ]
    assert len({*ours}) == 3 and ours[0].startswith("clip-")


def test_weights_that_lack_a_tensor_are_refused(tmp_path: Path) -> None:
    """Transformers would fill it with random numbers, and warn."""
    save_tiny_clip(tmp_path, "clip")
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    del tensors["visual_projection.weight"]
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors, such as visual_projection"):
        ClipEncoder(str(tmp_path), Modality.VISION, OPTIONS)
    tensors["visual_projection.weight"] = torch.full((24, 32), torch.nan)
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"visual_projection.weight holds NaN"):
        ClipEncoder(str(tmp_path), Modality.VISION, OPTIONS)


def _set(file: str, *path: Any) -> Callable[[Path], None]:
    """Change one value of a JSON file: its path, then the value."""
    *names, last, value = path

    def change(folder: Path) -> None:
        fields = json.loads((folder / file).read_text())
        place = fields
        for name in names:
            place = place[name]
        place[last] = value
        (folder / file).write_text(json.dumps(fields))

    return change


def _large_tokenizer(folder: Path) -> None:
    with (folder / "tokenizer.json").open("wb") as file:
        file.truncate((256 << 20) + 1)


PREPARED = "preprocessor_config.json"
LIES = {
    "layers": (
        _set("config.json", "vision_config", "num_hidden_layers", 4096),
        "num_hidden_layers is 4096, and its files have",
    ),
    "heads": (_set("config.json", "vision_config", "num_attention_heads", -1), "encodes nothing"),
    "patches": (_set("config.json", "vision_config", "patch_size", 0), "cannot be loaded"),
    "width": (_set("config.json", "text_config", "hidden_size", 2**24), "cannot be loaded"),
    "crop": (
        _set(PREPARED, "crop_size", {"height": 100_000, "width": 100_000}),
        "height is 100000, not within",
    ),
    "size": (_set(PREPARED, "size", "shortest_edge", 10**9), "shortest_edge is 1000000000"),
    "another size": (_set(PREPARED, "crop_size", {"height": 16, "width": 16}), "encodes nothing"),
    "mean": (_set(PREPARED, "image_mean", [1e38] * 3), "encodes nothing"),
    "processor": (_set(PREPARED, "image_processor_type", "AutoModel"), "encodes nothing|cannot be"),
    "tokenizer": (_large_tokenizer, "tokenizer.json has more than 256 MB"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_directory_that_lies_about_itself_is_refused_in_one_line(
    lie: str, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(weights / "clip", tmp_path / "clip")
    change, message = LIES[lie]
    change(folder)
    with pytest.raises(CheckpointError, match=message) as refused:
        ClipEncoder(str(folder), Modality.VISION, OPTIONS)
    assert "\n" not in str(refused.value)
    assert not capfd.readouterr().err  # no table of the library's


def test_a_tokenizer_that_does_not_fit_is_named(weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(weights / "clip", tmp_path / "clip")
    _set("tokenizer.json", "model", "vocab", "[UNK]", 10**6)(folder)
    encoder = ClipEncoder(str(folder), Modality.VISION, OPTIONS)
    with pytest.raises(CheckpointError, match="cannot read texts"):
        encoder.text(["zebras"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("imagebnd", "there is no encoder 'imagebnd': did you mean imagebind?"),
        ("siglip2:models/x", "did you mean clip?"),
        ("zzz", "there are clip, imagebind, pe_audio"),
        ("clip", "encoder 'clip' needs its weights: clip:DIRECTORY"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(spec: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_encoder(spec)
    assert message in str(caught.value)


def test_another_modality_or_precision_is_refused(weights: Path) -> None:
    clip = f"clip:{weights / 'clip'}"
    with pytest.raises(ConfigurationError, match="encodes vision, not audio"):
        open_encoder(clip, weights, Modality.AUDIO, OPTIONS)
    with pytest.raises(ConfigurationError, match="not in int8"):
        open_encoder(clip, weights, Modality.VISION, EncoderOptions(precision="int8"))


def test_weights_that_are_not_there_or_of_another_kind_are_named(weights: Path) -> None:
    with pytest.raises(CheckpointError, match="no model at nowhere"):
        open_encoder("clip:nowhere", weights, Modality.VISION, OPTIONS)
    spec = f"pe_audio:{weights / 'clip'}"
    with pytest.raises(CheckpointError, match="is a model 'clip'; encoder pe_audio takes pe_audio"):
        open_encoder(spec, weights, Modality.AUDIO, OPTIONS)


def test_a_plug_in_is_called_with_its_target(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*, group: str) -> list[EntryPoint]:
        assert group == "sensebind.encoders"
        return [
            EntryPoint("mine", f"{__name__}:made", group),
            EntryPoint("broken", "no_such_module:Encoder", group),
            EntryPoint("old", f"{__name__}:of_another_version", group),
            EntryPoint("number", f"{__name__}:WIDTH", group),
        ]

    monkeypatch.setattr(importlib.metadata, "entry_points", found)
    folder = weights / "imagebind"
    encoder = open_encoder(f"mine:{folder}", weights, Modality.VISION, OPTIONS)
    assert isinstance(encoder, ImageBindEncoder)
    with pytest.raises(MissingDependencyError, match="encoder 'broken' cannot be loaded"):
        open_encoder("broken", weights, Modality.VISION, OPTIONS)
    for name in ("old", "number"):
        with pytest.raises(ConfigurationError, match=f"encoder {name} failed: TypeError: "):
            open_encoder(name, weights, Modality.VISION, OPTIONS)


WIDTH = 8


def of_another_version(target: str) -> StreamEncoder:
    """Takes other arguments than plug-ins are called with."""
    raise AssertionError(target)


def made(target: str, modality: Modality, options: EncoderOptions) -> StreamEncoder:
    """What the entry point names."""
    return ImageBindEncoder(target, modality, options)
