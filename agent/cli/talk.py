"""`sensebind demo` and `sensebind ask`."""

from typing import Annotated, Literal

import typer

from sensebind.agent.cli import demo, inputs
from sensebind.agent.cli.options import Checkpoint, Json


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(demo.demo)
    app.command()(ask)


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
