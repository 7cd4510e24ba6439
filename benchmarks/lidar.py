"""How long a sweep of a lidar takes to become things: on one core, with about 30,000 points."""

import sys
import time
from collections.abc import Callable

import numpy as np
from report import AtMost, Parser, Row, run
from scipy.spatial.transform import Rotation

from sensebind.checkpoints import default_checkpoint
from sensebind.perception.imagebind import ImageBindProcessor
from sensebind.perception.lidar.clustering import Cluster, clusters, nearest_cluster
from sensebind.perception.lidar.range_image import sweep_depth
from sensebind.perception.simhome.home import SimHome

BAR = 50.0  # milliseconds
FIRST_SEED = 10_000_000
TILT = (3.0, -4.0, 0.0)  # degrees, of a lidar that was not mounted straight


def measure(homes: int) -> list[Row]:
    """Time the steps on sweeps of held-out homes."""
    sweeps = [SimHome(FIRST_SEED + number).lidar() for number in range(homes)]
    turn = Rotation.from_euler("xyz", TILT, degrees=True)
    tilted = [turn.apply(sweep).astype(np.float32) for sweep in sweeps]
    processor = ImageBindProcessor.from_pretrained(default_checkpoint() / "imagebind")

    def things(sweep: np.ndarray) -> list[Cluster]:
        found = clusters(sweep, uneven=True)
        for cluster in found:
            processor.points(cluster.points)
        return found

    steps: list[tuple[str, Callable[[np.ndarray], object], list[np.ndarray], float | None]] = [
        ("the nearest thing", nearest_cluster, sweeps, None),
        ("all things", clusters, sweeps, None),
        ("level floor, all things, as the trunk takes them", things, tilted, BAR),
        ("picture of distances", sweep_depth, sweeps, BAR),
    ]
    points = float(np.mean([len(sweep) for sweep in sweeps]))
    rows = [Row("points of a sweep", points, None, homes)]
    for name, step, inputs, bar in steps:
        step(inputs[0])  # tables that are made once
        for what, clock in (("CPU", time.thread_time), ("wall", time.perf_counter)):
            taken = []
            for sweep in inputs:
                begun = clock()
                step(sweep)
                taken.append(1000 * (clock() - begun))
            p50, p95 = np.percentile(taken, [50, 95])
            limit = bar if what == "CPU" else None  # the wall clock belongs to others as well
            rows.append(Row(f"{name}: {what} p50, ms", p50, None, homes))
            rows.append(AtMost(f"{name}: {what} p95, ms", p95, limit, homes))
    alike = np.mean(
        [
            len(clusters(a)) == len(clusters(b, uneven=True))
            for a, b in zip(sweeps, tilted, strict=True)
        ]
    )
    rows.append(
        Row("tilted sweeps with as many things as straight ones", float(alike), None, homes)
    )
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--homes", 60, 10, "that are scanned")
    return run(parser, lambda options: measure(options.homes))


if __name__ == "__main__":
    sys.exit(main())
