"""Processor time of commands from cold: user and system time, as the kernel counts it.

Each command runs in a process of its own, a number of times, interleaved with the others; the
figure is the median. `ask` looks at an image with the embedded weights. `stop` and `ask --attach`
are those of a robot that runs meanwhile, which hears a file of silence, unless `--robot` names
one that runs already. Where another source tree is named with `--than`, `ask` runs on that one as
well, in turn with this one, and their ratio is a row; with `--clients`, `stop` and `ask --attach`
do, and nothing else is measured. Exit code 1 when a bar is missed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.errors import ConfigurationError

ROOT = Path(__file__).parents[1]
LIGHT = 0.4
"""Seconds that a command without weights may take."""
RATIO = 0.75
"""Of the processor time of the tree of `--than` that `ask` may take."""
CLIENTS = {"stop": 0.3, "ask --attach": 0.5}
"""Seconds that a command may take which a running robot answers."""
QUIET = """\
name: startup
streams: {microphone: {source: "audio:silence.wav", loop: true, rate: 0.5, max_age: 60}}
llm: sensebind
"""
"""A robot that has next to nothing to do."""


class Cost(NamedTuple):
    """What one run of a command took, in seconds.

    Attributes:
        processor: User and system time of its process.
        wall: From its start to its end.
    """

    processor: float
    wall: float


class Command(NamedTuple):
    """A command and how it is to end.

    Attributes:
        arguments: Of `sensebind`.
        code: Its exit code.
    """

    arguments: Sequence[str]
    code: int = 0


def cost(source: Path, command: Command, environment: Mapping[str, str]) -> Cost:
    """Run `sensebind` of a source tree once.

    Raises:
        ConfigurationError: It ended with another exit code.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sensebind", *command.arguments],
        env={**environment, "PYTHONPATH": str(source)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.code:
        words = " ".join(command.arguments)
        raise ConfigurationError(f"sensebind {words} ended with {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)


@contextmanager
def running(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Run a robot that has next to nothing to do.

    Yields:
        Its file.

    Raises:
        ConfigurationError: It did not start.
    """
    with wave.open(str(folder / "silence.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 16000 * 4))
    file = folder / "startup.yaml"
    file.write_text(QUIET)
    robot = subprocess.Popen(
        [sys.executable, "-m", "sensebind", "run", str(file), "--json"],
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert robot.stdout is not None
    try:
        if not robot.stdout.readline():
            raise ConfigurationError("the robot did not start")
        yield file
    finally:
        robot.terminate()
        robot.stdout.close()
        robot.wait()


def measure(options: Namespace) -> list[Row]:
    """Run the commands, and return the figures."""
    trees = {"": ROOT / "src"}
    if options.than is not None:
        trees[" on the other tree"] = options.than / "src"
    light = {
        "--help": Command(("--help",)),
        "config check": Command(("config", "check", str(ROOT / "examples" / "simhome.yaml"))),
        "an argument error": Command(("ask", "x", "--image", "/nowhere.png"), 2),
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment, robot = dict(os.environ), options.robot
        if robot is None:
            environment |= {"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
            robot = stack.enter_context(running(folder, environment))
        image = folder / "wall.png"
        cv2.imwrite(str(image), np.full((224, 224, 3), 180, np.uint8))
        clients = {
            "stop": Command(("stop", str(robot))),
            "ask --attach": Command(("ask", "what time is it?", "--attach", str(robot))),
        }
        ask = {"ask": Command(("ask", "--image", str(image), "what do you see?"))}
        alone, compared = ({}, clients) if options.clients else (light | clients, ask)
        runs = [(name, ROOT / "src", one) for name, one in alone.items()]
        runs += [
            (f"{name}{which}", tree, one)
            for name, one in compared.items()
            for which, tree in trees.items()
        ]
        costs: dict[str, list[Cost]] = {name: [] for name, _, _ in runs}
        for _ in range(options.times):
            for name, tree, command in runs:
                costs[name].append(cost(tree, command, environment))
    took = {name: statistics.median(one.processor for one in all_) for name, all_ in costs.items()}
    walls = {name: statistics.median(one.wall for one in all_) for name, all_ in costs.items()}
    bars = dict.fromkeys(light, LIGHT) | CLIENTS
    rows: list[Row] = [
        AtMost(f"{name}, s", span, bars.get(name), options.times) for name, span in took.items()
    ]
    rows += [
        Row(f"{name}, s on the clock", walls[name], None, options.times)
        for name in walls
        if name.startswith(tuple(CLIENTS))
    ]
    if options.than is not None:
        for name in compared:
            ratio = took[name] / took[f"{name} on the other tree"]
            bar = RATIO if name == "ask" else None
            rows.append(AtMost(f"{name}, ratio", ratio, bar, options.times))
    return rows


def main() -> int:
    """Parse the command line, measure, print."""
    parser = Parser(__doc__)
    parser.amount("--times", 5, 1, "runs of each command")
    parser.add_argument("--than", type=Path, metavar="DIR", help="another source tree to compare")
    parser.add_argument("--robot", type=Path, metavar="FILE", help="a robot that runs already")
    parser.add_argument("--clients", action="store_true", help="only what a running robot answers")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
