"""`sensebind imagine`."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Checkpoint, Json


def add_to(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command()(imagine)


def imagine(
    output: Annotated[Path, typer.Argument(help="The picture to write, such as dog.png.")],
    image: inputs.Image = None,
    video: inputs.Video = None,
    audio: inputs.Audio = None,
    text: inputs.Text = None,
    depth: inputs.Depth = None,
    thermal: inputs.Thermal = None,
    imu: inputs.Imu = None,
    points: inputs.Points = None,
    weight: inputs.Weight = None,
    cache: Annotated[
        bool, typer.Option(help="Bring the embedding to where images lie, if there is a cache.")
    ] = True,
    prompt: Annotated[str, typer.Option(help="Words for the picture, beside the inputs.")] = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps of denoising.")] = 20,
    guidance: Annotated[float, typer.Option(help="How closely the inputs are followed.")] = 10.0,
    noise: Annotated[int, typer.Option(min=0, help="Noise on the embedding, for variety.")] = 0,
    side: Annotated[int | None, typer.Option(help="Pixels of the square, in eights.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Makes the picture repeatable.")] = 0,
    pipeline: Annotated[
        Path | None, typer.Option(help="Directory of a Stable unCLIP; unclip in the checkpoint.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Make a picture of what is heard, read, scanned or seen (extra `imagine`)."""
    from sensebind.agent.imagine import PictureSettings, run
    from sensebind.agent.inputs import given

    things = given(
        image=image, video=video, audio=audio, text=text, depth=depth, thermal=thermal, imu=imu,
        points=points,
    )  # fmt: skip
    return run(
        output,
        things,
        weights=weight or (),
        enhance=cache,
        settings=PictureSettings(steps, guidance, noise, prompt, side, seed),
        checkpoint=checkpoint,
        pipeline=pipeline,
        device=device,
        as_json=as_json,
    )
