"""Everything that may go wrong with a robot, on purpose, and what came of it.

The robot is started as `sensebind run` starts it, only that its devices can be made to fail. Each
trial does one thing, and waits until every sense has a fresh percept again. Meanwhile an agent's
awareness is asked all the time, as it must never show a stale percept as present; and what each
process published is compared with what was received and what was reported as lost.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from sensebind.agent.conditioning.awareness import MAX_AGE, Awareness
from sensebind.agent.robot.bus_faults import CORRUPT, FLOOD, ROGUE, Rogue, stopped_subscriber
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.robot import Robot
from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.perception.percept import Percept
from sensebind.perception.sources import faulty_source
from sensebind.perception.workers.spec import FactorySpec, WorkerSpec
from sensebind.perception.workers.supervisor import WorkerStatus

BAR = 3.0
"""Seconds after which every sense must be back."""
_NO_WORKERS = ("launcher", "spare", "simhome", "network")  # processes that are no sense
PATIENCE = 60.0  # seconds after which it is given up
_GONE = 5.0  # seconds that a device is away, a process stopped, a disk full
_BLINK = 2.0  # seconds of a clock that jumped, of a flood
_CONNECTIONS = 100  # that say nothing


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done.

    Attributes:
        since: Monotonic time since which all could be well again.
        former: Of streams whose process must be another one, the start of the former.
        noted: What reported it meanwhile, in words.
        killed: Process of the robot that another must take the place of: its name and number.
    """

    since: float
    former: dict[str, str] = field(default_factory=dict)
    noted: str = ""
    killed: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial.

    Attributes:
        what: Was done, in words.
        lost: Percepts that were lost or superseded, as the agent's counters report.
        unreported: Percepts that never came, beyond those; must be 0.
        stale: How many times something too old was shown as present; must be 0.
        back: Seconds from the end of the trouble until every stream was fresh; infinite for never.
        noted: Which counters or states reported it.
        ok: Whether it went as it must.
    """

    what: str
    lost: int
    unreported: int
    stale: int
    back: float
    noted: str
    ok: bool


class Watch:
    """A listener that knows what came, by stream and by start of its publisher."""

    def __init__(self, streams: Sequence[str]) -> None:
        self._streams = tuple(streams)
        self._changed = threading.Condition()
        self._arrived: dict[str, float] = {}  # capture time of the newest
        self._epochs: dict[str, str] = {}
        # Of each start of a publisher: lowest number, highest, and how many came (for hours).
        self._numbers: dict[tuple[str, str], tuple[int, int, int]] = {}

    def __call__(self, percept: Percept) -> None:
        """Take note of a percept."""
        header = percept.header
        with self._changed:
            self._arrived[header.stream] = header.monotonic
            self._epochs[header.stream] = header.epoch
            key, number = (header.stream, header.epoch), header.sequence
            low, high, count = self._numbers.get(key, (number, number, 0))
            self._numbers[key] = min(low, number), max(high, number), count + 1
            self._changed.notify_all()

    def epochs(self) -> dict[str, str]:
        """Return the start of each stream's publisher that was heard last."""
        with self._changed:
            return dict(self._epochs)

    def missing(self) -> int:
        """Return how many numbers lie between those that came, of each start of a publisher."""
        with self._changed:
            return sum(high - low + 1 - count for low, high, count in self._numbers.values())

    def back(self, since: float, former: dict[str, str]) -> bool:
        """Wait until each stream has a percept captured after `since`.

        Args:
            since: Monotonic time.
            former: Of streams whose process must be another one, the start that does not count.

        Returns:
            Whether that came to be in time.
        """

        def fresh() -> bool:
            return all(
                self._arrived.get(one, 0.0) > since
                and (one not in former or self._epochs[one] != former[one])
                for one in self._streams
            )

        with self._changed:
            return self._changed.wait_for(fresh, PATIENCE)


class Subject:
    """A robot under trial, with a watch, an agent's awareness and its devices' control files.

    A context manager. Call nothing of it from two threads.

    Attributes:
        streams: Names of the streams on trial.
        watch: Records which percepts arrive.
        pids_seen: Ids of all processes that the robot has had.
        robot: The robot; only inside the context.
        awareness: The agent's awareness of it; only inside the context.
    """

    def __init__(
        self, config: RobotConfig, *, agent: bool = False, watch: Watch | None = None
    ) -> None:
        """Prepare; entering starts the robot.

        Args:
            config: The robot's file.
            agent: Whether it has its agent and its own frames; else its streams are on trial alone.
            watch: Records which percepts arrive.
        """
        self._config = config if agent else config.model_copy(update={"llm": None})
        self._agent = agent
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._stale = 0
        self.streams = tuple(config.stream_names.values())
        self.watch = watch or Watch(self.streams)
        self.pids_seen: set[int] = set()
        self._strangers: list[BaseException] = []  # what `on_change` raises next
        self.robot: Robot
        self.awareness: Awareness

    def __enter__(self) -> Subject:
        with self._stack:  # whatever goes wrong, no process is left that nobody ends
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._controls = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.robot = self._stack.enter_context(
            Robot(self._config, on_change=self._changed, adapt=self._disturbable)
        )
        self._rogue = self._stack.enter_context(Rogue(self._controls / "rogue"))
        endpoints = self.robot.supervisor.endpoints | {ROGUE: self._rogue.endpoint}
        modalities = self._config.modalities | {ROGUE: "vision"}
        self.awareness = self._stack.enter_context(Awareness(endpoints, modalities, [self.watch]))
        if not self.awareness.wait(PATIENCE, self.streams):
            states = {s.stream: s.state.value for s in self.robot.supervisor.status().values()}
            raise ConfigurationError(f"not all senses came up: {states}; see sensebind doctor")
        thread = threading.Thread(target=self._look_for_stale, name="chaos", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._stop.set)

    def _disturbable(self, worker: WorkerSpec) -> WorkerSpec:
        arguments = worker.source.arguments | {"control": str(self._controls / worker.stream)}
        source = FactorySpec(factory=faulty_source.FACTORY, arguments=arguments)
        changes: dict[str, object] = {"source": source}
        if worker.frames is not None and not self._agent:  # those of the robot are not on trial
            own = {"directory": self._controls / "frames" / worker.stream}
            changes["frames"] = worker.frames.model_copy(update=own)
        return worker.model_copy(update=changes)

    def _changed(self, _status: WorkerStatus) -> None:
        if self._strangers:
            raise self._strangers.pop()

    def raise_in_watch(self, error: BaseException) -> None:
        """Let the thread that watches the workers meet an error when a state changes next."""
        self._strangers.append(error)

    @contextmanager
    def unwritable(self, stream: str) -> Iterator[None]:
        """Put something in the way where the frames of a stream are kept."""
        folder = self._controls / "frames" / stream
        away = folder.with_name(f"{stream}.away")
        if folder.exists():
            folder.rename(away)
        folder.parent.mkdir(exist_ok=True)
        folder.touch()
        try:
            yield
        finally:
            folder.unlink()
            if away.exists():
                away.rename(folder)

    @contextmanager
    def disturbed(self, stream: str, word: str) -> Iterator[None]:
        """Let the device of a stream fail in a way."""
        control = self._controls / stream
        control.write_text(word, encoding="utf-8")
        try:
            yield
        finally:
            control.write_text("", encoding="utf-8")

    @contextmanager
    def hostile(self, kind: str) -> Iterator[None]:
        """Let a rogue publisher send to the agent: `FLOOD` or `CORRUPT`."""
        with self._rogue.sending(kind):
            yield

    @property
    def pids(self) -> dict[str, int]:
        """Processes of the robot by name."""
        pids = self.robot.pids
        self.pids_seen |= set(pids.values())
        return pids

    def left_over(self) -> list[int]:
        """Return which of all processes that there were still live; to be asked after the end."""
        return [pid for pid in self.pids_seen if _lives(pid)]

    def trial(self, what: str, harm: Callable[[], Harm]) -> Outcome:
        """Do harm, which is called so in words, wait until all is well, and report."""
        lost, missing, stale = self._lost(), self.watch.missing(), self._stale
        counted = self._counts()
        done = harm()
        back = self.watch.back(done.since, done.former) and self._replaced(done)
        seconds = time.monotonic() - done.since if back else float("inf")
        time.sleep(0.6)  # two heartbeats, which report numbers that never came
        lost, missing = self._lost() - lost, self.watch.missing() - missing
        stale = self._stale - stale
        unreported = max(0, missing - lost)
        now = self._counts()
        told = [f"{name} +{now[name] - n}" for name, n in counted.items() if now[name] > n]
        noted = ", ".join([done.noted, *told] if done.noted else told)
        ok = back and seconds <= BAR and not unreported and not stale
        return Outcome(what, lost, unreported, stale, round(seconds, 2), noted, ok)

    def _replaced(self, done: Harm) -> bool:
        """Wait until another process runs in the place of the one that was killed."""
        if done.killed is None:
            return True
        name, former = done.killed
        return self.process(name, but=former) != 0

    def process(self, name: str, but: int = 0) -> int:
        """Wait for a process of the robot that lives.

        Args:
            name: Its name in `pids`.
            but: Number that it must not have.

        Returns:
            Its number; 0 where there was none in time.
        """
        until = time.monotonic() + PATIENCE
        while (now := self.pids.get(name, 0)) in (0, but) or not _lives(now):
            if time.monotonic() > until:
                return 0
            time.sleep(0.02)
        return now

    def _lost(self) -> int:
        counts = [report.counts for report in self.awareness.report().values()]
        return sum(one.lost + one.superseded for one in counts)

    def _counts(self) -> dict[str, int]:
        """Return the counters in which trouble shows, over all streams."""
        rows = self.robot.monitor.rows()
        names = ("restarts", "gaps", "clamped", "unkept")
        counts = {name: sum(getattr(row, name) for row in rows) for name in names}
        reports = self.awareness.report().values()
        return counts | {"malformed": sum(report.counts.malformed for report in reports)}

    def _look_for_stale(self) -> None:
        while not self._stop.wait(0.01):
            percepts, _ = self.awareness.snapshot()
            now = time.monotonic()
            late = [p for p in percepts.values() if now - p.header.monotonic > MAX_AGE + 0.1]
            self._stale += bool(late)


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended may wait long until process 1 notes it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- what is done ---


def kill(subject: Subject, name: str) -> Harm:
    """Kill a process of the robot by its name in `pids`; one that is about to come is waited for.

    Raises:
        SenseBindError: There is none, and none comes.
    """
    pid = subject.process(name)
    if not pid:
        raise SenseBindError(f"the robot has no process {name}, and starts none")
    epochs = subject.watch.epochs()
    streams = subject.streams if name == "launcher" else [name]
    since = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    former = {one: epochs[one] for one in streams if one in epochs}
    return Harm(since, former, killed=(name, pid))


def _stop(subject: Subject, name: str) -> Harm:
    pid = subject.pids[name]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(_GONE)
    with suppress(ProcessLookupError):  # the supervisor has ended it for its silence
        os.kill(pid, signal.SIGCONT)
    return Harm(time.monotonic())


def _gone(subject: Subject, stream: str) -> Harm:
    with subject.disturbed(stream, "gone"):
        began = time.monotonic()
        while (spent := time.monotonic() - began) < _GONE:
            if subject.awareness.report()[stream].worker == "waiting":
                break
            time.sleep(0.02)
        time.sleep(max(0.0, _GONE - spent))
    told = f"reported after {spent:.1f} s" if spent < _GONE else "not reported"
    return Harm(time.monotonic(), noted=told)


def _jump(subject: Subject, stream: str, word: str) -> Harm:
    with subject.disturbed(stream, word):
        time.sleep(_BLINK)
    return Harm(time.monotonic())


def _slow(subject: Subject) -> Harm:
    with stopped_subscriber(list(subject.robot.supervisor.endpoints.values())):
        time.sleep(_GONE)
    return Harm(time.monotonic())


def _hostile(subject: Subject, kind: str) -> Harm:
    since = time.monotonic()
    with subject.hostile(kind):
        time.sleep(_BLINK)
        since = time.monotonic() - 0.5  # it must go on during the flood, not only after it
    return Harm(since)


def _full_disk(subject: Subject) -> Harm:
    """Let the robot's processes write no byte more to any file, which is what a full disk does."""
    pids = [pid for name, pid in subject.pids.items() if name not in _NO_WORKERS]
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    time.sleep(_GONE)
    for pid, limit in limits.items():
        with suppress(ProcessLookupError):  # it has been started again meanwhile
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    return Harm(time.monotonic())


def _watch_fails(subject: Subject, stream: str, error: BaseException) -> Harm:
    """Kill a worker, and let the thread that is to start it again meet an error then."""
    before = subject.robot.supervisor.watch_status()
    subject.raise_in_watch(error)
    harm = kill(subject, stream)
    until = time.monotonic() + _GONE
    while (now := subject.robot.supervisor.watch_status()) == before:
        if time.monotonic() > until:
            return replace(harm, noted="not noted")
        time.sleep(0.02)
    errors, revived = now.errors - before.errors, now.revived - before.revived
    return replace(harm, noted=f"watch errors +{errors}, revived +{revived}")


def _no_descriptors(subject: Subject, stream: str) -> Harm:
    """Kill a worker while the launcher that is to fork it has no descriptor left."""
    launcher, epochs = subject.pids["launcher"], subject.watch.epochs()
    limits = resource.prlimit(launcher, resource.RLIMIT_NOFILE)
    resource.prlimit(launcher, resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        os.kill(subject.pids[stream], signal.SIGKILL)
        time.sleep(_GONE)
        state = subject.robot.supervisor.status()[stream].state
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(launcher, resource.RLIMIT_NOFILE, limits)
    return Harm(time.monotonic(), {stream: epochs[stream]}, f"meanwhile {state}")


def _no_store(subject: Subject, stream: str) -> Harm:
    """Kill a worker while the frame store cannot be opened; it must come back without it."""
    with subject.unwritable(stream):
        harm = kill(subject, stream)
        subject.watch.back(harm.since, harm.former)
        time.sleep(_BLINK)
    return harm


def _idle(subject: Subject, address: str) -> Harm:
    """Open more connections to /metrics than it takes, and say nothing on them."""
    host, port = address.removeprefix("http://").partition("/")[0].rsplit(":", 1)
    since = time.monotonic()
    with ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            with suppress(OSError):
                stack.enter_context(socket.create_connection((host, int(port)), 1.0))
        time.sleep(_BLINK)
        since = time.monotonic() - 0.5  # it must go on meanwhile, not only after it
    return Harm(since)


Trial = tuple[str, Callable[[], Harm]]
"""What is done, in words, and the deed."""
KINDS = (
    "kill",
    "stop",
    "gone",
    "clock",
    "slow",
    "flood",
    "corrupt",
    "disk",
    "watch",
    "descriptors",
    "store",
    "idle",
)


def trials(subject: Subject, kinds: Sequence[str]) -> dict[str, list[Trial]]:
    """Return what can be done to a robot, by kind."""
    streams = subject.streams
    workers = [name for name in subject.pids if name in streams]  # alone in their process
    metrics = subject.robot.addresses.get("metrics", "")
    found: dict[str, list[Trial]] = {
        "kill": [(f"kill -9 of {name}", partial(kill, subject, name)) for name in subject.pids],
        "stop": [
            (f"SIGSTOP of {s} for {_GONE:g} s", partial(_stop, subject, s))
            for s in subject.pids
            if s not in _NO_WORKERS
        ],
        "gone": [
            (f"device of {s} gone for {_GONE:g} s", partial(_gone, subject, s)) for s in streams
        ],
        "clock": [
            (f"clock of {s} an hour {word}", partial(_jump, subject, s, word))
            for s in streams
            for word in ("ahead", "behind")
        ],
        "slow": [(f"a subscriber stopped for {_GONE:g} s", partial(_slow, subject))],
        "flood": [(f"a flood for {_BLINK:g} s", partial(_hostile, subject, FLOOD))],
        "corrupt": [(f"corrupt messages for {_BLINK:g} s", partial(_hostile, subject, CORRUPT))],
        "disk": [(f"disk full for {_GONE:g} s", partial(_full_disk, subject))],
        "watch": [
            (
                f"{name} in the watch while {one} is killed",
                partial(_watch_fails, subject, one, error),
            )
            for one in workers[:1]
            for name, error in (
                ("an error", OSError(5, "Input/output error")),
                ("an exit", SystemExit(1)),
            )
        ],
        "descriptors": [
            (
                f"no descriptors for {_GONE:g} s while {one} is killed",
                partial(_no_descriptors, subject, one),
            )
            for one in workers
        ],
        "store": [
            (
                f"the frames of {one} cannot be kept while it is killed",
                partial(_no_store, subject, one),
            )
            for one in workers
        ],
        "idle": [(f"{_CONNECTIONS} idle connections to metrics", partial(_idle, subject, metrics))]
        if metrics
        else [],
    }
    return {kind: found[kind] for kind in kinds}


def shuffled(subject: Subject, kinds: Sequence[str], times: int, seed: int) -> list[Trial]:
    """Return all trials of these kinds, each so many times, in random order."""
    found = trials(subject, kinds)
    every = [one for ones in found.values() for one in ones] * times
    random.Random(seed).shuffle(every)
    return every
