"""`sensebind demo`: the robot of a simulated home, in one command."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Checkpoint, Json, weights
from sensebind.errors import InputError

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

    "stop" (and whatever may mean it), the key Ctrl-\, Ctrl-C and the signal SIGUSR1 stop the robot
    and its answer at once, and reject what waits for approval. A second Ctrl-C ends.
    """
    weights(checkpoint)
    if script is not None and not script.is_file():
        raise InputError(f"the script {script} cannot be read: there is no such file")
    from sensebind.agent.cli.chat import talk_with_robot
    from sensebind.agent.cli.terminal import Terminal
    from sensebind.agent.robot.simhome import simhome_robot

    config = simhome_robot(
        seed=seed, checkpoint=checkpoint, house_port=house_port, memory=memory, llm=llm
    )
    return talk_with_robot(
        config,
        Terminal(script=script, as_json=as_json),
        transient=True,
        dialogs=dialogs,
        welcome=WELCOME,
        examples=EXAMPLES,
    )
