"""`sensebind recall`: the memory of a robot, searched from the command line."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Checkpoint, Database, Json, Sense, remembered
from sensebind.agent.cli.output import loading
from sensebind.console import console
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json


def recall(
    robot: Annotated[
        str, typer.Argument(help="The robot's YAML file, whether it runs or not.")
    ] = "",
    text: Annotated[str, typer.Argument(help="What to remember; nothing goes by time alone.")] = "",
    db: Database = None,
    image: inputs.ExampleImage = None,
    audio: inputs.ExampleAudio = None,
    points: inputs.ExamplePoints = None,
    sense: Sense = "",
    when: Annotated[
        str, typer.Option(help='Such as "last", "between 10 and 11", "10 minutes ago".')
    ] = "",
    since: Annotated[
        str, typer.Option("--since", "--after", help="From then on, such as 9:30 or yesterday.")
    ] = "",
    until: Annotated[str, typer.Option("--until", "--before", help="Until then.")] = "",
    near: Annotated[
        str, typer.Option(help='Where the robot was: "1.2, -0.4", or what was seen there.')
    ] = "",
    radius: Annotated[
        float | None, typer.Option(help="Metres around that place; 2 by default.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=100, help="Most episodes.")] = 3,
    describe: Annotated[bool, typer.Option(help="Let the model say what it was.")] = True,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Search what was perceived before, by text, example, time and place."""
    moment = _time(when, since, until)
    if radius is not None and not near:
        raise InputError("--radius is around a place: give --near, too")
    whose = remembered(robot, text, db, checkpoint, "sensebind recall")
    directory, text = whose.checkpoint, whose.words
    example = inputs.example(image, audio, points)
    if text.strip() and example:
        raise InputError("look for a text or for an example, not for both")
    with loading("reading the weights"):
        from rich.markup import escape

        from sensebind.agent.conditioning.embedder import Embedder
        from sensebind.memory.place_expressions import near_of, parse_where
        from sensebind.memory.recall import EpisodeMemory
        from sensebind.memory.retriever import ask, sentence

        describe_episode = None
        if describe:
            from sensebind.agent.llm.chat_model import ChatSenseBind
            from sensebind.agent.robot.memory import describer, episode_describer

            describe_episode = episode_describer(describer(ChatSenseBind(model=str(directory))))
        place = parse_where(near, radius) if near else None
        embedder = Embedder(directory)
        embedding = embedder.text(text) if text.strip() else None
        for modality, path in example.items():
            embedding = embedder.file(modality, path)
        model = embedder.model if embedding is not None else ""
        query = ask(embedding, sense=sense, when=moment, limit=n, model=model)
    with EpisodeMemory(whose.file, describe_episode) as memory:
        if place is not None:
            there = near_of(place, memory, lambda words: (embedder.text(words), False))
            query = replace(query, near=there)
        found = memory.search(query)
        companions = [memory.companions(one) for one in found]
    whose.say_note()
    if as_json:
        rows = [
            asdict(one)
            | {"sentence": sentence(one), "seen_then": [reference for _, reference in seen]}
            for one, seen in zip(found, companions, strict=True)
        ]
        print(printable_json({"found": rows}))
        return 0
    out = console()
    for one, seen in zip(found, companions, strict=True):
        out.print(escape(printable(sentence(one))))
        out.print(f"[dim]  {escape(' '.join([one.reference, *(ref for _, ref in seen)]))}[/]")
    if not found:
        out.print("nothing like that is remembered")
    return 0


def _time(when: str, since: str, until: str) -> str:
    """The options about time as one phrase, as people say it."""
    if when and (since or until):
        raise InputError("give --when, or --since and --until, not both")
    if since and until:
        return f"from {since} to {until}"
    return f"since {since}" if since else f"until {until}" if until else when
