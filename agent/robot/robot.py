"""A robot: from one `robot.yaml` everything that it is made of.

The composition root: sources, workers, supervisor, frame store, proxy, metrics and viewer are wired
together here, and with `llm:` in the file the agent that talks about what they perceive. A robot
without a language model imports no PyTorch.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.monitor import Monitor
from sensebind.agent.robot.pausing import Pausing, pauses_of
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.errors import BusError, ConfigurationError, StorageError
from sensebind.memory.watches import Alert
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.proxy import Proxy
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Percept
from sensebind.perception.workers.spec import WorkerSpec
from sensebind.perception.workers.supervisor import Supervisor, WorkerStatus

if TYPE_CHECKING:
    from sensebind.agent.robot.agent import RobotAgent


class Robot:
    """A running robot. A context manager; leaving it ends every process.

    Attributes:
        supervisor: Keeps the workers alive.
        monitor: Knows how the streams are doing.
        pausing: Which streams are paused.
        addresses: Where it can be reached: bus, frames, metrics.

    Example:
        ```python
        with Robot(read_config(Path("rover.yaml"))) as robot:
            for event in robot.agent.turn("what do you see?"):
                print(event)
        ```
    """

    def __init__(
        self,
        config: RobotConfig,
        *,
        on_change: Callable[[WorkerStatus], None] | None = None,
        adapt: Callable[[WorkerSpec], WorkerSpec] | None = None,
        say: Callable[[str, Alert], None] | None = None,
        transient: bool = False,
        dialogs: Path | None = None,
    ) -> None:
        """Prepare; entering starts.

        Args:
            config: What it has.
            on_change: Called from the watching thread when a stream's state changes.
            adapt: Changes a worker's specification, for trials.
            say: Speaks when a watch fires, in a thread of its own.
            transient: Run beside others of the same name, out of reach of `top`, and keep nothing
                but what is named.
            dialogs: SQLite file of the dialogs; in the robot's state directory by default.
        """
        self._config = config
        self._adapt = adapt
        self._on_change = on_change
        self._say = say
        self._transient = transient
        self._dialogs = dialogs
        self._stack = ExitStack()
        self._home: HomeProcess | None = None
        self._agent: RobotAgent | None = None
        self.addresses: dict[str, str] = {}
        self.supervisor: Supervisor
        self.monitor: Monitor
        self.pausing: Pausing

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
    def agent(self) -> RobotAgent:
        """Who talks about what the robot perceives.

        Raises:
            ConfigurationError: The file names no language model.
        """
        if self._agent is None:
            raise ConfigurationError("this robot has no language model: add `llm: sensebind`")
        return self._agent

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of everything that runs next to this process, by name."""
        home = self._home.pid if self._home is not None else 0
        return self.supervisor.pids | ({"simhome": home} if home else {})

    def _start(self) -> None:
        config, stack = self._config, self._stack
        ring = KeyRing.load(config.bus.keys) if _needs_keys(config) else None
        if not self._transient:
            config.check()  # what is wrong is said before anything starts
            stack.enter_context(_Lock(config.directory))
        if config.simhome is not None:
            self._home = stack.enter_context(HomeProcess(config.simhome))
        workers = config.workers(self._home.server.sensors if self._home is not None else "")
        self.supervisor = Supervisor(
            [self._adapt(one) if self._adapt else one for one in workers],
            self._on_change,
            directory=None if self._transient else config.directory,
        )
        stack.callback(self.supervisor.stop)
        kept = None if self._transient else pauses_of(config)
        self.pausing = Pausing(config, self.supervisor, kept)
        endpoints = list(self.supervisor.endpoints.values())
        if config.bus.listen:
            proxy = stack.enter_context(Proxy(endpoints, config.bus.listen, ring))
            self.addresses["bus"] = proxy.endpoint
        store = stack.enter_context(config.frame_spec.open()) if config.frames is not None else None
        frames = self._serve_frames(store, ring) if store is not None else []
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
        self.supervisor.start(wait=0)  # the workers come up while the language model is loaded
        if config.llm is not None:
            from sensebind.agent.robot.agent import RobotAgent
            from sensebind.agent.robot.control import ControlServer

            self._agent = stack.enter_context(
                RobotAgent(
                    config,
                    self.supervisor,
                    home=self._home,
                    frames=store,
                    say=self._say,
                    transient=self._transient,
                    dialogs=self._dialogs,
                )
            )
            self.pausing.when_paused(self._agent.hold)
            if not self._transient:
                stack.enter_context(ControlServer(self._agent, config.control_socket))
        stack.enter_context(self.pausing)  # follows the file from here on

    def _serve_frames(self, store: FrameStore, ring: KeyRing | None) -> list[FrameServer]:
        """Serve frames to this machine, and to others where that is wanted."""
        config, stack = self._config, self._stack
        endpoints = [f"ipc://{config.directory / 'frames'}"]
        if config.bus.frames:
            endpoints.append(config.bus.frames)
        servers = [stack.enter_context(FrameServer(store, one, ring)) for one in endpoints]
        self.addresses["frames"] = servers[-1].endpoint
        return servers


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
