"""Starts the workers, watches them, and starts them again when they end or fall silent.

Each process is on its own: whatever happens to one, the others go on. One that keeps crashing is
started less and less often, and after several crashes in a row rests for a while.

The thread that watches is watched itself: an error in it is logged and counted, and watching goes
on; a `Watchdog` starts it again when it has ended, and reports when it hangs.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from sensebind.errors import BusError, ConfigurationError, InputError, one_line
from sensebind.perception.bus.heartbeat import Heartbeat
from sensebind.perception.bus.pubsub import Subscriber, check_endpoint
from sensebind.perception.bus.watch_report import REPORT_SOCKET, WatchReporter
from sensebind.perception.workers.fork_client import Launchers, Lost
from sensebind.perception.workers.launch_messages import Answer, End, Ended, Kill, Start, Started
from sensebind.perception.workers.restarts import is_to_blame, note_running, plan_restart
from sensebind.perception.workers.socket_directory import SocketDirectory
from sensebind.perception.workers.spec import EXIT_FATAL, WorkerSpec
from sensebind.perception.workers.status import (
    Charge,
    Stream,
    WatchStatus,
    WorkerState,
    WorkerStatus,
)
from sensebind.perception.workers.watchdog import HANG_SECONDS, Watchdog

log = logging.getLogger(__name__)

_TICK = 0.05  # seconds between looks at the launcher and the heartbeats
_STANDSTILL = 0.5  # seconds without such a look that mean that the machine stood still
_GRACE = 2.0  # seconds to finish before a process that is to end is killed
_ASKED = 4  # times that the launcher is asked to kill before it is taken to hang itself
_STOP_SECONDS = 1.6  # for the launcher to end all workers, which have a second of it
_PAUSE_SECONDS = 8.0  # for a process to end, in order or not
_BY_REQUEST = "by request"
_JOIN_SECONDS = 1.0  # for the watching thread to make its last round
_ERROR_PAUSE = 0.2  # seconds after an error in the watching thread until it goes on
_ERROR_LOGGED = 60.0  # seconds until the same error is logged again


class Supervisor:
    """Keeps one process per sense alive. A context manager; `stop` leaves no process behind."""

    def __init__(
        self,
        workers: Sequence[WorkerSpec],
        on_change: Callable[[WorkerStatus], None] | None = None,
        heartbeat_timeout: float = 3.0,
        start_timeout: float = 60.0,
        stall_timeout: float = 60.0,
        directory: Path | None = None,
        on_hang: Callable[[str], None] | None = None,
        hang_timeout: float = HANG_SECONDS,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            workers: One per stream. Those without an endpoint publish in the directory.
            on_change: Called from the watching thread when a worker's state changes.
            heartbeat_timeout: A worker silent for so many seconds is killed and started again.
            start_timeout: Likewise one that never gave a heartbeat, or never came to run.
            stall_timeout: Likewise one whose loop made no step, although its heart beats.
            directory: Where the sockets are; a private one of its own by default. It is removed at
                the end, by the launcher if this process is killed: it must be this robot's alone.
            on_hang: Called once, from the watchdog's thread, with what the watching thread hangs
                in. Nobody starts workers any more then: end the robot.
            hang_timeout: Seconds without a round of the watching thread that mean so.

        Raises:
            ConfigurationError: No workers, or two for one stream or endpoint.
            BusError: An endpoint is refused.
            StorageError: The directory for the endpoints cannot be made.
        """
        names = [spec.stream for spec in workers]
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(f"streams must be named and different, they are {names}")
        self._directory = SocketDirectory(directory)
        self._charges: dict[str, Charge] = {}
        self._streams: dict[str, tuple[Charge, Stream]] = {}
        for spec in workers:
            endpoint = spec.endpoint or f"ipc://{self._directory.path}/{spec.stream}"
            if check_endpoint(endpoint).endswith(":*"):
                raise BusError(f"{spec.stream}: {endpoint!r} must name a port, restarts reuse it")
            stream = Stream(spec.model_copy(update={"endpoint": endpoint}))
            # A process is named by what its streams share; a slash is in no stream's name.
            name = f"{spec.process}/" if spec.process else spec.stream
            charge = self._charges.setdefault(name, Charge(name, []))
            charge.streams.append(stream)
            self._streams[spec.stream] = (charge, stream)
        if len(set(self.endpoints.values())) < len(names):
            raise ConfigurationError(f"two streams share an endpoint: {self.endpoints}")
        self._on_change = on_change
        self._heartbeat_timeout = heartbeat_timeout
        self._start_timeout = start_timeout
        self._stall_timeout = stall_timeout
        self._on_hang = on_hang
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self._kill_at = 0.0  # monotonic time at which launchers that have not ended are killed
        self._thread: threading.Thread | None = None
        self._paused: frozenset[str] = frozenset()  # as was asked for; each charge follows
        self._watchdog = Watchdog(
            self._watching, lambda: self._ticked, self._revive, self._hangs, hang_timeout
        )
        self._ticked = 0.0  # monotonic time of the last round of the watching thread
        self._watch_status = WatchStatus()
        self._logged: dict[str, float] = {}  # errors by when they were logged
        self.lost: Callable[[], str] = str
        """Says why the robot does not know where it is, for reports; "" by default."""
        self._messages: deque[Answer | Lost] = deque()  # of launchers, not yet taken in
        self._failed_on: Answer | Lost | None = None
        self.report_endpoint = f"ipc://{self._directory.path}/{REPORT_SOCKET}"
        """Where the states of the workers are published, for a `Subscriber`."""
        modules = sorted({module for spec in workers for module in spec.modules})
        self._launchers = Launchers(self._directory.path, modules, self._stop)

    @property
    def endpoints(self) -> dict[str, str]:
        """Where each stream is published, for a `Subscriber`."""
        return {name: stream.spec.endpoint for name, (_, stream) in self._streams.items()}

    @property
    def directory(self) -> Path:
        """Where its sockets are."""
        return self._directory.path

    @property
    def pids(self) -> dict[str, int]:
        """Process ids: "launcher", "spare" (of the launcher), and each worker that runs."""
        with self._lock:
            workers = {c.name: c.pid for c in self._charges.values() if c.pid}
        return self._launchers.pids | workers

    def watch_status(self) -> WatchStatus:
        """Return how the thread that watches the workers is doing."""
        with self._lock:
            return self._watch_status

    def status(self) -> dict[str, WorkerStatus]:
        """Return what is known of each worker."""
        with self._lock:
            return {n: charge.describe(stream) for n, (charge, stream) in self._streams.items()}

    def pause(self, streams: Iterable[str], wait: float = _PAUSE_SECONDS) -> None:
        """Close the devices of these streams and keep them closed; all others run.

        A process that several streams share is started again with those that are left.

        Args:
            streams: Names of all that are to be paused from now on.
            wait: Longest wait in seconds until it is so; before `start` nothing is waited for.

        Raises:
            InputError: There is no such stream.
            BusError: A process has not ended in time; it will be ended all the same.
        """
        wanted = frozenset(streams)
        if unknown := wanted - self._streams.keys():
            raise InputError(f"no stream {min(unknown)!r}; there are {', '.join(self._streams)}")
        with self._lock:
            self._paused = wanted
            if self._thread is None or not self._thread.is_alive():
                return
            if not self._lock.wait_for(
                lambda: self._all_paused(wanted) or self._stop.is_set(), wait
            ):
                raise BusError(f"a device is not closed after {wait:g} s; it will be")

    def start(self, wait: float = 120.0) -> None:
        """Start all workers.

        Args:
            wait: Longest wait in seconds until each has a percept out or waits for its source;
                0 does not wait.

        Raises:
            ConfigurationError: A worker cannot run, for a reason that will not go away, or did
                not come up in time. Everything is stopped again.
            BusError: There is no descriptor or process to be had for the launcher.
        """
        if self._thread is not None:
            raise ConfigurationError("this supervisor was started already")
        self._launchers.start()
        for charge in self._charges.values():
            self._follow(charge)
        self._start_watching()
        self._watchdog.start()
        if wait <= 0:
            return
        with self._lock:
            self._lock.wait_for(lambda: self._failed() or self._all_up(), wait)
            failed, up = self._failed(), self._all_up()
            told = [(name, stream) for name, (_, stream) in self._streams.items()]
            states = ", ".join(f"{name} {s.state} {s.detail}" for name, s in told)
        if failed or not up:
            self.stop()
            raise ConfigurationError(failed or f"workers not up within {wait:g} s: {states}")

    def begin_to_end(self) -> None:
        """Have every worker finish its percept and end, without waiting for it; see `stop`."""
        if self._stop.is_set():
            return
        self._stop.set()
        with self._lock:
            self._lock.notify_all()  # who waits for a pause: every device is closed with this
        self._watchdog.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
        self._kill_at = time.monotonic() + _STOP_SECONDS
        if self._thread is not None and self._thread.is_alive():
            log.error("the thread that watches the workers does not end; killing them")
            self._launchers.abandon()
        else:
            self._launchers.hang_up()

    def stop(self) -> None:
        """Let every worker finish its percept, end all processes, join the threads.

        It takes at most some two seconds from `begin_to_end` on, which need not have been called,
        also with workers that hang or a watching thread that does: those are killed.
        """
        self.begin_to_end()
        if self._thread is None or not self._thread.is_alive():
            self._launchers.close(self._kill_at - time.monotonic())
        with self._lock:
            for charge in self._charges.values():
                charge.pid = 0
            for _, stream in self._streams.values():
                stream.silence()
                if stream.state is not WorkerState.FAILED:
                    stream.state, stream.detail = WorkerState.STOPPED, ""
        self._directory.remove()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- the watchdog's thread ---

    def _watching(self) -> threading.Thread:
        assert self._thread is not None
        return self._thread

    def _start_watching(self) -> None:
        self._ticked = time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def _revive(self) -> None:
        self._start_watching()
        with self._lock:
            self._watch_status = replace(self._watch_status, revived=self._watch_status.revived + 1)

    def _hangs(self, where: str) -> None:
        log.error("the thread that watches the workers hangs in %s", where)
        with self._lock:
            self._watch_status = replace(self._watch_status, hangs=where)
            self._lock.notify_all()
        if self._on_hang is not None:
            self._on_hang(where)

    # --- the watching thread ---

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with (
                    Subscriber(self.endpoints.values(), percepts=False) as pulse,
                    WatchReporter(self.report_endpoint, min(self._streams)) as reporter,
                ):
                    self._go_round(pulse, reporter)
            except Exception as error:  # whatever it is, workers must not stay unwatched
                self._note_error(error)
                self._stop.wait(_ERROR_PAUSE)

    def _go_round(self, pulse: Subscriber, reporter: WatchReporter) -> None:
        """Look after the workers until stopped."""
        looked = time.monotonic()
        while not self._stop.is_set():
            self._ticked = time.monotonic()
            self._messages.extend(self._launchers.receive(_TICK))
            while self._messages:
                self._take(self._messages)
            self._feel(pulse)
            # When the whole machine stood still, as in a suspend, nobody is to blame.
            late = time.monotonic() - looked - _TICK
            looked = time.monotonic()
            self._look_after(late if late > _STANDSTILL else 0.0)
            with self._lock:
                watch = self._watch_status
                workers = [charge.report(stream) for charge, stream in self._streams.values()]
            reporter.report(workers, watch.errors, watch.revived, lost=self.lost())

    def _note_error(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {one_line(error)}"
        with self._lock:
            errors = self._watch_status.errors + 1
            self._watch_status = replace(self._watch_status, errors=errors, last_error=text)
        now = time.monotonic()
        if now - self._logged.get(text, float("-inf")) > _ERROR_LOGGED:
            self._logged = {text: now}
            log.error("error %d in watching the workers, which goes on", errors, exc_info=error)

    def _take(self, messages: deque[Answer | Lost]) -> None:
        """Take in the oldest message; one that fails is tried once more in the next round."""
        message = messages[0]
        if self._failed_on is message:
            messages.popleft()
        self._failed_on = message
        self._listen(message)
        self._failed_on = None
        if messages and messages[0] is message:
            messages.popleft()

    def _listen(self, message: Answer | Lost) -> None:
        """Take in what a launcher says; when it is gone, so are all workers."""
        match message:
            case Started(name, pid):
                self._charges[name].pid = pid
            case Ended(name, code, words):
                self._ended(self._charges[name], code, words)
            case Lost(why):
                for charge in self._charges.values():
                    if charge.pid or charge.state is WorkerState.STARTING:
                        charge.running = charge.running or time.monotonic()  # not to blame for it
                        self._ended(charge, -signal.SIGKILL, why)

    def _feel(self, pulse: Subscriber) -> None:
        """Note the heartbeats, and that a worker has come to run."""
        now = time.monotonic()
        for name, beat in pulse.receive(0).heartbeats.items():
            charge, stream = self._streams.get(name, (None, None))
            if charge is None or stream is None or beat.pid != charge.pid:
                continue
            stream.beaten, charge.beating, charge.memory = now, True, beat.memory
            if charge.killed:
                continue
            if trouble := self._trouble(stream, beat, now):
                self._kill(charge, trouble)
            elif too_much := _too_much(stream, beat):
                self._kill(charge, too_much, gently=True)
            elif beat.state in ("running", "waiting", "ended", "failed"):
                note_running(charge, now)
                self._change(charge, stream, WorkerState(beat.state), beat.detail)

    def _trouble(self, stream: Stream, beat: Heartbeat, now: float) -> str:
        """Return why a worker that beats hangs, or ""."""
        limit = self._start_timeout if beat.state == "starting" else self._stall_timeout
        if beat.state != "failed" and now - beat.progress > limit:
            return f"no progress for {limit:g} s"
        return ""

    def _look_after(self, standstill: float) -> None:
        """Kill the silent, start what is due; a standstill of so many seconds does not count."""
        now = time.monotonic()
        for charge in self._charges.values():
            for stream in charge.streams:
                stream.beaten += standstill
            if self._wanted(charge) != charge.paused:
                self._let_go(charge)
            pausing = charge.state in (WorkerState.RESTARTING, WorkerState.RESTING)
            starting = charge.state is WorkerState.STARTING
            if pausing and not charge.pid and now >= charge.due:
                if self._launchers.there:
                    charge.restarts += 1
                    self._launch(charge)
            elif starting and not charge.pid:
                # The command was lost, or the launcher does not get to it.
                if now - charge.running_streams[0].beaten > self._start_timeout:
                    charge.running_streams[0].beaten = now
                    self._launchers.kill()
            elif charge.killed and charge.pid and now - charge.killed > _GRACE:
                charge.killed, charge.asked = now, charge.asked + 1
                if charge.asked < _ASKED:
                    self._launchers.order(Kill(charge.pid))
                else:  # the launcher itself hangs; whoever it started ends with it
                    self._launchers.kill()
            elif charge.pid and not charge.killed:
                limit = self._heartbeat_timeout if charge.beating else self._start_timeout
                if now - min(stream.beaten for stream in charge.running_streams) > limit:
                    self._kill(charge, f"no heartbeat for {limit:g} s")

    def _ended(self, charge: Charge, code: int, words: str) -> None:
        to_blame = is_to_blame(charge, code)
        charge.pid, charge.last_exit, charge.memory, charge.running = 0, code, 0, 0.0
        if self._wanted(charge) != charge.paused:  # it ended so that a device is let go
            self._follow(charge)
            return
        detail = words or (f"ended by signal {-code}" if code < 0 else f"ended with code {code}")
        log.warning("worker %s: %s", charge.name, detail)
        if code == EXIT_FATAL:
            self._change_all(charge, WorkerState.FAILED, detail)
            return
        restart = plan_restart(charge, code, to_blame)
        charge.due = time.monotonic() + restart.wait
        self._change_all(charge, restart.state, detail + restart.note)

    def _wanted(self, charge: Charge) -> frozenset[str]:
        """Return which streams of a process are to be paused."""
        return self._paused & {stream.spec.stream for stream in charge.streams}

    def _let_go(self, charge: Charge) -> None:
        """End a process whose streams are to be others; `_ended` goes on from there."""
        if charge.pid and not charge.killed:
            charge.killed = time.monotonic()
            self._launchers.order(End(charge.pid))
        elif not charge.pid and charge.state is not WorkerState.STARTING:
            self._follow(charge)

    def _follow(self, charge: Charge) -> None:
        """Pause the streams of a process that are to be paused, and start it for the others."""
        with self._lock:
            charge.paused = self._wanted(charge)
        for stream in charge.streams:
            if stream.spec.stream not in charge.paused:
                stream.silence()
                continue
            try:
                stream.say_paused(_BY_REQUEST)
            except BusError as error:  # then it is silent, which is worse to read, and no more
                log.warning("%s is paused, and cannot say so: %s", stream.spec.stream, error)
            self._change(charge, stream, WorkerState.PAUSED, _BY_REQUEST)
        if charge.running_streams:
            self._launch(charge)

    def _kill(self, charge: Charge, why: str, gently: bool = False) -> None:
        """End a worker: one that is silent or hangs will not listen, others can finish."""
        log.warning("worker %s: %s, ending it", charge.name, why)
        charge.killed = time.monotonic()
        self._launchers.order(End(charge.pid) if gently else Kill(charge.pid))
        self._change_all(charge, WorkerState.RESTARTING, why)

    def _launch(self, charge: Charge) -> None:
        now = time.monotonic()
        charge.beating, charge.killed, charge.asked, charge.running = False, 0.0, 0, 0.0
        for stream in charge.running_streams:
            stream.beaten = now
            detail = stream.detail if charge.restarts else ""
            self._change(charge, stream, WorkerState.STARTING, detail)
        specs = [stream.spec.model_dump(mode="json") for stream in charge.running_streams]
        self._launchers.order(Start(charge.name, list(map(json.dumps, specs)), charge.restarts))

    def _change_all(self, charge: Charge, state: WorkerState, detail: str) -> None:
        for stream in charge.running_streams:
            self._change(charge, stream, state, detail)

    def _change(self, charge: Charge, stream: Stream, state: WorkerState, detail: str) -> None:
        with self._lock:
            changed = (stream.state, stream.detail) != (state, detail)
            stream.state, stream.detail = state, detail
            described = charge.describe(stream)
            self._lock.notify_all()
        if changed and self._on_change is not None:
            try:
                self._on_change(described)
            except Exception as error:  # somebody else's code, and what follows must be done
                self._note_error(error)

    # --- waiting for the start ---

    def _failed(self) -> str:
        """Return why a worker cannot run, or ""."""
        for name, (_, stream) in self._streams.items():
            if stream.state is WorkerState.FAILED:
                return f"{name}: {stream.detail}"
        return ""

    def _all_up(self) -> bool:
        up = (WorkerState.RUNNING, WorkerState.WAITING, WorkerState.ENDED, WorkerState.PAUSED)
        return all(stream.state in up for _, stream in self._streams.values())

    def _all_paused(self, wanted: frozenset[str]) -> bool:
        """Whether exactly these streams are paused, and their processes have ended."""
        paused = {n for n, (_, s) in self._streams.items() if s.state is WorkerState.PAUSED}
        return paused == wanted or self._paused != wanted  # or somebody wants others by now


def _too_much(stream: Stream, beat: Heartbeat) -> str:
    """Return that a worker has more memory than is allowed, or ""."""
    most = stream.spec.max_memory
    if not most or beat.memory <= most:
        return ""
    return f"it has {beat.memory >> 20} MB of memory, {most >> 20} MB are allowed"
