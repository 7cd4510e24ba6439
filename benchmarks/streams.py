"""Rates and ages of the three senses in steady state: SimHome, workers, bus, Awareness.

    python benchmarks/streams.py [--seconds N] [--checkpoint DIR] [--no-cache] [--json]

Everything runs as in the demo: one process for SimHome, one per sense. Ages are taken where the
agent takes them, at random moments, so they include the wait for the next percept; "on arrival"
is the age at which a percept reaches the listening thread. Exit code 1 when a row is below its bar.
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
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

RATE_BARS = {"camera": 4.0, "microphone": 1.0, "lidar": 2.0}
AGE_BAR = 400.0  # milliseconds, at most
WARM_UP = 3.0
SCENE = 10_000_017


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        name: What was measured. `value`: how much.
        bar: The limit, or None; at least this much for rates, at most this much for times.
        n: How many measurements it comes from.
        ok: Whether the bar is met.
    """

    name: str
    value: float
    bar: float | None
    n: int
    ok: bool = True


def measure(checkpoint: Path, seconds: float, cache: bool) -> list[Row]:
    """Run the senses for a while and return the figures."""
    arrivals: dict[str, list[float]] = defaultdict(list)
    encoding: dict[str, list[float]] = defaultdict(list)
    ages: dict[str, list[float]] = defaultdict(list)

    def listen(percept: Percept) -> None:
        header = percept.header
        arrivals[header.stream].append(1000 * (time.monotonic() - header.monotonic))
        encoding[header.stream].append(header.encode_ms)

    with SimHomeServer(sample_scene(SCENE, sounding=True)) as home:
        workers = simhome_workers(home.sensors, checkpoint, CacheSettings() if cache else None)
        with (
            Supervisor(workers) as supervisor,
            Awareness(supervisor.endpoints, SIMHOME_STREAMS, [listen]) as awareness,
        ):
            awareness.wait(30)
            time.sleep(WARM_UP)
            before = awareness.report()
            arrivals.clear()
            encoding.clear()
            chance = random.Random(0)
            start = time.monotonic()
            while time.monotonic() - start < seconds:
                time.sleep(chance.uniform(0.01, 0.05))
                for name, report in awareness.report().items():
                    ages[name].append(report.age_ms)
            spent = time.monotonic() - start
            after = awareness.report()
    rows = []
    for name, bar in RATE_BARS.items():
        count = after[name].counts.received - before[name].counts.received
        rows.append(
            Row(f"{name}: percepts per second", count / spent, bar, count, count / spent >= bar)
        )
    for name in RATE_BARS:
        p50, p95 = np.percentile(ages[name], [50, 95])
        n = len(ages[name])
        rows.append(Row(f"{name}: age at the agent p50, ms", p50, None, n))
        rows.append(Row(f"{name}: age at the agent p95, ms", p95, AGE_BAR, n, bool(p95 <= AGE_BAR)))
    for name in RATE_BARS:
        for what, values in (("age on arrival", arrivals[name]), ("encoding", encoding[name])):
            for q in (50, 95):
                value = float(np.percentile(values, q)) if values else float("nan")
                rows.append(Row(f"{name}: {what} p{q}, ms", value, None, len(values)))
    for name in RATE_BARS:
        old, new = before[name].counts, after[name].counts
        rows.append(Row(f"{name}: lost on the bus", new.lost - old.lost, None, new.received))
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
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        checkpoint = options.checkpoint or default_checkpoint()
        return show(measure(checkpoint, options.seconds, not options.no_cache), options.json)
    except SenseBindError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
