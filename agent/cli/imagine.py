"""`sensebind imagine`: a picture of what is heard, read, scanned or seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.agent.cli.output import loading, progress
from sensebind.errors import InputError


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
    prompt: Annotated[
        str, typer.Option(help="Words for the picture, in addition to the inputs.")
    ] = "",
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
    from sensebind.agent.conditioning.image_settings import PictureSettings, image_format

    settings = PictureSettings(
        steps=steps, guidance=guidance, noise=noise, prompt=prompt, side=side, seed=seed
    )
    files = inputs.given(
        image=image,
        video=video,
        audio=audio,
        text=text,
        depth=depth,
        thermal=thermal,
        imu=imu,
        points=points,
    )
    if not files:
        raise InputError("give something to imagine: --audio, --text, --points, …")
    inputs.check_files(files)
    image_format(output)
    shares = inputs.parse_weights(weight or ())
    directory = weights(checkpoint)
    with loading("reading the weights"):
        import numpy as np
        import torch

        from sensebind.agent.conditioning.media_encoder import MediaEncoder
        from sensebind.agent.conditioning.unclip import (
            Imagination,
            picture_embedding,
            save_picture,
        )

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    with progress("making the picture"):
        imagination = Imagination(pipeline or directory / "unclip", device=device, dtype=dtype)
        embedding = picture_embedding(MediaEncoder(directory), files, shares, enhance=cache)
        made = imagination.picture(embedding, settings)
    save_picture(made, output)
    said = {
        "picture": str(output),
        "size": list(made.size),
        "inputs": {modality: str(thing) for modality, thing in files.items()},
        "norm": float(np.linalg.norm(embedding)),
        "seed": seed,
    }
    print(json.dumps(said, ensure_ascii=False) if as_json else output)
    return 0
