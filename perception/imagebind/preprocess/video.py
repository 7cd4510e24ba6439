"""Video: evenly spread clips, each the first and last frame of two seconds, in three crops."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.clips import clip_times
from sensebind.perception.imagebind.preprocess.image import normalise, rgb
from sensebind.perception.imagebind.preprocess.video_files import Pair
from sensebind.perception.imagebind.preprocess.video_files import read_clips as read_clips


def pick_clips(frames: np.ndarray, rate: float, *, clips: int, seconds: float) -> list[Pair]:
    """The first and last frame of each clip of frames in memory.

    Args:
        frames: uint8 [T,H,W,3] RGB.
        rate: Frames per second.
        clips: Number of clips.
        seconds: Length of a clip.

    Raises:
        InputError: No frames, another type or shape, or no positive rate.
    """
    array = np.asarray(frames)
    if array.ndim != 4 or array.shape[-1] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise InputError(f"a video is uint8 [T,H,W,3], not {array.dtype} {list(array.shape)}")
    if not rate > 0:
        raise InputError(f"a video needs a positive frame rate, not {rate}")
    exact = Fraction(rate).limit_denominator(100_000)
    count = len(array)
    pairs = []
    for start, end in clip_times(count / rate, seconds, clips):
        first = min(math.ceil(start * exact), count - 1)
        last = min(max(math.ceil(end * exact) - 1, first), count - 1)
        pairs.append((array[first], array[last]))
    return pairs


def clip_crops(
    first: np.ndarray,
    last: np.ndarray,
    size: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Tensor:
    """Three square crops of a two-frame clip, along its longer side.

    Args:
        first: uint8 [H,W,3].
        last: uint8 [H,W,3].
        size: Side of the crops.
        mean: Per channel, subtracted from values in 0..1.
        std: Per channel, divided by.

    Returns:
        float32 [3 crops,3,2,size,size].

    Raises:
        InputError: Not two pictures of one size.
    """
    if np.shape(first) != np.shape(last):
        raise InputError("the frames of a clip differ in size")
    pair = np.stack([rgb(first), rgb(last)])  # [2,H,W,3]
    frames = torch.from_numpy(pair).permute(0, 3, 1, 2).float() / 255
    height, width = frames.shape[-2:]
    if width < height:
        shape = (math.floor(height / width * size), size)
    else:
        shape = (size, math.floor(width / height * size))
    frames = F.interpolate(frames, size=shape, mode="bilinear", align_corners=False)
    frames = normalise(frames, mean, std).transpose(0, 1)  # [3,2,H',W']
    along = 2 if height > width else 3
    longer = frames.shape[along]
    offsets = (0, math.ceil((longer - size) / 2), longer - size)
    return torch.stack([frames.narrow(along, offset, size) for offset in offsets])
