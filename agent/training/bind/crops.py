"""Pictures for stage A, near things first: from close-ups to what the camera really sees.

A small transformer learns shapes quickly when they fill the picture, and hardly at all when they
are a few pixels wide. So training begins with parts of the camera's picture around the main thing,
then widens them, and ends with whole pictures.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from sensebind.agent.training.simhome_data import SceneRecord
from sensebind.perception.simhome.camera_setup import SIZE

_NO_SPOT = (0.0, 0.0, -1.0)
_TIGHTEST = 0.16


@dataclass(frozen=True, slots=True)
class Schedule:
    """When views widen; shares of all steps.

    Attributes:
        close: Until here, close-ups of the main thing.
        part: Until here, parts of every width up to `widest`; afterwards mostly whole pictures.
        widest: Half width of the widest part, relative to the picture. With small pictures it
            makes things as large in pixels as they are in whole ones.
        zoomed: Share of parts among the pictures at the end.
    """

    close: float = 0.25
    part: float = 0.65
    widest: float = 0.67
    zoomed: float = 0.2


class Views:
    """Cuts views out of pictures.

    Args:
        frames: [N, 224, 224, 3] uint8 as the camera gave them.
        images: [N, 3, S, S] uint8 as the processor resized them.
        records: What is in them.
        schedule: When views widen.

    Attributes:
        spots: [N, 3]: middle of the main object, x to the right and y down, -1..1, and half its
            larger side; the last is negative where there is none.
    """

    def __init__(
        self,
        frames: np.ndarray,
        images: np.ndarray,
        records: list[SceneRecord],
        schedule: Schedule,
    ) -> None:
        self.frames, self.images, self.schedule = frames, images, schedule
        self.spots = np.array([main_spot(record) for record in records])  # [N, 3]

    def widths(self, rows: np.ndarray, progress: float, rng: np.random.Generator) -> np.ndarray:
        """Half widths [B] of the next views of some pictures; 1 is the whole picture."""
        count, when = len(rows), self.schedule
        extent = self.spots[rows, 2]
        somewhere = rng.uniform(0.2, 0.6, count)
        tight = np.clip(np.where(extent < 0, somewhere, extent * 0.9), _TIGHTEST, 1.0)
        if progress < when.close:
            return np.minimum(tight * rng.uniform(1.0, 1.6, count), 1.0)
        if progress < when.part:
            wide = np.maximum(tight, when.widest)
            return np.exp(rng.uniform(np.log(tight), np.log(wide)))
        wide = rng.uniform(np.maximum(tight, 0.5), 1.0)
        return np.where(rng.random(count) < when.zoomed, wide, 1.0)

    def take(
        self, rows: np.ndarray, widths: np.ndarray, side: int, rng: np.random.Generator
    ) -> Tensor:
        """The views: [B, 3, side, side] uint8."""
        views = []
        for row, width in zip(rows.tolist(), widths.tolist(), strict=True):
            if width >= 1.0 and side == self.images.shape[-1]:
                views.append(self.images[row])
                continue
            frame = self.frames[row]
            size = frame.shape[0]
            x, y, _ = self.spots[row]
            if self.spots[row, 2] < 0:
                x, y = rng.uniform(-1, 1, 2)
            x, y = (x, y) + rng.uniform(-0.25, 0.25, 2) * width
            room = 1.0 - width
            left = (1 + min(max(x, -room), room) - width) * size / 2
            top = (1 + min(max(y, -room), room) - width) * size / 2
            length = max(int(width * size), 8)
            first = min(max(int(top), 0), size - length), min(max(int(left), 0), size - length)
            part = frame[first[0] : first[0] + length, first[1] : first[1] + length]
            how = cv2.INTER_AREA if length > side else cv2.INTER_LINEAR
            views.append(cv2.resize(part, (side, side), interpolation=how).transpose(2, 0, 1))
        return torch.from_numpy(np.stack(views))


def main_spot(record: SceneRecord) -> tuple[float, float, float]:
    """Where the main thing is in the camera's picture.

    Returns:
        Its middle, x to the right and y down, each -1..1 within the picture, and half its larger
        side in the same unit; a negative extent where there is no main thing.
    """
    if record.main is None:
        return _NO_SPOT
    left, top, right, bottom = (edge * 2 / SIZE - 1 for edge in record.main.box)
    return (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2
