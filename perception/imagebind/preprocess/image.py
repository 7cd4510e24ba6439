"""Images: shorter side to size with an antialiased bicubic filter, centre crop, CLIP statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked

MAX_PIXELS = 80_000_000
MAX_ASPECT = 50


def read_image(path: str | Path) -> np.ndarray:
    """Decodes a picture as RGB.

    Returns:
        uint8 [H,W,3].

    Raises:
        InputError: Missing, empty, huge, damaged, or not a picture.
    """
    file = checked(path, "image")
    try:
        with Image.open(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"image {file} has {width}x{height} pixels; at most {MAX_PIXELS:,} are read"
                )
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"image {file} cannot be decoded: {one_line(error)}") from error


def rgb(image: np.ndarray) -> np.ndarray:
    """Checks one picture and brings it to uint8 [H,W,3].

    Args:
        image: uint8 [H,W,3] RGB, [H,W,4] RGBA (alpha is dropped) or [H,W] grey.

    Raises:
        InputError: Another type or shape, or sides too unequal to crop a square from.
    """
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise InputError(f"an image is uint8 0..255, not {array.dtype}")
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=-1)
    if array.ndim != 3 or array.shape[-1] not in (3, 4) or 0 in array.shape:
        raise InputError(f"an image is [H,W,3], [H,W,4] or [H,W], not {list(array.shape)}")
    height, width = array.shape[:2]
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise InputError(f"an image of {width}x{height} is too narrow; trim it first")
    return array[..., :3]


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
