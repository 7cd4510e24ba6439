"""Power cuts, kills and full disks at every write: each store opens, and holds its word."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.fault_stores import COUNT, MODES, STORES, episode, observation, payload, request
from fixtures.scripted_chat import ScriptedChat, calls_once
from langchain_core.tools import StructuredTool

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.approval.rates import Rates
from sensebind.agent.approval.store import Approvals
from sensebind.agent.assistant import Assistant
from sensebind.agent.results.kept import KeptResults
from sensebind.errors import StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.perception.frames.store import FrameStore
from sensebind.tools.risk import Risk, label

TESTS = Path(__file__).parent
TRIALS, FEW = 200, 5


class Disk:
    """Runs trials on a disk that fails."""

    def __init__(self, library: Path) -> None:
        path = os.pathsep.join([str(TESTS), *sys.path])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fixtures.fault_stores"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS,
            env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": path},
        )

    def trial(self, store: str, folder: Path, mode: int, at: int, seed: int) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        folder.mkdir(parents=True)
        self._process.stdin.write(json.dumps([store, str(folder), mode, at, seed]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler to make a disk that fails: apt install gcc libc6-dev")
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = TESTS / "fixtures" / "faults.c"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    disk = Disk(library)
    yield disk
    disk.close()


def trials(disk: Disk, store: str, folder: Path, count: int, seed: int) -> list[str]:
    """Return what did not hold."""
    rng, faults = random.Random(f"{store} {seed}"), []
    whole = disk.trial(store, folder / "whole", COUNT, 0, 0)
    assert whole["code"] == 0 and whole["acked"], whole
    STORES[store].check(folder / "whole", whole["acked"], COUNT)
    for number in range(count):
        name, mode = list(MODES.items())[number % len(MODES)]
        at = rng.randint(1, whole["count"])
        here = folder / str(number)
        done = disk.trial(store, here, mode, at, rng.randrange(2**31))
        try:
            assert done["code"] in (0, -9), f"ended with {done['code']}"
            STORES[store].check(here, done["acked"], mode)
        except Exception as error:  # all of them are of interest
            faults.append(f"{number} {name} at {at} of {whole['count']}: {error!r}")
        shutil.rmtree(here, ignore_errors=True)
    return faults


@pytest.mark.extended
@pytest.mark.parametrize("store", STORES)
def test_two_hundred_faults(disk: Disk, store: str, tmp_path: Path) -> None:
    faults = trials(disk, store, tmp_path, TRIALS, seed=1)
    assert not faults, f"{len(faults)} of {TRIALS}:\n" + "\n".join(faults[:20])


@pytest.mark.parametrize("store", ["audit log", "approvals", "recordings"])
def test_a_few_faults(disk: Disk, store: str, tmp_path: Path) -> None:
    faults = trials(disk, store, tmp_path, FEW, seed=2)
    assert not faults, "\n".join(faults)


# --- locked by another process -------------------------------------------------------------------


def _start(store: Any) -> Any:
    one = request(1)
    return store.start("a", one.call, one.tool, one.arguments)


LOCKED: dict[str, tuple[str, Callable[[Path], Any], Callable[[Any], Any]]] = {
    "frames": (
        "camera.frames",
        lambda p: FrameStore(p.parent),
        lambda s: s.put(observation(1), payload(1)),
    ),
    "memory": ("memory.sqlite", EpisodeStore, lambda s: s.put(episode(1))),
    "approvals": ("dialogs.sqlite", Approvals, _start),
    "results": ("dialogs.sqlite", KeptResults, lambda s: s.keep("a", "t", "say", "words")),
    "rates": ("rates.sqlite", lambda p: Rates(p.parent), lambda s: s.take("move", 5)),
}


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than 0.1 s for a file."""
    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, **options | {"timeout": 0.1})

    monkeypatch.setattr(sqlite3, "connect", connected)


@pytest.mark.parametrize("name", LOCKED)
def test_a_database_that_is_locked_is_an_error_of_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    file, make, write = LOCKED[name]
    path = tmp_path / file
    store = make(path)
    write(store)
    other = sqlite3.connect(path, isolation_level=None)
    before = list(other.iterdump())
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked") as raised:
        write(store)
    assert "\n" not in str(raised.value) and str(tmp_path) in str(raised.value)
    other.execute("ROLLBACK")
    assert list(other.iterdump()) == before
    other.close()
    write(store)
    store.close()


def test_nothing_acts_while_the_dialogs_are_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    moved: list[float] = []

    def drive(metres: float) -> str:
        moved.append(metres)
        return "driven"

    tool = StructuredTool.from_function(
        drive, name="drive", description="Drives.", metadata=label(Risk.MOVE)
    )
    file = tmp_path / "dialogs.sqlite"
    with Assistant(
        ScriptedChat(script=calls_once("drive", metres=1.0)), [tool], dialogs=file, policy=Policy()
    ) as one:
        assert one.ask("go 1 metre").pending
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            list(one.decide([Decision("approve")]))
        assert moved == []
        other.execute("ROLLBACK")
        other.close()
        list(one.decide([Decision("approve")]))
        assert moved == [1.0]
