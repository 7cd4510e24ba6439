"""Point clouds without a header: how many are read right, refused, and read wrongly.

Clouds of streets (sweeps of a lidar, ring by ring or firing by firing), of a room with an exactly
flat floor, and of small objects are written in each layout, with intensities up to 1 or 255, whole
or 0. None may be read with another row length or type, and at most one in five may be refused.
"""

import sys
from argparse import Namespace
from collections.abc import Iterator

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.perception.imagebind.preprocess.headerless import LAYOUTS, Layout, recognized


def sweep(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A turn of a lidar in a street: points ring by ring, or firing by firing."""
    rings, steps = int(rng.choice([16, 32])), int(rng.integers(60, 120))
    up = np.radians(np.linspace(-25, 10, rings))
    if rng.random() < 0.3:
        up = np.radians(np.ravel([np.arange(-15, 1, 2), np.arange(1, 17, 2)], "F"))  # VLP-16
    around = np.linspace(-np.pi, np.pi, steps, endpoint=False)
    height, angle = np.meshgrid(up, around, indexing="ij")
    walls = 5 + 30 * rng.random() + 10 * np.abs(np.sin(around * rng.integers(1, 5)))
    floor = np.where(height < -0.01, 1.7 / np.sin(np.maximum(-height, 0.01)), 120)
    far = np.minimum(floor, walls / np.cos(height)) + rng.normal(0, 0.02, height.shape)
    points = np.stack(
        [np.cos(height) * np.cos(angle), np.cos(height) * np.sin(angle), np.sin(height)], -1
    )
    points = points * far[..., None]
    ring = np.broadcast_to(np.arange(len(up))[:, None], far.shape)
    if rng.random() < 0.5:
        points, ring = points.transpose(1, 0, 2), ring.T
    keep = rng.random(far.size) >= rng.choice([0, 0.05])
    return points.reshape(-1, 3)[keep], ring.reshape(-1)[keep]


def room(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A box on a floor that is exactly flat, points in no order."""
    count = 12 * int(rng.integers(60, 300))
    floor = np.c_[rng.uniform(-5, 5, (count, 2)), np.full(count, -0.6)]
    box = rng.uniform([1.9, -0.2, -0.55], [2.1, 0.2, 0.1], (count // 12, 3))
    return np.r_[floor, box], np.arange(count + count // 12) % 32


def model(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An object of half a metre or a few."""
    count = int(rng.integers(200, 3000))
    return rng.normal(size=(count, 3)) * rng.uniform(0.2, 1.5, 3), rng.integers(0, 16, count)


def rows(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """A cloud as the layout has it."""
    points, ring = (sweep, room, model)[int(rng.integers(3))](rng)
    intensity = [
        rng.random(len(points)),
        rng.uniform(0, 255, len(points)),
        rng.integers(0, 256, len(points)),
        np.zeros(len(points)),
    ][int(rng.integers(4))]
    extra = [intensity, ring, np.sort(rng.uniform(0, 0.1, len(points)))]
    found = np.column_stack([points, *extra[: len(layout.columns) - 3]])
    return found.astype("<f4" if layout.type == "float32" else "<f8")


def outcomes(layout: Layout, count: int) -> Iterator[Layout | None]:
    """What each of `count` clouds is taken for; None where it is refused."""
    for seed in range(count):
        try:
            yield recognized(rows(layout, np.random.default_rng(seed)).tobytes())
        except ValueError:
            yield None


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--count", 100, 5, "clouds of each layout")

    def measure(options: Namespace) -> list[Row]:
        found: list[Row] = []
        for layout in LAYOUTS:
            read = list(outcomes(layout, options.count))
            wrong = sum(one not in (layout, None) for one in read)
            found.append(AtMost(f"{layout}: read wrongly", wrong, 0, options.count))
            share = read.count(None) / options.count
            found.append(AtMost(f"{layout}: refused", share, 0.2, options.count))
        return found

    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
