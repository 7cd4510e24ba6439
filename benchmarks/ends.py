"""The end of a robot whose worker hangs: by SIGTERM, and by SIGKILL with a new one at once.

`sensebind run` is started with a simulated home and the embedded language model. One of its workers
is stopped with SIGSTOP, so that it takes in nothing. Then the robot gets SIGTERM, and the time is
that until it and all its processes are gone; every fourth of them gets it while it still starts. Or
it is killed with SIGKILL and started again at once, and the new one must come to run. Exit code 1
when a bar is missed.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from report import AtMost, Parser, Row, run

PROMISE = 3.0
_UP_SECONDS = 120.0
_GONE_SECONDS = 20.0


class Trials:
    """Starts robots that have one state directory, and ends them.

    Args:
        directory: For their sockets and their state.
        checkpoint: Of the weights; None for those that ship.
    """

    def __init__(self, directory: Path, checkpoint: Path | None) -> None:
        self._file = directory / "robot.yaml"
        weights = f"checkpoint: {checkpoint.absolute()}\n" if checkpoint is not None else ""
        self._file.write_text(
            f"name: ends\n{weights}simhome: {{seed: 7180, port: 5641}}\n"
            "streams: {camera: {source: simhome}, microphone: {source: {source: simhome, hop: 2}},"
            " lidar: {source: simhome}}\n"
            "frames: {max_mb: 64}\nmetrics: {port: 9465}\nllm: sensebind\nmemory: {}\n"
        )
        folders = {"XDG_RUNTIME_DIR": directory / "run", "XDG_STATE_HOME": directory / "state"}
        for folder in folders.values():
            folder.mkdir()
        self._environment = os.environ | {name: str(path) for name, path in folders.items()}
        self._errors = (directory / "errors").open("wb")
        self._chance = random.Random(0)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a robot."""
        return subprocess.Popen(
            [sys.executable, "-m", "sensebind", "run", str(self._file), "--json"],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment,
        )

    def up(self, robot: subprocess.Popen[bytes]) -> dict[str, int]:
        """Wait until a robot runs, and return the process ids of its workers."""
        assert robot.stdout is not None
        line = robot.stdout.readline()
        if not line:
            return {}
        until = time.monotonic() + _UP_SECONDS
        while time.monotonic() < until and robot.poll() is None:
            command = [sys.executable, "-m", "sensebind", "top", str(self._file), "--json"]
            told = subprocess.run(command, capture_output=True, env=self._environment)
            streams = json.loads(told.stdout)["streams"] if told.stdout else []
            workers = {s["stream"]: s["pid"] for s in streams if s["state"] == "running"}
            if len(workers) == 3:
                return workers
        return {}

    def hang(self, workers: dict[str, int]) -> None:
        """Stop one of the workers."""
        os.kill(self._chance.choice(sorted(workers.values())), signal.SIGSTOP)

    def terminated(self, while_starting: bool) -> float:
        """Return the seconds from SIGTERM until a robot and all its processes are gone."""
        robot = self.start()
        if while_starting:
            time.sleep(self._chance.uniform(1.0, 6.0))
        else:
            self.hang(self.up(robot))
        processes = [psutil.Process(robot.pid), *psutil.Process(robot.pid).children(recursive=True)]
        begun = time.monotonic()
        robot.send_signal(signal.SIGTERM)
        try:
            robot.communicate(timeout=_GONE_SECONDS)
        except subprocess.TimeoutExpired:
            robot.kill()
            robot.communicate()
            return float("inf")
        psutil.wait_procs(processes, _GONE_SECONDS)
        return time.monotonic() - begun

    def killed(self) -> bool:
        """Kill a robot with a worker that hangs, and return whether the next one comes to run."""
        robot = self.start()
        self.hang(self.up(robot))
        robot.kill()
        again = self.start()
        robot.communicate()
        came_up = bool(self.up(again))
        again.terminate()
        try:
            again.communicate(timeout=_GONE_SECONDS)
        except subprocess.TimeoutExpired:
            again.kill()
            again.communicate()
        return came_up


def measure(options: Namespace) -> Sequence[Row]:
    """End robots, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="ends-") as name:
        trials = Trials(Path(name), options.checkpoint)
        spans = [trials.terminated(while_starting=i % 4 == 3) for i in range(options.sigterm)]
        came_up = [trials.killed() for _ in range(options.killed)]
        print((Path(name) / "errors").read_text(errors="replace")[-2000:], file=sys.stderr)
    rows: list[Row] = []
    if spans:
        rows.append(
            Row("SIGTERM until all is gone, p50, s", float(np.median(spans)), None, len(spans))
        )
        rows.append(
            AtMost("SIGTERM until all is gone, longest, s", max(spans), PROMISE, len(spans))
        )
    if came_up:
        failed = sum(not one for one in came_up)
        rows.append(AtMost("killed, started at once, not come up", failed, 0, len(came_up)))
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--sigterm", 20, 2, "robots that get SIGTERM")
    parser.amount("--killed", 10, 1, "robots that are killed and started again")
    parser.add_argument("--checkpoint", type=Path, help="weights; those that ship by default")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
