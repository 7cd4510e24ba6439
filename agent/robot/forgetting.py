"""Forgetting: what was perceived and said in some spans of time leaves every store of a robot.

Each store erases its own; this goes through all of them, in an order in which what cites goes
before what is cited. Its bytes go with it: databases and files are rewritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensebind.agent.approval.audit import AuditLog
from sensebind.agent.robot.config import RobotConfig, state_root
from sensebind.errors import StorageError
from sensebind.memory.taught import FILE_NAME, TaughtNames
from sensebind.perception.frames.recording_edit import erase_entries
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.storage.private_files import changing, write_private
from sensebind.perception.storage.spans import Span, cites, covered

if TYPE_CHECKING:
    from sensebind.agent.threads import Dialogs

Counts = dict[str, int]
"""What was, or would be, forgotten, by what it is."""
EraseMemory = Callable[[Sequence[Span]], Counts]


def forget(
    config: RobotConfig,
    spans: Sequence[Span],
    *,
    dry: bool = False,
    memory: EraseMemory | None = None,
    dialogs: Dialogs | None = None,
    audit: AuditLog | None = None,
) -> Counts:
    """Forget what was perceived and said in some spans of time.

    Args:
        config: The robot's file.
        spans: What goes.
        dry: Count alone, and change nothing.
        memory: Erases in the memory of a robot that runs; else its file is opened.
        dialogs: Of a robot that runs.
        audit: Of a robot that runs.

    Returns:
        How many of what.

    Raises:
        InputError: A turn is running.
        StorageError: A store cannot be written, or another robot writes to it. What was erased
            before that is erased.
    """
    with ExitStack() as stack:
        if memory is None:  # first of all: a robot that writes to it must not lose half
            memory = _memory_of(config, stack, dry)
        return _forget(config, spans, dry, memory, dialogs, audit)


def _forget(
    config: RobotConfig,
    spans: Sequence[Span],
    dry: bool,
    memory: EraseMemory,
    dialogs: Dialogs | None,
    audit: AuditLog | None,
) -> Counts:
    state = config.state_directory
    counts: Counts = {}
    gone: set[tuple[str, str]] = set()
    kept = dict.fromkeys([state / "dialogs.sqlite", *dialogs_of(config)])
    opened = {} if dialogs is None else {dialogs.path.absolute(): dialogs}
    for file in kept | opened:
        if file in opened or file.is_file():
            gone |= _forget_dialogs(opened.get(file), file, spans, counts, dry)
    counts |= memory(spans)
    if (config.state_directory / FILE_NAME).is_file():
        names = TaughtNames(config.state_directory / FILE_NAME)
        counts["views of taught names"] = names.erase(spans, dry=dry)
    if (folder := config.frame_spec.directory).is_dir():
        with FrameStore(folder) as frames:
            found = frames.erase(spans, dry=dry)
        counts |= {_frames(name): count for name, count in found.items()}
    for path in recordings_of(config):
        if path.is_file():
            counts[f"entries of {path}"] = erase_entries(path, spans, dry=dry)
    log = state / "audit.jsonl"
    if audit is not None or log.is_file():
        everything = any(one.everything for one in spans)

        def goes(record: Mapping[str, Any], line: str) -> bool:
            of_turn = (record.get("thread"), record.get("turn")) in gone
            at = record.get("ns")
            said = isinstance(at, int) and covered(spans, "", at)
            return everything or of_turn or said or cites(spans, line)

        with closing(AuditLog(log)) if audit is None else nullcontext(audit) as opened:
            counts["words of audit records"] = opened.redact(goes, dry=dry)
    counts |= _out_of_reach(config)
    return {name: count for name, count in counts.items() if count}


def _frames(stream: str) -> str:
    return "damaged files of frames" if " " in stream else f"frames of {stream}"


def _forget_dialogs(
    dialogs: Dialogs | None, file: Path, spans: Sequence[Span], counts: Counts, dry: bool
) -> set[tuple[str, str]]:
    from sensebind.agent.threads import Dialogs

    with Dialogs(file) if dialogs is None else nullcontext(dialogs) as opened:
        found = opened.erase(spans, dry=dry)
    for name, count in {"turns": len(found.turns), "long results of tools": found.results}.items():
        counts[name] = counts.get(name, 0) + count
    return found.turns


def _memory_of(config: RobotConfig, stack: ExitStack, dry: bool) -> EraseMemory:
    """Return what erases in the memory of a robot that does not run."""
    if not config.memory_file.is_file():
        return lambda _spans: {}
    from sensebind.memory.episode_store import EpisodeStore
    from sensebind.memory.recorder import Recorder

    if dry:
        store = stack.enter_context(EpisodeStore(config.memory_file))
        return lambda spans: store.erase(spans, dry=True)
    recorder = Recorder(config.memory_file)  # its lock: no robot writes meanwhile
    stack.callback(recorder.stop)
    return recorder.erase


def _out_of_reach(config: RobotConfig) -> Counts:
    """Return what is known to be kept and cannot be forgotten here, so that it is shown."""
    found: Counts = {}
    for path in [*recordings_of(config), *dialogs_of(config)]:
        if not path.parent.is_dir():
            found[f"file that is not there now, and was not looked into: {path}"] = 1
    for path in _listed(config.state_directory, "data_sets"):
        if path.exists() or not path.parent.is_dir():
            found[f"data set made of its recordings, which only you can delete: {path}"] = 1
    viewer = config.rerun.file if config.rerun is not None else None
    if viewer is not None and viewer.is_file():
        found[f"file of the viewer, which only you can delete: {viewer.absolute()}"] = 1
    return found


# --- files that lie elsewhere -------------------------------------------------------------------


def recordings_of(config: RobotConfig) -> list[Path]:
    """Return where recordings of this robot were written, as far as it was noted.

    Raises:
        StorageError: The list is damaged.
    """
    return _listed(config.state_directory, "recordings")


def note_recording(config: RobotConfig, path: Path) -> None:
    """Note where a recording of this robot is written, so that it can be forgotten.

    Raises:
        StorageError: It cannot be noted.
    """
    _note(config.state_directory, "recordings", path)


def note_data_set(recordings: Iterable[Path], path: Path) -> None:
    """Note which data set was made of recordings, with each robot that has made one of them.

    Raises:
        StorageError: It cannot be noted.
    """
    sources = {one.resolve() for one in recordings}
    for file in sorted(state_root().glob("*/recordings.json")):
        if any(one.resolve() in sources for one in _listed(file.parent, "recordings")):
            _note(file.parent, "data_sets", path)


def dialogs_of(config: RobotConfig) -> list[Path]:
    """Return which files next to its own hold dialogs with this robot, as far as it was noted.

    Raises:
        StorageError: The list is damaged.
    """
    return _listed(config.state_directory, "dialogs")


def note_dialogs(config: RobotConfig, path: Path) -> None:
    """Note which file holds dialogs with this robot, so that they can be forgotten.

    Raises:
        StorageError: It cannot be noted.
    """
    if path.absolute() != config.state_directory / "dialogs.sqlite":
        _note(config.state_directory, "dialogs", path)


def _listed(state: Path, what: str) -> list[Path]:
    file = state / f"{what}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return [Path(str(one)) for one in found[what]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(f"the list of {what} {file} cannot be read: {error}") from error


def _note(state: Path, what: str, path: Path) -> None:
    file = state / f"{what}.json"
    try:
        with changing(file.parent):
            # One whose folder is gone may lie on a disk that is not mounted now.
            listed = _listed(state, what)
            known = [one for one in listed if one.exists() or not one.parent.is_dir()]
            names = [str(one) for one in dict.fromkeys([*known, path.absolute()])]
            write_private(file, (json.dumps({what: names}, indent=1) + "\n").encode())
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
