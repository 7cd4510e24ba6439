"""`sensebind replay`: what a robot perceived, perceived again and compared."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.agent.cli.signals import until_signal
from sensebind.console import console
from sensebind.errors import InputError

if TYPE_CHECKING:
    from sensebind.agent.robot.replayer import Replayer


def replay(
    file: Annotated[Path, typer.Argument(help="A recording of `sensebind record`.")],
    speed: Annotated[
        float, typer.Option(min=0, help="1 is real time, 0 as fast as it goes.")
    ] = 1.0,
    step: Annotated[
        bool, typer.Option("--step", help="Wait for Enter before each percept.")
    ] = False,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Perceive a recording again and compare, bit for bit, with what was perceived then."""
    if not file.is_file():
        raise InputError(f"recording {file} does not exist")
    directory = weights(checkpoint)
    import torch

    from sensebind.agent.robot.perceiver import Perceiver
    from sensebind.agent.robot.replayer import Replayer
    from sensebind.perception.frames.recording import Recording

    torch.set_num_threads(1)  # as the recording was made
    recording = Recording(file)
    recording.streams()  # refuses what cannot be read before weights are loaded
    replayer = Replayer(recording, Perceiver(directory))
    out = console()

    def wait() -> bool:
        return not step or bool(sys.stdin.readline())

    with until_signal() as stop:
        for at, stream, verdict in replayer.run(0.0 if step else speed, stop, wait):
            if as_json:
                print(json.dumps({"at": round(at, 3), "stream": stream, "verdict": verdict}))
            else:
                out.print(f"{at:8.2f} s  {stream:<12} {verdict}")
    _summarise(replayer, as_json)
    return 1 if any(result.different for result in replayer.results.values()) else 0


def _summarise(replayer: Replayer, as_json: bool) -> None:
    recording, results = replayer.recording, replayer.results
    lost = {"cut": recording.cut, "damaged": recording.damaged, "refused": recording.refused}
    if as_json:
        streams = {stream: asdict(result) for stream, result in results.items()}
        print(json.dumps({"streams": streams, **lost}))
        return
    from rich.table import Table

    out = console()
    counts = ["observations", "percepts", "identical", "different", "close", "unchanged"]
    counts.append("other_weights")
    table = Table("stream", *(name.replace("_", " ") for name in counts))
    for stream, result in results.items():
        table.add_row(stream, *(str(getattr(result, name)) for name in counts))
    out.print(table)
    if recording.cut or recording.damaged or recording.refused:
        out.print(
            f"the file was {'cut off' if recording.cut else 'closed'}; {recording.damaged} parts "
            f"damaged, {recording.refused} entries not understood"
        )
