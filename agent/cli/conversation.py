"""A conversation at the terminal, with a robot or with a language model alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.markup import escape

from sensebind.agent.approval import Decision
from sensebind.agent.cli.inputs import block_of
from sensebind.agent.cli.pause_key import ALL, Pausing
from sensebind.agent.cli.pause_key import KEY as PAUSE_KEY
from sensebind.agent.cli.stop_signals import KEY
from sensebind.agent.cli.terminal import Events, Terminal
from sensebind.agent.conditioning.awareness import StreamReport
from sensebind.agent.stop_words import is_stop
from sensebind.errors import InputError, SenseBindError, UnusableModelError

_MAX_WAIT = 600.0  # seconds
_STOPS = "stops {} at once; so do {} and Ctrl-C"
_HELP = {
    "/show FILE": "shows an image, a sound, a video or a point cloud with the next question",
    "/wait SECONDS": "lets time pass",
    "/quit": "ends, as Ctrl-D does",
}
_HELP_PAUSING = {
    "/pause [STREAM]": f"closes a sensor, or as {PAUSE_KEY} every one, until /resume",
    "/resume [STREAM]": f"opens it again, or every one; {PAUSE_KEY} opens what it closed",
}
_HELP_SENSES = {"/senses": "shows what the robot perceives, and how old it is"}


class Partner(Protocol):
    """Who is talked with: a robot's agent, or an assistant without senses."""

    def turn(self, text: str, media: Sequence[Mapping[str, Any]] = (), /) -> Events:
        """Take one turn."""
        ...

    def decide(self, decisions: Sequence[Decision], /) -> Events:
        """Go on with a turn that waits for approval."""
        ...


class Senses(Protocol):
    """How the streams are doing; `Awareness` is one."""

    def report(self) -> Mapping[str, StreamReport]:
        """Return a report per stream."""
        ...


def converse(
    partner: Partner,
    terminal: Terminal,
    senses: Senses | None = None,
    examples: str = "",
    pausing: Pausing | None = None,
) -> None:
    """Talk until the input ends.

    Args:
        partner: Who answers.
        terminal: Where questions come from, and answers go to.
        senses: What `/senses` shows; None where there are no senses.
        examples: Questions that `/help` names.
        pausing: What `/pause` and `/resume` go to; None where there is nothing to pause.

    Raises:
        InputError: A script shows a file that does not exist.
        UnusableModelError: The language model cannot be used, and nothing has been answered yet
            or a script asks.
    """
    media: list[Mapping[str, Any]] = []
    answered = False
    for text in terminal.questions():
        if not text.startswith("/") or is_stop(text):  # /stop is one, and no command
            shown, media = media, []
            try:
                terminal.turn(text, lambda: partner.turn(text, shown), partner.decide)  # noqa: B023
                answered = True
            except UnusableModelError as error:
                if not answered or not terminal.interactive:
                    raise
                terminal.notes.print(f"[red]error: {escape(str(error))}[/]")
            continue
        command, _, argument = text.partition(" ")
        match command:
            case "/quit" | "/exit":
                return
            case "/show":
                try:
                    media.append(block_of(Path(argument.strip())))
                except InputError as error:
                    if not terminal.interactive:
                        raise
                    terminal.notes.print(f"[yellow]{escape(str(error))}[/]")
            case "/wait":
                _wait(argument.strip(), terminal)
            case "/senses" if senses is not None:
                _show_senses(senses, terminal)
            case "/pause" | "/resume" if pausing is not None:
                change = pausing.pause if command == "/pause" else pausing.resume
                _pause(lambda: change(argument.strip() or ALL), terminal)  # noqa: B023
            case _:
                said = _help(examples, senses is not None, pausing is not None)
                terminal.notes.print(f"[dim]{escape(said)}[/]")


def _wait(seconds: str, terminal: Terminal) -> None:
    try:
        terminal.pause(min(max(float(seconds or 1), 0.0), _MAX_WAIT))
    except ValueError:
        terminal.notes.print(f"[yellow]/wait takes seconds, not {escape(seconds)}[/]")


def _pause(change: Callable[[], frozenset[str]], terminal: Terminal) -> None:
    try:
        paused = change()
    except SenseBindError as error:
        if not terminal.interactive:
            raise
        terminal.notes.print(f"[red]{escape(str(error))}[/]")
        return
    said = f"paused: {', '.join(sorted(paused))}" if paused else "nothing is paused"
    terminal.notes.print(f"[dim]{escape(said)}[/]")


def _show_senses(senses: Senses, terminal: Terminal) -> None:
    for stream in senses.report().values():
        terminal.notes.print(
            f"[dim]{stream.stream:<11} {stream.rate:4.1f} Hz  age {stream.age_ms:5.0f} ms  "
            f"encoded in {stream.encode_ms:4.0f} ms  restarts {stream.counts.restarts}[/]"
        )


def _help(examples: str, with_senses: bool, can_pause: bool) -> str:
    what = "the robot and its answer" if with_senses else "the answer"
    commands = {"stop": _STOPS.format(what, KEY)} | _HELP | (_HELP_SENSES if with_senses else {})
    commands |= _HELP_PAUSING if can_pause else {}
    lines = [f"{command:<16} {does}" for command, does in commands.items()]
    return "\n".join([*([examples] if examples else []), *lines])
