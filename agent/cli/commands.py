"""The commands by name and title, and what Typer makes of them.

They import what they need when they run, so that `--help` is quick.
"""

from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from sensebind.errors import InputError

_PACKAGE = "sensebind.agent.cli"

GROUPS: dict[str, dict[str, str]] = {
    "Talk": {
        "demo": "demo:demo",
        "chat": "chat:chat",
        "ask": "ask:ask",
        "imagine": "imagine:imagine",
        "mcp": "mcp:mcp",
        "ui": "ui:ui",
        "serve": "serve:serve",
        "threads": "threads:app",
    },
    "Run a robot": {
        "init": "init:init",
        "run": "run:run",
        "stop": "stop:stop",
        "pause": "pause:pause",
        "resume": "pause:resume",
        "top": "top:top",
        "doctor": "doctor:doctor",
        "calibrate": "calibrate:calibrate",
        "chaos": "chaos:chaos",
        "config": "config:app",
        "proxy": "network:proxy",
        "keys": "network:keys_app",
    },
    "Remember": {
        "recall": "recall:recall",
        "teach": "teach:teach",
        "watch": "watch:watch",
        "record": "record:record",
        "replay": "replay:replay",
        "export": "export:export",
        "forget": "forget:forget",
    },
    "Models": {
        "pull": "models:pull",
        "convert": "models:convert",
        "adapt": "adapt:adapt",
        "models": "models:app",
        "eval": "evaluate:app",
        "train": "train:app",
    },
}
"""Commands in the order and under the titles of `sensebind --help`: `module:name` of this package,
a function, or a `Typer` with commands of its own."""


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each imported and built when it is asked for.

    Typer evaluates the annotations of every parameter of a command that it builds. For all of them
    that takes longer than most commands take to refuse their arguments. The class of a built
    command differs between Typer's versions.
    """

    def __init__(self) -> None:
        self._paths = {name: path for group in GROUPS.values() for name, path in group.items()}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _build(name, self._paths[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._paths.setdefault(name, "")
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._paths[name]
        self._built.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _build(name: str, path: str) -> Any:
    module, _, member = path.partition(":")
    command = getattr(import_module(f"{_PACKAGE}.{module}"), member)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    if not isinstance(command, typer.Typer):
        alone.command(name)(command)
        return get_command(alone)
    alone.add_typer(command, name=name)
    return get_group(alone).commands[name]


class _Grouped(TyperGroup):
    """Lists commands under titles. Typer does so with rich alone, which costs every `--help`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, members in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(width)) for name in members]
                )


app = typer.Typer(
    name="sensebind",
    help="A streaming agent for assistant robots: it sees, hears, scans, and talks about it.",
    cls=_Grouped,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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


def run(arguments: Sequence[str]) -> object:
    """Run a command.

    Args:
        arguments: Its name and what follows.

    Returns:
        What the command returned.

    Raises:
        KeyboardInterrupt: A person ended it, at a question.
        InputError: There is no such command, or it does not take these arguments.
    """
    try:
        return app(list(arguments), prog_name="sensebind", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:  # Typer's own errors differ in class between its versions
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        raise InputError(f"{message()} (see sensebind --help)") from error
