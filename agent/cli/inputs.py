"""Options that say what to perceive; shared by `ask` and `imagine`."""

from pathlib import Path
from typing import Annotated

import typer

Image = Annotated[Path | None, typer.Option(help="A picture.")]
Video = Annotated[Path | None, typer.Option(help="A video; its sound is not heard.")]
Audio = Annotated[Path | None, typer.Option(help="A sound.")]
Text = Annotated[str | None, typer.Option(help="Words, as if they were perceived.")]
Depth = Annotated[
    Path | None, typer.Option(help="Depth: 16-bit picture in millimetres, or .npy in metres.")
]
Thermal = Annotated[Path | None, typer.Option(help="A thermal picture, or .npy of 0..1.")]
Imu = Annotated[Path | None, typer.Option(help="Inertial samples: .npy or .csv.")]
Points = Annotated[Path | None, typer.Option(help="A point cloud.")]
Weight = Annotated[
    list[str] | None, typer.Option(help="How much an input counts, such as audio=0.5.")
]
