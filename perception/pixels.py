"""Rules that hold for every picture, whatever it came in: range, transparency, orientation.

Files, messages of ROS, videos and cameras all use these functions, so that one scene is one
picture. The rules are on the page docs/inputs.md.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from sensebind.errors import InputError

log = logging.getLogger(__name__)

Range = Literal["declared", "auto"]
"""How numbers become brightness: by what the format declares, or by what the picture holds."""

GROUND = 255
"""What lies behind transparent pixels: white, as in browsers and on paper."""

_SIXTEEN_BITS = 65_535
_HOW = "declare the range in the file (PNG's sBIT, PGM's maxval) or choose range: auto"


def to_uint8(
    array: np.ndarray,
    *,
    declared_max: float | None = None,
    range: Range = "declared",
    what: str = "the picture",
) -> np.ndarray:
    """Scale samples of any depth to 8 bits.

    Black is 0 and white is the largest value that the format declares, so that two frames of one
    camera are scaled alike. What the picture itself holds decides with `range="auto"` only.

    Args:
        array: Any shape; integers, floats or booleans, not negative. Unsigned 8 bits without a
            declared range are returned as they are.
        declared_max: White, as declared by the format: PGM's maxval, 4095 for a 12-bit camera,
            65535 for `mono16` of ROS. None where nothing is declared. Then white is 65,535 for
            integers of 16 bits and for wider ones that fit into 16, with a warning (one for each
            `what`); 1 for floats up to 1, and 255, with a warning, for floats up to 255.
        range: `"auto"` stretches what lies between `steady_range` of the finite samples.
        what: What is scaled, for messages.

    Returns:
        uint8, the shape of `array`.

    Raises:
        InputError: Negative or not finite samples, wide integers or floats of unknown range, or
            another type.
    """
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype.kind not in "uif":
        raise InputError(f"{what} holds {array.dtype}; a picture holds integers or floats")
    if not array.size:
        return array.astype(np.uint8)
    if range == "auto":
        low, high = steady_range(array)
        with np.errstate(invalid="ignore"):
            scaled = (array.astype(np.float64) - low) / max(high - low, np.finfo(float).tiny)
        return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 1) * 255).astype(np.uint8)
    if array.dtype == np.uint8 and declared_max is None:
        return array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{what} contains NaN or infinity: {_HOW}")
    if array.min() < 0:
        raise InputError(f"{what} holds negative values, to {array.min()}: {_HOW}")
    white = _white(array, what) if declared_max is None else declared_max
    if not white > 0:
        raise InputError(f"{what} declares a largest value of {white}")
    if array.dtype == np.uint16 and white <= _SIXTEEN_BITS:  # streams of 16 bits: one look-up
        return _table(float(white))[array]
    return np.rint(np.clip(array / np.float64(white), 0, 1) * 255).astype(np.uint8)


def steady_range(array: np.ndarray) -> tuple[float, float]:
    """Return the darkest and the brightest value of a picture that is more than a single pixel.

    A dead or hot pixel, also a line one pixel wide, does not count: the extremes are taken behind
    a 3 x 3 median filter. Percentiles would cut off what is small and hot, such as a person far
    away, which is often what a thermal camera is for.

    Args:
        array: [H,W] or [H,W,C]; samples that are not finite do not count. Other shapes are taken
            as they are, without a filter.

    Returns:
        Low and high; equal if the picture is flat, 0 and 0 if nothing in it is finite.
    """
    values = array.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 0.0
    if array.ndim in (2, 3) and min(array.shape[:2]) >= 3:
        filled = np.where(finite, values, np.median(values[finite])).astype(np.float32)
        planes = filled[..., None] if array.ndim == 2 else filled
        steady = [cv2.medianBlur(np.ascontiguousarray(p), 3) for p in np.moveaxis(planes, -1, 0)]
        return float(min(p.min() for p in steady)), float(max(p.max() for p in steady))
    return float(values[finite].min()), float(values[finite].max())


def on_ground(pixels: np.ndarray) -> np.ndarray:
    """Composite transparent pixels on white, and bring grey to RGB.

    Args:
        pixels: uint8 [H,W] grey, [H,W,2] grey and alpha, [H,W,3] RGB or [H,W,4] RGBA. Alpha is
            straight (not premultiplied): 255 is opaque.

    Returns:
        uint8 [H,W,3] RGB: `alpha * colour + (1 - alpha) * white`.

    Raises:
        InputError: Another shape.
    """
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=-1)
    channels = pixels.shape[-1] if pixels.ndim == 3 else 0
    if channels == 3:
        return pixels
    if channels not in (2, 4):
        raise InputError(f"a picture is [H,W] or [H,W,2 to 4], not {list(pixels.shape)}")
    alpha = pixels[..., -1:].astype(np.uint32)
    colour = pixels[..., :-1].astype(np.uint32)
    mixed = ((colour * alpha + GROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.repeat(mixed, 3, axis=-1) if channels == 2 else mixed


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as its EXIF orientation says.

    Args:
        pixels: [H,W] or [H,W,C] as stored.
        orientation: Tag 0x0112 of EXIF 2.32, 1 to 8: where row 0 and column 0 of what is stored
            lie in what was seen. 6, for example, has to be turned by 90 degrees clockwise. Other
            values count as 1.

    Returns:
        The picture as it was seen; contiguous.
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _white(array: np.ndarray, what: str) -> float:
    """White of samples whose format declares none."""
    highest = array.max()
    if array.dtype.kind == "f":
        if highest <= 1:
            return 1.0
        if highest > 255:
            raise InputError(f"{what} holds floats up to {highest:g} of unknown range: {_HOW}")
        _warn(what, f"floats and values above 1: white is taken as 255; {_HOW}")
        return 255.0
    if array.dtype.itemsize == 1:
        return float(np.iinfo(array.dtype).max)
    if highest > _SIXTEEN_BITS:
        raise InputError(f"{what} holds integers up to {highest} of unknown range: {_HOW}")
    white = 32_767.0 if array.dtype == np.int16 else float(_SIXTEEN_BITS)
    _warn(what, f"more than 8 bits and no declared range: white is taken as {white:,.0f}; {_HOW}")
    return white


@lru_cache(maxsize=1024)
def _warn(what: str, text: str) -> None:
    """Log a warning, once for each thing: a stream has thousands of pictures."""
    log.warning("%s has %s", what, text)


@lru_cache(maxsize=16)
def _table(white: float) -> np.ndarray:
    """The 8-bit value of each 16-bit sample, uint8 [65536]."""
    return np.rint(np.clip(np.arange(1 << 16) / white, 0, 1) * 255).astype(np.uint8)
