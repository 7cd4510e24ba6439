"""Depth, thermal and inertial samples. The published repositories define only the shapes.

What is done here, and from whom it is known, is on the page docs/inputs.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.imagebind.preprocess.image import decoded, eight_bits, orientation_of
from sensebind.perception.pixels import on_ground, steady_range, upright

MAX_BYTES = 512 << 20


def read_numbers(path: str | Path, what: str) -> np.ndarray:
    """Reads an array from .npy, or a table of numbers from .csv.

    Raises:
        InputError: Missing, empty, huge, damaged, or of another format.
    """
    file = checked(path, what, MAX_BYTES)
    try:
        if file.suffix.lower() == ".csv":
            return np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
        return np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise InputError(f"{what} {file} cannot be read: {one_line(error)}") from error


def read_plane(
    path: str | Path, what: str, *, transparent: int | None = None, colours: bool = True
) -> np.ndarray:
    """Reads .npy, or the samples of a picture [H,W] as they are stored; colours become grey.

    More than 8 bits are not scaled, as they are measurements: uint16, integers of 32 bits or
    floats. A picture is turned as its EXIF orientation says; where it is transparent, it is white,
    which measurements have no number for.

    Args:
        path: The file.
        what: What it is, for messages.
        transparent: What stands for transparent measurements; by default the least of the others.
        colours: Whether a picture may have colours. Three equal channels are none: programs save
            grey so.

    Raises:
        InputError: Missing, empty, huge, damaged, of another format, or of colours.
    """
    if Path(path).suffix.lower() == ".npy":
        return read_numbers(path, what)
    file = checked(path, what)
    name = f"{what} {file}"
    try:
        with file.open("rb") as stream, decoded(stream, name) as (image, deep):
            plane = None if deep is None else _one_channel(deep.samples)
            if deep is not None and plane is not None:
                if deep.alpha is not None and (clear := deep.alpha == 0).any():
                    least = plane.min(where=~clear, initial=plane.max())
                    plane = np.where(clear, least if transparent is None else transparent, plane)
                    plane = plane.astype(deep.samples.dtype)
            elif image.mode in ("1", "L") and not image.has_transparency_data:
                plane = np.asarray(image.convert("L"))
            else:
                shown = on_ground(eight_bits(image))
                if not colours and (deep is not None or _one_channel(shown) is None):
                    raise InputError(f"{name} holds colours, not measurements of one channel")
                plane = np.asarray(Image.fromarray(shown).convert("L"))
            return upright(plane, orientation_of(image))
    except OSError as error:
        raise InputError(f"{name} cannot be opened: {one_line(error)}") from error


def _one_channel(samples: np.ndarray) -> np.ndarray | None:
    """Samples [H,W] of grey, also if it was saved as three equal channels; None of colours."""
    if samples.ndim == 2:
        return samples
    first = samples[..., 0]
    return first if (samples == first[..., None]).all() else None


def disparity(depth: np.ndarray, scale: float) -> np.ndarray:
    """Depth to disparity, which is what the depth trunk was trained on.

    Args:
        depth: [H,W] metres as floats, or millimetres as integers of 16 bits and more. What is not
            positive or not finite means unknown and becomes 0.
        scale: Disparity of what is one metre away.

    Raises:
        InputError: Another type, or no depth is known anywhere.
    """
    array = np.asarray(depth)
    millimetres = array.dtype.kind in "ui" and array.dtype.itemsize > 1
    if not millimetres and array.dtype.kind != "f":
        raise InputError(
            "depth is metres as floats or millimetres as integers of 16 bits and more, "
            f"not {array.dtype}"
        )
    metres = array.astype(np.float32) / np.float32(1000 if millimetres else 1)
    known = np.isfinite(metres) & (metres > 0)
    if not known.any():
        raise InputError("there is no known depth in the picture")
    return np.divide(scale, metres, out=np.zeros_like(metres), where=known)


def heat(plane: np.ndarray) -> np.ndarray:
    """A thermal picture to 0..1.

    Args:
        plane: [H,W] uint8; wider integers (counts of a radiometric camera, stretched between the
            coldest and the hottest thing that is larger than a pixel, see
            `pixels.steady_range`); or floats in 0..1.

    Raises:
        InputError: Another type, or floats outside 0..1.
    """
    array = np.asarray(plane)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255
    if array.dtype.kind in "ui" and array.size:
        low, high = steady_range(array)
        return ((array.astype(np.float32) - low) / max(high - low, 1.0)).clip(0, 1)
    if array.dtype.kind != "f":
        raise InputError(f"a thermal picture is integers or floats, not {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() <= 1):  # false for NaN, too
        raise InputError("a thermal picture of floats lies in 0..1: scale the temperatures")
    return array.astype(np.float32)


def plane_tensor(plane: np.ndarray, size: int, mean: float, std: float) -> Tensor:
    """A one-channel picture as the depth and thermal trunks take it.

    Args:
        plane: [H,W] finite floats.
        size: Side of the result: shorter side to size by bilinear interpolation, centre crop.
        mean: Subtracted.
        std: Divided by.

    Returns:
        float32 [1,size,size].

    Raises:
        InputError: Another shape, NaN or infinity.
    """
    if plane.ndim != 2 or 0 in plane.shape:
        raise InputError(f"a plane is [H,W], not {list(plane.shape)}")
    x = torch.from_numpy(plane.astype(np.float32))[None, None]
    if not x.isfinite().all():
        raise InputError("the plane contains NaN or infinity")
    height, width = plane.shape
    short = min(height, width)
    shape = [max(size, side * size // short) for side in (height, width)]
    x = F.interpolate(x, size=shape, mode="bilinear", align_corners=False, antialias=True)[0]
    top, left = ((side - size) // 2 for side in shape)
    return (x[:, top : top + size, left : left + size] - mean) / std


def prepared_tensor(array: np.ndarray, shape: tuple[int, ...], what: str) -> Tensor:
    """An array that somebody has prepared for the trunk, checked and not changed.

    Args:
        array: Finite numbers of `shape`.
        shape: What the trunk takes.
        what: What it holds, for the message.

    Raises:
        InputError: Another shape or type, NaN or infinity.
    """
    if array.shape != shape or array.dtype.kind not in "fi":
        raise InputError(f"{what} is {list(shape)}, not {array.dtype} {list(array.shape)}")
    x = torch.from_numpy(array.astype(np.float32))
    if not x.isfinite().all():
        raise InputError(f"{what} contains NaN or infinity")
    return x
