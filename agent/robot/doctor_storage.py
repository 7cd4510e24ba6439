"""What a robot needs of the machine: memory for its weights, and folders that it can write."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from sensebind.agent.conversion.inspection import PartInfo, inspect
from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.errors import SenseBindError
from sensebind.memory.episode_store import EpisodeStore

PROGRAM_BYTES = 600 * 10**6
"""Own memory of the program with PyTorch, LangChain and a language model, without its weights.

Measured by `python benchmarks/large.py`, see docs/benchmarks.md."""
ENCODERS_BYTES, ENCODER_BYTES = 150 * 10**6, 100 * 10**6
"""Memory of what starts the encoder processes, and of each of them without its weights.

Measured as shares of memory (PSS) while `sensebind chat examples/simhome.yaml` ran: 124 MB, and 78
to 92 MB each; PyTorch lies in memory that they share."""


def examine_fit(robot: RobotConfig) -> Iterator[Check]:
    """Compare what the weights need with the memory of this machine.

    The rule: 0.6 GB for the program, 0.15 GB for its encoder processes and 0.1 GB for each of them,
    and the bytes of the weights that each process reads.
    """
    folder = robot.weights
    if not folder.is_dir():
        yield Check("checkpoint", Verdict.BAD, f"{folder} is not there", "see `sensebind pull`")
        return
    try:
        needed, rule = _needed(robot, folder)
    except SenseBindError as error:
        yield Check("checkpoint", Verdict.BAD, str(error), "correct checkpoint: or llm:")
        return
    memory = psutil.virtual_memory()
    found = (
        f"needs {_gb(needed)} of memory ({rule}); "
        f"{_gb(memory.available)} of {_gb(memory.total)} are free"
    )
    if needed > memory.total:
        mend = "take a smaller checkpoint, or a language model on another machine (llm:)"
        yield Check("checkpoint", Verdict.BAD, found, mend)
    elif needed > memory.available:
        yield Check("checkpoint", Verdict.WARNING, found, "end other programs first")
    else:
        yield Check("checkpoint", Verdict.OK, found)


def _needed(robot: RobotConfig, folder: Path) -> tuple[int, str]:
    """Return the bytes that a robot needs, and how they come together.

    Raises:
        SenseBindError: A directory holds no model.
    """
    own = _parts(folder)
    language = 0
    if robot.llm is not None and robot.llm.provider == "gguf":
        file = robot.resolve(Path(robot.llm.place))
        language = file.stat().st_size if file.is_file() else 0
    elif robot.llm is not None and robot.llm.ours:
        parts = _parts(robot.resolve(Path(robot.llm.place))) if robot.llm.place else own
        language = sum(one.memory for one in parts if one.part == "language model")
    by_trunk = {one.part.rpartition("/")[2]: one.memory for one in own}
    processes: dict[str, set[str]] = {}
    for stream, modality in robot.modalities.items():
        shared = robot.streams[_plain(robot, stream)].process
        processes.setdefault(shared or f"/{stream}", set()).add(modality)
    encoders = sum(by_trunk.get(one, 0) for group in processes.values() for one in group)
    program = PROGRAM_BYTES if robot.llm is not None else 0
    workers = ENCODERS_BYTES + ENCODER_BYTES * len(processes)
    needed = program + workers + language + encoders
    said = [f"{_gb(workers)} for {len(processes)} encoder process{'es' * (len(processes) > 1)}"]
    if robot.llm is not None:
        said.insert(0, f"{_gb(PROGRAM_BYTES)} for the program")
    said.append(f"{_gb(language + encoders)} of weights")
    return needed, ", ".join(said)


def _plain(robot: RobotConfig, on_the_bus: str) -> str:
    """Return a stream's name in the file."""
    return next(name for name, full in robot.stream_names.items() if full == on_the_bus)


def _parts(folder: Path) -> list[PartInfo]:
    return [PartInfo(**one) for one in inspect(folder)["parts"]]


def examine_storage(robot: RobotConfig) -> Iterator[Check]:
    """Write to the folders of memory and dialogs, and open a memory that is there."""
    if robot.memory is not None:
        file = robot.memory_file
        wanted = robot.memory.max_mb << 20
        yield _folder("memory file", file.parent, wanted, "lower memory: {max_mb: …}")
        if file.is_file():
            try:
                with EpisodeStore(file) as store:
                    yield Check("memory", Verdict.OK, f"{file}, {len(store)} episodes")
            except SenseBindError as error:
                yield Check("memory", Verdict.BAD, str(error), "move it away, or name another file")
    if robot.llm is not None:
        yield _folder("dialogs and log", robot.state_directory, 0, "make room")


def _folder(title: str, folder: Path, wanted: int, mend: str) -> Check:
    """Make a file in a folder, or where the folder will be made."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
        free = shutil.disk_usage(there).free
    except OSError as error:
        found = f"{there} cannot be written: {error.strerror}"
        return Check(title, Verdict.BAD, found, f"chown or chmod {there}")
    found = f"{folder} can be written, {_gb(free)} are free"
    if free < wanted:
        return Check(title, Verdict.WARNING, f"{found}, up to {_gb(wanted)} are wanted", mend)
    return Check(title, Verdict.OK, found)


def _gb(count: float) -> str:
    return f"{count / 1e9:.2f} GB"
