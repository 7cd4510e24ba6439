"""`sensebind run robot.yaml`: the senses of a robot, watched and published until told to stop.

The composition root of a robot without a language model: here sources, workers, supervisor, frame
store, proxy, metrics and viewer are wired together.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import IO, Self

from rich.console import Console
from rich.markup import escape

from sensebind.agent.cli import top
from sensebind.agent.robot.config import RobotConfig, read_config
from sensebind.agent.robot.monitor import Monitor
from sensebind.errors import BusError, ConfigurationError, StorageError
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.proxy import Proxy
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.percept import Percept
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.workers.spec import WorkerSpec
from sensebind.perception.workers.supervisor import Supervisor, WorkerStatus

log = logging.getLogger(__name__)

_TICK = 0.5  # seconds between looks whether to end
_PAUSE = 1.0  # seconds from one start of the simulated home to the next


class Robot:
    """A running robot. A context manager; leaving it ends every process.

    Args:
        config: What it has.
        on_change: Called from the watching thread when a stream's state changes.
        adapt: Changes what a worker is told, for trials.

    Attributes:
        supervisor: Keeps the workers alive. `monitor`: tells how the streams are doing.
        addresses: Where it can be reached: bus, frames, metrics.
    """

    def __init__(
        self,
        config: RobotConfig,
        on_change: Callable[[WorkerStatus], None] | None = None,
        adapt: Callable[[WorkerSpec], WorkerSpec] | None = None,
    ) -> None:
        self._config = config
        self._adapt = adapt
        self._on_change = on_change
        self._stack = ExitStack()
        self._home: _Home | None = None
        self.addresses: dict[str, str] = {}
        self.supervisor: Supervisor
        self.monitor: Monitor

    def __enter__(self) -> Self:
        """Start everything.

        Raises:
            SenseBindError: Something cannot start; nothing is left running.
        """
        with self._stack:  # whatever goes wrong, no process is left that nobody ends
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of everything that runs beside this process, by name."""
        home = self._home.pid if self._home is not None else 0
        return self.supervisor.pids | ({"simhome": home} if home else {})

    def _start(self) -> None:
        config, stack = self._config, self._stack
        workers = [self._adapt(one) if self._adapt else one for one in config.workers()]
        ring = KeyRing.load(config.bus.keys) if _needs_keys(config) else None
        stack.enter_context(_Lock(config.directory))
        if config.simhome is not None:
            self._home = stack.enter_context(_Home(config.simhome.seed, config.simhome.port))
        self.supervisor = Supervisor(workers, self._on_change, directory=config.directory)
        stack.callback(self.supervisor.stop)
        endpoints = list(self.supervisor.endpoints.values())
        if config.bus.listen:
            proxy = stack.enter_context(Proxy(endpoints, config.bus.listen, ring))
            self.addresses["bus"] = proxy.endpoint
        frames = self._serve_frames(ring) if config.frames is not None else []
        listeners: list[Callable[[Percept], None]] = []
        if config.rerun is not None:
            from sensebind.agent.robot.rerun_viewer import RerunSink

            rerun = config.rerun
            listeners.append(RerunSink(rerun.address, rerun.file, rerun.rate))
        self.monitor = stack.enter_context(
            Monitor(endpoints, listeners=listeners, expected=config.stream_names.values())
        )
        if config.metrics is not None:
            from sensebind.agent.robot.metrics import MetricsServer

            metrics = MetricsServer(self.monitor, config.metrics.port, config.metrics.host, frames)
            self.addresses["metrics"] = stack.enter_context(metrics).address
        stack.callback(self.supervisor.stop)  # the first to end: what it publishes still goes out
        self.supervisor.start(wait=0)

    def _serve_frames(self, ring: KeyRing | None) -> list[FrameServer]:
        """Serve frames to this machine, and to others where that is wanted."""
        config, stack = self._config, self._stack
        assert config.frames is not None
        store = stack.enter_context(config.frame_spec.open())
        endpoints = [f"ipc://{config.directory / 'frames'}"]
        if config.bus.frames:
            endpoints.append(config.bus.frames)
        servers = [stack.enter_context(FrameServer(store, one, ring)) for one in endpoints]
        self.addresses["frames"] = servers[-1].endpoint
        return servers


def run(path: Path, seconds: float | None = None, as_json: bool = False) -> int:
    """Run a robot until Ctrl-C or SIGTERM.

    Args:
        path: Its robot.yaml.
        seconds: End by itself after so long.
        as_json: Print addresses at the start and all streams at the end as JSON.

    Returns:
        0 after an orderly end, 1 when no stream can run any more.

    Raises:
        SenseBindError: It cannot start; nothing is left running.
    """
    config = read_config(path)
    out = Console(highlight=False, soft_wrap=True)
    stop = threading.Event()
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    states: dict[str, str] = {}

    def tell(status: WorkerStatus) -> None:
        before, states[status.stream] = states.get(status.stream), status.state
        if not as_json and before != status.state:  # details alone change all the time
            detail = f": {status.detail}" if status.detail else ""
            out.print(f"[dim]{_clock()}[/] {status.stream} {status.state}{escape(detail)}")

    for one in handlers:
        signal.signal(one, end)
    try:
        with Robot(config, tell) as robot:
            if as_json:
                print(json.dumps({"addresses": robot.addresses, "pids": robot.pids}), flush=True)
            else:
                for name, address in robot.addresses.items():
                    out.print(f"[dim]{_clock()}[/] {name} at {escape(address)}")
            until = time.monotonic() + (seconds if seconds is not None else float("inf"))
            hopeless = False
            while not stop.wait(_TICK) and time.monotonic() < until and not hopeless:
                hopeless = all(s.state == "failed" for s in robot.supervisor.status().values())
            rows = robot.monitor.rows()
            details = {s.detail for s in robot.supervisor.status().values()}
        if as_json:
            print(json.dumps({"streams": [top.as_dict(row) for row in rows]}), flush=True)
        else:
            top.show(rows, out)
        if hopeless:
            raise ConfigurationError("no stream can run: " + "; ".join(sorted(details)))
        return 0
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)


class _Home:
    """A simulated home that is started again when it ends: at once, but once in a second only."""

    def __init__(self, seed: int, port: int) -> None:
        self._server = SimHomeServer(SimHomeOptions(seed, sensor_port=port))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="home", daemon=True)

    @property
    def pid(self) -> int:
        return self._server.pid

    def _look_after(self) -> None:
        started = 0.0
        while not self._stop.is_set():
            if not self._server.wait(_TICK):
                continue
            log.warning("the simulated home ended, starting it again")
            if self._stop.wait(max(0.0, started + _PAUSE - time.monotonic())):
                return
            started = time.monotonic()
            self._server.stop()
            try:
                self._server.start()
            except ConfigurationError as error:  # its port may be free a moment later
                log.warning("the simulated home: %s", error)

    def __enter__(self) -> Self:
        self._server.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._server.stop()


class _Lock:
    """Keeps a second robot of the same name from taking over the sockets of the first."""

    def __init__(self, directory: Path) -> None:
        self._path = directory.with_suffix(".lock")
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            owner = self._path.parent.stat().st_uid
            file = self._path.open("a+")
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error
        if owner != os.getuid():
            file.close()
            raise StorageError(f"{self._path.parent} belongs to somebody else: set XDG_RUNTIME_DIR")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise BusError(
                f"robot {self._path.stem!r} runs already: stop it, or give this one a name:"
            ) from error
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()  # and with it the lock


def _needs_keys(config: RobotConfig) -> bool:
    """Keys are used when they are there, and demanded for what other machines can reach."""
    wanted = [e for e in (config.bus.listen, config.bus.frames) if e.startswith("tcp://")]
    return bool(wanted) and (
        (config.bus.keys.expanduser() / "own.key_secret").exists()
        or any("127.0.0.1" not in e and "localhost" not in e for e in wanted)
    )


def _clock() -> str:
    return time.strftime("%H:%M:%S")
