"""The command line. Commands import what they need when they run, so that `--help` is quick."""

import os
import sys
from typing import Annotated

import typer

from sensebind.agent.cli import (
    dialogs,
    evaluate,
    imagine,
    memories,
    models,
    recordings,
    streams,
    talk,
    train,
)
from sensebind.credentials import clean_logs, without_credentials
from sensebind.errors import SenseBindError
from sensebind.printable import printable

app = typer.Typer(
    name="sensebind",
    help="A streaming agent for assistant robots: it sees, hears, scans, and talks about it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
talk.add_to(app)
dialogs.add_to(app)
imagine.add_to(app)
memories.add_to(app)
streams.add_to(app)
recordings.add_to(app)
models.add_to(app)
app.add_typer(evaluate.app, name="eval")
app.add_typer(train.app, name="train")


def _version(wanted: bool) -> None:
    if wanted:
        from sensebind import __version__

        print(f"sensebind {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 well, 1 below a bar, 2 bad input, in one line."""
    clean_logs()
    try:
        code = app(arguments, prog_name="sensebind", standalone_mode=False)
    except SenseBindError as error:
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:  # the reader has gone; nothing more to say to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _fail(str(error))
    except Exception as error:  # Typer's own errors differ in class between its versions
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        code = _fail(f"{message()} (see sensebind --help)")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> int:
    shown = printable(without_credentials(" ".join(message.split())))
    print(f"error: {shown}", file=sys.stderr)
    return 2
