"""What the supervisor knows of the workers in its care, and of itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.bus.watch_report import MAX_DETAIL, WorkerReport
from sensebind.perception.workers.spec import WorkerSpec


class WorkerState(StrEnum):
    """Lifecycle of a worker."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # alive, but its source gives nothing
    ENDED = "ended"  # alive, but its source has handed out everything
    RESTARTING = "restarting"
    RESTING = "resting"  # crashed so often that it is left alone for a while
    FAILED = "failed"  # starting it again would not help
    STOPPED = "stopped"
    PAUSED = "paused"  # by request: its device is closed, and stays so


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What the supervisor knows of one worker.

    Attributes:
        stream: Name of the stream.
        endpoint: Where it publishes.
        state: Where it is in its lifecycle.
        detail: Why, in words, or "".
        pid: Of its process; 0 when there is none.
        restarts: How many times it was started again.
        memory: Resident bytes of its process as last reported.
        last_exit: Exit code of the last process that ended; negative for a signal, None before.
    """

    stream: str
    endpoint: str
    state: WorkerState
    detail: str
    pid: int
    restarts: int
    last_exit: int | None
    memory: int = 0


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """How the thread that watches the workers is doing.

    Attributes:
        errors: Errors in it, after each of which watching went on.
        last_error: The last one in words, or "".
        revived: Times that the thread had ended and was started again.
        hangs: What it hangs in when it makes no more rounds, or "".
    """

    errors: int = 0
    last_error: str = ""
    revived: int = 0
    hangs: str = ""


@dataclass(slots=True)
class Stream:
    """A stream of a process: what its heartbeats say.

    Attributes:
        spec: What its worker does, with the endpoint that was chosen.
        state: Where the worker is in its lifecycle.
        detail: Why, in words, or "".
        beaten: `time.monotonic()` of the start, then of the last heartbeat, seconds.
        pulse: Reports that the stream is paused, while no worker can; None otherwise.
    """

    spec: WorkerSpec
    state: WorkerState = WorkerState.STOPPED
    detail: str = ""
    beaten: float = 0.0
    pulse: Publisher | None = None

    def say_paused(self, detail: str) -> None:
        """Publish heartbeats in place of the worker, which does not run.

        Raises:
            BusError: Its endpoint cannot be used.
        """
        if self.pulse is None:
            self.pulse = Publisher(self.spec.endpoint, self.spec.stream)
            self.pulse.report("paused", detail, 0)

    def silence(self) -> None:
        """End these heartbeats; the endpoint is free again."""
        if self.pulse is not None:
            self.pulse.close()
            self.pulse = None


@dataclass(slots=True)
class Charge:
    """A process in the supervisor's care.

    Attributes:
        name: Of the process: its stream, or what its streams share and a slash.
        streams: What it is to run, paused streams included.
        pid: Process id; 0 when there is none.
        restarts: How many times it was started again.
        last_exit: Exit code of the last process that ended; negative for a signal, None before.
        memory: Resident bytes as last reported; 0 when there is no process.
        failures: Ends in a row that it is to blame for; enough of them bring a rest.
        rests: Rests in a row, each twice as long as the one before, up to a limit.
        running: `time.monotonic()` since which it runs; 0 before.
        beating: Whether a heartbeat has come from the present process.
        killed: `time.monotonic()` when it was last made to end; 0 when it was not.
        asked: How many times the launcher was asked in vain to kill it.
        due: `time.monotonic()` at which it is to be started again.
        paused: Names of streams that its process does not run.
    """

    name: str
    streams: list[Stream]
    pid: int = 0
    restarts: int = 0
    last_exit: int | None = None
    memory: int = 0
    failures: int = 0
    rests: int = 0
    running: float = 0.0
    beating: bool = False
    killed: float = 0.0
    asked: int = 0
    due: float = 0.0
    paused: frozenset[str] = frozenset()

    @property
    def running_streams(self) -> list[Stream]:
        """Its streams that are not paused."""
        return [one for one in self.streams if one.spec.stream not in self.paused]

    @property
    def state(self) -> WorkerState:
        """The state that all its streams share while it does not run."""
        return next((one.state for one in self.running_streams), WorkerState.PAUSED)

    def describe(self, stream: Stream) -> WorkerStatus:
        """Return what is known of the worker of one of its streams."""
        return WorkerStatus(
            stream.spec.stream,
            stream.spec.endpoint,
            stream.state,
            stream.detail,
            self.pid,
            self.restarts,
            self.last_exit,
            self.memory,
        )

    def report(self, stream: Stream) -> WorkerReport:
        """Return the same for the bus."""
        return WorkerReport(
            stream=stream.spec.stream,
            state=stream.state.value,
            detail=stream.detail[:MAX_DETAIL],
            pid=self.pid,
            restarts=self.restarts,
        )
