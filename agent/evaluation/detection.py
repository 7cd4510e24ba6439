"""Mean average precision of a detector, exactly."""

from collections.abc import Mapping, Sequence

import numpy as np

Box = tuple[float, float, float, float]


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Overlap of boxes [A, 4] with boxes [B, 4] (x0, y0, x1, y1) as [A, B], 0..1."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=-1) for b in (boxes, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)


def average_precision(
    found: Sequence[Sequence[tuple[float, Box]]],
    truth: Sequence[Sequence[Box]],
    threshold: float = 0.5,
) -> float:
    """Area under the interpolated precision-recall curve of one class, at every recall.

    Over all images, from the most confident detection down: each takes the best-overlapping true
    box of its image; a box that is taken already makes it a false one.

    Args:
        found: Per image (score, box).
        truth: Per image the true boxes.
        threshold: Least overlap that counts.

    Returns:
        0..1; NaN if there are no true boxes.
    """
    total = sum(len(boxes) for boxes in truth)
    if not total:
        return float("nan")
    taken = [np.zeros(len(boxes), bool) for boxes in truth]
    ranked = sorted(
        ((score, image, box) for image, rows in enumerate(found) for score, box in rows),
        key=lambda row: -row[0],
    )
    hits = np.zeros(len(ranked), bool)
    for rank, (_, image, box) in enumerate(ranked):
        if not len(truth[image]):
            continue
        overlaps = iou(np.array([box], float), np.array(truth[image], float))[0]
        overlaps[taken[image]] = -1.0
        best = int(overlaps.argmax())
        if overlaps[best] >= threshold:
            taken[image][best] = hits[rank] = True
    right = hits.cumsum()
    recall = right / total
    precision = right / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return float((steps * best_from_here).sum())


def mean_average_precision(
    found: Sequence[Sequence[tuple[str, float, Box]]],
    truth: Sequence[Sequence[tuple[str, Box]]],
    threshold: float = 0.5,
) -> tuple[float, Mapping[str, float]]:
    """The mean over classes that occur in the truth.

    Args:
        found: Per image (label, score, box).
        truth: Per image (label, box).
        threshold: Least overlap that counts.

    Returns:
        The mean, and each class's own.
    """
    labels = sorted({label for rows in truth for label, _ in rows})
    each = {
        label: average_precision(
            [[(score, box) for name, score, box in rows if name == label] for rows in found],
            [[box for name, box in rows if name == label] for rows in truth],
            threshold,
        )
        for label in labels
    }
    return float(np.mean(list(each.values()))) if each else float("nan"), each
