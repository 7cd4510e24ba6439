"""`kill -9` of every process of a running system, at random moments: what is lost, and how long.

A robot runs as `sensebind run examples/simhome.yaml` runs it: simulated home, launcher and its
spare, three workers. Of these six processes a random one is killed; the time is that from the kill
until every sense has a fresh percept from a process that was not killed. Meanwhile an agent's
awareness is asked all the time: it must never show a stale percept as present. The numbers of what
each process published before it died are compared with what was received and what was reported as
lost. Exit code 1 when a bar is missed.

For comparison the fork server of Python's standard library is killed, too: until it has forked a
process again in which the same modules are imported, without an encoder.
"""

import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.agent.robot.chaos import BAR, Outcome, Subject, kill
from sensebind.agent.robot.config import RobotConfig

FORK_SERVER = """
import json, multiprocessing, os, signal, sys, time
from multiprocessing import forkserver
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["sensebind.perception.workers.worker"])
spans = []
for number in range(int(sys.argv[1]) + 1):
    since = time.monotonic()
    if number:
        pid = forkserver._forkserver._forkserver_pid
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # asked before, it raises EOFError
    process = context.Process(target=os.getpid)
    process.start()
    process.join()
    spans.append(time.monotonic() - since)
print(json.dumps(spans[1:]))
"""


def standard_library(times: int) -> list[float]:
    """Return how long the fork server of the standard library is gone after `kill -9`, seconds."""
    run_it = [sys.executable, "-c", FORK_SERVER, str(times)]
    return json.loads(subprocess.run(run_it, check=True, capture_output=True, text=True).stdout)


def measure(config: RobotConfig, times: int) -> list[Row]:
    """Kill and wait, and return the figures."""
    chance = random.Random(0)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    with Subject(config) as subject:
        for _ in range(times):
            time.sleep(chance.uniform(0.2, 1.5))
            name = chance.choice(sorted(subject.pids))
            outcomes[name].append(subject.trial(f"kill -9 of {name}", partial(kill, subject, name)))
        _ = subject.pids  # those that were started last
    rows = []
    for name, found in sorted(outcomes.items()):
        spans = [one.back for one in found]
        rows.append(Row(f"{name}: back after, p50, s", float(np.median(spans)), None, len(spans)))
        rows.append(Row(f"{name}: back after, longest, s", max(spans), None, len(spans)))
    spans = standard_library(max(times // 10, 2))
    rows.append(Row("standard library's, p50, s", float(np.median(spans)), None, len(spans)))
    every = [one for found in outcomes.values() for one in found]
    p95 = float(np.percentile([one.back for one in every], 95))
    lost, unreported = sum(one.lost for one in every), sum(one.unreported for one in every)
    time.sleep(0.5)
    left = subject.left_over()
    return [
        *rows,
        AtMost("all: back after, p95, s", p95, BAR, times),
        AtMost("kills without recovery", sum(one.back == float("inf") for one in every), 0, times),
        AtMost("lost numbers that were not reported", unreported, 0, lost),
        AtMost("stale percepts shown as present", sum(one.stale for one in every), 0, times),
        AtMost("processes left over", len(left), 0, len(subject.pids_seen)),
    ]


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
