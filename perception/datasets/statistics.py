"""Statistics of a feature over the frames of an episode, by which LeRobot normalises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Statistics = Mapping[str, np.ndarray]
"""`min`, `max`, `mean`, `std`, `q01` … `q99`, each in the shape of the feature, and `count` [1]."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_LEVELS = 256  # of a channel of 8 bits
_BLOCK = 64  # dimensions whose quantiles are sorted at once, which bounds the copies


def of_values(values: np.ndarray) -> Statistics:
    """Return the statistics over the first axis.

    Args:
        values: [N, D], N ≥ 1.

    Returns:
        float64 [D] each; `count` is N.
    """
    wide = [values[:, at : at + _BLOCK] for at in range(0, values.shape[1], _BLOCK)]
    levels = list(QUANTILES.values())
    quantiles = np.concatenate([np.quantile(one, levels, axis=0) for one in wide], axis=1)
    return {
        "min": values.min(axis=0).astype(np.float64),
        "max": values.max(axis=0).astype(np.float64),
        "mean": values.mean(axis=0, dtype=np.float64),
        "std": values.std(axis=0, dtype=np.float64),
        "count": np.array([len(values)]),
        **{name: quantiles[i].astype(np.float64) for i, name in enumerate(QUANTILES)},
    }


class PixelCounts:
    """Counts the levels of the three channels of images, from which all statistics follow exactly.

    Attributes:
        images: How many were counted.
    """

    def __init__(self) -> None:
        self.images = 0
        self._counts = np.zeros((3, _LEVELS), np.int64)

    def add(self, image: np.ndarray) -> None:
        """Count an image, uint8 [H, W, 3]."""
        for channel in range(3):
            levels = np.bincount(image[..., channel].ravel(), minlength=_LEVELS)
            self._counts[channel] += levels
        self.images += 1

    def statistics(self) -> Statistics:
        """Return the statistics of what was counted, one image at least.

        Returns:
            float64 [3, 1, 1] each, of levels in 0..1; `count` is that of the images.
        """
        levels = np.arange(_LEVELS) / (_LEVELS - 1)
        total = self._counts.sum(axis=1)
        mean = self._counts @ levels / total
        variance = self._counts @ levels**2 / total - mean**2
        found = {
            "min": levels[(self._counts > 0).argmax(axis=1)],
            "max": levels[_LEVELS - 1 - (self._counts[:, ::-1] > 0).argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(variance, 0.0)),
        }
        below = self._counts.cumsum(axis=1)
        for name, share in QUANTILES.items():  # the first level that enough pixels do not exceed
            found[name] = levels[(below >= share * total[:, None]).argmax(axis=1)]
        shaped = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, "count": np.array([self.images])}


def together(episodes: Sequence[Statistics]) -> Statistics:
    """Return the statistics of several episodes as one.

    Mean and standard deviation follow exactly from those of the parts (Chan, Golub and LeVeque
    1979). A quantile does not: as in LeRobot it is the mean of the episodes', weighed by their
    frames, and exact for one episode.

    Args:
        episodes: Of the same feature, one at least.
    """
    counts = np.array([one["count"][0] for one in episodes], np.float64)

    def weighed(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.average(np.stack(values), axis=0, weights=counts)

    mean = weighed([one["mean"] for one in episodes])
    variance = weighed([one["std"] ** 2 + (one["mean"] - mean) ** 2 for one in episodes])
    return {
        "min": np.min([one["min"] for one in episodes], axis=0),
        "max": np.max([one["max"] for one in episodes], axis=0),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": np.array([int(counts.sum())]),
        **{name: weighed([one[name] for one in episodes]) for name in QUANTILES},
    }
