"""`sensebind demo` and `sensebind ask`."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(demo)
    app.command()(ask)


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Which home.")] = 1854,
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
) -> int:
    """Talk with the robot of a simulated home. Piped standard input is a script."""
    from sensebind.agent.demo import DemoOptions, run

    return run(DemoOptions(seed, script, as_json, checkpoint, house_port, dialogs))


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    image: Annotated[Path | None, typer.Option(help="A picture.")] = None,
    audio: Annotated[Path | None, typer.Option(help="A sound.")] = None,
    points: Annotated[Path | None, typer.Option(help="A point cloud.")] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="How much a sense counts, such as audio=0.5.")
    ] = None,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Ask one question about files."""
    from sensebind.agent.ask import run

    given = {"vision": image, "audio": audio, "point": points}
    files = {modality: file for modality, file in given.items() if file is not None}
    return run(question, files, weights=weight or (), checkpoint=checkpoint, as_json=as_json)
