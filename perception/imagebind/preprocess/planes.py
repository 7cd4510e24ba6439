"""Depth, thermal and inertial samples. The published repositories define only the shapes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sensebind.errors import InputError


def disparity(depth: np.ndarray, focal: float, baseline: float) -> np.ndarray:
    """Depth in metres to disparity, which is what the depth trunk was trained on.

    Args:
        depth: [H,W] metres; 0, NaN and infinity mean unknown and become 0.
        focal: Focal length in pixels.
        baseline: Distance of the stereo cameras in metres.
    """
    depth = np.asarray(depth, dtype=np.float32)
    known = np.isfinite(depth) & (depth > 0)
    return np.divide(baseline * focal, depth, out=np.zeros_like(depth), where=known)


def plane_tensor(plane: np.ndarray, size: int, mean: float, std: float) -> Tensor:
    """A one-channel picture as the depth and thermal trunks take it.

    Args:
        plane: [H,W] finite floats (disparity, or heat in 0..1), or uint8, which is divided by 255.
        size: Side of the result: shorter side to size by bilinear interpolation, centre crop.
        mean: Subtracted.
        std: Divided by.

    Returns:
        float32 [1,size,size].

    Raises:
        InputError: Another shape or type, NaN or infinity.
    """
    array = np.asarray(plane)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fu":
        raise InputError(f"a plane is floats [H,W], not {array.dtype} {list(array.shape)}")
    scale = 255 if array.dtype == np.uint8 else 1
    x = torch.from_numpy(array.astype(np.float32) / scale)[None, None]
    if not x.isfinite().all():
        raise InputError("the plane contains NaN or infinity")
    height, width = array.shape
    short = min(height, width)
    shape = [max(size, side * size // short) for side in (height, width)]
    x = F.interpolate(x, size=shape, mode="bilinear", align_corners=False, antialias=True)[0]
    top, left = ((side - size) // 2 for side in shape)
    return (x[:, top : top + size, left : left + size] - mean) / std


def imu_tensor(samples: np.ndarray, channels: int, length: int) -> Tensor:
    """Inertial samples as the IMU trunk takes them.

    Args:
        samples: [channels,length] accelerometer and gyroscope.
        channels: Rows expected.
        length: Columns expected.

    Raises:
        InputError: Another shape, NaN or infinity.
    """
    array = np.asarray(samples)
    if array.shape != (channels, length) or array.dtype.kind not in "fi":
        raise InputError(f"imu samples are [{channels},{length}], not {list(array.shape)}")
    x = torch.from_numpy(array.astype(np.float32))
    if not x.isfinite().all():
        raise InputError("imu samples contain NaN or infinity")
    return x
