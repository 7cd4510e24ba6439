"""Rates and ages of the three senses in steady state: SimHome, workers, bus, Awareness.

Everything runs as in the demo: one process for SimHome, one per sense. Ages are taken where the
agent takes them, at random moments, so they include the wait for the next percept; "on arrival"
is the age at which a percept reaches the listening thread. Then three streams of pictures at 30 Hz:
what lies between source and subscriber beside encoding. Exit code 1 when a row is below its bar.
"""

import random
import sys
import time
from argparse import Namespace
from collections import defaultdict
from pathlib import Path
from typing import Self

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.robot.simhome import STREAMS, simhome_robot
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.perception.percept import Modality, Observation, Percept
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.workers.spec import FactorySpec, WorkerSpec
from sensebind.perception.workers.supervisor import Supervisor

RATE_BARS = {"camera": 4.0, "microphone": 1.0, "lidar": 2.0}
AGE_BAR = 400.0  # milliseconds, at most
RATE = 30.0
WARM_UP = 3.0
SCENE = 10_000_017


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
        config = simhome_robot(checkpoint=checkpoint)
        if not cache:
            config = config.model_copy(update={"cache": None})
        workers = config.workers(home.sensors)
        with (
            Supervisor(workers) as supervisor,
            Awareness(supervisor.endpoints, STREAMS, [listen]) as awareness,
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
        rows.append(Row(f"{name}: percepts per second", count / spent, bar, count))
    for name in RATE_BARS:
        p50, p95 = np.percentile(ages[name], [50, 95])
        n = len(ages[name])
        rows.append(Row(f"{name}: age at the agent p50, ms", p50, None, n))
        rows.append(AtMost(f"{name}: age at the agent p95, ms", float(p95), AGE_BAR, n))
    for name in RATE_BARS:
        for what, values in (("age on arrival", arrivals[name]), ("encoding", encoding[name])):
            for q in (50, 95):
                value = float(np.percentile(values, q)) if values else float("nan")
                rows.append(Row(f"{name}: {what} p{q}, ms", value, None, len(values)))
    for name in RATE_BARS:
        old, new = before[name].counts, after[name].counts
        rows.append(Row(f"{name}: lost on the bus", new.lost - old.lost, None, new.received))
    return rows


class Ticking:
    """A source that captures a new picture exactly every 1/30 s; workers open it by import path."""

    modality = Modality.VISION

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.dropped = 0
        chance = np.random.default_rng(0)
        self._pictures = chance.integers(0, 255, (16, 96, 96, 3), dtype=np.uint8)
        self._sequence = 0
        self._due = 0.0

    def __enter__(self) -> Self:
        self._due = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, timeout: float = 5.0) -> Observation:
        """Return the next picture when its time has come."""
        return self.read_latest(float("inf"), timeout)

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        """Wait for the next picture; those whose time passed meanwhile are counted as dropped."""
        behind = int((time.monotonic() - self._due) * RATE)
        if behind > 0:
            self.dropped += behind
            self._sequence += behind
            self._due += behind / RATE
        time.sleep(max(0.0, self._due - time.monotonic()))
        captured = time.monotonic()
        self._due += 1 / RATE
        self._sequence += 1
        picture = self._pictures[self._sequence % len(self._pictures)]
        return Observation(
            picture, self.stream, self.modality, time.time_ns(), captured, self._sequence, "f"
        )


def latency(checkpoint: Path, seconds: float) -> list[Row]:
    """Return what lies between source and subscriber beside encoding, three streams at 30 Hz."""
    spans: list[tuple[float, float]] = []

    def listen(percept: Percept) -> None:
        header = percept.header
        span = 1000 * (time.monotonic() - header.monotonic) - header.encode_ms
        spans.append((span, (time.time_ns() - header.published_at) / 1e6))

    names = ("left", "right", "rear")
    workers = [
        WorkerSpec(
            stream=name,
            modality=Modality.VISION,
            checkpoint=imagebind_directory(checkpoint),
            source=FactorySpec(factory="streams:Ticking", arguments={"stream": name}),
            rate=RATE,
            load=1.0,
            refresh=0.0,
        )
        for name in names
    ]
    with (
        Supervisor(workers) as supervisor,
        Awareness(supervisor.endpoints, dict.fromkeys(names, "vision"), [listen]) as awareness,
    ):
        awareness.wait(60)
        time.sleep(WARM_UP)
        spans.clear()
        time.sleep(seconds)
        measured = list(spans)
        lost = sum(report.counts.lost for report in awareness.report().values())
    way, bus = zip(*measured, strict=True) if measured else ([np.inf], [np.inf])
    p50, p99 = (float(v) for v in np.percentile(way, [50, 99]))
    bus50, bus99 = (float(v) for v in np.percentile(bus, [50, 99]))
    n = len(measured)
    return [
        AtMost("30 Hz: source to subscriber minus encoding p50, ms", p50, 3.0, n),
        AtMost("30 Hz: source to subscriber minus encoding p99, ms", p99, 10.0, n),
        Row("30 Hz: of this, publisher to subscriber p50, ms", bus50, None, n),
        Row("30 Hz: of this, publisher to subscriber p99, ms", bus99, None, n),
        Row("30 Hz: percepts per second and stream", n / seconds / len(names), None, n),
        Row("30 Hz: lost on the bus", lost, None, n),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--seconds", 30.0, 5.0, "of each part")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    parser.add_argument("--no-cache", action="store_true", help="percepts are not enhanced")

    def both(options: Namespace) -> list[Row]:
        checkpoint = options.checkpoint or default_checkpoint()
        rows = measure(checkpoint, options.seconds, not options.no_cache)
        return [*rows, *latency(checkpoint, options.seconds)]

    return run(parser, both)


if __name__ == "__main__":
    sys.exit(main())
