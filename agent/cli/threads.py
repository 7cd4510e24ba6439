"""`sensebind threads`: what is kept of dialogs."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import DialogFile, Json
from sensebind.errors import SenseBindError, StorageError
from sensebind.printable import printable, printable_call, printable_json

if TYPE_CHECKING:
    from sensebind.agent.threads import Dialogs


def _complete(incomplete: str) -> list[str]:
    """Names of the dialogs in the usual file, for tab completion."""
    with suppress(SenseBindError), _open(None) as kept:
        return [one.name for one in kept.threads() if one.name.startswith(incomplete)]
    return []


Name = Annotated[str, typer.Argument(help="Name of the dialog.", autocompletion=_complete)]

app = typer.Typer(help="Dialogs that are kept: list, show, result, delete, export.")


@app.command("list")
def list_threads(dialogs: DialogFile = None, as_json: Json = False) -> int:
    """List the dialogs, the latest first."""
    with _open(dialogs) as kept:
        found = kept.threads()
    if as_json:
        print(printable_json([asdict(one) for one in found]))
        return 0
    for one in found:
        print(f"{printable(one.name):<24} {one.turns:>6} turns   last {_when(one.last)}")
    return 0


@app.command("show")
def show(name: Name, dialogs: DialogFile = None, as_json: Json = False) -> int:
    """Show the completed turns of a dialog."""
    with _open(dialogs) as kept:
        turns = list(kept.turns(name))
    if as_json:
        print(printable_json(turns))
        return 0
    for turn in turns:
        print(f"{_when(float(turn.get('at', 0)))}\n> {printable(turn.get('user', ''))}")
        for call in turn.get("tool_calls", []):
            called = printable_call(call["name"], call["arguments"])
            print(f"  [{called}] {printable(call['result'])}")
        if turn.get("error"):
            print(f"({printable(turn['error'])})")
        print(printable(turn.get("assistant", ""), lines=True))
    return 0


@app.command("result")
def result(
    identity: Annotated[str, typer.Argument(help="What a cut result names as its artifact.")],
    dialogs: DialogFile = None,
    as_json: Json = False,
) -> int:
    """Print the whole of a tool's result that was too long for its dialog."""
    from sensebind.agent.results.kept import KeptResults

    with _open(dialogs) as kept, closing(KeptResults(kept.path)) as results:
        found = results.read(identity)
    print(printable_json(asdict(found)) if as_json else printable(found.text, lines=True))
    return 0


@app.command("delete")
def delete(name: Name, dialogs: DialogFile = None) -> int:
    """Delete a dialog for good."""
    with _open(dialogs) as kept:
        print(f"{kept.delete(name)} turns deleted")
    return 0


@app.command("export")
def export(
    name: Name,
    output: Annotated[Path, typer.Option(help="JSON-lines file to write.")],
    dialogs: DialogFile = None,
) -> int:
    """Write a dialog as JSON lines, one turn per line."""
    with _open(dialogs) as kept:
        lines = [json.dumps(turn, ensure_ascii=False) + "\n" for turn in kept.turns(name)]
    from sensebind.perception.storage.private_files import write_private

    try:
        write_private(output, "".join(lines).encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{output} cannot be written: {error.strerror}") from error
    print(f"{len(lines)} turns in {output}")
    return 0


def _open(dialogs: Path | None) -> Dialogs:
    from sensebind.agent.threads import Dialogs, default_dialogs

    return Dialogs(dialogs or default_dialogs(), create=False)


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
