"""`sensebind forget`: takes what was perceived and said out of every store of a robot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Json, RobotFile
from sensebind.errors import InputError

if TYPE_CHECKING:
    from sensebind.agent.robot.config import RobotConfig
    from sensebind.perception.storage.spans import Span


def forget(
    robot: RobotFile,
    last: Annotated[str, typer.Option(help="The last 30m, 1h, 2d, …")] = "",
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(help='Two times, such as 9:30 "10:15" or "2026-11-21 10:00" 11:00.'),
    ] = None,
    like: Annotated[str, typer.Option(help='What was like these words, such as "a person".')] = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    recording: Annotated[
        list[Path] | None, typer.Option(help="Also in this recording of ours; may be repeated.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> int:
    """Forget frames, episodes, turns that cite them, and entries of recordings, for good."""
    # What is to go is shown first. Exit code 0, or 1 where a person said no.
    from sensebind.agent.robot.config_file import read_config

    config = read_config(robot)
    if sum(map(bool, (last, between, like, everything))) != 1:
        raise InputError("say what to forget: one of --last, --between, --like and --all")
    spans = _spans(config, last, between, like, everything)
    named = recording or []
    found = _forget(config, spans, named, dry=True)
    if not yes:
        _show(found, "to be forgotten", as_json=False)
        if found and not _sure():
            print("nothing was forgotten")
            return 1
    done = _forget(config, spans, named, dry=False) if found else {}
    _show(done, "forgotten", as_json)
    return 0


def _spans(
    config: RobotConfig, last: str, between: tuple[str, str] | None, like: str, everything: bool
) -> list[Span]:
    from sensebind.memory.time_expressions import parse_when
    from sensebind.perception.storage import spans
    from sensebind.perception.storage.spans import Span

    if everything:
        return [Span()]
    if last:
        return [spans.last(last)]
    if between:
        time = parse_when(f"from {between[0]} to {between[1]}")
        return [Span(max(time.since, 0), time.until)]
    return _alike(config, like)


def _alike(config: RobotConfig, words: str) -> list[Span]:
    """Return when streams perceived what is like some words."""
    from sensebind.agent.cli.options import check_memory
    from sensebind.agent.conditioning.embedder import Embedder
    from sensebind.agent.conditioning.tagging import vocabulary
    from sensebind.memory.episodes import MAX_RESULTS, Query
    from sensebind.memory.recall import EpisodeMemory
    from sensebind.perception.storage.spans import Span

    if config.memory is None:
        raise InputError("this robot keeps no memory to look for words in: forget by time")
    check_memory(config.memory_file)
    import numpy as np

    embedder = Embedder(config.weights)
    known = np.stack([embedder.text(f"a {word}") for word in vocabulary(config.weights)])
    query = Query(embedder.text(words), limit=MAX_RESULTS, model=embedder.model)
    with EpisodeMemory(config.memory_file, words=known) as memory:
        found = [one.episode for one in memory.search(query)]
    if len(found) >= MAX_RESULTS:
        print(f"the {len(found)} that are most alike; run it again for more", file=sys.stderr)
    return [Span(one.started_at, one.ended_at, one.stream) for one in found]


def _forget(
    config: RobotConfig, spans: list[Span], named: list[Path], *, dry: bool
) -> dict[str, int]:
    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.robot.run_directory import is_running

    if not spans:
        return {}
    if is_running(config.run_name) and config.llm is not None:  # it writes to the memory itself
        found = AttachedRobot(config).forget(spans, dry=dry)
    else:
        from sensebind.agent.robot.forgetting import forget

        found = forget(config, spans, dry=dry)
    for path in named:
        from sensebind.perception.frames.recording_edit import erase_entries

        if count := erase_entries(path, spans, dry=dry):
            found[f"entries of {path}"] = count
    return found


def _show(found: dict[str, int], title: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({title.replace(" ", "_"): found}))
        return
    if not found:
        print(f"nothing {title}")
    for name, count in found.items():
        print(f"{count:>8} {name}")


def _sure() -> bool:
    if not sys.stdin.isatty():
        raise InputError("this cannot be undone: say --yes, or answer at a terminal")
    return input("forget this for good? [y/N] ").strip().lower() in ("y", "yes")
