"""The command line. Commands import what they need when they run, so that `--help` is quick."""

import sys
from contextlib import suppress
from typing import Annotated

import typer

from sensebind.agent.cli import (
    ask,
    chaos,
    chat,
    config,
    demo,
    doctor,
    evaluate,
    imagine,
    mcp,
    models,
    network,
    recall,
    record,
    replay,
    run,
    threads,
    top,
    train,
    watch,
)
from sensebind.agent.cli.output import discard_output, flush_output, prepare_output
from sensebind.errors import SenseBindError

app = typer.Typer(
    name="sensebind",
    help="A streaming agent for assistant robots: it sees, hears, scans, and talks about it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo.demo,
    chat.chat,
    ask.ask,
    imagine.imagine,
    mcp.mcp,
    run.run,
    top.top,
    doctor.doctor,
    chaos.chaos,
    recall.recall,
    watch.watch,
    record.record,
    replay.replay,
    network.proxy,
    models.convert,
    models.pull,
):
    app.command()(command)
for name, group in {
    "threads": threads.app,
    "config": config.app,
    "keys": network.keys_app,
    "models": models.app,
    "eval": evaluate.app,
    "train": train.app,
}.items():
    app.add_typer(group, name=name)


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
    prepare_output()
    try:
        code = app(arguments, prog_name="sensebind", standalone_mode=False)
        if (problem := flush_output()) is not None:
            raise problem
    except SenseBindError as error:
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:  # the reader has gone: there is nobody to print to
        code = 0
    except OSError as error:
        unwritten = flush_output()
        code = _fail(
            str(error)
            if unwritten is None
            else f"standard output cannot be written: {unwritten.strerror}"
        )
    except Exception as error:  # Typer's own errors differ in class between its versions
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        code = _fail(f"{message()} (see sensebind --help)")
    if flush_output() is not None:
        discard_output()  # or the interpreter complains of it when it ends
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> int:
    with suppress(OSError):
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
