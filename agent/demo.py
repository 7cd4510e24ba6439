"""`sensebind demo`: a simulated home, its robot's senses, and a dialog about them.

This is the composition root of the demo: the only place where SimHome, workers, bus, awareness,
tools and assistant are wired together.
"""

import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch
from langchain_core.tools import BaseTool
from rich.markup import escape

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.assistant import Assistant, Finished
from sensebind.agent.cli.stop_signals import KEY
from sensebind.agent.cli.terminal import Events, Terminal, Terminated
from sensebind.agent.conditioning.awareness import MAX_AGE, Awareness
from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.gaps import GapWatch
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.rates import Rates
from sensebind.agent.robot.memory import Remembering, RememberingOptions, describer
from sensebind.agent.robot.motion import REACH, moving_tools
from sensebind.agent.robot.watch_runner import Say
from sensebind.agent.robot.workers import SIMHOME_STREAMS, SOUND_WINDOW, simhome_workers
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings
from sensebind.errors import ConfigurationError, SourceError
from sensebind.memory.watches import Alert
from sensebind.perception.percept import Observation
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.client import RobotClient
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.sources.simhome import SimHomeSource
from sensebind.perception.workers.supervisor import Supervisor, WorkerState
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import Detector, detect_tool
from sensebind.tools.motion import Motion
from sensebind.tools.risk import ACTING, risk_of

START_SECONDS = 60.0
LOOPBACK = "127.0.0.1"  # where SimHome serves
SETTLE_SECONDS = SOUND_WINDOW + 2.0  # longest wait until what a tool changed is perceived
SWEEP_SECONDS = 1.0  # longest wait for a sweep of the lidar
WELCOME = (
    """\
A robot in a simulated home sees, hears and scans, remembers, and moves if you let it. Ask it:
  what do you see?   what do you hear?   is anything near you?   turn on the lamp   你听到什么？
  go to the ball     when did you last hear a cat?     tell me when you see a dog
"stop", or """
    + KEY
    + """, stops it at any moment. [dim]/help says more, Ctrl-D ends[/]"""
)
HELP = (
    """\
Ask what you like, in English or Chinese. For instance:
  what do you see?      what do you hear?      is anything close to you?
  how many balls are there?      turn off the radio      what time is it?      你听到什么？
  go to the ball      turn left      (it asks before it moves: y or n)
  when did you last hear a cat?      tell me when you see a dog
"stop", "wait", "don't move", 停, 别动 … stop it at once, also while it answers or moves; so do
the key """
    + KEY
    + """, Ctrl-C, and `kill -USR1` from elsewhere. What waits for a yes is rejected.
/senses shows what the robot perceives, /wait SECONDS lets time pass, /quit or Ctrl-D ends."""
)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `sensebind demo` was asked for.

    Attributes:
        seed: Of the home.
        script: File with one question per line; standard input by default.
        as_json: Print one JSON object per turn and nothing else.
        checkpoint: Directory of the weights; the embedded ones by default.
        house_port: Port of the house's API; 0 takes a free one.
        dialogs: SQLite file that keeps the dialog; in memory by default.
        memory: SQLite file that keeps what was perceived; forgotten at the end by default.
    """

    seed: int = 0
    script: Path | None = None
    as_json: bool = False
    checkpoint: Path | None = None
    house_port: int = 0
    dialogs: Path | None = None
    memory: Path | None = None


class Robot:
    """The running whole. A context manager; leaving it ends every process."""

    def __init__(self, options: DemoOptions, say: Say | None = None) -> None:
        """Args:
        options: What is wanted.
        say: Speaks when a watch fires, in a thread of its own.
        """
        self._options = options
        self._say = say
        self._stack = ExitStack()
        self.awareness: Awareness
        self.supervisor: Supervisor
        self.assistant: Assistant
        self.tools: list[BaseTool] = []
        self._acting: frozenset[str] = frozenset()  # tools that change what is perceived
        self._acted = 0.0  # monotonic, end of the last turn that used one of them

    def turn(self, text: str) -> Events:
        """One turn of the dialog, once the senses perceive what the last one changed."""
        yield from self._noting(self.assistant.turn(text))

    def decide(self, decisions: Sequence[Decision]) -> Events:
        """Goes on with a turn that waits for approval; see `Assistant.decide`."""
        yield from self._noting(self.assistant.decide(decisions))

    def _noting(self, events: Events) -> Events:
        """Notes when something acted."""
        for event in events:
            if isinstance(event, Finished) and any(
                call.name in self._acting for call in event.record.tool_calls
            ):
                self._acted = time.monotonic()
            yield event

    def _settle(self, cancelled: threading.Event) -> None:
        """Waits until the senses perceive what the last turn changed, or the turn is cancelled.

        A window of sound that began before the radio was turned off still holds its music.
        """
        wanted = dict.fromkeys(SIMHOME_STREAMS, self._acted) | {
            "microphone": self._acted + SOUND_WINDOW
        }
        until = self._acted + SETTLE_SECONDS
        while time.monotonic() < until and not self._perceived(wanted):
            if cancelled.wait(0.05):
                return

    def _perceived(self, since: dict[str, float]) -> bool:
        """Whether each stream has a percept that was captured after its time."""
        try:
            return all(
                self.awareness.newest(stream).header.monotonic >= moment
                for stream, moment in since.items()
            )
        except SourceError:
            return False

    def __enter__(self) -> "Robot":
        with self._stack:  # whatever goes wrong, no process is left that nobody ends
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        options = self._options
        checkpoint = options.checkpoint or default_checkpoint()
        # Senses, home and language share the machine: half of it for the language.
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
        home = self._stack.enter_context(
            SimHomeServer(SimHomeOptions(options.seed, house_port=options.house_port))
        )
        cache = CacheSettings() if (checkpoint / "visual_cache").is_dir() else None
        self.supervisor = Supervisor(simhome_workers(home.sensors, checkpoint, cache))
        self._stack.callback(self.supervisor.stop)
        self.supervisor.start(wait=0)  # the workers come up while the language model is read
        chat = ChatSenseBind(model=str(checkpoint))
        memory = self._stack.enter_context(self._memory(checkpoint, chat))
        watch = GapWatch()
        self.awareness = self._stack.enter_context(
            Awareness(self.supervisor.endpoints, SIMHOME_STREAMS, listeners=[watch, memory])
        )
        _ = chat.brain
        house = self._stack.enter_context(ApiTools.fetch(home.house, private=[LOOPBACK]))
        lidar = self._stack.enter_context(SimHomeSource(home.sensors, "lidar"))
        motion = Motion(RobotClient(home.robot), REACH)

        def sweep() -> Observation:
            return lidar.read_latest(MAX_AGE, SWEEP_SECONDS)

        detector = None
        tools = self.tools = [clock_tool(), *house.tools(), *memory.tools()]
        if (checkpoint / "detector").is_dir():
            detector = Detector.from_pretrained(checkpoint / "detector")
            tools.insert(0, detect_tool(detector, self.awareness.frame, max_age=MAX_AGE))
        tools += moving_tools(motion, detector, self.awareness.frame, sweep)
        self._acting = frozenset(tool.name for tool in tools if risk_of(tool) in ACTING)
        # Whoever starts the demo has agreed to its switches; to move, the robot asks.
        policy = Policy(approved=frozenset(tool.name for tool in house.tools()))
        self.assistant = self._stack.enter_context(
            Assistant(
                chat, tools, self.awareness, gaps=watch, dialogs=options.dialogs, policy=policy,
                stop=motion.stop, settle=self._settle, robot=Rates(),
            )
        )  # fmt: skip
        self._await_senses()
        watch.take()  # what happened before the first question is no gap

    def _memory(self, checkpoint: Path, chat: ChatSenseBind) -> Remembering:
        """What was perceived, in the file that was named, or in one that goes with the robot."""
        path = self._options.memory
        if path is None:
            kept = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sensebind-"))
            path = Path(kept) / "memory.sqlite"
        options = RememberingOptions(path, words=[f"a {kind}" for kind in KINDS])
        return Remembering(options, Embedder(checkpoint), describe=describer(chat), say=self._say)

    def _await_senses(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.awareness.wait(0.2):
            for status in self.supervisor.status().values():
                if status.state is WorkerState.FAILED:
                    raise ConfigurationError(f"{status.stream}: {status.detail}")
            if time.monotonic() > deadline:
                states = ", ".join(
                    f"{s.stream} {s.state}" for s in self.supervisor.status().values()
                )
                raise ConfigurationError(f"the senses did not come up: {states}")


def run(options: DemoOptions) -> int:
    """Runs the demo until its input ends.

    Returns:
        Exit code 0; Ctrl-C and SIGTERM are orderly ends, too.

    Raises:
        SenseBindError: It cannot start; nothing is left running.
    """
    logging.getLogger("sensebind").setLevel(logging.ERROR)  # gaps are told in the dialog
    terminal = Terminal(script=options.script, as_json=options.as_json)
    notes = terminal.notes

    def say(said: str, alert: Alert) -> None:
        told = asdict(alert)
        del told["watch"]
        terminal.alert(said, watch=alert.watch.name, **told)

    with _terminable():
        try:
            started = time.monotonic()
            with notes.status("starting the home and its robot …"), ExitStack() as stack:
                robot = stack.enter_context(Robot(options, say))
                keep = stack.pop_all()
            with keep:
                notes.print(
                    f"[dim]home {options.seed}, up in {time.monotonic() - started:.1f} s[/]"
                )
                if terminal.interactive:
                    notes.print(WELCOME)
                try:
                    with terminal.stopping(robot.assistant.stop):
                        _converse(robot, terminal)
                except KeyboardInterrupt:
                    notes.print("[dim]bye[/]")
                finally:
                    signal.signal(signal.SIGINT, signal.SIG_IGN)  # let it end in order
        except KeyboardInterrupt:
            notes.print("[dim]stopped[/]")
    return 0


def _converse(robot: Robot, terminal: Terminal) -> None:
    for text in terminal.questions():
        if not text.startswith("/"):
            terminal.turn(text, lambda: robot.turn(text), robot.decide)  # noqa: B023
        elif not _command(text, robot, terminal):
            return


def _command(text: str, robot: Robot, terminal: Terminal) -> bool:
    """Obeys a line that begins with a slash; returns False if it ends the dialog."""
    notes = terminal.notes
    name, *arguments = text.split()
    match name:
        case "/quit" | "/exit":
            return False
        case "/wait":
            try:
                seconds = min(max(float(arguments[0]), 0.0), 600.0) if arguments else 1.0
            except ValueError:
                notes.print(f"[yellow]/wait takes seconds, not {escape(arguments[0])}[/]")
                return True
            terminal.pause(seconds)
        case "/senses":
            for stream in robot.awareness.report().values():
                notes.print(
                    f"[dim]{stream.stream:<11} {stream.rate:4.1f} Hz  age {stream.age_ms:5.0f} ms  "
                    f"encoded in {stream.encode_ms:4.0f} ms  restarts {stream.counts.restarts}[/]"
                )
        case _:
            notes.print(f"[dim]{HELP}[/]")
    return True


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM end the demo in order."""

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before: dict[signal.Signals, Any] = {
        one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)
    }
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
