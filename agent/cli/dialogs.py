"""`sensebind chat`, `sensebind threads` and `sensebind mcp`."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli import chat, mcp
from sensebind.agent.cli.options import Json

File = Annotated[Path | None, typer.Option("--dialogs", help="SQLite file of the dialogs.")]
Name = Annotated[str, typer.Argument(help="Name of the dialog.")]

threads = typer.Typer(help="Dialogs that are kept: list, show, delete, export.")


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(chat.chat)
    app.command()(mcp.mcp)
    app.add_typer(threads, name="threads")


@threads.command("list")
def list_threads(dialogs: File = None, as_json: Json = False) -> int:
    """List the dialogs, the latest first."""
    from sensebind.agent.cli.threads import list_threads as run

    return run(dialogs, as_json)


@threads.command("show")
def show(name: Name, dialogs: File = None, as_json: Json = False) -> int:
    """Show the completed turns of a dialog."""
    from sensebind.agent.cli.threads import show as run

    return run(name, dialogs, as_json)


@threads.command("delete")
def delete(name: Name, dialogs: File = None) -> int:
    """Delete a dialog for good."""
    from sensebind.agent.cli.threads import delete as run

    return run(name, dialogs)


@threads.command("export")
def export(
    name: Name,
    output: Annotated[Path, typer.Option(help="JSON-lines file to write.")],
    dialogs: File = None,
) -> int:
    """Write a dialog as JSON lines, one turn per line."""
    from sensebind.agent.cli.threads import export as run

    return run(name, output, dialogs)
