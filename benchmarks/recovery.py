"""`kill -9` of every process of a running system, at random moments: what is lost, and how long.

A robot runs as `sensebind run examples/simhome.yaml` runs it: simulated home, launcher, three
workers. Of these five processes a random one is killed; the time is that from the kill until every
sense has a fresh percept from a process that was not killed. Meanwhile an agent's awareness is
asked all the time: it must never show a stale percept as present. The numbers of what each process
published before it died are compared with what was received and what was reported as lost. Exit
code 1 when a bar is missed.
"""

import os
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from report import Parser, Row, at_most, run

from sensebind.agent.awareness import MAX_AGE, Awareness
from sensebind.agent.streams.chaos import Watch
from sensebind.agent.streams.config import RobotConfig
from sensebind.agent.streams.run import Robot
from sensebind.errors import SenseBindError

BAR = 3.0  # seconds, at most
PATIENCE = 60.0
STREAMS = ("camera", "microphone", "lidar")


def shown_stale(awareness: Awareness, stop: threading.Event, found: list[float]) -> None:
    """Look again and again whether something old is shown as present."""
    while not stop.wait(0.01):
        percepts, _ = awareness.snapshot()
        now = time.monotonic()
        for percept in percepts.values():
            if now - percept.header.monotonic > MAX_AGE + 0.1:  # looking takes time, too
                found.append(now - percept.header.monotonic)


def measure(config: RobotConfig, times: int) -> list[Row]:
    """Kill and wait, and return the figures."""
    watch, chance = Watch(STREAMS), random.Random(0)
    spans: dict[str, list[float]] = defaultdict(list)
    stale: list[float] = []
    seen: set[int] = set()
    stop = threading.Event()
    with Robot(config) as robot:
        modalities = config.modalities
        awareness = Awareness(robot.supervisor.endpoints, modalities, [watch])
        with awareness:
            keeper = threading.Thread(target=_look_after, args=(robot, stop))
            looker = threading.Thread(target=shown_stale, args=(awareness, stop, stale))
            if not awareness.wait(PATIENCE):
                raise SenseBindError(f"the senses did not come up within {PATIENCE:g} s")
            keeper.start()
            looker.start()
            for _ in range(times):
                time.sleep(chance.uniform(0.2, 1.5))
                pids = robot.pids
                seen |= set(pids.values())
                name = chance.choice(sorted(pids))
                killed: set[str] = set(STREAMS) if name == "launcher" else {name} & set(STREAMS)
                before, start = watch.epochs(), time.monotonic()
                os.kill(pids[name], signal.SIGKILL)
                back = watch.back(start, {one: before[one] for one in killed & set(before)})
                spans[name].append(time.monotonic() - start if back else float("inf"))
            seen |= set(robot.pids.values())
            stop.set()
            keeper.join()
            looker.join()
            reports = awareness.report().values()
            lost = sum(report.counts.lost for report in reports)
            superseded = sum(report.counts.superseded for report in reports)
    missing = watch.missing()
    unreported = max(0, missing - lost - superseded)
    rows = []
    every = [span for values in spans.values() for span in values]
    for name, values in sorted(spans.items()):
        rows.append(Row(f"{name}: back after, p50, s", float(np.median(values)), None, len(values)))
        rows.append(Row(f"{name}: back after, longest, s", max(values), None, len(values)))
    rows.append(at_most("all: back after, p95, s", float(np.percentile(every, 95)), BAR, times))
    never = sum(span == float("inf") for span in every)
    rows.append(at_most("kills without recovery", never, 0, times))
    rows.append(at_most("lost numbers that were not reported", unreported, 0, missing))
    rows.append(at_most("stale percepts shown as present", len(stale), 0, times))
    time.sleep(0.5)
    left = [pid for pid in seen if pid and Path(f"/proc/{pid}").exists()]
    rows.append(at_most("processes left over", len(left), 0, len(seen)))
    return rows


def _look_after(robot: Robot, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        robot.look_after()


def robot_config(checkpoint: Path | None) -> RobotConfig:
    """Return a robot with three senses in a simulated home."""
    return RobotConfig.model_validate(
        {
            "checkpoint": checkpoint,
            "simhome": {"seed": 10_000_017, "port": 5631},
            "streams": {
                "camera": {"source": "simhome"},
                "microphone": {"source": {"source": "simhome", "hop": 2}},
                "lidar": {"source": "simhome"},
            },
            "frames": None,
        }
    )


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--times", 20, 3, "kills")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    return run(parser, lambda options: measure(robot_config(options.checkpoint), options.times))


if __name__ == "__main__":
    sys.exit(main())
