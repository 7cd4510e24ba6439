"""A conversation aloud, for `sensebind chat --voice`."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sensebind.agent.cli.signals import terminable
from sensebind.agent.cli.terminal import Terminal
from sensebind.printable import printable, printable_json

if TYPE_CHECKING:
    from sensebind.agent.approval import Decision
    from sensebind.agent.robot.agent import RobotAgent
    from sensebind.agent.robot.config import RobotConfig
    from sensebind.agent.turns import Events
    from sensebind.agent.voice.conversation import Conversation, Partner
    from sensebind.memory.watches import Alert

_STYLES = {"you": "bold", "robot": "", "call": "cyan", "waits": "yellow", "note": "dim"}
_WELCOME = "speak; a typed line counts, too. stop or Ctrl-\\ stops, Ctrl-C ends"
_TICK = 0.2  # seconds between looks whether to end


@dataclass(frozen=True, slots=True)
class Aloud:
    """Where a voice hears and speaks.

    Attributes:
        microphone: A sound file or a source; "" is what the robot's file says.
        loudspeaker: A WAV file or a device; "" is what the robot's file says.
    """

    microphone: str = ""
    loudspeaker: str = ""


def talk_aloud(
    config: RobotConfig,
    terminal: Terminal,
    aloud: Aloud,
    *,
    thread: str = "default",
    attach: bool = False,
    dialogs: Path | None = None,
) -> int:
    """Speak with a robot until the sound ends, or Ctrl-C.

    Args:
        config: The robot; `llm:` is given.
        terminal: Where what is said is shown, and lines may be typed.
        aloud: Where it hears and speaks.
        thread: Name of the dialog.
        attach: Join the robot as it runs; else start it.
        dialogs: SQLite file of the dialogs.

    Returns:
        0; Ctrl-C and SIGTERM are orderly ends, too.

    Raises:
        SenseBindError: It cannot start; nothing is left running.
    """
    from sensebind.agent.voice.microphones import ear_of
    from sensebind.agent.voice.parts import Setup, make_parts
    from sensebind.agent.voice.phrases import Phrases

    ear = ear_of(config, aloud.microphone)
    # What is not installed, or cannot be said, is reported before a robot is started.
    make_parts(Setup(config.voice, Phrases(more=config.voice.sentences).grammar()))
    shown = _Shown(terminal)
    talking: list[Conversation] = []
    stops: list[Callable[[str], None]] = []

    def stop(reason: str) -> None:
        for one in stops:
            one(reason)

    def say(said: str, _alert: Alert) -> None:
        for one in talking:
            one.remark(said)

    with terminable(), terminal.stopping(stop), ExitStack() as stack:
        try:
            partner, tools, pausing = stack.enter_context(
                _joined(config, thread)
                if attach
                else _started(config, terminal, thread, dialogs, say)
            )
            stops.append(partner.stop)
            conversation = stack.enter_context(
                _conversation(config, partner, tools, pausing, aloud, shown)
            )
            talking.append(conversation)
            stack.enter_context(ear)
            if terminal.interactive:
                terminal.notes.print(f"[dim]{_WELCOME}[/]")
                stack.enter_context(_typing(conversation))
            conversation.run(ear)
        except KeyboardInterrupt:
            terminal.notes.print("[dim]bye[/]")
        finally:
            stops.clear()
            talking.clear()
            if not attach:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # let it end in order
    return 0


@contextmanager
def _joined(config: RobotConfig, thread: str) -> Iterator[tuple[Partner, list[Any], Any]]:
    """The robot that runs, its tools, and what pauses its streams."""
    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.robot.pausing import SharedPauses

    robot = AttachedRobot(config, thread)
    yield robot, robot.tools(), SharedPauses(config)


@contextmanager
def _started(
    config: RobotConfig,
    terminal: Terminal,
    thread: str,
    dialogs: Path | None,
    say: Callable[[str, Alert], None],
) -> Iterator[tuple[Partner, list[Any], Any]]:
    """A robot of this process, its tools, and what pauses its streams."""
    from sensebind.agent.robot.control import tools_of
    from sensebind.agent.robot.robot import Robot

    logging.getLogger("sensebind").setLevel(logging.ERROR)
    with ExitStack() as stack:
        with terminal.notes.status("starting the robot …"):
            robot = stack.enter_context(Robot(config, say=say, dialogs=dialogs))
            missing = robot.agent.await_senses()
        for stream in missing:
            terminal.notes.print(f"[yellow]nothing has come from {stream} yet[/]")
        yield OwnDialog(robot.agent, thread), tools_of(robot.agent), robot.pausing


@contextmanager
def _conversation(
    config: RobotConfig,
    partner: Partner,
    tools: Sequence[Any],
    pausing: Any,
    aloud: Aloud,
    shown: _Shown,
) -> Iterator[Conversation]:
    from sensebind.agent.conditioning.tagging import vocabulary
    from sensebind.agent.voice.conversation import Conversation, Options
    from sensebind.agent.voice.loudspeakers import loudspeaker_of
    from sensebind.agent.voice.mouth import Mouth
    from sensebind.agent.voice.parts import Setup, make_parts
    from sensebind.agent.voice.phrases import Phrases

    voice = config.voice
    phrases = Phrases(
        tools,
        vocabulary(config.weights),
        list(config.streams),
        frozenset(config.policy.spoken),
        voice.sentences,
    )
    parts = make_parts(Setup(voice, phrases.grammar()))
    loudspeaker = loudspeaker_of(aloud.loudspeaker or voice.loudspeaker, parts.speaker.rate)
    on_bus = config.stream_names
    sounds = {one for one in config.streams if config.modalities[on_bus[one]] == "audio"}
    options = Options(voice.endpoint, voice.endpoint_part, voice.barge_in, frozenset(sounds))
    with Mouth(parts.speaker, loudspeaker) as mouth:
        yield Conversation(
            partner,
            parts,
            mouth,
            phrases,
            options=options,
            show=shown,
            pausing=pausing,
        )


@contextmanager
def _typing(conversation: Conversation) -> Iterator[None]:
    """Inside, lines that a person types are taken as if they had been said."""
    ending = threading.Event()

    def read() -> None:
        rest = b""
        while not ending.is_set():
            ready, _, _ = select.select([sys.stdin], [], [], _TICK)
            if not ready:
                continue
            if not (data := os.read(sys.stdin.fileno(), 4096)):
                return  # Ctrl-D: it goes on aloud
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if text := line.decode("utf-8", "replace").strip():
                    conversation.typed(text)

    thread = threading.Thread(target=read, name="typing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


class OwnDialog:
    """One dialog with the robot of this process; a `Partner` of the voice.

    Args:
        agent: Of the robot.
        thread: Name of the dialog.
    """

    def __init__(self, agent: RobotAgent, thread: str) -> None:
        self._agent = agent
        self._thread = thread

    def turn(self, text: str) -> Events:
        """Take one turn."""
        return self._agent.turn(text, thread=self._thread)

    def decide(self, decisions: Sequence[Decision]) -> Events:
        """Go on with a turn that waits for approval."""
        return self._agent.decide(decisions, thread=self._thread)

    def stop(self, reason: str) -> None:
        """Stop the whole robot."""
        self._agent.stop(reason)

    def cancel(self) -> None:
        """End the turn that runs."""
        self._agent.assistant(self._thread).cancel_turn()

    def cut(self, turn: str, said: str) -> None:
        """Keep of a turn's answer what was heard of it."""
        self._agent.assistant(self._thread).cut(turn, said)


class _Shown:
    """Shows what is said, from any thread."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()

    def __call__(self, who: str, what: str) -> None:
        with self._lock, suppress(OSError):  # a terminal that has gone ends elsewhere
            if self._terminal.as_json:
                print(printable_json({"who": who, "said": what}), flush=True)
            elif who == "note":
                self._terminal.notes.print(Text(f"({printable(what)})", "dim"))
            else:
                line = f"{who}: {printable(what, lines=True)}"
                self._terminal.out.print(Text(line, _STYLES.get(who, "")))
