"""`sensebind record` and `sensebind replay`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json


class Pictures(StrEnum):
    """How pictures are kept."""

    PNG = "png"
    JPEG = "jpeg"


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(record)
    app.command()(replay)


def record(
    output: Annotated[Path, typer.Argument(help="The MCAP file to write.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="STREAM=KIND:TARGET, such as camera=camera:0 mic=microphone:default"),
    ] = None,
    home: Annotated[
        int | None, typer.Option(min=0, help="Record a simulated home of this seed.")
    ] = None,
    robot: Annotated[
        Path | None, typer.Option(help="Record a robot that runs here, by its YAML file.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="How long; until Ctrl-C by default.")
    ] = None,
    pictures: Annotated[
        Pictures, typer.Option(help="png keeps every bit, jpeg is smaller.")
    ] = Pictures.PNG,
    percepts: Annotated[bool, typer.Option(help="Record what is perceived, too.")] = True,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Record what the sensors give and what is perceived, for Foxglove and for `replay`."""
    from sensebind.agent.cli.record import RecordOptions
    from sensebind.agent.cli.record import record as run

    return run(
        RecordOptions(
            output, sources or [], home, robot, seconds, pictures.value, percepts, checkpoint,
            as_json,
        )
    )  # fmt: skip


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
    from sensebind.agent.cli.replay import ReplayOptions
    from sensebind.agent.cli.replay import replay as run

    return run(ReplayOptions(file, 0.0 if step else speed, step, checkpoint, as_json))
