"""`sensebind replay`: what a robot perceived, perceived again and compared."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from sensebind.agent.cli.record import Perceiver, until_signal
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError
from sensebind.perception.frames.recording import Recorded, Recording
from sensebind.perception.percept import Observation, Percept

_REMEMBERED = 64  # observations of a stream that wait for their percept


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What `sensebind replay` was asked for.

    Attributes:
        path: The recording.
        speed: 1 is real time, 0 as fast as the machine encodes.
        step: Wait for a line on standard input before each percept.
        checkpoint: Directory of the weights; the embedded ones by default.
        as_json: Print one JSON object per percept, and one for the summary.
    """

    path: Path
    speed: float = 1.0
    step: bool = False
    checkpoint: Path | None = None
    as_json: bool = False


@dataclass(slots=True)
class Comparison:
    """What a replay found out about one stream.

    Attributes:
        percepts: That were recorded. `identical`: that came out the same, bit for bit.
        different: That did not, although weights, cache and observation are the same.
        close: That did not, and need not: see `Recorded.exact`. `unchanged`: that were told by an
            earlier observation.
        other_weights: That were made by other weights or another cache.
        unmatched: Whose observation is not in the recording.
        largest: Largest difference of a component among those that should be the same.
    """

    percepts: int = 0
    identical: int = 0
    different: int = 0
    close: int = 0
    unchanged: int = 0
    other_weights: int = 0
    unmatched: int = 0
    largest: float = 0.0


def replay(options: ReplayOptions, lines: Callable[[], str] = sys.stdin.readline) -> int:
    """Perceive a recording again, and compare with what was perceived then.

    Returns:
        0, or 1 when a percept differs although weights, cache and observation are the same.

    Raises:
        InputError: The file cannot be read, or is no recording of ours.
    """
    torch.set_num_threads(1)
    recording = Recording(options.path)
    streams = recording.streams()
    perceiver = Perceiver(options.checkpoint or default_checkpoint())
    out = Console(highlight=False, soft_wrap=True)
    results: dict[str, Comparison] = {stream: Comparison() for stream in streams}
    observations = dict.fromkeys(streams, 0)
    with until_signal() as stop:
        waiting: dict[str, OrderedDict[str, Recorded]] = {s: OrderedDict() for s in streams}
        for at, recorded in _paced(recording, options.speed, stop):
            entry = recorded.entry
            if isinstance(entry, Observation):
                observations[entry.stream] += 1
                mine = waiting[entry.stream]
                mine[entry.reference] = recorded
                if len(mine) > _REMEMBERED:
                    mine.popitem(last=False)
                continue
            if options.step and not lines():
                break
            stream = entry.header.stream
            result = results.setdefault(stream, Comparison())
            source = waiting.get(stream, {}).get(entry.header.observation)
            verdict = _compare(entry, source, perceiver, result)
            if options.as_json:
                print(json.dumps({"at": round(at, 3), "stream": stream, "verdict": verdict}))
            else:
                out.print(f"{at:8.2f} s  {stream:<12} {verdict}")
    _summarise(recording, observations, results, options.as_json, out)
    return 1 if any(result.different for result in results.values()) else 0


def _paced(
    recording: Recording, speed: float, stop: threading.Event
) -> Iterator[tuple[float, Recorded]]:
    """Entries with their time since the first one, each when it is due."""
    if not 0 <= speed < float("inf"):
        raise ConfigurationError(f"a speed of {speed}; give 0 or more")
    first: float | None = None
    begun = time.monotonic()
    for recorded in recording:
        first = recorded.at if first is None else first
        at = recorded.at - first
        wait = begun + at / speed - time.monotonic() if speed else 0.0
        if stop.wait(max(0.0, wait)):
            return
        yield at, recorded


def _compare(
    then: Percept, source: Recorded | None, perceiver: Perceiver, result: Comparison
) -> str:
    """Perceive again; count and say how it came out."""
    result.percepts += 1
    if then.header.unchanged:
        result.unchanged += 1
        return "like the one before"
    if source is None or not isinstance(source.entry, Observation):
        result.unmatched += 1
        return "its observation is not in the recording"
    now = perceiver.perceive(source.entry)
    if (now.header.model, now.header.cache) != (then.header.model, then.header.cache):
        result.other_weights += 1
        return "perceived by other weights"
    gap = float(np.abs(now.embedding - then.embedding).max())
    if gap == 0.0 and now.header.present == then.header.present:
        result.identical += 1
        return "identical" if then.header.present else "identical, nothing perceived"
    if not source.exact:
        result.close += 1
        return f"close, differs by {gap:.2g}"
    result.different += 1
    result.largest = max(result.largest, gap)
    return f"differs by {gap:.2g}"


def _summarise(
    recording: Recording,
    observations: dict[str, int],
    results: dict[str, Comparison],
    as_json: bool,
    out: Console,
) -> None:
    lost = {"cut": recording.cut, "damaged": recording.damaged, "refused": recording.refused}
    if as_json:
        streams = {
            stream: {"observations": observations.get(stream, 0)} | asdict(result)
            for stream, result in results.items()
        }
        print(json.dumps({"streams": streams, **lost}))
        return
    counts = ("percepts", "identical", "different", "close", "unchanged", "other_weights")
    table = Table("stream", "observations", *(name.replace("_", " ") for name in counts))
    for stream, result in results.items():
        seen = str(observations.get(stream, 0))
        table.add_row(stream, seen, *(str(getattr(result, name)) for name in counts))
    out.print(table)
    if recording.cut or recording.damaged or recording.refused:
        out.print(
            f"the file was {'cut off' if recording.cut else 'closed'}; {recording.damaged} parts "
            f"damaged, {recording.refused} entries not understood"
        )
