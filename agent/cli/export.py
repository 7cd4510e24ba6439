"""`sensebind export`: recordings as a data set that others train with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sensebind.agent.cli.options import Json, check_new
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json

if TYPE_CHECKING:
    from sensebind.perception.datasets.lerobot import Exported
    from sensebind.perception.frames.recording import Recording


def export(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of `sensebind record`, an episode each.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory to make.")],
    to: Annotated[
        Literal["lerobot"], typer.Option(help="lerobot: a LeRobotDataset v3.0.")
    ] = "lerobot",
    fps: Annotated[int, typer.Option(min=1, max=240, help="Frames a second.")] = 10,
    task: Annotated[
        str, typer.Option(help="What the robot does in them, in words, for LeRobot's policies.")
    ] = "perceive the surroundings",
    streams: Annotated[
        list[str] | None, typer.Option("--stream", help="A stream to take; all by default.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write recordings as a data set: images as videos, embeddings as numbers."""
    check_new(out)
    if missing := [file for file in recordings if not file.is_file()]:
        raise InputError(f"recording {missing[0]} does not exist")
    from sensebind.agent.robot.forgetting import note_data_set
    from sensebind.perception.datasets import lerobot
    from sensebind.perception.datasets.resampling import EpisodeFrames
    from sensebind.perception.frames.recording import Recording

    lerobot.import_pyarrow()
    opened = {str(file): Recording(file) for file in recordings}
    if len(opened) < len(recordings):
        raise InputError("the same recording was named twice")
    episodes = [(name, EpisodeFrames(one, fps, streams or ())) for name, one in opened.items()]
    note_data_set(recordings, out)
    done = lerobot.export(episodes, out, fps, task)
    if as_json:
        lost = {
            name: {"cut": one.cut, "damaged": one.damaged, "refused": one.refused}
            for name, one in opened.items()
        }
        print(printable_json({"directory": str(out), "fps": fps, **asdict(done), "lost": lost}))
    else:
        print(
            printable(
                f"{out}: {done.episodes} episodes, {done.frames} frames at {fps} a second: "
                f"{', '.join(done.features)}"
            )
        )
    for name, recording in opened.items():
        for line in _losses(recording, done, name):
            print(printable(f"{name}: {line}"), file=sys.stderr)
    return 0


def _losses(recording: Recording, done: Exported, name: str) -> Iterator[str]:
    """What a recording has and the data set has not, a line each."""
    if left_out := done.left_out[name]:
        yield f"left out: {', '.join(left_out)}"
    if (waited := done.waited[name]) > 0:
        yield f"left out: the first {waited:.2f} s, in which not every column had a sample"
    if recording.cut or recording.damaged or recording.refused:
        yield (
            f"the file was {'cut off' if recording.cut else 'closed'}; {recording.damaged} parts "
            f"damaged, {recording.refused} entries not understood"
        )
