"""`sensebind chat`: a conversation with a robot, or with a language model alone."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensebind.agent.cli.options import DialogFile, Json
from sensebind.agent.cli.signals import terminable
from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from sensebind.agent.cli.terminal import Terminal
    from sensebind.agent.robot.agent import RobotAgent
    from sensebind.agent.robot.config import RobotConfig
    from sensebind.memory.watches import Alert

_WELCOME = (
    "[dim]{name}, {thread}: {turns} turns. stop or {key} stops, /help says more, Ctrl-D ends[/]"
)


def chat(
    robot: Annotated[
        Path | None, typer.Argument(help="The robot's YAML file; without it, no senses.")
    ] = None,
    thread: Annotated[str, typer.Option(help="Name of the dialog; an old one goes on.")] = (
        "default"
    ),
    llm: Annotated[
        str,
        typer.Option(
            "--llm",
            help="sensebind:DIR, gguf:FILE, openai:MODEL, ollama:MODEL, …; the robot's, or ours, "
            "by default.",
        ),
    ] = "",
    brain: Annotated[str, typer.Option("--brain", hidden=True, help="Old name of --llm.")] = "",
    images: Annotated[
        bool | None,
        typer.Option(
            "--images/--no-images",
            help="Whether the language model takes images; what its provider says by default.",
        ),
    ] = None,
    dialogs: DialogFile = None,
    audit: Annotated[
        Path | None, typer.Option(help="File of the audit log, without a robot.")
    ] = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Join a robot that `sensebind run` started.")
    ] = False,
    voice: Annotated[
        bool, typer.Option("--voice", help="Speak with it, and let it answer aloud.")
    ] = False,
    microphone: Annotated[
        str,
        typer.Option(help="With --voice: a sound file, a stream, or microphone:DEVICE."),
    ] = "",
    loudspeaker: Annotated[
        str, typer.Option(help="With --voice: a WAV file to write, or a device.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Talk with a robot, or with a language model alone; the dialog survives.

    Piped standard input is a script. With --voice nothing is piped: see docs/voice.md.
    """
    if (microphone or loudspeaker) and not voice:
        raise ConfigurationError("--microphone and --loudspeaker are for --voice")
    if voice and robot is None:
        raise ConfigurationError("--voice needs a robot's file: chat rover.yaml --voice")
    if brain:
        print("warning: --brain is now called --llm", file=sys.stderr)
        llm = llm or brain
    if robot is None:
        if attach:
            raise ConfigurationError("--attach needs the robot's file: chat rover.yaml --attach")
        from sensebind.agent.cli.terminal import Terminal

        terminal = Terminal(as_json=as_json)
        return talk_with_model(
            terminal, llm, images=images, thread=thread, dialogs=dialogs, audit=audit
        )
    from sensebind.agent.robot.config_file import read_config
    from sensebind.agent.robot.sections import LlmConfig

    config = read_config(robot)  # refused before anything that is slow is imported
    if audit is not None:
        raise ConfigurationError("--audit is for a dialog without a robot: a robot has its own log")
    if attach and (llm or dialogs or images is not None):
        raise ConfigurationError(
            "--attach joins a robot as it runs: its language model and its dialogs are its own"
        )
    from sensebind.agent.cli.terminal import Terminal

    terminal = Terminal(as_json=as_json)
    if attach and not voice:
        return talk_with_running(config, terminal, thread)
    if llm or config.llm is None:
        config = config.model_copy(update={"llm": LlmConfig.typed(llm or "sensebind")})
    if images is not None and config.llm is not None:
        chosen = config.llm.model_copy(update={"images": images})
        config = config.model_copy(update={"llm": chosen})
    if voice:
        from sensebind.agent.cli.voice import Aloud, talk_aloud

        aloud = Aloud(microphone, loudspeaker)
        return talk_aloud(config, terminal, aloud, thread=thread, attach=attach, dialogs=dialogs)
    return talk_with_robot(config, terminal, thread=thread, dialogs=dialogs)


def talk_with_model(
    terminal: Terminal,
    llm: str = "",
    *,
    images: bool | None = None,
    thread: str = "default",
    dialogs: Path | None = None,
    audit: Path | None = None,
) -> int:
    """Talk with a language model that has a clock, and no senses.

    Args:
        terminal: Where questions come from, and answers go to.
        llm: Name of the language model, see `sensebind.agent.llm.factory`.
        images: Whether it takes images; what its provider says by default.
        thread: Name of the dialog.
        dialogs: SQLite file that keeps it.
        audit: File of the audit log.

    Raises:
        SenseBindError: It cannot start.
    """
    from sensebind.agent.assistant import Assistant
    from sensebind.agent.cli.conversation import converse
    from sensebind.agent.llm.factory import make_llm
    from sensebind.agent.threads import Dialogs, default_dialogs
    from sensebind.tools.clock import clock_tool

    model = make_llm(llm)
    media = None
    if images is not None:
        from sensebind.agent.conditioning.shown_media import MediaForModel

        media = MediaForModel(images=images)
    with (
        Dialogs(dialogs or default_dialogs()) as kept,
        Assistant(
            model, [clock_tool()], thread=thread, dialogs=kept, audit=audit, media=media
        ) as assistant,
    ):
        _greet(terminal, llm or "sensebind", thread, kept)
        with terminal.stopping(assistant.stop):
            converse(assistant, terminal)
    return 0


def talk_with_robot(
    config: RobotConfig,
    terminal: Terminal,
    *,
    thread: str = "default",
    transient: bool = False,
    dialogs: Path | None = None,
    welcome: str = "",
    examples: str = "",
    alongside: Callable[[], AbstractContextManager[object]] | None = None,
) -> int:
    """Start a robot, and talk with it until the input ends.

    Args:
        config: The robot; `llm:` is given.
        terminal: Where questions come from, and answers go to.
        thread: Name of the dialog.
        transient: Keep nothing but what is named, see `Robot`.
        dialogs: SQLite file of the dialogs.
        welcome: Shown to a person before the first question.
        examples: Questions that `/help` names.
        alongside: Starts what runs next to the robot, once it is up; ended before the robot.

    Returns:
        0; Ctrl-C and SIGTERM are orderly ends, too.

    Raises:
        SenseBindError: It cannot start; nothing is left running.
    """
    from rich.markup import escape

    from sensebind.agent.cli.conversation import converse
    from sensebind.agent.robot.robot import Robot
    from sensebind.perception.imagebind.guard import purpose

    logging.getLogger("sensebind").setLevel(logging.ERROR)  # gaps are reported in the dialog
    notes = terminal.notes

    def say(said: str, alert: Alert) -> None:
        more = asdict(alert)
        del more["watch"]
        terminal.alert(said, watch=alert.watch.name, **more)

    running: list[RobotAgent] = []  # empty while the robot starts: nothing moves yet

    def stop(reason: str) -> None:
        for agent in running:
            agent.stop(reason)

    with terminable(), terminal.stopping(stop):
        try:
            started = time.monotonic()
            with notes.status("starting the robot …"), ExitStack() as stack:
                robot = stack.enter_context(
                    Robot(config, say=say, transient=transient, dialogs=dialogs)
                )
                agent = robot.agent
                missing = agent.await_senses()
                keep = stack.pop_all()
            with keep:
                notes.print(f"[dim]up in {time.monotonic() - started:.1f} s[/]")
                for stream in missing:
                    detail = robot.supervisor.status()[stream].detail
                    notes.print(f"[yellow]nothing has come from {stream} yet: {detail}[/]")
                if alongside is not None:
                    keep.enter_context(alongside())
                if terminal.interactive:
                    notes.print(welcome or f"[dim]{config.name or 'robot'}: /help says more[/]")
                    if known := purpose(config.weights):
                        notes.print(f"[dim]its encoders were trained on {escape(known)}[/]")
                running.append(agent)
                try:
                    with terminal.pausing(robot.pausing):
                        partner, senses = _Thread(agent, thread), agent.awareness
                        converse(partner, terminal, senses, examples, robot.pausing)
                except KeyboardInterrupt:
                    notes.print("[dim]bye[/]")
                finally:
                    running.clear()
                    signal.signal(signal.SIGINT, signal.SIG_IGN)  # let it end in order
        except KeyboardInterrupt:
            notes.print("[dim]stopped[/]")
    return 0


def talk_with_running(config: RobotConfig, terminal: Terminal, thread: str) -> int:
    """Talk with a robot that runs, until the input ends; the robot goes on.

    Args:
        config: The robot's file.
        terminal: Where questions come from, and answers go to.
        thread: Name of the dialog.

    Raises:
        BusError: It does not run.
    """
    from sensebind.agent.cli.conversation import converse
    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.robot.pausing import SharedPauses

    robot = AttachedRobot(config, thread)
    robot.report()  # it is there
    pausing = SharedPauses(config)
    with terminal.stopping(robot.stop, pausing):
        converse(robot, terminal, robot, pausing=pausing)
    return 0


class _Thread:
    """One dialog with a robot's agent."""

    def __init__(self, agent: Any, thread: str) -> None:
        self.turn = partial(agent.turn, thread=thread)
        self.decide = partial(agent.decide, thread=thread)


def _greet(terminal: Terminal, name: str, thread: str, kept: Any) -> None:
    if terminal.interactive:
        from rich.markup import escape

        from sensebind.agent.cli.stop_signals import KEY

        turns = next((one.turns for one in kept.threads() if one.name == thread), 0)
        names = {"name": escape(name), "thread": escape(thread)}
        terminal.notes.print(_WELCOME.format(turns=turns, key=KEY, **names))
