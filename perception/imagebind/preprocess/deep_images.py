"""Images of more than 8 bits: their samples as stored, and the white that the format declares.

Pillow 13 reads such files, but its conversion to RGB clips 16-bit grey to white, turns floats up
to 1 black, and drops the low bits of 16-bit colours. Hence the samples are taken as they are, and
scaled by `perception.pixels.to_uint8`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from sensebind.errors import InputError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = 24  # of the bit depth in a PNG: signature, length, "IHDR", width, height
_COLOUR_TYPE_AT, _GREY_AND_ALPHA = 25, 4
_LONGEST_HEADER = 4096
_LONGEST_CHUNK = 6  # bytes of those that are read: sBIT and tRNS
_SIXTEEN_BITS = 65_535
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF 6.0
_PLANES = 284
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED, _APART = 0, 1, 2, 2


@dataclass(frozen=True, slots=True)
class Deep:
    """Samples of an image of more than 8 bits, or of signed ones.

    Attributes:
        samples: [H,W] grey or [H,W,3] RGB as stored: integers or floats, not scaled.
        declared_max: White as the format declares it; None where it declares nothing.
        alpha: uint8 [H,W], 255 is opaque; None where every pixel is.
        inverted: Whether 0 is white.
    """

    samples: np.ndarray
    declared_max: float | None = None
    alpha: np.ndarray | None = None
    inverted: bool = False


def deep_samples(image: Image.Image, stream: BinaryIO) -> Deep | None:
    """Return the samples of an image of more than 8 bits; None for all others.

    Args:
        image: Loaded by Pillow.
        stream: The file that it was loaded from.

    Raises:
        InputError: It cannot be decoded.
    """
    if image.format in ("PNG", "PPM"):
        stream.seek(0)
        head = stream.read(_DEPTH_AT + 1)
        if image.format == "PNG" and head[_DEPTH_AT:] == b"\x10":
            return _png(image, head + stream.read(), stream)
        if image.format == "PPM" and image.mode == "I":
            # Pillow scales to 16 bits; what was stored comes back exactly.
            maxval = _pnm_maxval(head + stream.read(_LONGEST_HEADER))
            raw = np.rint(np.asarray(image) * (maxval / _SIXTEEN_BITS)).astype(np.uint16)
            return Deep(raw, maxval)
    if image.mode == "F":
        return Deep(np.asarray(image), None, None, _white_is_zero(image))
    if image.format == "TIFF" and image.mode in ("L", "RGB", "RGBA", "RGBX"):
        tags = getattr(image, "tag_v2", {})
        [bits, *_] = tags.get(_BITS_PER_SAMPLE) or (8,)
        [kind, *_] = tags.get(_SAMPLE_FORMAT) or (_UNSIGNED,)
        if bits == 8 and kind == _SIGNED and image.mode == "L":
            return Deep(np.asarray(image).view(np.int8))  # findings/pillow_signed_8_bits.sh
        return _tiff_colours(image, stream) if bits == 16 and image.mode != "L" else None
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return None
    samples = np.asarray(image)
    if image.format == "TIFF":
        return _tiff(image, samples)
    # Pillow scales JPEG 2000 of 9 to 16 bits up to 16.
    return Deep(samples, float(_SIXTEEN_BITS) if image.format == "JPEG2000" else None)


def transparent_grey(image: Image.Image, stream: BinaryIO) -> int | None:
    """Return the grey that is transparent in a PNG, in the units of Pillow's samples.

    PNG (third edition, 11.3.1.1, tRNS): a sample as it is stored, in the least significant bits of
    a number of 16; the others are masked. Pillow 13 spreads samples of 1, 2 and 4 bits over 0 to
    255 and compares them with the number as it stands (findings/pillow_transparent_grey.sh).

    Args:
        image: Loaded by Pillow.
        stream: The file that it was loaded from.

    Returns:
        The grey; None where the image is not grey, or has more than 8 bits, or no such grey.
    """
    if image.format != "PNG" or image.mode not in ("1", "L"):
        return None
    key = _chunk(stream, b"tRNS")
    if key is None or len(key) < 2:
        return None
    stream.seek(_DEPTH_AT)
    [bits] = stream.read(1)
    most = (1 << bits) - 1
    return (int.from_bytes(key[:2], "big") & most) * 255 // most


def _png(image: Image.Image, data: bytes, stream: BinaryIO) -> Deep:
    # Pillow has 16 bits of grey as they are stored, and only the high bytes of colours.
    raw = np.asarray(image) if image.mode.startswith("I;16") else _by_opencv(data)
    alpha = None
    if raw.ndim == 3:
        if raw.shape[2] == 4:
            alpha = np.rint(raw[..., 3] / 257).astype(np.uint8)
        # OpenCV has blue first, and makes three equal channels of grey with alpha.
        raw = raw[..., 0] if data[_COLOUR_TYPE_AT] == _GREY_AND_ALPHA else raw[..., 2::-1]
    elif (key := image.info.get("transparency")) is not None:  # one grey that is transparent
        alpha = np.where(raw == key, 0, 255).astype(np.uint8)
    return Deep(raw, _png_white(raw, _chunk(stream, b"sBIT")), alpha)


def _png_white(samples: np.ndarray, significant: bytes | None) -> float | None:
    """White of 16-bit samples in a PNG; None without an sBIT chunk.

    PNG (third edition, 11.3.2.8 and 12.4): sBIT is the number of bits that the camera gave; an
    encoder scales samples up to the full depth, so that the significant bits are the high ones
    and white is 65,535. Many programs leave the samples in the low bits, though. Such a picture
    is known by this: no sample needs more than the significant bits, and the bits below the high
    ones, which scaling up makes zeros or a repetition of the high ones, hold something else.
    """
    if significant is None:
        return None
    colours = significant[:-1] if len(significant) in (2, 4) else significant  # without alpha
    bits = max(colours, default=0)
    if not 1 <= bits < 16 or samples.max() >= 1 << bits:
        return float(_SIXTEEN_BITS)
    high = samples >> (16 - bits)
    zeros = high << (16 - bits)
    rounded = np.rint(high * (_SIXTEEN_BITS / ((1 << bits) - 1))).astype(np.uint16)
    replicated = zeros | zeros >> bits
    scaled = any(np.array_equal(samples, one) for one in (zeros, rounded, replicated))
    return float(_SIXTEEN_BITS if scaled else (1 << bits) - 1)


def _chunk(stream: BinaryIO, wanted: bytes) -> bytes | None:
    """The body of one of the chunks before the samples of a PNG; None if it is not there."""
    at = len(PNG_SIGNATURE)
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head)
        if kind == wanted:
            return stream.read(min(size, _LONGEST_CHUNK))
        if kind == b"IDAT":
            return None
        at += 12 + size


def _pnm_maxval(data: bytes) -> float:
    """The largest value that the header of a PGM declares, the fourth word in it."""
    words: list[bytes] = []
    for line in data.split(b"\n"):
        words += line.partition(b"#")[0].split()
        if len(words) >= 4:
            break
    try:
        maxval = int(words[3])
    except (IndexError, ValueError) as error:
        raise InputError("its header declares no largest value") from error
    if not 0 < maxval <= _SIXTEEN_BITS:
        raise InputError(f"its header declares a largest value of {maxval}")
    return float(maxval)


def _tiff(image: Image.Image, samples: np.ndarray) -> Deep:
    """TIFF 6.0 (BitsPerSample, PhotometricInterpretation): white is 2^bits - 1, or 0.

    MaxSampleValue is not asked: the same page says that it must not change what is shown.
    """
    tags = getattr(image, "tag_v2", {})
    [bits, *_] = tags.get(_BITS_PER_SAMPLE) or (16,)
    [kind, *_] = tags.get(_SAMPLE_FORMAT) or (_UNSIGNED,)
    inverted = _white_is_zero(image)
    if kind == _UNSIGNED and samples.dtype == np.int32:  # Pillow reads them as signed
        samples = samples.view(np.uint32)
    if kind != _UNSIGNED and bits == 16:
        samples = samples.astype(np.int16)
    declared = float((1 << bits) - 1) if kind == _UNSIGNED and bits < 16 else None
    return Deep(samples, declared, None, inverted)


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF says that 0 is white."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _tiff_colours(image: Image.Image, stream: BinaryIO) -> Deep:
    """Colours of 16 bits, of which Pillow keeps the high bytes.

    OpenCV has all bits, but not always the same rules for orientation and alpha: its samples are
    taken where their high bytes are those of Pillow, and the high bytes alone elsewhere.
    """
    if getattr(image, "tag_v2", {}).get(_PLANES) == _APART:  # findings/tiff_planes_of_16_bits.sh
        raise InputError(
            "a TIFF with planes of 16 bits one after the other is not read: save it with "
            "interleaved channels (PlanarConfiguration 1)"
        )
    high = np.asarray(image)
    alpha = high[..., 3] if image.mode == "RGBA" else None
    stream.seek(0)
    raw = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is not None and raw.dtype == np.uint16 and raw.shape[2:] in ((3,), (4,)):
        colours = raw[..., 2::-1]  # OpenCV has blue first
        if colours.shape[:2] == high.shape[:2] and np.array_equal(
            np.right_shift(colours, 8), high[..., :3]
        ):
            return Deep(colours, None, alpha)
    return Deep(high[..., :3].astype(np.uint16) * 257, None, alpha)


def _by_opencv(data: bytes) -> np.ndarray:
    try:
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError("its samples cannot be decoded") from error
    if raw is None or raw.dtype != np.uint16:
        raise InputError("its 16-bit samples cannot be decoded")
    return raw
