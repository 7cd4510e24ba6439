"""`sensebind demo`: a simulated home, its robot's senses, and a dialog about them.

This is the composition root of the demo: the only place where SimHome, workers, bus, awareness,
tools and assistant are wired together.
"""

import json
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch
from langchain_core.tools import BaseTool
from rich.console import Console
from rich.markup import escape

from sensebind.agent.approval import Policy
from sensebind.agent.assistant import (
    Assistant,
    CallRecord,
    CallStarted,
    Event,
    Finished,
    TextPiece,
    TurnRecord,
)
from sensebind.agent.awareness import MAX_AGE, Awareness
from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.gaps import GapWatch
from sensebind.agent.senses import (
    SIMHOME_STREAMS,
    SOUND_WINDOW,
    CacheSettings,
    simhome_workers,
)
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.server import SimHomeServer
from sensebind.perception.supervisor import Supervisor, WorkerState
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import Detector, detect_tool

START_SECONDS = 60.0
LOOPBACK = "127.0.0.1"  # where SimHome serves
SETTLE_SECONDS = SOUND_WINDOW + 2.0  # longest wait until what a switch changed is perceived
WELCOME = """\
A robot in a simulated home sees, hears and scans. Ask it:
  what do you see?   what do you hear?   is anything near you?   turn on the lamp   你听到什么？
[dim]/help says more, Ctrl-D ends[/]"""
HELP = """\
Ask what you like, in English or Chinese. For instance:
  what do you see?      what do you hear?      is anything close to you?
  how many balls are there?      turn off the radio      what time is it?      你听到什么？
/senses shows what the robot perceives, /wait SECONDS lets time pass, /quit or Ctrl-D ends."""


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
    """

    seed: int = 0
    script: Path | None = None
    as_json: bool = False
    checkpoint: Path | None = None
    house_port: int = 0
    dialogs: Path | None = None


class Robot:
    """The running whole. A context manager; leaving it ends every process."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._stack = ExitStack()
        self.awareness: Awareness
        self.supervisor: Supervisor
        self.assistant: Assistant
        self.tools: list[BaseTool] = []
        self._acted = 0.0  # monotonic, end of the last turn that used a tool

    def turn(self, text: str) -> Iterator[Event]:
        """One turn of the dialog, once the senses perceive what the last one changed.

        A window of sound that began before the radio was turned off still holds its music.
        """
        self._settle()
        for event in self.assistant.turn(text):
            if isinstance(event, Finished) and event.record.tool_calls:
                self._acted = time.monotonic()
            yield event

    def _settle(self) -> None:
        wanted = dict.fromkeys(SIMHOME_STREAMS, self._acted) | {
            "microphone": self._acted + SOUND_WINDOW
        }
        while time.monotonic() < self._acted + SETTLE_SECONDS and not self._perceived(wanted):
            time.sleep(0.05)

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
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
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
        watch = GapWatch()
        self.awareness = self._stack.enter_context(
            Awareness(
                self.supervisor.endpoints,
                SIMHOME_STREAMS,
                listeners=[watch],
            )
        )
        chat = ChatSenseBind(model=str(checkpoint))
        _ = chat.brain
        house = self._stack.enter_context(ApiTools.fetch(home.house, private=[LOOPBACK]))
        tools = self.tools = [clock_tool(), *house.tools()]
        if (checkpoint / "detector").is_dir():
            detector = Detector.from_pretrained(checkpoint / "detector")
            tools.insert(0, detect_tool(detector, self.awareness.frame, max_age=MAX_AGE))
        # Whoever starts the demo has agreed to its switches.
        policy = Policy(approved=frozenset(tool.name for tool in house.tools()))
        self.assistant = self._stack.enter_context(
            Assistant(
                chat, tools, self.awareness, gaps=watch, dialogs=options.dialogs, policy=policy
            )
        )
        self._await_senses()
        watch.take()  # what happened before the first question is no gap

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
    lines = _script(options.script) if options.script else None
    interactive = lines is None and sys.stdin.isatty() and not options.as_json
    out = Console(highlight=False, soft_wrap=True)
    notes = Console(stderr=True, highlight=False, soft_wrap=True, quiet=options.as_json)
    with _terminable():
        try:
            started = time.monotonic()
            with notes.status("starting the home and its robot …"), ExitStack() as stack:
                robot = stack.enter_context(Robot(options))
                keep = stack.pop_all()
            with keep:
                notes.print(
                    f"[dim]home {options.seed}, up in {time.monotonic() - started:.1f} s[/]"
                )
                if interactive:
                    notes.print(WELCOME)
                try:
                    _converse(robot, options, lines, interactive, out, notes)
                except KeyboardInterrupt:
                    notes.print("[dim]bye[/]")
                finally:
                    signal.signal(signal.SIGINT, signal.SIG_IGN)  # let it end in order
        except KeyboardInterrupt:
            notes.print("[dim]stopped[/]")
    return 0


def _converse(
    robot: Robot,
    options: DemoOptions,
    lines: list[str] | None,
    interactive: bool,
    out: Console,
    notes: Console,
) -> None:
    for line in _questions(lines, interactive):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("/"):
            if not _command(text, robot, notes):
                return
            continue
        if not interactive and not options.as_json:
            out.print(f"[bold]> {escape(text)}[/]")
        try:
            record = _turn(robot, text, None if options.as_json else out)
        except _Terminated:
            raise
        except KeyboardInterrupt:
            if not interactive:
                raise
            out.print("\n[dim](stopped)[/]")
            continue
        if options.as_json:
            print(json.dumps(record.as_json(), ensure_ascii=False), flush=True)


def _turn(robot: Robot, text: str, out: Console | None) -> TurnRecord:
    """Asks, and shows the answer as it comes."""
    record = TurnRecord(text)
    for event in robot.turn(text):
        match event:
            case TextPiece() if out:
                out.print(escape(event.text), end="")
            case CallStarted() if out:
                arguments = "".join(f" {k}={v}" for k, v in event.arguments.items())
                out.print(f"[cyan]\\[{event.name}{escape(arguments)}][/] ", end="")
            case CallRecord() if out and event.failed:
                out.print(f"[yellow]{escape(event.result)}[/] ", end="")
            case Finished():
                record = event.record
    if out:
        out.print()
        for gap in record.gaps:
            out.print(f"[dim]({escape(str(gap))})[/]")
        unusable = [p.stream for p in record.percepts if p.state in ("stale", "missing")]
        if unusable:
            out.print(f"[dim](no fresh percepts from {', '.join(unusable)})[/]")
        if record.error:
            out.print(f"[red]error: {escape(record.error)}[/]")
    return record


def _questions(lines: list[str] | None, interactive: bool) -> Iterator[str]:
    if lines is not None:
        yield from lines
        return
    if not interactive:
        while line := sys.stdin.readline():
            yield line
        return
    import readline  # noqa: F401  # gives input() a history and a line editor

    while True:
        try:
            yield input("> ")
        except EOFError:
            print()
            return


def _command(text: str, robot: Robot, notes: Console) -> bool:
    """Obeys a line that begins with a slash; returns False if it ends the dialog."""
    name, *arguments = shlex.split(text)
    match name:
        case "/quit" | "/exit":
            return False
        case "/wait":
            try:
                seconds = min(max(float(arguments[0]), 0.0), 600.0) if arguments else 1.0
            except ValueError:
                notes.print(f"[yellow]/wait takes seconds, not {escape(arguments[0])}[/]")
                return True
            time.sleep(seconds)
        case "/senses":
            for stream in robot.awareness.report().values():
                notes.print(
                    f"[dim]{stream.stream:<11} {stream.rate:4.1f} Hz  age {stream.age_ms:5.0f} ms  "
                    f"encoded in {stream.encode_ms:4.0f} ms  restarts {stream.counts.restarts}[/]"
                )
        case _:
            notes.print(f"[dim]{HELP}[/]")
    return True


def _script(path: Path) -> list[str]:
    try:
        if path.stat().st_size > 1_000_000:
            raise InputError(f"the script {path} is larger than 1 MB")
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"the script {path} cannot be read: {reason}") from error


class _Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, but not for one answer only."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM end the demo in order."""

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise _Terminated

    before: dict[signal.Signals, Any] = {
        one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)
    }
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
