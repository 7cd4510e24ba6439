"""Asking about everything that ImageBind takes: files, texts, weights, slots and sums."""

# pyright: reportArgumentType=false

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from fixtures.tiny_checkpoint import tiny_language_model
from langchain_core.messages import HumanMessage
from PIL import Image

from sensebind.agent.cli import main
from sensebind.agent.cli.inputs import KINDS, given, parse_weights
from sensebind.agent.conditioning.media import media_of
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.gated_llama.mixing import mix
from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind import (
    AudioConfig,
    DepthConfig,
    ImageBind,
    ImageBindConfig,
    ImageBindProcessor,
    ImuConfig,
    PointConfig,
    ProcessorSettings,
    TextConfig,
    ThermalConfig,
    VisionConfig,
)

SENSES = ("sight", "hearing", "scan")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with every trunk."""
    path = tmp_path_factory.mktemp("checkpoint")
    tiny_language_model(path, max_position_embeddings=512)
    shared = {"width": 16, "blocks": 1, "heads": 2}
    config = ImageBindConfig(
        out_width=16,
        vision=VisionConfig(**shared, image_size=32, patch=16),
        text=TextConfig(**shared, vocab_size=516, context_length=8),
        audio=AudioConfig(**shared, stride=16),
        depth=DepthConfig(**shared, image_size=32),
        thermal=ThermalConfig(**shared, image_size=32),
        imu=ImuConfig(**shared, length=40),
        point=PointConfig(
            **shared,
            groups=8,
            group_size=8,
            encoder_width=16,
            encoder_hidden=(8, 16),
            feature_width=32,
        ),
    )
    torch.manual_seed(0)
    ImageBind(config).save_pretrained(path / "imagebind")
    (path / "imagebind" / "merges.txt").write_text("#version\nd o\ndo g</w>\n")
    settings = {
        "image": {"size": 32},
        "depth": {"size": 32},
        "thermal": {"size": 32},
        "imu": {"length": 40},
        "point": {"count": 64},
        "text": {"merges": "merges.txt", "vocab_size": None, "context_length": 8},
    }
    ImageBindProcessor(ProcessorSettings.model_validate(settings)).save_pretrained(
        path / "imagebind"
    )
    return path


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | str]:
    """One thing of each kind, by modality; the video is left to the processor's tests."""
    path = tmp_path_factory.mktemp("things")
    Image.fromarray(RNG.integers(0, 255, (40, 50, 3), np.uint8)).save(path / "image.png")
    Image.fromarray(RNG.integers(500, 4000, (40, 50), np.uint16)).save(path / "depth.png")
    Image.fromarray(RNG.integers(0, 255, (40, 50), np.uint8)).save(path / "thermal.png")
    soundfile.write(path / "audio.wav", 0.1 * RNG.normal(size=32000), 16000)
    np.save(path / "imu.npy", RNG.normal(size=(6, 40)))
    np.save(path / "points.npy", RNG.normal(size=(100, 3)))
    files = {
        name: path / f"{name}.{end}"
        for name, end in (
            ("image", "png"),
            ("depth", "png"),
            ("thermal", "png"),
            ("audio", "wav"),
            ("imu", "npy"),
            ("points", "npy"),
        )
    }
    return given(text=["dog"], video=None, **{name: [file] for name, file in files.items()})


def test_everything_together_is_the_official_sum(
    checkpoint: Path, things: dict[str, Path | str]
) -> None:
    assert set(things) == set(KINDS.values()) - {"video"}
    senses = MediaEncoder(checkpoint)
    weights = {modality: 0.25 * (i + 1) for i, modality in enumerate(things)}
    one = senses.condition(things, senses=("all",), dim=16, weights=weights)
    rows = [torch.from_numpy(senses.embed(m, thing))[None] for m, thing in things.items()]
    expected = mix(rows, list(weights.values()))[0]
    np.testing.assert_allclose(one.embeddings[0], expected, atol=1e-6)
    assert one.present.tolist() == [True]
    assert [sensed.sense for sensed in one.sensed][:2] == ["text", "sight"]
    assert senses.encoder.counts.remembered >= len(things)


def test_slots_take_what_has_a_slot(checkpoint: Path, things: dict[str, Path | str]) -> None:
    senses = MediaEncoder(checkpoint)
    some = {modality: things[modality] for modality in ("vision", "point")}
    assert senses.condition(some, senses=SENSES, dim=16).present.tolist() == [True, False, True]
    words = {"text": "dog"}
    with pytest.raises(InputError, match="no slot for text"):
        senses.condition(words, senses=SENSES, dim=16)
    assert senses.condition(words, senses=SENSES, dim=16, mix="sum").present[0]
    with pytest.raises(InputError, match="one slot"):
        senses.condition(words, senses=("all",), dim=16, mix="slots")


def test_a_missing_trunk_is_named(tmp_path: Path) -> None:
    config = ImageBindConfig(out_width=16, depth=DepthConfig(width=16, blocks=1, heads=2))
    ImageBind(config).save_pretrained(tmp_path / "imagebind")
    ImageBindProcessor().save_pretrained(tmp_path / "imagebind")
    with pytest.raises(ConfigurationError, match="no 'imu' trunk; it has depth"):
        MediaEncoder(tmp_path, ["imu"])


def test_weights_are_read_by_the_names_of_the_options() -> None:
    read = parse_weights(["image=1", "video=2", "points=0.5", "hearing=0", "thermal=3"])
    assert read == {"vision": 1, "video": 2, "point": 0.5, "audio": 0, "thermal": 3}
    for bad in ("imu", "imu=x", "smell=1", "text=-1", "depth=inf", "=1"):
        with pytest.raises(InputError, match="--weight"):
            parse_weights([bad])


def test_ask_on_the_command_line(
    checkpoint: Path, things: dict[str, Path | str], capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["ask", "what?", "--checkpoint", str(checkpoint), *arguments])
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    depth, imu = str(things["depth"]), str(things["imu"])
    options = ("--depth", depth, "--imu", imu, "--text", "dog", "--weight", "text=0.5")
    code, out, _ = ask(*options, "--mix", "sum", "--json")
    assert code == 0
    assert [p["sense"] for p in json.loads(out)["percepts"]] == ["text", "depth", "imu"]
    for bad, message in (
        (options, "no slot for text"),
        (("--text", " "), "--text is empty"),
        (("--imu", depth), "imu"),
        (("--thermal", "/nowhere.png"), "/nowhere.png"),
    ):
        code, out, err = ask(*bad)
        assert code == 2 and out == "" and message in err
        assert len(err.strip().splitlines()) == 1


def test_files_are_read_as_one_sees_and_hears_them(checkpoint: Path, tmp_path: Path) -> None:
    senses = MediaEncoder(checkpoint)

    def same(modality: str, one: Path | np.ndarray, other: Path | np.ndarray) -> bool:
        return bool(
            np.allclose(senses.embed(modality, one, 16000), senses.embed(modality, other, 16000))
        )

    seen = RNG.integers(0, 255, (40, 50, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(seen).save(tmp_path / "upright.png")
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(seen)))
    turned.save(tmp_path / "turned.png", exif=exif)
    assert same("vision", tmp_path / "turned.png", tmp_path / "upright.png")
    url = (
        "data:image/png;base64," + base64.b64encode((tmp_path / "turned.png").read_bytes()).decode()
    )
    [medium] = media_of(HumanMessage([{"type": "input_image", "image_url": url}]))
    name, embedded = senses.perceive(medium)
    assert (
        name == "vision"
        and embedded is not None
        and np.allclose(embedded.embedding, senses.embed("vision", tmp_path / "upright.png"))
    )
    grey = seen[..., 0]
    Image.fromarray(grey).save(tmp_path / "8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert same("vision", tmp_path / "16.png", tmp_path / "8.png")
    sound = (0.1 * RNG.normal(size=32000)).astype(np.float32)
    for channels in ([0 * sound, sound], [sound, -sound], [0 * sound, 0 * sound, sound]):
        soundfile.write(tmp_path / "s.wav", np.stack(channels, 1), 16000, subtype="FLOAT")
        assert same("audio", tmp_path / "s.wav", sound)
        assert same("audio", np.stack(channels), sound)
