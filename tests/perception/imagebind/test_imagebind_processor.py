"""Preparing inputs from arrays and files, and refusing what cannot be used."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import PIL.Image
import pytest
import soundfile
import torch

from sensebind.errors import CheckpointError, ConfigurationError, InputError
from sensebind.perception.imagebind import ImageBindProcessor, ProcessorSettings
from sensebind.perception.imagebind.preprocess.audio import fbank, level, resample
from sensebind.perception.imagebind.preprocess.planes import disparity, read_numbers
from sensebind.perception.imagebind.preprocess.points import normalised, resampled
from sensebind.perception.imagebind.preprocess.text import read_merges
from sensebind.perception.imagebind.preprocess.video import read_clips
from sensebind.perception.imagebind.processor import (
    AudioSettings,
    ImageSettings,
    PointSettings,
    TextSettings,
)

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 255, (30, 40, 3), dtype=np.uint8)
CLOUD = RNG.normal(size=(100, 3)).astype(np.float32)
SECOND = np.sin(np.arange(16000) * 0.1).astype(np.float32)


@pytest.fixture
def processor() -> ImageBindProcessor:
    return ImageBindProcessor(
        ProcessorSettings(
            image=ImageSettings(size=28),
            audio=AudioSettings(clips=2, silence=-60),
            point=PointSettings(normalisation="metric", count=64),
        )
    )


def test_published_numbers_are_the_default() -> None:
    processor = ImageBindProcessor()
    assert processor.image(PICTURE).shape == (3, 224, 224)
    assert processor.audio(SECOND, 16000).shape == (3, 1, 128, 204)
    assert processor.points(CLOUD).shape == (100, 3)
    assert torch.equal(processor.points(CLOUD), torch.from_numpy(CLOUD))


def test_settings_survive_a_directory(processor: ImageBindProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    assert ImageBindProcessor.from_pretrained(tmp_path).settings == processor.settings
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert (
        ImageBindProcessor.from_pretrained(tmp_path / "model.safetensors").settings
        == ProcessorSettings()
    )


def test_bad_settings_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="preprocessor_config"):
        ImageBindProcessor.from_pretrained(tmp_path)
    file = tmp_path / "preprocessor_config.json"
    for text in (
        '{"image": {"size": 0}}',
        '{"image": {"size": 1000000000}}',
        '{"image": {"std": [0, 1, 1]}}',
        '{"video": {"clips": 1000000}}',
        '{"audio": {"mean": NaN}}',
        '{"text": {"merges": "../merges.txt"}}',
        '{"text": {"merges": "/etc/passwd"}}',
        '{"smell": {}}',
    ):
        file.write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            ImageBindProcessor.from_pretrained(tmp_path)
        assert "\n" not in str(caught.value)
    for text in ("{", "[]", "[" * 100_000):
        file.write_text(text)
        with pytest.raises(CheckpointError):
            ImageBindProcessor.from_pretrained(tmp_path)


def test_a_merges_file_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "merges.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(65):
            file.write(b"a b\n" * (1 << 18))
    with pytest.raises(InputError, match="unpacks to more"):
        read_merges(path)


def test_an_array_that_claims_more_than_its_file_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "imu.npy"
    np.save(path, np.zeros((6, 4)))
    path.write_bytes(
        path.read_bytes().replace(b"(6, 4), }             ", b"(6, 4000000000000), } ")
    )
    assert b"4000000000000" in path.read_bytes()
    with pytest.raises(InputError):
        read_numbers(path, "imu")
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="allow_pickle"):
        read_numbers(path, "imu")


def test_picture_files_equal_arrays(processor: ImageBindProcessor, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), PICTURE[..., ::-1])
    assert torch.equal(processor.image(tmp_path / "p.png"), processor.image(PICTURE))
    grey = processor.image(PICTURE[..., 0])
    assert torch.equal(grey, processor.image(np.repeat(PICTURE[..., :1], 3, axis=-1)))


def test_sound_files_equal_arrays(processor: ImageBindProcessor, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", SECOND, 16000, subtype="FLOAT")
    assert torch.equal(processor.audio(tmp_path / "s.wav"), processor.audio(SECOND, 16000))
    stereo = np.stack([SECOND, SECOND])
    torch.testing.assert_close(processor.audio(stereo, 16000), processor.audio(SECOND, 16000))
    noise = RNG.uniform(-0.5, 0.5, 16000).astype(np.float32)
    ints = (noise * 32768).astype(np.int16)
    torch.testing.assert_close(
        processor.audio(ints, 16000), processor.audio(noise, 16000), atol=0.01, rtol=0
    )


def test_short_and_silent_sound(processor: ImageBindProcessor) -> None:
    tenth = processor.audio(SECOND[:1600], 16000)
    assert tenth.shape == (2, 1, 128, 204)
    assert torch.unique(tenth[..., 8:]).numel() == 1  # 8 frames, then filling
    silence = processor.audio(np.zeros(32000, np.float32), 16000)
    assert torch.isfinite(silence).all()
    assert processor.silent(np.zeros(100)) and processor.silent(SECOND * 1e-4)
    assert not processor.silent(SECOND)
    assert level(np.ones(4)) == 0


def test_the_end_of_a_window_counts_unless_it_is_silent() -> None:
    settings = ProcessorSettings(audio=AudioSettings(silence=-60, newest=0.75))
    newest = ImageBindProcessor(settings).newest
    window = np.linspace(0.1, 1, 32000, dtype=np.float32)
    end = window[-12000:]
    np.testing.assert_array_equal(newest(window, 16000), [*end[-8000:], *end, *end])
    stereo = newest(np.stack([window, -window]), 16000)
    np.testing.assert_array_equal(stereo, [newest(window, 16000), -newest(window, 16000)])
    window[-12000:] = 0
    assert newest(window, 16000) is window
    assert newest(end, 16000) is end
    assert ImageBindProcessor(ProcessorSettings()).newest(stereo, 16000) is stereo


def test_resampling_keeps_a_tone() -> None:
    source = torch.sin(torch.arange(44100) * 2 * torch.pi * 440 / 44100)[None]
    wanted = torch.sin(torch.arange(16000) * 2 * torch.pi * 440 / 16000)[None]
    torch.testing.assert_close(
        resample(source, 44100, 16000)[:, 100:-100], wanted[:, 100:-100], atol=2e-3, rtol=0
    )
    with pytest.raises(InputError, match="44101"):
        resample(source, 44101, 16000)


def test_filterbank_peaks_at_the_tone() -> None:
    tone = torch.sin(torch.arange(16000) * 2 * torch.pi * 1000 / 16000)
    mel = fbank(tone, 16000, 128).mean(0)
    edges = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700), 130)
    band = int(np.argmin(np.abs(edges - 1127 * np.log1p(1000 / 700)))) - 1
    assert abs(int(mel.argmax()) - band) <= 1


def test_metric_points_stand_on_the_floor(processor: ImageBindProcessor) -> None:
    box = np.array([[2.0, 1, -0.5], [3, 1, -0.5], [3, 2, 0.3], [2, 2, 0.3]])
    out = processor.points(box, floor=-0.6)
    assert out.shape == (64, 3) and out.dtype == torch.float32
    torch.testing.assert_close(out.amin(0), torch.tensor([-0.5, -0.5, 0.1]))
    torch.testing.assert_close(out.amax(0), torch.tensor([0.5, 0.5, 0.9]))


def test_points_are_resampled_the_same_way_each_time() -> None:
    few, many = resampled(CLOUD, 250), resampled(CLOUD, 60)
    assert len(few) == 250 and np.array_equal(few[:100], few[100:200])
    assert len(np.unique(many, axis=0)) == 60
    assert np.array_equal(many, resampled(CLOUD, 60))
    ball = normalised(CLOUD, "unit_sphere")
    assert np.isclose(np.linalg.norm(ball, axis=1).max(), 1)
    assert np.isfinite(normalised(np.zeros((5, 3), np.float32), "unit_sphere")).all()


def write_video(path: Path, frames: int = 73, rate: int = 10) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "bgr0"
        for i in range(frames):
            picture = np.full((32, 48, 3), i * 3, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_video_clips_are_their_first_and_last_frames(
    processor: ImageBindProcessor, tmp_path: Path
) -> None:
    write_video(tmp_path / "v.mkv")
    pairs = read_clips(tmp_path / "v.mkv", clips=5, seconds=2)
    shades = [(int(a[0, 0, 0]) // 3, int(b[0, 0, 0]) // 3) for a, b in pairs]
    assert shades == [(0, 19), (14, 33), (27, 46), (40, 59), (53, 72)]
    frames = np.stack([np.full((32, 48, 3), i * 3, np.uint8) for i in range(73)])
    whole = processor.video(frames, 10)
    assert whole.shape == (15, 3, 2, 28, 28)
    assert torch.equal(processor.video(tmp_path / "v.mkv"), whole)
    one = processor.video(frames[:1], 10)
    assert torch.equal(one[0, :, 0], one[14, :, 1])


def test_depth_becomes_standardised_disparity(
    processor: ImageBindProcessor, tmp_path: Path
) -> None:
    depth = np.array([[1.0, 2.0], [0.0, np.nan]])
    assert disparity(depth, 10).tolist() == [[10, 5], [0, 0]]
    s = processor.settings.depth
    plane = processor.depth(np.full((60, 80), 1.58))  # as far as things in rooms are
    assert plane.shape == (1, 224, 224) and plane.abs().max() < 0.01
    millimetres = RNG.integers(500, 5000, (50, 60), dtype=np.uint16)
    PIL.Image.fromarray(millimetres).save(tmp_path / "d.png")
    np.save(tmp_path / "d.npy", millimetres / 1000)
    expected = processor.depth(millimetres)
    assert torch.equal(processor.depth(tmp_path / "d.png"), expected)
    torch.testing.assert_close(processor.depth(tmp_path / "d.npy"), expected)
    np.save(tmp_path / "raw.npy", np.ones((1, s.size, s.size)))
    assert torch.equal(processor.depth(tmp_path / "raw.npy"), torch.ones(1, s.size, s.size))


def test_heat_lies_between_coldest_and_hottest(
    processor: ImageBindProcessor, tmp_path: Path
) -> None:
    assert processor.thermal(np.zeros((224, 224), np.uint8)).abs().max() == 0
    counts = (29000 + np.arange(224 * 224).reshape(224, 224) // 100).astype(np.uint16)
    stretched = processor.thermal(counts)
    assert (stretched.min(), stretched.max()) == (0, 1)
    PIL.Image.fromarray(np.full((224, 224, 3), 51, np.uint8)).save(tmp_path / "t.png")
    torch.testing.assert_close(
        processor.thermal(tmp_path / "t.png"), torch.full((1, 224, 224), 0.2)
    )


def test_inertia_is_taken_as_it_is(processor: ImageBindProcessor, tmp_path: Path) -> None:
    samples = RNG.normal(size=(6, 2000)).astype(np.float32)
    assert torch.equal(processor.imu(samples), torch.from_numpy(samples))
    assert torch.equal(processor.imu(samples.T), torch.from_numpy(samples))
    np.savetxt(tmp_path / "i.csv", samples.T, delimiter=",")
    torch.testing.assert_close(processor.imu(tmp_path / "i.csv"), torch.from_numpy(samples))


def test_texts_need_a_merges_file(processor: ImageBindProcessor, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="merges"):
        processor.text(["a dog"])
    (tmp_path / "m.txt").write_text("#version\nd o\ndo g</w>\n")
    settings = ProcessorSettings(
        text=TextSettings(merges="m.txt", vocab_size=None, context_length=6)
    )
    reader = ImageBindProcessor(settings, tmp_path)
    assert reader.text(["dog"]).tolist() == [[514, 513, 515, 0, 0, 0]]
    reader.save_pretrained(tmp_path / "copy")
    again = ImageBindProcessor.from_pretrained(tmp_path / "copy")
    assert torch.equal(again.text(["dog dodo"]), reader.text(["dog dodo"]))
    with pytest.raises(InputError):
        reader.text([])


NAN = np.full((10, 3), np.nan)
REFUSED: list[Callable[[ImageBindProcessor], object]] = [
    lambda p: p.image(PICTURE.astype(np.float32)),
    lambda p: p.image(PICTURE[..., :2]),
    lambda p: p.image(np.zeros((0, 5, 3), np.uint8)),
    lambda p: p.image(np.zeros((1, 5000, 3), np.uint8)),
    lambda p: p.audio(SECOND),
    lambda p: p.audio(SECOND[:300], 16000),
    lambda p: p.audio(np.zeros(0, np.float32), 16000),
    lambda p: p.audio(SECOND * np.nan, 16000),
    lambda p: p.audio(SECOND.astype(np.int64), 16000),
    lambda p: p.audio(SECOND[:, None], 16000),
    lambda p: p.audio(SECOND, 0),
    lambda p: p.points(NAN),
    lambda p: p.points(np.zeros((0, 3))),
    lambda p: p.points(np.zeros((5, 2))),
    lambda p: p.points(np.array([["a", "b", "c"]])),
    lambda p: p.video(np.zeros((3, 8, 8, 3), np.uint8)),
    lambda p: p.video(np.zeros((0, 8, 8, 3), np.uint8), 10),
    lambda p: p.video(np.zeros((3, 8, 8, 3), np.uint8), 0),
    lambda p: p.depth(NAN),
    lambda p: p.depth(np.ones((4, 4), np.uint8)),
    lambda p: p.depth(np.ones((1, 4, 4))),
    lambda p: p.thermal(np.full((4, 4), 36.6)),
    lambda p: p.thermal(np.zeros((3, 4, 5), np.float32)),
    lambda p: p.imu(np.zeros((6, 1999))),
]


@pytest.mark.parametrize("use", REFUSED)
def test_unusable_arrays_are_refused_in_one_line(
    processor: ImageBindProcessor, use: Callable[[ImageBindProcessor], object]
) -> None:
    with pytest.raises(InputError) as caught:
        use(processor)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["image", "audio", "video", "points", "depth", "thermal", "imu"])
def test_unusable_files_are_refused_in_one_line(
    processor: ImageBindProcessor, tmp_path: Path, kind: str
) -> None:
    use: Callable[[Path], object] = getattr(processor, kind)
    names = {"image": "x.png", "audio": "x.wav", "video": "x.mp4", "points": "x.ply"}
    names |= {"depth": "x.npy", "thermal": "x.png", "imu": "x.csv"}
    file = tmp_path / names[kind]
    cases: list[bytes | None] = [None, b"", b"no such format\n" * 10, bytes(range(256)) * 20]
    for content in cases:
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(InputError) as caught:
            use(file)
        assert "\n" not in str(caught.value) and str(file) in str(caught.value)
    with pytest.raises(InputError, match="directory"):
        use(tmp_path)


def test_cut_off_files_are_refused(processor: ImageBindProcessor, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), PICTURE)
    soundfile.write(tmp_path / "s.flac", SECOND, 16000)
    for file, use in (
        (tmp_path / "p.png", processor.image),
        (tmp_path / "s.flac", processor.audio),
    ):
        file.write_bytes(file.read_bytes()[:200])
        with pytest.raises(InputError):
            use(file)


def test_huge_pictures_are_refused_before_decoding(
    processor: ImageBindProcessor, tmp_path: Path
) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    file = tmp_path / "bomb.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x"))
    with pytest.raises(InputError, match=r"60000x60000|bomb"):
        processor.image(file)


def test_settings_file_is_readable_json(processor: ImageBindProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    body = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert body["point"] == {"normalisation": "metric", "count": 64, "floor": 0.0, "seed": 0}
