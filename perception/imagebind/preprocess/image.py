"""Images: shorter side to size with an antialiased bicubic filter, centre crop, CLIP statistics."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.deep_images import (
    Deep,
    deep_samples,
    transparent_grey,
)
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.pixels import Range, on_ground, to_uint8, upright

MAX_PIXELS = 80_000_000
MAX_ASPECT = 50
ORIENTATION = 0x0112  # EXIF's tag


def read_image(path: str | Path, *, range: Range = "declared") -> np.ndarray:
    """Decodes an image file as RGB, as a person sees it; see `decode_image`.

    Raises:
        InputError: Missing, empty, huge, damaged, or not a picture.
    """
    file = checked(path, "image")
    try:
        with file.open("rb") as stream:
            return decode_image(stream, f"image {file}", range=range)
    except OSError as error:
        raise InputError(f"image {file} cannot be opened: {one_line(error)}") from error


def decode_image(
    stream: BinaryIO,
    what: str,
    *,
    declared_max: float | None = None,
    range: Range = "declared",
) -> np.ndarray:
    """Decodes an image as RGB, as a person sees it.

    Turned as its EXIF orientation says (JPEG, PNG, WEBP, TIFF), transparent pixels composited on
    white, more than 8 bits scaled by the range that the format declares. Of an animation the first
    picture.

    Args:
        stream: The file; anything that can be read and sought.
        what: What it is, for messages.
        declared_max: White of more than 8 bits, as whoever sends the file declares it (an encoding
            of ROS), where the file itself declares nothing.
        range: See `pixels.to_uint8`.

    Returns:
        uint8 [H,W,3].

    Raises:
        InputError: Huge, damaged, of unknown range, or not a picture.
    """
    with decoded(stream, what) as (image, deep):
        if deep is None:
            pixels = eight_bits(image)
            pixels = to_uint8(pixels, range=range) if range == "auto" else pixels
        else:
            white = declared_max if deep.declared_max is None else deep.declared_max
            pixels = to_uint8(deep.samples, declared_max=white, range=range, what=what)
            pixels = 255 - pixels if deep.inverted else pixels
            if deep.alpha is not None:
                pixels = np.dstack([pixels, deep.alpha])
        return upright(on_ground(pixels), orientation_of(image))


@contextmanager
def decoded(stream: BinaryIO, what: str) -> Iterator[tuple[Image.Image, Deep | None]]:
    """Gives an image that Pillow has loaded, and its samples where they have more than 8 bits.

    Raises:
        InputError: Huge, damaged, or not a picture.
    """
    try:
        with Image.open(stream) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"{what} has {width}x{height} pixels; at most {MAX_PIXELS:,} are read"
                )
            image.load()
            if (grey := transparent_grey(image, stream)) is not None:
                image.info["transparency"] = grey
            yield image, deep_samples(image, stream)
    except InputError as error:
        message = str(error)
        raise error if what in message else InputError(f"{what}: {message}") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{what} is not a picture, or of a kind that is not read: save it as PNG, JPEG or a "
            "TIFF of 8 or 16 bits"
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{what} cannot be decoded: {one_line(error)}") from error


def eight_bits(image: Image.Image) -> np.ndarray:
    """An image of 8 bits and fewer, as uint8 [H,W,3] RGB or, with transparency, [H,W,4] RGBA."""
    # RGBa is RGBA with colours multiplied by alpha, as some TIFFs have it; Pillow divides.
    see_through = image.has_transparency_data or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    if image.mode == "La":  # Pillow converts it to LA alone
        image = image.convert("LA")
    mode = "RGBA" if see_through else "RGB"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation of an image that is loaded, 1 to 8; 1 where it has none that is readable.

    Pillow turns TIFFs while it loads them, and takes the tag away.
    """
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error):
        return 1  # metadata that cannot be read, of a picture that can
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def rgb(image: np.ndarray) -> np.ndarray:
    """Checks one picture and brings it to uint8 [H,W,3].

    Args:
        image: uint8 [H,W,3] RGB, [H,W,4] RGBA (composited on white) or [H,W] grey.

    Raises:
        InputError: Another type or shape, or sides too unequal to crop a square from.
    """
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise InputError(
            f"an image is uint8 0..255, not {array.dtype}: scale it with perception.pixels.to_uint8"
        )
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)) or 0 in array.shape:
        raise InputError(f"an image is [H,W,3], [H,W,4] or [H,W], not {list(array.shape)}")
    height, width = array.shape[:2]
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise InputError(f"an image of {width}x{height} is too narrow; trim it first")
    return on_ground(array)


def image_tensor(
    image: np.ndarray, size: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """One picture as the vision trunk takes it.

    Args:
        image: See `rgb`.
        size: Side of the result.
        mean: Per channel, subtracted from values in 0..1.
        std: Per channel, divided by.

    Returns:
        float32 [3,size,size].

    Raises:
        InputError: Not a picture.
    """
    picture = Image.fromarray(np.ascontiguousarray(rgb(image)))
    width, height = picture.size
    short, long = min(width, height), max(width, height)
    longer = int(size * long / short)
    wanted = (size, longer) if width <= height else (longer, size)
    if picture.size != wanted:
        picture = picture.resize(wanted, Image.Resampling.BICUBIC)
    left, top = (int(round((side - size) / 2)) for side in picture.size)  # noqa: RUF046
    pixels = np.asarray(picture)[top : top + size, left : left + size]
    return normalise(torch.from_numpy(pixels.transpose(2, 0, 1) / np.float32(255)), mean, std)


def normalise(x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """(x - mean) / std of pictures [...,3,H,W]."""
    shape = (-1, 1, 1)
    return (x - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)
