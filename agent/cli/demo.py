"""`sensebind demo`: the robot of a simulated home, in one command."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.errors import InputError, SenseBindError

if TYPE_CHECKING:
    from sensebind.agent.cli.terminal import Terminal
    from sensebind.agent.server.process import ServerSpec
    from sensebind.agent.server.tokens import Tokens

WELCOME = """\
A robot in a simulated home sees, hears and scans, remembers, and moves if you let it. Ask it:
  what do you see?   what do you hear?   is anything near you?   turn on the lamp   你听到什么？
  go to the ball     when did you last hear a cat?     tell me when you see a dog
"stop", or Ctrl-\\, stops it at any moment. [dim]/help says more, Ctrl-D ends[/]"""
EXAMPLES = """\
Ask what you like, in English or Chinese. For instance:
  what do you see?      what do you hear?      is anything close to you?
  how many balls are there?      turn off the radio      what time is it?      你听到什么？
  go to the ball      turn left      (it asks before it moves: y or n)
  when did you last hear a cat?      tell me when you see a dog
"stop", "wait", "don't move", 停, 别动 … stop it at once, also while it answers or moves; so do the
key Ctrl-\\, Ctrl-C, and `kill -USR1` from elsewhere. What waits for a yes is rejected.
Ctrl-Z closes its eyes and ears, and opens them again."""


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Which home.")] = 7180,
    script: Annotated[
        Path | None, typer.Option(help="File with one question per line; else standard input.")
    ] = None,
    as_json: Json = False,
    checkpoint: Checkpoint = None,
    llm: Annotated[
        str,
        typer.Option(
            help="sensebind:DIR, gguf:FILE, openai:MODEL, ollama:MODEL, …; the checkpoint's by "
            "default."
        ),
    ] = "",
    house_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the house's API; 0 takes a free one.")
    ] = 0,
    dialogs: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the dialog; in memory by default.")
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(help="SQLite file that keeps what was perceived; forgotten by default."),
    ] = None,
) -> int:
    r"""Talk with the robot of a simulated home. Piped standard input is a script.

    At a terminal its page is served, too: the address is printed, and opened where there is a
    browser.

    "stop" (and whatever may mean it), the key Ctrl-\, Ctrl-C and the signal SIGUSR1 stop the robot
    and its answer at once, and reject what waits for approval. A second Ctrl-C ends.
    """
    weights(checkpoint)
    if script is not None and not script.is_file():
        raise InputError(f"the script {script} cannot be read: there is no such file")
    from sensebind.agent.cli.chat import talk_with_robot
    from sensebind.agent.cli.terminal import Terminal

    terminal = Terminal(script=script, as_json=as_json)
    options = {"checkpoint": checkpoint, "house_port": house_port, "memory": memory, "llm": llm}
    talk = partial(
        talk_with_robot, terminal=terminal, dialogs=dialogs, welcome=WELCOME, examples=EXAMPLES
    )
    if not terminal.interactive:
        from sensebind.agent.robot.simhome import simhome_robot

        return talk(simhome_robot(seed, **options), transient=True)
    from sensebind.agent.cli.serve import prepare
    from sensebind.agent.robot.simhome import write_simhome_robot

    with tempfile.TemporaryDirectory(prefix="sensebind-") as name:  # all that this robot keeps
        folder = Path(name)
        file = write_simhome_robot(folder, seed, name="", **options)
        config, tokens, spec = prepare(
            file, host="127.0.0.1", port=0, token="", operator="", origins=None, apart=folder
        )
        return talk(config, alongside=lambda: _page(spec, tokens, terminal))


@contextmanager
def _page(spec: ServerSpec, tokens: Tokens, terminal: Terminal) -> Iterator[None]:
    """Serve the page of the demo's robot; a demo without its page is one all the same."""
    from rich.markup import escape

    from sensebind.agent.cli.ui import show_page
    from sensebind.agent.server.process import served_alongside

    with ExitStack() as stack:
        try:
            addresses = stack.enter_context(served_alongside(spec))
        except SenseBindError as error:
            terminal.notes.print(f"[yellow]the page is not served: {escape(str(error))}[/]")
        else:
            show_page(addresses["server"], tokens, partial(terminal.notes.print, soft_wrap=True))
        yield
