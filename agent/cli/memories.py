"""`sensebind recall` and `sensebind watch`."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json

Database = Annotated[Path, typer.Option("--db", help="SQLite file of the memory.")]
Image = Annotated[Path | None, typer.Option(help="A picture as an example.")]
Audio = Annotated[Path | None, typer.Option(help="A sound as an example.")]
Points = Annotated[Path | None, typer.Option(help="A point cloud as an example.")]
Sense = Annotated[str, typer.Option(help="sight, hearing or scan; all by default.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(recall)
    app.command()(watch)


def recall(
    db: Database,
    text: Annotated[str, typer.Argument(help="What to remember; nothing goes by time alone.")] = "",
    image: Image = None,
    audio: Audio = None,
    points: Points = None,
    sense: Sense = "",
    when: Annotated[
        str, typer.Option(help='Such as "last", "between 10 and 11", "10 minutes ago".')
    ] = "",
    since: Annotated[str, typer.Option(help="From then on, such as 9:30 or yesterday.")] = "",
    until: Annotated[str, typer.Option(help="Until then.")] = "",
    n: Annotated[int, typer.Option("-n", min=1, max=100, help="Most episodes.")] = 3,
    describe: Annotated[bool, typer.Option(help="Let the model say what it was.")] = True,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Search what was perceived before, by text, example and time."""
    from sensebind.agent.cli.memory import RecallOptions, run_recall, time_of

    options = RecallOptions(
        db, text, _given(image, audio, points), sense, time_of(when, since, until), n, describe,
        checkpoint, as_json,
    )  # fmt: skip
    return run_recall(options)


def watch(
    db: Database,
    what: Annotated[str, typer.Argument(help="What to watch for; nothing lists.")] = "",
    image: Image = None,
    audio: Audio = None,
    points: Points = None,
    sense: Sense = "",
    run: Annotated[
        str, typer.Option(help='Tool to run instead of speaking: NAME or NAME {"argument": 1}.')
    ] = "",
    remove: Annotated[str, typer.Option(help="Name of a watch to remove.")] = "",
    follow: Annotated[bool, typer.Option(help="Print alerts as they come.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="Follow for so long; 0: for ever.")] = 0,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Have the robot that records to a memory watch for something; list, remove, follow."""
    from sensebind.agent.cli.memory import WatchOptions, run_watch

    options = WatchOptions(
        db, what, _given(image, audio, points), sense, run, remove, follow, seconds, checkpoint,
        as_json,
    )  # fmt: skip
    return run_watch(options)


def _given(image: Path | None, audio: Path | None, points: Path | None) -> dict[str, Path]:
    given = {"vision": image, "audio": audio, "point": points}
    return {modality: path for modality, path in given.items() if path is not None}
