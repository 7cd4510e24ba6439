"""Processor time of commands from cold: user and system time, as the kernel counts it.

Each command runs in a process of its own, a number of times, interleaved with the others; the
figure is the median. `ask` looks at an image with the embedded weights. Where another source tree
is named with `--than`, `ask` runs on that one in turn with this one, and their ratio is a row.
Exit code 1 when a bar is missed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.errors import ConfigurationError

ROOT = Path(__file__).parents[1]
LIGHT = 0.4
"""Seconds that a command without weights may take."""
RATIO = 0.75
"""Of the processor time of the tree of `--than` that `ask` may take."""


def seconds(source: Path, *arguments: str, expected: int = 0) -> float:
    """Run `sensebind` of a source tree once, and return its processor time.

    Raises:
        ConfigurationError: It ended with another exit code.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "sensebind", *arguments],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        raise ConfigurationError(f"sensebind {' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure(options: Namespace) -> list[Row]:
    """Run the commands, and return the figures."""
    own = ROOT / "src"
    light = {
        "--help": (("--help",), 0),
        "config check": (("config", "check", str(ROOT / "examples" / "simhome.yaml")), 0),
        "an argument error": (("ask", "x", "--image", "/nowhere.png"), 2),
    }
    times: dict[str, list[float]] = {name: [] for name in (*light, "ask", "ask, the other tree")}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "wall.png"
        cv2.imwrite(str(image), np.full((224, 224, 3), 180, np.uint8))
        ask = ("ask", "--image", str(image), "what do you see?")
        for _ in range(options.times):
            for name, (arguments, expected) in light.items():
                times[name].append(seconds(own, *arguments, expected=expected))
            times["ask"].append(seconds(own, *ask))
            if options.than is not None:
                times["ask, the other tree"].append(seconds(options.than / "src", *ask))
    medians = {name: statistics.median(spans) for name, spans in times.items() if spans}
    rows: list[Row] = [AtMost(f"{name}, s", medians[name], LIGHT, options.times) for name in light]
    rows.append(Row("ask, s", medians["ask"], None, options.times))
    if options.than is not None:
        other = medians["ask, the other tree"]
        rows.append(Row("ask on the other tree, s", other, None, options.times))
        rows.append(AtMost("ask, ratio", medians["ask"] / other, RATIO, options.times))
    return rows


def main() -> int:
    """Parse the command line, measure, print."""
    parser = Parser(__doc__)
    parser.amount("--times", 5, 1, "runs of each command")
    parser.add_argument("--than", type=Path, metavar="DIR", help="another source tree to compare")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
