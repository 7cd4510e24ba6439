"""Images of ROS in every encoding: right colours, depth in metres, or an error naming it."""

import io
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.image import read_image
from sensebind.perception.percept import Modality
from sensebind.perception.sources import ros_images
from sensebind.perception.sources.ros_images import ENCODINGS
from sensebind.perception.sources.ros_kinds import Reading
from sensebind.perception.sources.ros_messages import sample

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
HEIGHT, WIDTH = 8, 12
RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (120, 120, 120)
# BT.601, limited range: what ITU-R BT.601 gives for them.
YUV = {RED: (81, 90, 240), BLUE: (41, 240, 110), GREY: (119, 128, 128)}
SCENE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
"""Red on the left, blue on the right, grey at the bottom; no edge divides two pixels' chroma."""
SCENE[:, : WIDTH // 2], SCENE[:, WIDTH // 2 :], SCENE[HEIGHT // 2 :] = RED, BLUE, GREY
GREY_SCENE = np.zeros((HEIGHT, WIDTH), np.uint8)
GREY_SCENE[:, WIDTH // 2 :], GREY_SCENE[HEIGHT // 2 :] = 255, 120
HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=5), frame_id="optical")
COLOURS = {"r": 0, "g": 1, "b": 2}


def yuv() -> np.ndarray:
    """The scene as [H, W, 3] Y, U, V."""
    found = np.zeros_like(SCENE)
    for colour, value in YUV.items():
        found[np.equal(SCENE, colour).all(axis=-1)] = value
    return found


def packed(encoding: str) -> np.ndarray:
    """The scene as rows of samples, [rows, samples] uint8 or uint16."""
    if encoding.startswith("nv"):
        y, u, v = np.moveaxis(yuv(), -1, 0)
        step = 1 if encoding in ("nv24", "nv42") else 2
        pair = (u, v) if encoding in ("nv12", "nv24") else (v, u)
        chroma = np.stack([one[::step, ::step] for one in pair], -1)
        return np.concatenate([y, chroma.reshape(-1, WIDTH)])
    if encoding in ("yuv422", "uyvy", "yuyv", "yuv422_yuy2"):
        y, u, v = np.moveaxis(yuv(), -1, 0)
        chroma = np.where(np.arange(WIDTH) % 2 == 0, u, v)  # U and V by turns
        both = [y, chroma] if encoding in ("yuyv", "yuv422_yuy2") else [chroma, y]
        return np.stack(both, -1).reshape(HEIGHT, -1)
    deep = encoding.endswith("16")
    same = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8"}.get(encoding, encoding)
    name = same.rstrip("0123456789")
    if name == "mono":
        samples = GREY_SCENE
    elif name.startswith("bayer"):
        pattern = np.array([COLOURS[c] for c in name[-4:]]).reshape(2, 2)
        which = np.tile(pattern, (HEIGHT // 2, WIDTH // 2))
        samples = np.take_along_axis(SCENE, which[..., None], -1)[..., 0]
    else:
        alpha = np.zeros((HEIGHT, WIDTH, 1), np.uint8)  # padding: it must not matter
        whole = np.concatenate([SCENE, alpha], -1)
        samples = whole[..., ["rgba".index(c) for c in name]].reshape(HEIGHT, -1)
    return samples.astype(np.uint16) * 257 if deep else samples


def message(encoding: str, samples: np.ndarray, padding: int = 0, big: bool = False) -> Any:
    order = samples.dtype.newbyteorder(">" if big else "<")
    rows = np.ascontiguousarray(samples, order).view(np.uint8)
    step = rows.shape[1] + padding
    if encoding in ("nv24", "nv42"):  # a row of chroma is as long as two of luma
        luma = np.pad(rows[:HEIGHT], ((0, 0), (0, padding)), constant_values=99)
        chroma = np.pad(rows[HEIGHT:].reshape(HEIGHT, -1), ((0, 0), (0, 2 * padding)))
        data = luma.tobytes() + chroma.tobytes()
    else:
        data = np.pad(rows, ((0, 0), (0, padding)), constant_values=99).tobytes()
    return SimpleNamespace(
        header=HEADER,
        height=HEIGHT,
        width=WIDTH,
        encoding=encoding,
        is_bigendian=int(big),
        step=step,
        data=data,
    )


def assert_scene(found: np.ndarray, encoding: str) -> None:
    assert (found.dtype, found.shape) == (np.uint8, (HEIGHT, WIDTH, 3))
    grey = "mono" in encoding or encoding == "8UC1"
    wanted = np.repeat(GREY_SCENE[..., None], 3, -1) if grey else SCENE
    inner = np.ones((HEIGHT, WIDTH), bool)
    if "bayer" in encoding:  # at edges colours are guessed
        inner[[0, -1, HEIGHT // 2 - 1, HEIGHT // 2]] = False
        inner[:, [0, -1, WIDTH // 2 - 1, WIDTH // 2]] = False
    np.testing.assert_allclose(found[inner].astype(int), wanted[inner], atol=4)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("padding", [0, 6])
def test_every_encoding_has_its_colours(encoding: str, padding: int) -> None:
    for big in (False, True):
        read = sample(message(encoding, packed(encoding), padding, big), IMAGE)
        assert_scene(read.data, encoding)
        assert (read.modality, read.captured_at) == (Modality.VISION, 10**9 + 5)


def test_a_step_of_0_and_a_last_row_without_padding() -> None:
    one = message("bgr8", packed("bgr8"), padding=6)
    one.data = one.data[:-6]
    assert_scene(sample(one, IMAGE).data, "bgr8")
    one = message("bgr8", packed("bgr8"))
    one.step = 0
    assert_scene(sample(one, IMAGE).data, "bgr8")


@pytest.mark.parametrize(
    "encoding", ["8UC2", "16SC1", "32SC1", "64FC1", "16UC3", "bayer_rgbb8", "smell8", ""]
)
def test_other_encodings_are_named(encoding: str) -> None:
    one = message(encoding, np.zeros((HEIGHT, 8 * WIDTH), np.uint8))
    with pytest.raises(InputError, match=f"encoding '{encoding}' .*rgb8, bgr8"):
        sample(one, IMAGE)
    with pytest.raises(InputError, match=f"encoding '{encoding}' is not depth"):
        sample(one, IMAGE, Reading(depth=True))


@pytest.mark.parametrize(("encoding", "width"), [("yuyv", 3), ("nv12", 3), ("nv21", 3)])
def test_odd_sizes_without_whole_chroma_are_refused(encoding: str, width: int) -> None:
    one = message(encoding, np.zeros((HEIGHT, 40), np.uint8))
    one.width = width
    with pytest.raises(InputError, match=f"'{encoding}' of (an )?odd"):
        sample(one, IMAGE)


def test_distances_are_no_brightness_unless_asked_for() -> None:
    millimetres = np.full((HEIGHT, WIDTH), 1500, np.uint16)
    millimetres[0, 0] = 0
    metres = millimetres.astype(np.float32) / 1000
    metres[0, 0] = np.nan
    for encoding, plane in (("16UC1", millimetres), ("32FC1", metres)):
        with pytest.raises(InputError, match=f"'{encoding}' hold distances.*depth: true"):
            sample(message(encoding, plane), IMAGE)
        for big in (False, True):
            read = sample(message(encoding, plane, 4, big), IMAGE, Reading(depth=True))
            assert read.modality is Modality.DEPTH and read.data.dtype == np.float32
            assert read.data[0, 0] == 0
            np.testing.assert_allclose(read.data[1:], 1.5)
        ramp = (plane * 0 + np.arange(WIDTH) * 100).astype(plane.dtype)
        grey = sample(message(encoding, ramp), IMAGE, Reading(range="auto")).data
        assert (grey[3, 0, 0], grey[3, -1, 0]) == (0, 255)


def test_a_camera_of_12_bits_is_dark_until_it_is_stretched() -> None:
    twelve = np.broadcast_to(np.linspace(0, 4095, WIDTH).astype(np.uint16), (HEIGHT, WIDTH))
    assert sample(message("mono16", twelve), IMAGE).data.max() == 16  # 4095 of 65535
    assert sample(message("mono16", twelve), IMAGE, Reading(range="auto")).data.max() == 255


def compressed(data: bytes, form: str) -> Any:
    return SimpleNamespace(header=HEADER, format=form, data=data)


def encoded(pixels: np.ndarray, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, pixels)[1].tobytes()


def test_compressed_pictures_of_8_and_16_bits() -> None:
    for depth in (1, 257):
        pixels = SCENE[..., ::-1].astype(np.uint8 if depth == 1 else np.uint16) * depth
        form = "rgb8; png compressed bgr8" if depth == 1 else "bgr16; png compressed bgr16"
        assert_scene(sample(compressed(encoded(pixels), form), COMPRESSED).data, "bgr8")
    grey = encoded(GREY_SCENE.astype(np.uint16) * 257)
    assert_scene(sample(compressed(grey, "mono16; png compressed"), COMPRESSED).data, "mono16")
    raw = encoded(packed("bayer_gbrg8"))
    read = sample(compressed(raw, "bayer_gbrg8; png compressed"), COMPRESSED)
    assert_scene(read.data, "bayer_gbrg8")


@pytest.mark.parametrize(
    ("form", "exchanged"),
    [  # by compressed_subscriber.cpp of compressed_image_transport
        ("jpeg", False),
        ("png", False),
        ("jpg", False),
        ("rgb8; jpeg compressed bgr8", False),
        ("bgr8; jpeg compressed bgr8", False),
        ("rgba8; png compressed bgr8", False),
        ("rgb16; png compressed bgr16", False),
        ("yuv422_yuy2; jpeg compressed bgr8", False),
        ("rgb8; jpeg compressed", True),
        ("rgb8; jpeg compressed ", True),
        ("bgr8; jpeg compressed", True),
        ("bgra8; png compressed", True),
        ("rgb16; png compressed", True),
        ("rgb8; jpeg compressed rgb8", True),
    ],
)
def test_a_format_says_in_which_order_colours_were_compressed(
    form: str, exchanged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What was given to OpenCV as RGB, though it takes blue to be first, looks blue in a viewer."""
    deep = 257 if "16" in form else 1
    scene = np.kron(SCENE, np.ones((8, 8, 1), np.uint8)).astype(np.uint16 if deep > 1 else np.uint8)
    given = scene if exchanged else scene[..., ::-1]
    ending = ".png" if "png" in form else ".jpg"
    ros_images._exchanged.cache_clear()
    read = sample(compressed(encoded(np.ascontiguousarray(given) * deep, ending), form), COMPRESSED)
    np.testing.assert_allclose(read.data[4, 4].astype(int), RED, atol=6)
    np.testing.assert_allclose(read.data[4, -4].astype(int), BLUE, atol=6)
    assert ("exchanged" in caplog.text) is exchanged


def test_transparency_of_a_compressed_picture_is_composited() -> None:
    clear = np.zeros((4, 4, 4), np.uint8)  # black, and nothing of it can be seen
    assert (sample(compressed(encoded(clear), "png"), COMPRESSED).data == 255).all()


def test_a_compressed_picture_is_what_its_file_is(tmp_path: Path) -> None:
    """Transparency by palette, sBIT, two channels: what `ask --image` reads from the same file."""
    path = tmp_path / "p.png"
    clear = Image.fromarray(np.arange(96, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 4, "P")
    clear.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    clear.save(path, transparency=0)
    twelve = cv2.imencode(".png", GREY_SCENE.astype(np.uint16) * 16 + 1)[1].tobytes()
    sbit = b"\0\0\0\1sBIT\x0c" + struct.pack(">I", zlib.crc32(b"sBIT\x0c"))
    both = Image.fromarray(np.dstack([GREY_SCENE, 255 - GREY_SCENE]), "LA")
    for data in (path.read_bytes(), twelve[:33] + sbit + twelve[33:], None):
        if data is None:
            both.save(path)
        else:
            path.write_bytes(data)
        read = sample(compressed(path.read_bytes(), "png"), COMPRESSED)
        np.testing.assert_array_equal(read.data, read_image(path))
    path.write_bytes(twelve[:33] + sbit + twelve[33:])
    assert (
        sample(compressed(path.read_bytes(), "png"), COMPRESSED).data.max() == 254
    )  # 4081 of 4095


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_compressed_pictures_are_upright(form: str) -> None:
    scene = Image.fromarray(np.kron(SCENE, np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    out = io.BytesIO()
    scene.transpose(Image.Transpose.ROTATE_90).save(out, form, exif=exif, quality=100)
    read = sample(compressed(out.getvalue(), form), COMPRESSED).data
    assert read.shape == (8 * HEIGHT, 8 * WIDTH, 3)
    np.testing.assert_allclose(read[4, 4].astype(int), RED, atol=6)
    np.testing.assert_allclose(read[4, -4].astype(int), BLUE, atol=6)


def test_compressed_depth() -> None:
    plane = np.full((4, 5), 1500, np.uint16)
    plane[0] = 0
    header = struct.pack("<iff", 0, 0, 0)
    a, b = 100 * 101.0, 1 - 100 * 101.0 / 10  # depth_quantization 100, depth_max 10 m
    inverse = np.where(plane > 0, a / 1.5 + b, 0).astype(np.uint16)
    for data, form in (
        (encoded(plane), "16UC1; png compressed"),
        (header + encoded(plane), "16UC1; compressedDepth png"),
        (header + encoded(plane), "16UC1; compressedDepth"),
        (struct.pack("<iff", 0, a, b) + encoded(inverse), "32FC1; compressedDepth png"),
    ):
        read = sample(compressed(data, form), COMPRESSED, Reading(depth=True))
        assert read.modality is Modality.DEPTH
        assert (read.data[0] == 0).all()
        np.testing.assert_allclose(read.data[1:], 1.5, atol=1e-3)
        with pytest.raises(InputError, match=r"(16UC1|32FC1)' hold distances"):
            sample(compressed(data, form), COMPRESSED)


@pytest.mark.parametrize(
    ("data", "form", "depth", "why"),
    [
        (b"\0\0\0\1\x67\x42\0\x1e", "h264", False, "as video .'h264'.*convert to JPEG"),
        (b"x" * 40, "16UC1; compressedDepth rvl", True, "RVL is not read"),
        (encoded(SCENE), "rgb8; png compressed", True, "depth .* not uint8"),
        (b"x" * 40, "32FC1; compressedDepth png", True, "without a PNG"),
        (
            struct.pack("<iff", 0, 1, 1) + encoded(SCENE),
            "32FC1; compressedDepth png",
            True,
            "not 16 bits",
        ),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, form: str, depth: bool, why: str) -> None:
    with pytest.raises(InputError, match=why):
        sample(compressed(data, form), COMPRESSED, Reading(depth=depth))


@settings(max_examples=200, deadline=None)
@given(
    encoding=st.sampled_from([*ENCODINGS, "16UC1", "32FC1", "8UC2"]),
    height=st.integers(-1, 9),
    width=st.integers(-1, 9),
    step=st.integers(-2, 90),
    big=st.booleans(),
    depth=st.booleans(),
    automatic=st.booleans(),
    data=st.binary(max_size=400),
)
def test_any_image_is_read_or_refused(
    encoding: str,
    height: int,
    width: int,
    step: int,
    big: bool,
    depth: bool,
    automatic: bool,
    data: bytes,
) -> None:
    one = SimpleNamespace(
        header=HEADER,
        height=height,
        width=width,
        step=step,
        encoding=encoding,
        is_bigendian=big,
        data=data,
    )
    try:
        read = sample(one, IMAGE, Reading(depth, "auto" if automatic else "declared"))
    except InputError:
        return
    assert read.data.shape[:2] == (height, width) and np.isfinite(read.data).all()
