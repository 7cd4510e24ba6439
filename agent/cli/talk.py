"""`sensebind demo` and `sensebind ask`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Checkpoint, Json


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(demo)
    app.command()(ask)


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Which home.")] = 7180,
    script: Annotated[
        Path | None, typer.Option(help="File with one question per line; else standard input.")
    ] = None,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
    house_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the house's API; 0 takes a free one.")
    ] = 0,
    dialogs: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the dialog; in memory by default.")
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(help="SQLite file that keeps what was perceived; forgotten by default."),
    ] = None,
) -> int:
    r"""Talk with the robot of a simulated home. Piped standard input is a script.

    "stop" (and whatever may mean it), the key Ctrl-\, Ctrl-C and the signal SIGUSR1 stop the robot
    and its answer at once, and reject what waits for approval. A second Ctrl-C ends.
    """
    from sensebind.agent.demo import DemoOptions, run

    return run(DemoOptions(seed, script, as_json, checkpoint, house_port, dialogs, memory))


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    image: inputs.Image = None,
    video: inputs.Video = None,
    audio: inputs.Audio = None,
    text: inputs.Text = None,
    depth: inputs.Depth = None,
    thermal: inputs.Thermal = None,
    imu: inputs.Imu = None,
    points: inputs.Points = None,
    weight: inputs.Weight = None,
    mix: Annotated[
        Literal["slots", "sum"] | None,
        typer.Option(help="Each sense in its slot, or the weighted sum; slots if there are any."),
    ] = None,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Ask one question about files."""
    from sensebind.agent.cli.ask import run
    from sensebind.agent.inputs import given

    things = given(
        image=image, video=video, audio=audio, text=text, depth=depth, thermal=thermal, imu=imu,
        points=points,
    )  # fmt: skip
    return run(
        question, things, weights=weight or (), mix=mix, checkpoint=checkpoint, as_json=as_json
    )
