"""A robot: from one `robot.yaml` everything that it is made of.

The composition root: sources, workers, supervisor, frame store, proxy, metrics and viewer are wired
together here, and with `llm:` in the file the agent that talks about what they perceive. A robot
without a language model imports no PyTorch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.monitor import Monitor
from sensebind.agent.robot.network import MetricsOptions, NetworkOptions
from sensebind.agent.robot.network_process import NetworkProcess
from sensebind.agent.robot.pausing import Pausing, pauses_of
from sensebind.agent.robot.run_directory import RunLock
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.errors import ConfigurationError, SourceError, StorageError
from sensebind.memory.watches import Alert
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Percept
from sensebind.perception.workers.spec import WorkerSpec
from sensebind.perception.workers.supervisor import Supervisor, WorkerStatus

if TYPE_CHECKING:
    from sensebind.agent.conditioning.words import Words
    from sensebind.agent.robot.agent import RobotAgent

log = logging.getLogger(__name__)


class Robot:
    """A running robot. A context manager; leaving it ends every process.

    Attributes:
        supervisor: Keeps the workers alive.
        monitor: Knows how the streams are doing.
        pausing: Which streams are paused.
        addresses: Where it can be reached: bus, foxglove, frames, metrics.

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
        on_hang: Callable[[str], None] | None = None,
        adapt: Callable[[WorkerSpec], WorkerSpec] | None = None,
        say: Callable[[str, Alert], None] | None = None,
        transient: bool = False,
        dialogs: Path | None = None,
    ) -> None:
        """Prepare; entering starts.

        Args:
            config: What it has.
            on_change: Called from the watching thread when a stream's state changes.
            on_hang: Called from another thread when the watching thread hangs: end the robot.
            adapt: Changes a worker's specification, for trials.
            say: Speaks when a watch fires, in a thread of its own.
            transient: Run next to others of the same name, out of reach of `top`, and keep nothing
                but what is named.
            dialogs: SQLite file of the dialogs; in the robot's state directory by default.
        """
        self._config = config
        self._adapt = adapt
        self._on_change = on_change
        self._on_hang = on_hang
        self._say = say
        self._transient = transient
        self._dialogs = dialogs
        self._stack = ExitStack()
        self._home: HomeProcess | None = None
        self._network: NetworkProcess | None = None
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
        with self._stack:
            self._begin_to_end()

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
        others = {"simhome": self._home, "network": self._network}
        pids = {name: one.pid for name, one in others.items() if one is not None and one.pid}
        if self._agent is not None and (driving := self._agent.driving_pid):
            pids["motion"] = driving
        return self.supervisor.pids | pids

    def _start(self) -> None:
        config, stack = self._config, self._stack
        if _needs_keys(config):
            KeyRing.load(config.bus.keys)  # what is wrong with them is said before anything starts
        if not self._transient:
            config.check()  # what is wrong is said before anything starts
            if config.apart:
                config.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            else:
                stack.enter_context(RunLock(config.run_name))
        if unasked := config.moves_unasked():
            if self._transient:
                config.check()
            _examine(config, unasked)
        if config.simhome is not None:
            self._home = stack.enter_context(HomeProcess(config.simhome))
        workers = config.workers(self._home.server.sensors if self._home is not None else "")
        self.supervisor = Supervisor(
            [self._adapt(one) if self._adapt else one for one in workers],
            self._on_change,
            directory=None if self._transient else config.directory,
            on_hang=self._on_hang,
        )
        stack.callback(self.supervisor.stop)
        kept = None if self._transient else pauses_of(config)
        self.pausing = Pausing(config, self.supervisor, kept)
        endpoints = [*self.supervisor.endpoints.values(), self.supervisor.report_endpoint]
        store = self._open_frames() if config.frames is not None else None
        self._serve(endpoints, store)
        listeners: list[Callable[[Percept], None]] = []
        if config.rerun is not None:
            from sensebind.agent.robot.rerun_viewer import RerunSink

            rerun = config.rerun
            listeners.append(RerunSink(rerun.address, rerun.file, rerun.rate))
        if config.foxglove is not None:
            from sensebind.agent.robot.foxglove import FoxgloveServer

            kept_frames = store.get if store is not None else None
            shown = FoxgloveServer(config, config.foxglove, self._words, kept_frames)
            listeners.append(stack.enter_context(shown))
            self.addresses["foxglove"] = shown.address
            log.info("Foxglove connects to %s", shown.address)
        if config.ros is not None:
            from sensebind.agent.robot.ros_publishing import RosPublishing

            publishing = RosPublishing(config, config.ros, self._words, self._detections)
            listeners.append(stack.enter_context(publishing))
        self.monitor = stack.enter_context(
            Monitor(endpoints, listeners=listeners, expected=config.stream_names.values())
        )
        stack.callback(self.supervisor.stop)  # the first to end: what it publishes still goes out
        stack.callback(self._begin_to_end)  # where the start itself is ended
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
                    paused=self.pausing.on_bus,
                )
            )
            self.pausing.when_paused(self._agent.hold)
            if not self._transient:
                stack.enter_context(ControlServer(self._agent, config.control_socket))
        stack.enter_context(self.pausing)  # follows the file from here on

    def _begin_to_end(self) -> None:
        """Have all processes end, side by side, while this one closes what it has.

        Each is waited for later on, until the time since this call is over that it may take.
        """
        if self._agent is not None:
            self._agent.begin_to_end()
        self.supervisor.begin_to_end()
        for one in (self._home, self._network):
            if one is not None:
                one.end()

    def _open_frames(self) -> FrameStore | None:
        """Open the frame store; a robot without one perceives all the same."""
        try:
            return self._stack.enter_context(self._config.frame_spec.open())
        except StorageError as error:
            log.warning("frames are not kept: %s", error)
            return None

    def _words(self) -> Words:
        """Return what names percepts for others than the language model, which comes first."""
        if self._config.llm is not None:
            return self._loaded_agent().looking.words
        from sensebind.agent.conditioning.tagging import Tagger, vocabulary

        return Tagger(self._config.weights, vocabulary(self._config.weights))

    def _detections(self) -> dict[str, Any]:
        return self._loaded_agent().looking.detections()

    def _loaded_agent(self) -> RobotAgent:
        if self._agent is None:
            raise SourceError("the language model is still being loaded")
        return self._agent

    def _serve(self, publishers: list[str], store: FrameStore | None) -> None:
        """Serve frames to this machine, and to others what is wanted, in a process of its own."""
        config, stack = self._config, self._stack
        here = f"ipc://{self.supervisor.directory / 'frames'}"
        frames = (here,) if store is not None else ()
        if not (config.bus.listen or config.bus.frames or config.metrics is not None):
            if store is not None:
                self.addresses["frames"] = stack.enter_context(FrameServer(store, here)).endpoint
            return
        metrics = config.metrics
        if store is not None and config.bus.frames:
            frames = (*frames, config.bus.frames)
        options = NetworkOptions(
            publishers=tuple(publishers),
            streams=tuple(config.stream_names.values()),
            listen=config.bus.listen,
            store=config.frame_spec if frames else None,
            frames=frames,
            keys=config.bus.keys if _needs_keys(config) else None,
            metrics=MetricsOptions(**metrics.model_dump()) if metrics is not None else None,
        )
        self._network = stack.enter_context(NetworkProcess(options))
        self.addresses |= self._network.addresses


def _examine(config: RobotConfig, unasked: Sequence[str]) -> None:
    """Let `sensebind doctor` look at a robot that is to move without a question.

    Raises:
        ConfigurationError: Something does not work; the message names all of it.
    """
    from sensebind.agent.robot.doctor_robot import Verdict, examine_robot

    bad = [
        one for one in examine_robot(config, llm=False, starts=True) if one.verdict is Verdict.BAD
    ]
    if bad:
        why = "; ".join(f"{one.name}: {one.found}" for one in bad)
        raise ConfigurationError(
            f"policy: approved: {', '.join(unasked)} would move the robot without a question; this "
            f"needs a `sensebind doctor` that passes: {why}"
        )


def _needs_keys(config: RobotConfig) -> bool:
    """Keys are used when they are there, and demanded for what other machines can reach."""
    wanted = [e for e in (config.bus.listen, config.bus.frames) if e.startswith("tcp://")]
    return bool(wanted) and (
        (config.bus.keys.expanduser() / "own.key_secret").exists()
        or any("127.0.0.1" not in e and "localhost" not in e for e in wanted)
    )
