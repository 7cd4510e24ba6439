"""How long a sense is gone after `kill -9` of its worker.

    python benchmarks/recovery.py [--times N] [--checkpoint DIR] [--no-cache] [--json]

SimHome, three workers and Awareness run as in the demo. Each worker in turn is killed at a random
moment; the time is that from the kill to the arrival of the next percept of that sense from the
new process. Exit code 1 when the 95th percentile is above 3 s, a worker does not come back, or a
process is left over.
"""

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sensebind.agent.awareness import Awareness
from sensebind.agent.senses import SIMHOME_STREAMS, CacheSettings, simhome_workers
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import SenseBindError
from sensebind.perception.percept import Percept
from sensebind.perception.simhome.scene import sample_scene
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.supervisor import Supervisor

BAR = 3.0  # seconds, at most
PATIENCE = 30.0
SCENE = 10_000_017


@dataclass(frozen=True)
class Row:
    """One result: its name, value in seconds, upper limit or None, count, and whether it is met."""

    name: str
    value: float
    bar: float | None
    n: int
    ok: bool = True


class Watch:
    """A listener that knows when a stream's first percept of a new epoch came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._epochs: dict[str, str] = {}

    def __call__(self, percept: Percept) -> None:
        """Take note of a percept."""
        with self._changed:
            self._epochs[percept.header.stream] = percept.header.epoch
            self._changed.notify_all()

    def epoch(self, stream: str) -> str:
        """Return the epoch of the newest percept."""
        with self._changed:
            return self._epochs.get(stream, "")

    def another(self, stream: str, epoch: str) -> bool:
        """Wait for a percept of another epoch."""
        with self._changed:
            return self._changed.wait_for(lambda: self._epochs.get(stream) != epoch, PATIENCE)


def measure(checkpoint: Path, times: int, cache: bool) -> list[Row]:
    """Kill and wait, and return the figures."""
    watch = Watch()
    spans: dict[str, list[float]] = {name: [] for name in SIMHOME_STREAMS}
    chance = random.Random(0)
    pids: set[int] = set()
    with SimHomeServer(sample_scene(SCENE, sounding=True)) as home:
        workers = simhome_workers(home.sensors, checkpoint, CacheSettings() if cache else None)
        with (
            Supervisor(workers) as supervisor,
            Awareness(supervisor.endpoints, SIMHOME_STREAMS, [watch]) as awareness,
        ):
            awareness.wait(PATIENCE)
            for _ in range(times):
                for name in SIMHOME_STREAMS:
                    time.sleep(chance.uniform(0.2, 0.7))
                    epoch, pid = watch.epoch(name), supervisor.status()[name].pid
                    pids.add(pid)
                    start = time.monotonic()
                    os.kill(pid, signal.SIGKILL)
                    back = watch.another(name, epoch)
                    spans[name].append(time.monotonic() - start if back else float("inf"))
            pids |= {status.pid for status in supervisor.status().values()}
            restarts = sum(report.counts.restarts for report in awareness.report().values())
    rows = []
    for name, values in spans.items():
        p50, p95 = np.percentile(values, [50, 95])
        n = len(values)
        rows.append(Row(f"{name}: back after, p50, s", float(p50), None, n))
        rows.append(Row(f"{name}: back after, p95, s", float(p95), BAR, n, bool(p95 <= BAR)))
        rows.append(Row(f"{name}: back after, longest, s", max(values), None, n))
    kills = sum(len(values) for values in spans.values())
    rows.append(Row("kills not noticed as restarts", kills - restarts, 0, kills, kills == restarts))
    left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    rows.append(Row("worker processes left over", len(left), 0, len(pids), not left))
    return rows


def show(rows: list[Row], as_json: bool) -> int:
    """Print the rows; return the exit code."""
    ok = all(row.ok for row in rows)
    if as_json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "ok": ok}))
    else:
        for row in rows:
            bar = "" if row.bar is None else f"  (bar {row.bar:g}{'' if row.ok else ', MISSED'})"
            print(f"{row.name:40} {row.value:9.2f}{bar}  n={row.n}")
    return 0 if ok else 1


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=10, help="kills of each worker")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        checkpoint = options.checkpoint or default_checkpoint()
        return show(measure(checkpoint, options.times, not options.no_cache), options.json)
    except SenseBindError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
