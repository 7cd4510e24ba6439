"""`sensebind recall` and `sensebind watch`: the memory from the command line."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.robot.watch_runner import ToolAction
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.retriever import SENSE_OF, SENSES, ask, sentence
from sensebind.memory.watch_store import PastAlert, WatchBook
from sensebind.memory.watches import Watch
from sensebind.printable import printable, printable_json

_POLL = 0.5


@dataclass(frozen=True, slots=True)
class RecallOptions:
    """What `sensebind recall` was asked for.

    Attributes:
        db: SQLite file of the memory.
        text: What to look for. `files`: modality to an example of it instead.
        sense: "sight", "hearing", "scan" or "" for any.
        when: A time as people say it. `limit`: most episodes.
        describe: Have the model say what it remembers.
        checkpoint: Directory of the weights; the embedded ones by default.
    """

    db: Path
    text: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    sense: str = ""
    when: str = ""
    limit: int = 3
    describe: bool = True
    checkpoint: Path | None = None
    as_json: bool = False


def time_of(when: str, since: str, until: str) -> str:
    """Put the options about time together as people say it.

    Raises:
        InputError: Both forms were given.
    """
    if when and (since or until):
        raise InputError("give --when, or --since and --until, not both")
    if since and until:
        return f"from {since} to {until}"
    return f"since {since}" if since else f"until {until}" if until else when


def run_recall(options: RecallOptions) -> int:
    """Search a memory and print what was found, the best or the newest first.

    Raises:
        SenseBindError: Something given cannot be used.
    """
    _must_exist(options.db)
    checkpoint = options.checkpoint or default_checkpoint()
    describe = None
    if options.describe:
        from sensebind.agent.llm.chat_model import ChatSenseBind
        from sensebind.agent.robot.memory import describer, episode_describer

        describe = episode_describer(describer(ChatSenseBind(model=str(checkpoint))))
    embedder = Embedder(checkpoint)
    embedding = _example(embedder, options.text, options.files)
    query = ask(
        embedding, sense=options.sense, when=options.when, limit=options.limit,
        model=embedder.model if embedding is not None else "",
    )  # fmt: skip
    out = Console(highlight=False, soft_wrap=True)
    with EpisodeMemory(options.db, describe) as memory:
        found = memory.search(query)
        beside = [memory.companions(one) for one in found]
    for one, seen in zip(found, beside, strict=True):
        if options.as_json:
            continue
        out.print(escape(printable(sentence(one))))
        out.print(f"[dim]  {escape(' '.join([one.reference, *(ref for _, ref in seen)]))}[/]")
    if options.as_json:
        rows = [
            asdict(one)
            | {"sentence": sentence(one), "seen_then": [reference for _, reference in seen]}
            for one, seen in zip(found, beside, strict=True)
        ]
        print(printable_json({"found": rows}))
    elif not found:
        out.print("nothing like that is remembered")
    return 0


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What `sensebind watch` was asked for.

    Attributes:
        db: SQLite file of the memory, which the robot records to.
        what: What to watch for, or the name of what an example shows; "" adds no watch.
        files: Modality to an example.
        sense: "sight", "hearing", "scan" or "" for any.
        run: Tool to run instead of speaking, `NAME` or `NAME {…JSON…}`.
        remove: Name of a watch to remove.
        follow: Print alerts as they come, until Ctrl-C.
        seconds: End following after this time; 0 never.
        checkpoint: Directory of the weights; the embedded ones by default.
    """

    db: Path
    what: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    sense: str = ""
    run: str = ""
    remove: str = ""
    follow: bool = False
    seconds: float = 0.0
    checkpoint: Path | None = None
    as_json: bool = False


def run_watch(options: WatchOptions) -> int:
    """Add or remove a watch, and list what is watched for; or follow the alerts.

    Raises:
        SenseBindError: Something given cannot be used.
    """
    if not options.what:
        _must_exist(options.db)
    out = Console(highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        store = stack.enter_context(EpisodeStore(options.db))
        book = WatchBook(store)
        if options.what:
            book.add(_watch(options))
        if options.remove:
            book.remove(options.remove)
        rows = [_row(watch) for watch in book.watches()]
        if options.follow:
            return _follow(book, options, out)
        if options.as_json:
            print(printable_json({"watches": rows}))
            return 0
        for row in rows:
            out.print(escape(printable(" · ".join(str(value) for value in row.values() if value))))
        if not rows:
            out.print("nothing is watched for")
    return 0


def _watch(options: WatchOptions) -> Watch:
    embedder = Embedder(options.checkpoint or default_checkpoint())
    if options.run:
        ToolAction.parse(options.run)  # said now, not when it fires
    modality = SENSES.get(options.sense, options.sense)
    if modality not in ("", *SENSE_OF):
        raise InputError(f"no sense {options.sense!r}: there are {', '.join(SENSES)}")
    name = " ".join(options.what.split())
    if options.files:
        [(kind, path)] = _one(options.files).items()
        embedding = embedder.file(kind, path)
        return Watch(name, embedding, embedder.model, modality or kind, options.run, top=1.0)
    return Watch(name, embedder.text(name), embedder.model, modality, options.run)


def _follow(book: WatchBook, options: WatchOptions, out: Console) -> int:
    """Print alerts from now on."""
    newest = max((one.id for one in book.alerts(limit=1_000_000)), default=0)
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    while time.monotonic() < end:
        for alert in book.alerts(newest):
            newest = alert.id
            if options.as_json:
                print(printable_json(asdict(alert)), flush=True)
            else:
                out.print(escape(printable(_line(alert))))
        time.sleep(_POLL)
    return 0


def _line(alert: PastAlert) -> str:
    moment = datetime.fromtimestamp(alert.at / 1e9)
    return f"{moment:%H:%M:%S} {alert.watch} ({alert.stream}): {alert.outcome}"


def _row(watch: Watch) -> dict[str, Any]:
    how = SENSE_OF.get(watch.modality, watch.modality)
    return {"name": watch.name, "sense": how, "run": watch.action}


def _example(embedder: Embedder, text: str, files: Mapping[str, Path]) -> np.ndarray | None:
    if text.strip() and files:
        raise InputError("look for a text or for an example, not for both")
    if files:
        [(modality, path)] = _one(files).items()
        return embedder.file(modality, path)
    return embedder.text(text) if text.strip() else None


def _one(files: Mapping[str, Path]) -> Mapping[str, Path]:
    if len(files) > 1:
        raise InputError("one example can be looked for at a time")
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
    return files


def _must_exist(db: Path) -> None:
    if not db.is_file():
        raise InputError(
            f"no memory at {db}: name the file that a robot records to, as with "
            "`sensebind demo --memory FILE`"
        )
