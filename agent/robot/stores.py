"""Every store of ours: what it holds, where it lies, how long, and how it is forgotten.

What writes a file that outlives a run has a row here; a test fails on a file under the state
directory that belongs to no row. `docs/privacy.md` is this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

Root = Literal["state", "data", "config", "runtime", "chosen"]
ROOTS: dict[Root, str] = {
    "state": "$XDG_STATE_HOME/sensebind/NAME",
    "data": "$XDG_DATA_HOME/sensebind",
    "config": "$XDG_CONFIG_HOME/sensebind",
    "runtime": "$XDG_RUNTIME_DIR/sensebind",
    "chosen": "where you say",
}
"""Folders that files lie in: the robot's state directory first, for NAME or `robot`."""
_SQLITE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Store:
    """A store.

    Attributes:
        name: What people call it.
        owner: The module that writes it.
        holds: What is in it.
        root: The folder that its files lie in.
        files: Patterns of its files below that folder, as of `fnmatch`.
        kept: How long.
        forgotten: What `sensebind forget` does with it.
    """

    name: str
    owner: str
    holds: str
    root: Root
    files: tuple[str, ...]
    kept: str
    forgotten: str

    def owns(self, path: PurePosixPath) -> bool:
        """Whether a file is of this store; its path below the root."""
        parts = path.parts
        for pattern in self.files:
            wanted = PurePosixPath(pattern).parts
            pairs = zip(parts, wanted, strict=False)
            if len(parts) == len(wanted) and all(fnmatchcase(a, b) for a, b in pairs):
                return True
        return False


def _database(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{suffix}" for suffix in _SQLITE)


STORES: tuple[Store, ...] = (
    Store(
        "frames",
        "sensebind.perception.frames.store",
        "images, sounds and point clouds as the sensors gave them",
        "state",
        (*_database("frames/*.frames"), "frames/*.frames.damaged"),
        "24 hours and 512 MB a stream (`frames: {max_hours, max_mb}`); `frames: {keep: none}` "
        "keeps nothing",
        "those of the time, or of what is like the words; damaged files always",
    ),
    Store(
        "memory",
        "sensebind.memory.episode_store",
        "episodes: when, which stream, embeddings, where the robot was, what was said of them; "
        "watches and their alerts",
        "state",
        (*_database("memory.sqlite"), "memory.sqlite.lock"),
        "30 days and 2 GB (`memory: {max_days, max_mb}`)",
        "episodes with their vectors and places, and alerts; watches stay",
    ),
    Store(
        "taught names",
        "sensebind.memory.taught",
        "names that `sensebind teach` or a dialog gave, with embeddings of what was shown",
        "state",
        ("taught.json", ".taught.json.*.part"),
        "until `sensebind teach --remove`; of each name the newest 32 views",
        "names that were taught in the time, or from frames of it",
    ),
    Store(
        "dialogs",
        "sensebind.agent.threads",
        "what was asked, answered and called, what each turn perceived by reference, long results "
        "of tools, and which calls wait for a person",
        "state",
        (*_database("dialogs.sqlite"), "dialogs.sqlite.*.turn"),
        "turns until they are deleted; of long results 64 MB",
        "turns of the time, and turns that cite a forgotten frame",
    ),
    Store(
        "dialogs elsewhere",
        "sensebind.agent.threads",
        "as above, of `sensebind chat rover.yaml --dialogs FILE`; without a robot, `--dialogs` and "
        "`--audit`",
        "chosen",
        (*_database("*.sqlite"), "*.sqlite.*.turn", "*.jsonl"),
        "until `sensebind threads delete`",
        "as above, with a robot; else `sensebind threads delete NAME --dialogs FILE`",
    ),
    Store(
        "list of dialogs elsewhere",
        "sensebind.agent.robot.forgetting",
        "which files `sensebind chat rover.yaml --dialogs` has written",
        "state",
        ("dialogs.json", ".dialogs.json.*.part"),
        "as long as the files are there",
        "it stays: it says what else is to be forgotten",
    ),
    Store(
        "dialogs without a robot",
        "sensebind.agent.threads",
        "as above, of `sensebind chat` without a robot",
        "data",
        (*_database("dialogs.sqlite"), "dialogs.sqlite.*.turn"),
        "until `sensebind threads delete`",
        "`sensebind threads delete NAME`",
    ),
    Store(
        "audit log",
        "sensebind.agent.approval.audit",
        "every request, decision and result of a tool",
        "state",
        ("audit.jsonl", ".audit.jsonl.*.part"),
        "for ever",
        "that an act happened, when, and of which tool stays; its words go",
    ),
    Store(
        "rates",
        "sensebind.agent.approval.rates",
        "how many calls of which kind were made in the last minute",
        "state",
        _database("rates.sqlite"),
        "a minute",
        "nothing: it holds no words",
    ),
    Store(
        "pauses",
        "sensebind.agent.robot.pausing",
        "which streams are paused",
        "state",
        ("paused.json", ".paused.json.*.part"),
        "until they are resumed",
        "nothing: it holds no words",
    ),
    Store(
        "tokens of the server",
        "sensebind.agent.server.tokens",
        "what viewers, operators and clients of `sensebind serve` show to be let in",
        "state",
        ("server/*.token", "server/.*.token.*.part"),
        "viewer's and operator's until the next start, the API's until you delete it",
        "nothing: they say nothing of what was perceived",
    ),
    Store(
        "list of recordings",
        "sensebind.agent.robot.forgetting",
        "where `sensebind record --robot` has written, and `sensebind export` data sets of that",
        "state",
        (
            "recordings.json",
            ".recordings.json.*.part",
            "data_sets.json",
            ".data_sets.json.*.part",
        ),
        "as long as the files are there",
        "it stays: it says what else is to be forgotten",
    ),
    Store(
        "recordings",
        "sensebind.perception.frames.recording",
        "observations, percepts and where the robot was, by `sensebind record`",
        "chosen",
        ("*.mcap",),
        "until you delete them",
        "entries of the time, poses among them, in recordings of `--robot`, and in files named "
        "with `--recording`",
    ),
    Store(
        "data sets",
        "sensebind.perception.datasets.lerobot",
        "images and embeddings of recordings, by `sensebind export`",
        "chosen",
        ("data/*/*.parquet", "videos/*/*/*.mp4", "meta/*", "meta/*/*/*.parquet"),
        "until you delete them",
        "nothing: it names those of recordings of `--robot`, and you delete them, with `.NAME.*` "
        "next to one that was interrupted",
    ),
    Store(
        "recordings of the viewer",
        "sensebind.agent.robot.rerun_viewer",
        "percepts, and images of `rerun: {file: …}`",
        "chosen",
        ("*.rrd",),
        "until you delete them",
        "nothing: it names the file, and you delete it",
    ),
    Store(
        "keys",
        "sensebind.perception.bus.curve_keys",
        "the robot's own key and those that are allowed",
        "config",
        ("keys/*",),
        "until `sensebind keys` changes them",
        "nothing: they say nothing of what was perceived",
    ),
    Store(
        "sockets and locks",
        "sensebind.agent.robot.robot",
        "where a running robot is reached",
        "runtime",
        ("*", "*/*"),
        "while it runs",
        "nothing: they hold nothing",
    ),
)


def owner_of(path: PurePosixPath, root: Root = "state") -> Store | None:
    """Return the store that a file belongs to, by its path below a root; None if to none."""
    return next((one for one in STORES if one.root == root and one.owns(path)), None)


def as_table() -> str:
    """Return all stores as a table in Markdown."""
    head = "| what | holds | where | how long | `sensebind forget` |\n|---|---|---|---|---|"
    rows = [
        f"| {one.name} | {one.holds} | `{ROOTS[one.root]}`: {_named(one)} | {one.kept} "
        f"| {one.forgotten} |"
        for one in STORES
    ]
    return "\n".join([head, *rows])


def _named(store: Store) -> str:
    names = [one for one in store.files if not one.endswith(("-wal", "-shm", "-journal"))]
    return ", ".join(f"`{one}`" for one in names)
