"""A whole robot on SimHome for as long as you like: does anything grow, does anything get slower?

The robot has streams, language model, memory, dialogs and frames, which lie in `--state DIR`. In
the first run there nothing happens to it but a question now and then; every further run goes on
with what is there, and is done harm to every few minutes, as `sensebind chaos` does. At the
beginning and at the end of a run there is a window in which it is left alone, so that ages can be
compared.

Before a run begins, the robot is asked 300 times, so that its dialog is as long as it gets. With
`--minutes 120`: windows of ten minutes, a fault every five and a question every minute, and
the slope of memory over the last 100 minutes. Other lengths have the same shares. Bars hold from 60
minutes on, as the noise of single pages is larger than the slope that is looked for in less; exit
code 1 where one is missed. A run writes DIR/run-N.jsonl (its samples), DIR/run-N.json (its rows).
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from report import AtMost, Parser, Row, run

from sensebind.agent.cli.top import STALE_MS
from sensebind.agent.evaluation.report import as_json
from sensebind.agent.events import Finished
from sensebind.agent.robot.chaos import KINDS, Outcome, Subject, Watch, shuffled
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.sections import FramesConfig, MemoryConfig, MetricsConfig
from sensebind.agent.robot.simhome import simhome_robot
from sensebind.errors import SenseBindError, StorageError
from sensebind.perception.percept import Percept

SLOPE = 1.0
"""MB per hour that a process may grow by."""
OLDER = {50: 1.10, 99: 1.20}
"""Percentile of a percept's age when it arrives, and what it may have become at the end."""
BARS_FROM = 60.0
"""Minutes of a run from which on the bars hold."""
WINDOW, SLOPE_FROM, FAULT_EVERY, QUESTION_EVERY = 10 / 120, 20 / 120, 5 / 120, 1 / 120
"""Shares of a run."""
_SETTLING = 120.0  # seconds of a process of which its memory is still growing into its work
_TURNS_TO_FILL = 300  # memory grows with the dialog until here, and no more in 700 further ones
_QUESTIONS = (
    "what do you see?",
    "what do you hear?",
    "is anything near you?",
    "when did you last hear a cat?",
    "what time is it?",
)


class Ages(Watch):
    """Notes how old percepts are when they arrive, while a window is open."""

    def __init__(self, streams: Sequence[str]) -> None:
        super().__init__(streams)
        self._open: dict[str, list[float]] | None = None

    def __call__(self, percept: Percept) -> None:
        """Take note of a percept."""
        super().__call__(percept)
        if (noted := self._open) is not None:
            age = time.monotonic() - percept.header.monotonic
            noted[percept.header.stream].append(round(1e3 * age, 2))

    def begin(self) -> None:
        """Open a window."""
        self._open = defaultdict(list)

    def end(self) -> dict[str, list[float]]:
        """Close the window; return the ages in it, in ms, by stream."""
        noted, self._open = self._open or {}, None
        return dict(noted)


@dataclass(frozen=True, slots=True)
class Look:
    """What a process had at a moment.

    Attributes:
        name: Of the process.
        pid: Its number.
        seconds: Since the beginning of the run.
        lived: Seconds since it was started.
        memory: Resident, MB.
        threads: How many.
        files: How many were open.
    """

    name: str
    pid: int
    seconds: float
    lived: float
    memory: float
    threads: int
    files: int


def looks(subject: Subject, seconds: float) -> list[Look]:
    """Look at all processes of a robot."""
    names = {pid: name for name, pid in subject.pids.items()} | {os.getpid(): "robot"}
    found: list[Look] = []
    me = psutil.Process()
    ours = {one.pid: one for one in (me, *me.children(recursive=True))}
    for process in (ours.get(pid) or _process(pid) for pid in names.keys() | ours.keys()):
        if process is None:
            continue
        try:
            with process.oneshot():
                name = names.get(process.pid) or _module(process.cmdline())
                memory = process.memory_info().rss / 1e6
                lived = time.time() - process.create_time()
                threads, files = process.num_threads(), process.num_fds()
        except psutil.Error:  # it has just ended, which a fault may bring about
            continue
        found.append(Look(name, process.pid, seconds, lived, memory, threads, files))
    return found


def _process(pid: int) -> psutil.Process | None:
    """A process that is not a child of this one, as after its launcher's spare took over."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _module(command: Sequence[str]) -> str:
    """A name for a process that the robot does not name: the module that it runs."""
    return next((after for before, after in pairwise(command) if before == "-m"), "another")


class Questions:
    """Asks the robot something now and then, in a thread of its own."""

    def __init__(self, subject: Subject, every: float) -> None:
        self._subject = subject
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="questions")
        self.asked = self.failed = 0

    def begin(self) -> None:
        """Ask from now on."""
        self._thread.start()

    def end(self) -> None:
        """Ask no more; waits for the answer that is under way."""
        self._stop.set()
        self._thread.join()

    def fill(self) -> None:
        """Ask in this thread until the dialog is as long as it gets, and all files are open.

        What only fills up to a bound does not grow for ever, and would hide what does.
        """
        for _ in range(_TURNS_TO_FILL):
            self._ask()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._ask()

    def _ask(self) -> None:
        text = _QUESTIONS[self.asked % len(_QUESTIONS)]
        self.asked += 1
        for event in self._subject.robot.agent.turn(text):
            if isinstance(event, Finished) and event.record.error:
                self.failed += 1
                print(f"{text} {event.record.error}", file=sys.stderr)


class Soak:
    """One run.

    Args:
        config: The robot.
        minutes: How long it takes.
        every: Seconds between looks.
        faults: Whether harm is done.
        number: Of the run, which chooses the faults.
        samples: File that takes what was seen; this process is measured, too, and keeps nothing.
    """

    def __init__(
        self,
        config: RobotConfig,
        *,
        minutes: float,
        every: float,
        faults: bool,
        number: int,
        samples: Path,
    ) -> None:
        self._config = config
        self._seconds = 60 * minutes
        self._every = every
        self._faults = faults
        self._number = number
        self._samples = samples
        self._ages = Ages(tuple(config.stream_names.values()))
        self.outcomes: list[Outcome] = []

    def run(self) -> list[Row]:
        """Let the robot run, and return the figures."""
        with Subject(self._config, agent=True, watch=self._ages) as subject:
            _await(subject)
            questions = Questions(subject, max(5.0, QUESTION_EVERY * self._seconds))
            questions.fill()
            begun = time.monotonic()
            first = self._window(subject, begun, WINDOW)
            questions.begin()
            try:
                self._harm(subject, begun, 1 - 1.5 * WINDOW)
            finally:
                questions.end()
            self._pass(subject, begun, 1 - WINDOW)  # for what came last to be over
            last = self._window(subject, begun, 1.0)
            final = subject.robot.monitor.rows()
        rows = self._grown()
        rows += self._older(first, last)
        rows.append(AtMost("questions without an answer", questions.failed, 0, questions.asked))
        if self._faults:
            bad = sum(not one.ok for one in self.outcomes)
            rows.append(AtMost("faults that were not made good", bad, 0, len(self.outcomes)))
        rows.append(Row("percepts", sum(row.received for row in final), None, len(final)))
        if not self._faults:
            rows.append(AtMost("percepts lost", sum(row.lost for row in final), 0, len(final)))
        fresh = sum(row.age_ms < STALE_MS for row in final)
        rows.append(Row("streams fresh at the end", fresh, len(final), len(final)))
        return rows

    def _pass(self, subject: Subject, begun: float, until: float) -> None:
        """Look at the processes until a share of the run is over."""
        end = begun + until * self._seconds
        with self._samples.open("a") as file:
            while (now := time.monotonic()) < end:
                for one in looks(subject, now - begun):
                    file.write(json.dumps(asdict(one)) + "\n")
                file.flush()
                time.sleep(min(self._every, max(end - time.monotonic(), 0.0)))

    def _window(self, subject: Subject, begun: float, until: float) -> dict[str, list[float]]:
        self._ages.begin()
        self._pass(subject, begun, until)
        return self._ages.end()

    def _harm(self, subject: Subject, begun: float, until: float) -> None:
        """Do harm every now and then; between them, and without faults, only look."""
        share = WINDOW + FAULT_EVERY / 2
        kinds = [kind for kind in KINDS if kind != "store"]  # its frames are the robot's own here
        deeds = shuffled(subject, kinds, 2, self._number) if self._faults else []
        for what, harm in deeds:
            if share >= until:
                break
            self._pass(subject, begun, share)
            outcome = subject.trial(what, harm)
            self.outcomes.append(outcome)
            with self._samples.open("a") as file:
                file.write(json.dumps({"fault": asdict(outcome)}, default=str) + "\n")
            print(f"{what}: back after {outcome.back} s, {outcome.noted}", file=sys.stderr)
            share = max(share + FAULT_EVERY, (time.monotonic() - begun) / self._seconds)
        self._pass(subject, begun, until)

    # --- figures --------------------------------------------------------------------------------

    def _bar(self, bar: float) -> float | None:
        return bar if self._seconds >= 60 * BARS_FROM else None

    def _grown(self) -> list[Row]:
        by_name: dict[str, list[Look]] = defaultdict(list)
        with self._samples.open() as file:
            for line in file:
                if "fault" not in (plain := json.loads(line)):
                    one = Look(**plain)
                    by_name[one.name].append(one)
        rows: list[Row] = []
        settling = min(_SETTLING, self._seconds / 12)
        for name, seen in sorted(by_name.items()):
            since = SLOPE_FROM * self._seconds
            settled = [one for one in seen if one.seconds >= since and one.lived >= settling]
            if len(settled) < 3:  # it was there for a moment
                continue
            rows.append(
                AtMost(f"{name}: memory slope, MB/h", slope(settled), self._bar(SLOPE), len(seen))
            )
            rows.append(Row(f"{name}: memory, MB", settled[-1].memory, None, len(seen)))
            ends = [one for one in seen if one.seconds <= WINDOW * self._seconds] or settled[:3]
            late = [one for one in seen if one.seconds >= (1 - WINDOW) * self._seconds]
            for what in ("threads", "files"):
                more = _most(late or settled[-3:], what) - _most(ends, what)
                rows.append(
                    AtMost(f"{name}: {what} more than at first", more, self._bar(0), len(seen))
                )
        return rows

    def _older(
        self, first: Mapping[str, list[float]], last: Mapping[str, list[float]]
    ) -> list[Row]:
        rows: list[Row] = []
        for stream in sorted(self._config.stream_names.values()):
            for percentile, bar in OLDER.items():
                old, new = (
                    float(np.percentile(ages[stream], percentile)) if ages.get(stream) else np.nan
                    for ages in (first, last)
                )
                count = len(last.get(stream, ()))
                rows.append(Row(f"{stream}: age p{percentile} at first, ms", old, None, count))
                rows.append(Row(f"{stream}: age p{percentile} at the end, ms", new, None, count))
                ratio = new / old
                rows.append(
                    AtMost(f"{stream}: age p{percentile}, ratio", ratio, self._bar(bar), count)
                )
        return rows


def slope(seen: Sequence[Look]) -> float:
    """Return by how many MB an hour a process grows: one slope for all its lives.

    A process that was started again begins where it likes, so each life has a mean of its own
    (least squares with fixed effects).
    """
    above = below = 0.0
    for pid in {one.pid for one in seen}:
        hours = np.array([one.seconds / 3600 for one in seen if one.pid == pid])
        memory = np.array([one.memory for one in seen if one.pid == pid])
        hours -= hours.mean()
        above += float(hours @ (memory - memory.mean()))
        below += float(hours @ hours)
    return above / below if below else float("nan")


def _most(seen: Sequence[Look], what: str) -> int:
    return max(getattr(one, what) for one in seen)


def _await(subject: Subject) -> None:
    missing = subject.robot.agent.await_senses()
    if missing:
        raise SenseBindError(f"nothing has come from {', '.join(missing)}")


def robot_config(checkpoint: Path | None) -> RobotConfig:
    """Return a robot with all that a robot has, in a simulated home."""
    config = simhome_robot(seed=10_000_017, checkpoint=checkpoint)
    return config.model_copy(
        update={
            "name": "soak",
            "frames": FramesConfig(max_mb=64),
            "memory": MemoryConfig(),
            "metrics": MetricsConfig(port=0),
        }
    )


def measure(options: Namespace) -> list[Row]:
    """Make the run that comes next in a state directory."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:  # sockets need a short path
        state = options.state or Path(folder) / "state"
        try:
            state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{state} cannot be made: {error.strerror}") from error
        number = 1 + len(list(state.glob("run-*.json")))
        samples = state / f"run-{number}.jsonl"
        samples.unlink(missing_ok=True)  # of a run that was cut off
        os.environ |= {"XDG_STATE_HOME": str(state.absolute()), "XDG_RUNTIME_DIR": folder}
        faults = number > 1 if options.faults is None else options.faults
        print(f"run {number}{', with faults' if faults else ''}: {samples}", file=sys.stderr)
        soak = Soak(
            robot_config(options.checkpoint),
            minutes=options.minutes,
            every=options.every,
            faults=faults,
            number=number,
            samples=samples,
        )
        rows = soak.run()
        result: dict[str, Any] = {"minutes": options.minutes, "faults": faults, **as_json(rows)}
        (state / f"run-{number}.json").write_text(json.dumps(result, indent=1) + "\n")
        return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--minutes", 120.0, 2.0, "of the run")
    parser.amount("--every", 5.0, 1.0, "seconds between looks")
    parser.add_argument("--state", type=Path, help="what the robot keeps, for the next run, too")
    parser.add_argument(
        "--faults",
        action=argparse.BooleanOptionalAction,
        help="harm is done; by default in every run but the first",
    )
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
