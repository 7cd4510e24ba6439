"""`sensebind watch`: what a robot watches for; add, remove, list, follow."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Checkpoint, Database, Json, Sense, remembered
from sensebind.agent.cli.output import loading
from sensebind.console import console
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json

if TYPE_CHECKING:
    from sensebind.memory.watch_store import PastAlert, WatchBook
    from sensebind.memory.watches import Watch

_POLL = 0.5  # seconds between looks for new alerts


def watch(
    robot: Annotated[
        str, typer.Argument(help="The robot's YAML file, whether it runs or not.")
    ] = "",
    what: Annotated[str, typer.Argument(help="What to watch for; nothing lists.")] = "",
    db: Database = None,
    image: inputs.ExampleImage = None,
    audio: inputs.ExampleAudio = None,
    points: inputs.ExamplePoints = None,
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
    whose = remembered(robot, what, db, checkpoint, "sensebind watch", searched=False)
    directory, what = whose.checkpoint, whose.words
    example = inputs.example(image, audio, points)
    from rich.markup import escape

    from sensebind.memory.episode_store import EpisodeStore
    from sensebind.memory.watch_store import WatchBook

    with EpisodeStore(whose.file) as store:
        book = WatchBook(store)
        if what:
            with loading("reading the weights"):
                wanted = _watch(what, example, sense, run, directory)
            book.add(wanted)
        if remove:
            book.remove(remove)
        rows = [_row(one) for one in book.watches()]
        whose.say_note()
        if follow:
            return _follow(book, seconds, as_json)
    if as_json:
        print(printable_json({"watches": rows}))
        return 0
    out = console()
    for row in rows:
        out.print(escape(printable(" · ".join(str(value) for value in row.values() if value))))
    if not rows:
        out.print("nothing is watched for")
    return 0


def _watch(what: str, example: dict[str, Path], sense: str, run: str, directory: Path) -> Watch:
    from sensebind.agent.conditioning.embedder import Embedder
    from sensebind.agent.robot.watch_runner import ToolAction
    from sensebind.memory.retriever import SENSE_OF, SENSES
    from sensebind.memory.watches import Watch

    embedder = Embedder(directory)
    if run:
        ToolAction.parse(run)  # refused now, not when it fires
    modality = SENSES.get(sense, sense)
    if modality not in ("", *SENSE_OF):
        raise InputError(f"no sense {sense!r}: there are {', '.join(SENSES)}")
    name = " ".join(what.split())
    for kind, path in example.items():
        embedding = embedder.file(kind, path)
        return Watch(name, embedding, embedder.model, modality or kind, run, top=1.0)
    return Watch(name, embedder.text(name), embedder.model, modality, run)


def _follow(book: WatchBook, seconds: float, as_json: bool) -> int:
    """Prints alerts from now on."""
    from rich.markup import escape

    out = console()
    newest = max((one.id for one in book.alerts(limit=1_000_000)), default=0)
    end = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end:
        for alert in book.alerts(newest):
            newest = alert.id
            if as_json:
                print(printable_json(asdict(alert)), flush=True)
            else:
                out.print(escape(printable(_line(alert))))
        time.sleep(_POLL)
    return 0


def _line(alert: PastAlert) -> str:
    moment = datetime.fromtimestamp(alert.at / 1e9)
    return f"{moment:%H:%M:%S} {alert.watch} ({alert.stream}): {alert.outcome}"


def _row(watch: Watch) -> dict[str, Any]:
    from sensebind.memory.retriever import SENSE_OF

    how = SENSE_OF.get(watch.modality, watch.modality)
    return {"name": watch.name, "sense": how, "run": watch.action}
