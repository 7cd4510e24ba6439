"""Starts the workers, watches them, and starts them again when they end or fall silent."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket as sockets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sensebind.errors import BusError, ConfigurationError, StorageError
from sensebind.perception.bus import Subscriber, check_endpoint
from sensebind.perception.worker import EXIT_FATAL, WorkerSpec

log = logging.getLogger(__name__)

_TICK = 0.05  # seconds between looks at the launcher and the heartbeats
_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # before the n-th start in a row that never ran
_STOP_SECONDS = 4.0
_LAUNCHER = "sensebind.perception.launcher"


class WorkerState(StrEnum):
    """Where a worker is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # alive, but its source gives nothing
    RESTARTING = "restarting"
    FAILED = "failed"  # starting it again would not help
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What the supervisor knows of one worker.

    Attributes:
        stream: Name of the stream. `endpoint`: where it publishes.
        state: Where it is in its life. `detail`: why, in words, or "".
        pid: Of its process; 0 when there is none.
        restarts: How many times it was started again.
        last_exit: Exit code of the last process that ended; negative for a signal, None before.
    """

    stream: str
    endpoint: str
    state: WorkerState
    detail: str
    pid: int
    restarts: int
    last_exit: int | None


@dataclass(slots=True)
class _Charge:
    """A worker in the supervisor's care."""

    spec: WorkerSpec
    state: WorkerState = WorkerState.STOPPED
    detail: str = ""
    pid: int = 0
    restarts: int = 0
    last_exit: int | None = None
    failures: int = 0  # starts in a row that never came to run
    since: float = 0.0  # monotonic time of the start, then of the last heartbeat
    beating: bool = False
    killed: bool = False
    due: float = 0.0  # when it is to be started again


class Supervisor:
    """Keeps one process per sense alive. A context manager; `stop` leaves no process behind."""

    def __init__(
        self,
        workers: Sequence[WorkerSpec],
        on_change: Callable[[WorkerStatus], None] | None = None,
        heartbeat_timeout: float = 2.0,
        start_timeout: float = 60.0,
        stall_timeout: float = 60.0,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            workers: One per stream. Those without an endpoint publish in a private directory.
            on_change: Called from the watching thread when a worker's state changes.
            heartbeat_timeout: A worker silent for so many seconds is killed and started again.
            start_timeout: Likewise one that never gave a heartbeat, or never came to run.
            stall_timeout: Likewise one whose loop made no step, although its heart beats.

        Raises:
            ConfigurationError: No workers, or two for one stream or endpoint.
            BusError: An endpoint is refused.
            StorageError: The directory for the endpoints cannot be made.
        """
        names = [spec.stream for spec in workers]
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(f"streams must be named and different, they are {names}")
        try:
            self._directory = tempfile.TemporaryDirectory(  # of mode 0700
                prefix="sensebind-", ignore_cleanup_errors=True
            )
        except OSError as error:
            raise StorageError(f"no directory for the bus can be made: {error}") from error
        self._charges: dict[str, _Charge] = {}
        for spec in workers:
            endpoint = spec.endpoint or f"ipc://{self._directory.name}/{spec.stream}"
            if check_endpoint(endpoint).endswith(":*"):
                raise BusError(f"{spec.stream}: {endpoint!r} must name a port, restarts reuse it")
            self._charges[spec.stream] = _Charge(spec.model_copy(update={"endpoint": endpoint}))
        if len(set(self.endpoints.values())) < len(names):
            raise ConfigurationError(f"two streams share an endpoint: {self.endpoints}")
        self._on_change = on_change
        self._heartbeat_timeout = heartbeat_timeout
        self._start_timeout = start_timeout
        self._stall_timeout = stall_timeout
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._launcher: subprocess.Popen[bytes] | None = None
        self._launched = 0.0
        self._control: sockets.socket | None = None
        self._pending = b""

    @property
    def endpoints(self) -> dict[str, str]:
        """Where each stream is published, for a `Subscriber`."""
        return {name: charge.spec.endpoint for name, charge in self._charges.items()}

    def status(self) -> dict[str, WorkerStatus]:
        """Return what is known of each worker."""
        with self._lock:
            return {name: self._describe(charge) for name, charge in self._charges.items()}

    def start(self, wait: float = 120.0) -> None:
        """Start all workers.

        Args:
            wait: Longest wait in seconds until each has a percept out or waits for its source;
                0 does not wait.

        Raises:
            ConfigurationError: A worker cannot run, for a reason that will not go away, or did
                not come up in time. Everything is stopped again.
        """
        if self._thread is not None:
            raise ConfigurationError("this supervisor was started already")
        self._open_launcher()
        for charge in self._charges.values():
            self._launch(charge)
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()
        if wait <= 0:
            return
        with self._lock:
            self._lock.wait_for(lambda: self._failed() or self._all_up(), wait)
            failed, up = self._failed(), self._all_up()
            states = ", ".join(f"{n} {c.state} {c.detail}" for n, c in self._charges.items())
        if failed or not up:
            self.stop()
            raise ConfigurationError(failed or f"workers not up within {wait:g} s: {states}")

    def stop(self) -> None:
        """Let every worker finish its percept, end all processes, join the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._control is not None:
            self._control.close()  # the launcher ends its workers, then itself
            self._control = None
        if self._launcher is not None:
            try:
                self._launcher.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._launcher.kill()
                self._launcher.wait()
            self._launcher = None
        with self._lock:
            for charge in self._charges.values():
                if charge.state is not WorkerState.FAILED:
                    charge.state, charge.detail = WorkerState.STOPPED, ""
                charge.pid = 0
        self._directory.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- the watching thread ---

    def _watch(self) -> None:
        with (
            Subscriber(self.endpoints.values(), percepts=False) as pulse,
            selectors.DefaultSelector() as selector,
        ):
            while not self._stop.is_set():
                selector.register(self._control_socket, selectors.EVENT_READ)
                readable = selector.select(_TICK)
                selector.unregister(self._control_socket)
                if readable:
                    self._listen()
                self._feel(pulse)
                self._look_after()

    def _listen(self) -> None:
        """Take in what the launcher says; when it is gone, so are all workers."""
        try:
            data = self._control_socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._lose_launcher()
            return
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "started" in message:
                charge = self._charges[message["started"]]
                charge.pid, charge.since = message["pid"], time.monotonic()
            elif "ended" in message:
                charge = self._charges[message["ended"]]
                self._ended(charge, message["code"], message["words"])

    def _feel(self, pulse: Subscriber) -> None:
        """Note the heartbeats, and that a worker has come to run."""
        now = time.monotonic()
        for name, beat in pulse.receive(0).heartbeats.items():
            charge = self._charges.get(name)
            if charge is None or beat.pid != charge.pid:
                continue
            charge.since, charge.beating = now, True
            limit = self._start_timeout if beat.state == "starting" else self._stall_timeout
            if now - beat.progress > limit:
                self._kill(charge, f"no progress for {limit:g} s")
            elif beat.state in ("running", "waiting") and not charge.killed:
                charge.failures = 0
                self._change(charge, WorkerState(beat.state), beat.detail)

    def _look_after(self) -> None:
        """Kill the silent, start what is due."""
        now = time.monotonic()
        for charge in self._charges.values():
            if charge.state is WorkerState.RESTARTING and not charge.pid and now >= charge.due:
                charge.restarts += 1
                self._launch(charge)
            elif charge.pid and not charge.killed:
                limit = self._heartbeat_timeout if charge.beating else self._start_timeout
                if now - charge.since > limit:
                    self._kill(charge, f"no heartbeat for {limit:g} s")

    def _ended(self, charge: _Charge, code: int, words: str) -> None:
        now = time.monotonic()
        charge.pid, charge.last_exit = 0, code
        detail = words or (f"ended by signal {-code}" if code < 0 else f"ended with code {code}")
        log.warning("worker of %s: %s", charge.spec.stream, detail)
        if code == EXIT_FATAL:
            self._change(charge, WorkerState.FAILED, detail)
            return
        charge.due = now + _BACKOFF[min(charge.failures, len(_BACKOFF) - 1)]
        charge.failures += 1
        self._change(charge, WorkerState.RESTARTING, detail)

    def _kill(self, charge: _Charge, why: str) -> None:
        log.warning("worker of %s: %s, killing it", charge.spec.stream, why)
        charge.killed = True
        self._tell({"kill": charge.pid})
        self._change(charge, WorkerState.RESTARTING, why)

    def _launch(self, charge: _Charge) -> None:
        charge.since, charge.beating, charge.killed = time.monotonic(), False, False
        self._change(charge, WorkerState.STARTING, charge.detail if charge.restarts else "")
        name = charge.spec.stream
        self._tell({"start": name, "worker": charge.spec.model_dump(mode="json")})

    def _change(self, charge: _Charge, state: WorkerState, detail: str) -> None:
        with self._lock:
            changed = (charge.state, charge.detail) != (state, detail)
            charge.state, charge.detail = state, detail
            described = self._describe(charge)
            self._lock.notify_all()
        if changed and self._on_change is not None:
            self._on_change(described)

    # --- the launcher ---

    @property
    def _control_socket(self) -> sockets.socket:
        assert self._control is not None
        return self._control

    def _open_launcher(self) -> None:
        ours, theirs = sockets.socketpair()
        directory = self._directory.name
        modules = sorted({m for c in self._charges.values() for m in c.spec.modules})
        # Threads of the launcher would not survive its forks.
        quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        # What is importable here is importable there, such as a source beside the user's script.
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with theirs:
            self._launcher = subprocess.Popen(
                [sys.executable, "-P", "-m", _LAUNCHER, str(theirs.fileno()), directory, *modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=os.environ | quiet | {"PYTHONPATH": path},
            )
        self._launched = time.monotonic()
        self._control = ours
        self._pending = b""

    def _lose_launcher(self) -> None:
        """Start anew after the launcher ended unexpectedly; its workers ended with it."""
        code = self._launcher.wait() if self._launcher is not None else 0
        log.warning("launcher ended with code %s, starting another", code)
        self._control_socket.close()
        if time.monotonic() - self._launched < 1.0:  # it cannot even start: not in a busy loop
            self._stop.wait(1.0)
        self._open_launcher()
        for charge in self._charges.values():
            if charge.state is not WorkerState.FAILED:
                self._ended(charge, code, f"its launcher ended with code {code}")

    def _tell(self, command: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # its end is noticed in `_listen`
            self._control_socket.sendall(json.dumps(command).encode() + b"\n")

    # --- waiting for the start ---

    def _describe(self, charge: _Charge) -> WorkerStatus:
        return WorkerStatus(
            charge.spec.stream, charge.spec.endpoint, charge.state, charge.detail,
            charge.pid, charge.restarts, charge.last_exit,
        )  # fmt: skip

    def _failed(self) -> str:
        """Return why a worker cannot run, or ""."""
        for name, charge in self._charges.items():
            if charge.state is WorkerState.FAILED:
                return f"{name}: {charge.detail}"
        return ""

    def _all_up(self) -> bool:
        up = (WorkerState.RUNNING, WorkerState.WAITING)
        return all(charge.state in up for charge in self._charges.values())
