"""How well `DeviceClock` knows when a frame was captured, over simulated days, and what it costs.

Seven devices whose clocks are wrong in ways that were met, each behind the same network: transit
times of 20 ms on average (exponential), one frame in a hundred 300 ms later, order kept. In every
24 hours there are two hours in which frames come in bursts of ten, a pause of 30 s every 20
minutes, a counter that wraps at 32 bits of 90 kHz without anybody saying so, a step of the device's
clock every two hours (a second to a day, either way), a rate that changes by 100 ppm in every hour,
and one wrong stamp in ten thousand. "Error" is capture time as stamped minus the true one.
"Recovery" is the longest time after such an event at which an error was still above 150 ms.

With `--old DIRECTORY`, a work tree of an earlier version, its clock goes through the same days, and
both versions stamp frames and put packets of a VLP-16 together to turns: in processes that run in
turn, several times; a ratio is the median over neighbouring runs of processor time.
Exit code 1 if a bar is missed.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.errors import ConfigurationError
from sensebind.perception.sources import device_clock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from fixtures.device_clocks import (  # noqa: E402  # pyright: ignore[reportMissingImports]
    RATES,
    Device,
    Errors,
    errors,
)

P95_MS, RECOVERY_S, RATIO = 50.0, 5.0, 1.05
_CLOCKS = ("device_clock", "clock")  # names of the module, newest first
_WORK = """
import sys, time
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from fixtures.vlp16 import packets, room
from sensebind.perception.sources.velodyne import TurnDecoder
try:
    from sensebind.perception.sources import device_clock as module
except ImportError:
    from sensebind.perception.sources import clock as module
frames = int(sys.argv[2])
arrivals = iter([n / 30 + n % 7 / 500 for n in range(frames)])
real, module.time = module.time, SimpleNamespace(monotonic=arrivals.__next__, time_ns=time.time_ns)
stamp = module.DeviceClock().stamp
begun = time.process_time()
for n in range(frames):
    stamp(n / 30)
clock = time.process_time() - begun
module.time = real
sent = list(packets(room(), turns=12))
decoder = TurnDecoder(0.4, 100.0)
begun = time.process_time()
turns = sum(decoder.add(packet) is not None for packet in sent)
print(1e6 * clock / frames, 1e6 * (time.process_time() - begun) / len(sent))
"""


def measure(options: Namespace) -> Sequence[Row]:
    """Return the rows of all devices, and of the cost where there is something to compare with."""
    rows: list[Row] = []
    old = _old_clock(options.old) if options.old else None
    for name, (rate, fps) in RATES.items():
        device = troubled(rate, fps, 3600 * options.hours)
        rows += _rows(name, errors(device_clock, device), bars=True)
        if old is not None:
            rows += _rows(f"{name}, old", errors(old, device), bars=False)
    if options.old:
        rows += _cost(options.old, options.runs, options.frames)
    return rows


def troubled(rate: float, fps: float, seconds: float) -> Device:
    """Return a device with all the trouble of the description above."""
    sizes = np.geomspace(1.0, 86_400.0, 12)
    return Device(
        rate=rate,
        fps=fps,
        seconds=seconds,
        counts=rate < 0.9,
        bursts=[(0.25 * seconds, 0.25 * seconds + 3600), (0.6 * seconds, 0.6 * seconds + 3600)],
        pauses=[(at, at + 30.0) for at in np.arange(1200.0, seconds, 1200.0)],
        steps={
            at: (-1) ** n * sizes[n % 12] for n, at in enumerate(np.arange(900.0, seconds, 7200.0))
        },
        wrap=2**32 / 90_000,
        drift=1e-4,
        wrong=1e-4,
    )


def _rows(name: str, found: Errors, bars: bool) -> list[Row]:
    frames, early = len(found.error), int((found.age < 0).sum())
    bar = (P95_MS, RECOVERY_S, 0) if bars else (None, None, None)
    return [
        AtMost(f"{name}: error p95, ms", 1000 * found.p95, bar[0], frames),
        AtMost(f"{name}: slowest recovery, s", found.slowest_recovery, bar[1], frames),
        AtMost(f"{name}: negative ages", early, bar[2], frames),
        Row(f"{name}: jumps counted", found.clock.jumps, None, frames),
    ]


def _old_clock(tree: Path) -> ModuleType:
    for name in _CLOCKS:
        path = tree / f"perception/sources/{name}.py"
        if path.is_file():
            spec = importlib.util.spec_from_file_location("old_clock", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ConfigurationError(f"{tree} is not a work tree of SenseBind: it has no DeviceClock")


def _cost(tree: Path, runs: int, frames: int) -> list[Row]:
    taken: dict[Path, list[list[float]]] = {tree: [], ROOT: []}
    for _ in range(runs):
        for where, found in taken.items():
            environment = {**os.environ, "PYTHONPATH": str(where.resolve() / "src")}
            command = [sys.executable, "-c", _WORK, str(ROOT / "tests"), str(frames)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise ConfigurationError(f"{where} cannot be measured: {done.stderr[-300:]}")
            found.append([float(word) for word in done.stdout.split()])
    rows: list[Row] = []
    for at, what in enumerate(("stamping a frame", "decoding a packet of a VLP-16")):
        before, after = ([one[at] for one in taken[where]] for where in (tree, ROOT))
        ratio = statistics.median(new / old for new, old in zip(after, before, strict=True))
        rows += [
            Row(f"{what}, old: µs", statistics.median(before), None, runs),
            Row(f"{what}: µs", statistics.median(after), None, runs),
            AtMost(f"{what}: new / old", ratio, RATIO, runs),
        ]
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--hours", 24.0, 2.0, "that are simulated of each device")
    parser.amount("--runs", 9, 3, "of each version, for the cost")
    parser.amount("--frames", 300_000, 100_000, "that are stamped in each of them")
    parser.add_argument("--old", type=Path, help="work tree of the version to compare with")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
