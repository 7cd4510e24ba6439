"""Images of ROS in the encodings that drivers publish, as RGB or as metres.

Encodings are those of `sensor_msgs/image_encodings.hpp`. Samples of 16 bits are white at 65,535, as
the encoding declares; a camera of 12 bits in `mono16` is dark, and `range: auto` stretches it.
`16UC1` and `32FC1` are depth by REP 118 (millimetres, metres), and read only where depth is asked
for. The fourth channel of a raw camera image is padding, and ignored. A compressed image is a file
in a message, and decoded as one (see `preprocess.image`): upright, composited on white.
"""

from __future__ import annotations

import io
import logging
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.image import (
    decode_image,
    decoded,
    orientation_of,
)
from sensebind.perception.pixels import Range, on_ground, to_uint8, upright

log = logging.getLogger(__name__)

MAX_PIXELS = 64_000_000
_SIXTEEN_BITS = 65_535
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_VIDEO = ("h264", "h265", "hevc", "vp8", "vp9", "av1", "mpeg")
_COLOURS = re.compile("(?:rgb|bgr)a?(?:8|16)")  # what `isColor` of image_encodings.hpp counts
_DEPTH_HEADER = struct.Struct("<iff")  # of compressedDepth: unused, quantization A and B


@dataclass(frozen=True, slots=True)
class _Packed:
    """An encoding whose pixels lie next to each other.

    Attributes:
        channels: Samples of a pixel.
        bits: Of a sample: 8 or 16.
        convert: From uint8 [H,W] or [H,W,channels] to RGB.
    """

    channels: int
    bits: int
    convert: Callable[[np.ndarray], np.ndarray]


def _cv(code: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _packed() -> dict[str, _Packed]:
    found = {}
    for bits in (8, 16):
        for name, channels, convert in (
            ("rgb", 3, np.ascontiguousarray),
            ("bgr", 3, _cv(cv2.COLOR_BGR2RGB)),
            ("rgba", 4, _cv(cv2.COLOR_RGBA2RGB)),
            ("bgra", 4, _cv(cv2.COLOR_BGRA2RGB)),
            ("mono", 1, _cv(cv2.COLOR_GRAY2RGB)),
            # OpenCV names a pattern by its second row, from the second column on.
            ("bayer_rggb", 1, _cv(cv2.COLOR_BayerBG2RGB)),
            ("bayer_bggr", 1, _cv(cv2.COLOR_BayerRG2RGB)),
            ("bayer_gbrg", 1, _cv(cv2.COLOR_BayerGR2RGB)),
            ("bayer_grbg", 1, _cv(cv2.COLOR_BayerGB2RGB)),
        ):
            found[f"{name}{bits}"] = _Packed(channels, bits, convert)
    for same, name in (("8UC1", "mono8"), ("8UC3", "bgr8"), ("8UC4", "bgra8")):
        found[same] = found[name]
    for names, code in (
        (("yuv422", "uyvy"), cv2.COLOR_YUV2RGB_UYVY),
        (("yuv422_yuy2", "yuyv"), cv2.COLOR_YUV2RGB_YUY2),
    ):
        found |= dict.fromkeys(names, _Packed(2, 8, _cv(code)))
    return found


_PACKED = _packed()
_PLANAR = {  # luma, then rows of chroma pairs
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "nv21": cv2.COLOR_YUV2RGB_NV21,
}
_FULL_CHROMA = {"nv24": (0, 1), "nv42": (1, 0)}  # where U and V are
_DEPTH = {"16UC1": ("u2", 1000.0), "32FC1": ("f4", 1.0)}  # type, units in a metre
ENCODINGS = (*_PACKED, *_PLANAR, *_FULL_CHROMA)
"""Encodings that are read as pictures."""


def image(message: Any, depth: bool = False, range: Range = "declared") -> np.ndarray:
    """A `sensor_msgs/Image` as uint8 [H, W, 3] RGB, or as float32 [H, W] metres.

    Args:
        message: Has the fields of its type.
        depth: Whether it is read as depth; 0 is where it is not known.
        range: How samples of more than 8 bits become brightness, see `pixels.to_uint8`.

    Raises:
        InputError: Its encoding is not understood, or it has less data than it says.
    """
    encoding = str(message.encoding)
    if depth or encoding in _DEPTH:
        return _depth_image(message, encoding, depth, range)
    if encoding in _PLANAR or encoding in _FULL_CHROMA:
        return _planar(message, encoding)
    layout = _PACKED.get(encoding)
    if layout is None:
        raise InputError(
            f"pictures in encoding {encoding!r} are not understood; these are: "
            f"{', '.join(ENCODINGS)}"
        )
    if layout.channels == 2 and int(message.width) % 2:
        raise InputError(f"a picture in {encoding!r} of an odd width, {message.width} pixels")
    kind = "u1" if layout.bits == 8 else _order(message) + "u2"
    pixels = _rows(message, kind, int(message.width) * layout.channels)
    pixels = pixels.reshape(int(message.height), int(message.width), layout.channels)
    return layout.convert(_eight_bits(pixels, layout.bits, range, encoding))


def compressed_image(message: Any, depth: bool = False, range: Range = "declared") -> np.ndarray:
    """A `sensor_msgs/CompressedImage` as uint8 [H, W, 3] RGB, or as float32 [H, W] metres.

    Its format may name the encoding before it was compressed ("16UC1; png compressed"), which says
    what the numbers mean.

    Args:
        message: Has the fields of its type.
        depth: Whether it is read as depth; 0 is where it is not known.
        range: As in `image`.

    Raises:
        InputError: It cannot be decoded, or holds depth where a picture is wanted.
    """
    form = str(message.format)
    encoding = form.partition(";")[0].strip() if ";" in form else ""
    data = bytes(message.data)
    if "compressedDepth" in form:
        _refuse_depth(encoding or "compressedDepth", depth)
        return _compressed_depth(data, form, encoding)
    if any(video in form.lower() for video in _VIDEO):
        raise InputError(
            f"pictures compressed as video ({form!r}) need the ones before: convert to JPEG first"
        )
    what = f"a compressed picture ({form!r})"
    if depth or (encoding in _DEPTH and range != "auto"):
        _refuse_depth(encoding or form, depth)
        return _metres(_stored(data, what), form)
    layout = _PACKED.get(encoding)
    if layout is not None and encoding.startswith("bayer_"):
        samples = _stored(data, what)
        if samples.ndim == 2:
            return layout.convert(_eight_bits(samples, layout.bits, range, encoding))
    exchanged = _exchanged(form)
    if data.startswith(_JPEG) and range == "declared":
        return _jpeg(data, what, exchanged)
    declared = None if layout is None else float(_SIXTEEN_BITS)
    pixels = decode_image(io.BytesIO(data), what, declared_max=declared, range=range)
    return np.ascontiguousarray(pixels[..., ::-1]) if exchanged else pixels


@lru_cache(maxsize=256)  # and one line of log for each
def _exchanged(form: str) -> bool:
    """Whether red and blue of a compressed image stand in each other's place.

    `sensor_msgs/CompressedImage` writes the format of a colour image as `rgb8; jpeg compressed
    bgr8`: the encoding, the codec, and the order in which OpenCV, which takes blue to be first, was
    given the pixels. Publishers of before 2012 left the order out and gave it red first, so that a
    viewer of JPEGs shows their reds as blue. `compressed_image_transport` exchanges the two
    wherever `compressed bgr` is missing, and so does this.
    """
    encoding, separator, compression = form.partition(";")
    if not separator or not _COLOURS.fullmatch(encoding.strip()) or "compressed bgr" in compression:
        return False
    log.warning(
        "compressed pictures of format %r were compressed with red and blue exchanged, as it names "
        "no 'compressed bgr': they are exchanged again, as compressed_image_transport does",
        form,
    )
    return True


def _jpeg(data: bytes, what: str, exchanged: bool) -> np.ndarray:
    """A JPEG, of 8 bits and opaque: OpenCV turns it upright, too, in half of Pillow's time."""
    order = cv2.IMREAD_COLOR if exchanged else cv2.IMREAD_COLOR_RGB
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), order)
    if pixels is None:
        raise InputError(f"{what} of {len(data)} bytes cannot be decoded")
    return pixels


def _stored(data: bytes, what: str) -> np.ndarray:
    """Samples as they are stored, upright: [H, W] grey of any depth, or [H, W, C] colours."""
    with decoded(io.BytesIO(data), what) as (picture, deep):
        samples = np.asarray(picture) if deep is None else deep.samples
        return upright(samples, orientation_of(picture))


def _eight_bits(pixels: np.ndarray, bits: int, range: Range, encoding: str) -> np.ndarray:
    if bits == 8 and pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    what = f"a picture in {encoding!r}"
    return to_uint8(
        np.ascontiguousarray(pixels), declared_max=_SIXTEEN_BITS, range=range, what=what
    )


def _planar(message: Any, encoding: str) -> np.ndarray:
    """A picture whose luma comes first: NV12, NV21 (a quarter of the chroma), NV24, NV42."""
    height, width = int(message.height), int(message.width)
    if encoding in _FULL_CHROMA:
        step = int(message.step) or width
        luma = _rows(message, "u1", width, step=step)
        after = height * step
        chroma = _rows(message, "u1", 2 * width, step=2 * step, skip=after)
        pairs = chroma.reshape(height, width, 2)[..., list(_FULL_CHROMA[encoding])]
        return _rgb(luma, pairs)
    if height % 2 or width % 2:
        raise InputError(f"a picture in {encoding!r} of odd size, {width} x {height}")
    planes = _rows(message, "u1", width, rows=height * 3 // 2)
    return cv2.cvtColor(planes, _PLANAR[encoding])


def _rgb(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """BT.601 of limited range, as OpenCV has it for NV12, where every pixel has its chroma."""
    y = 1.164 * (luma.astype(np.float32) - 16)
    u, v = (chroma[..., i].astype(np.float32) - 128 for i in (0, 1))
    rgb = np.stack([y + 1.596 * v, y - 0.813 * v - 0.391 * u, y + 2.018 * u], axis=-1)
    return np.rint(rgb.clip(0, 255)).astype(np.uint8)


def _depth_image(message: Any, encoding: str, depth: bool, range: Range) -> np.ndarray:
    if not depth and range == "auto":  # shown as grey, because it was asked for
        kind = _DEPTH[encoding][0]
        plane = _rows(message, _order(message) + kind, int(message.width))
        what = f"a picture in {encoding!r}"
        return on_ground(to_uint8(plane, range="auto", what=what))
    _refuse_depth(encoding, depth)
    if encoding == "mono16":  # what some depth cameras call their millimetres
        encoding = "16UC1"
    if encoding not in _DEPTH:
        raise InputError(f"encoding {encoding!r} is not depth; that is in {' or '.join(_DEPTH)}")
    plane = _rows(message, _order(message) + _DEPTH[encoding][0], int(message.width))
    return _metres(plane, encoding)


def _refuse_depth(encoding: str, depth: bool) -> None:
    if not depth:
        raise InputError(
            f"pictures in encoding {encoding!r} hold distances, not brightness: depth: true reads "
            "them as depth, range: auto shows them as grey"
        )


def _metres(plane: np.ndarray, form: str) -> np.ndarray:
    """Millimetres or metres as float32 [H, W] metres; 0 where nothing is known."""
    if plane.ndim != 2 or plane.dtype.kind + str(plane.dtype.itemsize) not in ("u2", "f4"):
        raise InputError(
            f"depth ({form!r}) is one channel of uint16 millimetres or float32 metres, "
            f"not {plane.dtype} {list(plane.shape)}"
        )
    scale = 1000 if plane.dtype.kind == "u" else 1
    metres = plane.astype(np.float32) / np.float32(scale)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))


def _compressed_depth(data: bytes, form: str, encoding: str) -> np.ndarray:
    """What compressed_depth_image_transport writes: 12 bytes, then a PNG of 16 bits.

    Depth in metres (32FC1) is stored as `raw = A / depth + B`, with A and B in the header.
    """
    if len(data) <= _DEPTH_HEADER.size or not data[_DEPTH_HEADER.size :].startswith(_PNG):
        raise InputError(f"{form!r} without a PNG (RVL is not read): set format png in the driver")
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    plane = _stored(data[_DEPTH_HEADER.size :], f"a compressed picture ({form!r})")
    if encoding != "32FC1":
        return _metres(plane, form)
    if plane.ndim != 2 or plane.dtype != np.uint16:
        raise InputError(f"{form!r} holds {plane.dtype} {list(plane.shape)}, not 16 bits [H, W]")
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.float32(a) / (plane.astype(np.float32) - np.float32(b))
    return _metres(np.where(plane > 0, metres, np.float32(0)), form)


def octets(data: Any) -> np.ndarray:
    """The bytes of a message's field, uint8 [N], without a copy where it is an array or bytes."""
    if isinstance(data, np.ndarray) and data.dtype == np.uint8:
        return data.reshape(-1)
    return np.frombuffer(data if isinstance(data, bytes) else bytes(data), np.uint8)


def _order(message: Any) -> str:
    return ">" if message.is_bigendian else "<"


def _rows(
    message: Any, kind: str, samples: int, *, rows: int = 0, step: int = 0, skip: int = 0
) -> np.ndarray:
    """Rows of samples without what pads them, [rows, samples], in the machine's byte order.

    Args:
        message: An Image.
        kind: NumPy's code of a sample.
        samples: Of a row.
        rows: How many there are; by default the height.
        step: Bytes from row to row; by default the message's, or no padding where that is 0.
        skip: Bytes before the first row.

    Raises:
        InputError: The message has less data than it says, or is huge.
    """
    height, width = int(message.height), int(message.width)
    dtype = np.dtype(kind)
    length = samples * dtype.itemsize
    step = step or int(message.step) or length
    rows = rows or height
    if not (height > 0 and width > 0 and height * width <= MAX_PIXELS) or step < length:
        raise InputError(
            f"a picture of {width} x {height} pixels in {message.encoding!r} with rows of "
            f"{step} bytes"
        )
    data = octets(message.data)[skip:]
    # The last row need not be padded.
    needed = (rows - 1) * step + length
    if len(data) < needed:
        raise InputError(
            f"a picture of {width} x {height} pixels in {message.encoding!r} in {len(data)} bytes"
        )
    whole = data[: rows * step]
    if len(whole) < rows * step:
        whole = np.pad(whole, (0, rows * step - len(whole)))
    packed = np.ascontiguousarray(whole.reshape(rows, step)[:, :length])
    return packed.view(dtype).astype(dtype.newbyteorder("="), copy=False)
