"""A robot on SimHome for as long as you like: does any process grow?

Every process is looked at every few seconds: resident memory, threads, open files. After a warm-up
the slope of its memory is fitted by least squares. Exit code 1 when it is above 2 MB per hour, when
threads or files grow, or when a stream is stale at the end. Run it for a week with
`--minutes 10080`.
"""

import os
import sys
import time
from argparse import Namespace
from array import array
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil
from report import AtMost, Parser, Row, run

from sensebind.agent.cli.top import STALE_MS
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.robot import Robot
from sensebind.errors import SenseBindError

SLOPE = 2.0  # MB per hour
START_SECONDS = 120.0


def measure(config: RobotConfig, minutes: float, warm_up: float, every: float) -> list[Row]:
    """Run, look, fit."""
    # Four numbers a look, packed: this process is measured, too.
    samples = defaultdict(lambda: array("d"))
    with Robot(config) as robot:
        _await(robot)
        pids = robot.pids | {"robot": os.getpid()}
        start = time.monotonic()
        end = start + 60 * minutes
        while (now := time.monotonic()) < end:
            if now - start > 60 * warm_up:
                for name, pid in pids.items():
                    memory, threads, files = _look(name, pid)
                    samples[name].extend(((now - start) / 3600, memory, threads, files))
            time.sleep(every)
        final = robot.monitor.rows()
    rows = []
    for name, seen in sorted(samples.items()):
        hours, memory, threads, files = np.frombuffer(seen).reshape(-1, 4).T
        count = len(hours)
        slope = float(np.polyfit(hours, memory, 1)[0]) if count > 2 else float("nan")
        # In a short run the noise of single pages is larger than the slope that is looked for.
        bar = SLOPE if minutes - warm_up >= 20 else None
        rows.append(AtMost(f"{name}: memory slope, MB per hour", slope, bar, count))
        rows.append(Row(f"{name}: memory, MB", float(memory[-1]), None, count))
        grown = int(threads[-1] - threads[0]), int(files[-1] - files[0])
        rows.append(AtMost(f"{name}: threads more than at first", grown[0], 0, count))
        rows.append(AtMost(f"{name}: files more than at first", grown[1], 0, count))
    rows.append(Row("percepts", sum(row.received for row in final), None, len(final)))
    rows.append(AtMost("percepts lost", sum(row.lost for row in final), 0, len(final)))
    fresh = sum(row.age_ms < STALE_MS for row in final)
    rows.append(Row("streams fresh at the end", fresh, len(final), len(final)))
    return rows


def _look(name: str, pid: int) -> tuple[float, int, int]:
    """Return memory in MB, threads and open files of a process."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return process.memory_info().rss / 1e6, process.num_threads(), process.num_fds()
    except psutil.NoSuchProcess as error:
        raise SenseBindError(f"{name} (process {pid}) ended during the run") from error


def _await(robot: Robot) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not all(row.state == "running" for row in robot.monitor.rows()):
        if time.monotonic() > deadline:
            raise SenseBindError(f"the senses did not come up within {START_SECONDS:g} s")
        time.sleep(0.5)


def robot_config(checkpoint: Path | None) -> RobotConfig:
    """Return a robot with all that a robot has, in a simulated home."""
    return RobotConfig.model_validate(
        {
            "name": "soak",
            "checkpoint": checkpoint,
            "simhome": {"seed": 10_000_017, "port": 5641},
            "streams": {
                "camera": {"source": "simhome"},
                "microphone": {"source": {"source": "simhome", "hop": 2}},
                "lidar": {"source": "simhome"},
            },
            "frames": {"max_mb": 64},
            "metrics": {"port": 0},
        }
    )


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--minutes", 1.0, 0.5, "of the run")
    parser.add_argument("--warm-up", type=float, metavar="N", help="minutes; a tenth of the run")
    parser.amount("--every", 2.0, 1.0, "seconds between looks")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")

    def watch(options: Namespace) -> list[Row]:
        warm_up = options.minutes / 10 if options.warm_up is None else options.warm_up
        return measure(robot_config(options.checkpoint), options.minutes, warm_up, options.every)

    return run(parser, watch)


if __name__ == "__main__":
    sys.exit(main())
