"""`sensebind threads`: what is kept of dialogs."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from sensebind.agent.threads import Dialogs, default_dialogs
from sensebind.errors import StorageError
from sensebind.printable import printable, printable_call, printable_json


def _open(dialogs: Path | None) -> Dialogs:
    return Dialogs(dialogs or default_dialogs(), create=False)


def list_threads(dialogs: Path | None, as_json: bool) -> int:
    """Prints the dialogs, the latest first."""
    with _open(dialogs) as kept:
        found = kept.threads()
    if as_json:
        print(printable_json([asdict(one) for one in found]))
        return 0
    for one in found:
        print(f"{printable(one.name):<24} {one.turns:>6} turns   last {_when(one.last)}")
    return 0


def show(name: str, dialogs: Path | None, as_json: bool) -> int:
    """Prints the turns of a dialog."""
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
        print(printable(turn.get("assistant", ""), lines=True))
    return 0


def delete(name: str, dialogs: Path | None) -> int:
    """Deletes a dialog."""
    with _open(dialogs) as kept:
        print(f"{kept.delete(name)} turns deleted")
    return 0


def export(name: str, output: Path, dialogs: Path | None) -> int:
    """Writes a dialog as JSON lines, whole or not at all.

    Raises:
        StorageError: The file cannot be written.
    """
    with _open(dialogs) as kept:
        lines = [json.dumps(turn, ensure_ascii=False) + "\n" for turn in kept.turns(name)]
    unfinished = output.with_name(output.name + ".part")
    try:
        unfinished.write_text("".join(lines), encoding="utf-8")
        unfinished.replace(output)
    except OSError as error:
        raise StorageError(f"{output} cannot be written: {error.strerror}") from error
    print(f"{len(lines)} turns in {output}")
    return 0


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
