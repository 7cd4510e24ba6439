"""`sensebind chat`: a dialog in a terminal or a pipe, kept under its name."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sensebind.agent.approval import Decision, Request
from sensebind.agent.assistant import Assistant, CallRecord, CallStarted, Finished, TextPiece
from sensebind.agent.brains import make_brain
from sensebind.agent.dialogs import Dialogs, default_dialogs
from sensebind.errors import InputError
from sensebind.tools.clock import clock_tool

HELP = """\
/show FILE   shows a picture, a sound, a video or a point cloud with the next question
/quit        ends; the dialog goes on with the same --thread"""
_TYPES = {
    ".png": "image", ".jpg": "image", ".jpeg": "image", ".webp": "image", ".bmp": "image",
    ".wav": "audio", ".flac": "audio", ".mp3": "audio", ".ogg": "audio",
    ".mp4": "video", ".avi": "video", ".mkv": "video", ".mov": "video", ".webm": "video",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What `sensebind chat` was asked for.

    Attributes:
        thread: Name of the dialog.
        dialogs: SQLite file that keeps it.
        brain: Language model, see `brains.py`.
        as_json: Print one JSON object per turn and nothing else.
        audit: File of the audit log.
    """

    thread: str = "default"
    dialogs: Path | None = None
    brain: str = ""
    as_json: bool = False
    audit: Path | None = None


def run(options: ChatOptions) -> int:
    """Talks until the input ends.

    Raises:
        SenseBindError: It cannot start.
    """
    interactive = sys.stdin.isatty() and not options.as_json
    out = Console(highlight=False, soft_wrap=True)
    with (
        Dialogs(options.dialogs or default_dialogs()) as dialogs,
        Assistant(
            make_brain(options.brain),
            [clock_tool()],
            thread=options.thread,
            dialogs=dialogs,
            audit=options.audit,
            approve=_at_terminal if interactive else None,
        ) as assistant,
    ):
        kept = next((one.turns for one in dialogs.threads() if one.name == options.thread), 0)
        if interactive:
            out.print(f"[dim]{escape(options.thread)}: {kept} turns. /help says more[/]")
        _converse(assistant, options, interactive, out)
    return 0


def _converse(assistant: Assistant, options: ChatOptions, interactive: bool, out: Console) -> None:
    media: list[dict[str, Any]] = []
    notes = Console(stderr=True, highlight=False, soft_wrap=True, quiet=options.as_json)
    for line in _lines(interactive):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text == "/quit":
            return
        if text.startswith("/show "):
            try:
                media.append(block_of(Path(text.removeprefix("/show ").strip())))
            except InputError as error:
                if not interactive:
                    raise
                notes.print(f"[yellow]{escape(str(error))}[/]")
            continue
        if text.startswith("/"):
            notes.print(f"[dim]{HELP}[/]")
            continue
        if not interactive and not options.as_json:
            out.print(f"[bold]> {escape(text)}[/]")
        try:
            _turn(assistant, text, media, None if options.as_json else out)
        except KeyboardInterrupt:
            if not interactive:
                raise
            out.print("\n[dim](stopped)[/]")
        media = []


def _turn(
    assistant: Assistant, text: str, media: list[dict[str, Any]], out: Console | None
) -> None:
    for event in assistant.turn(text, media):
        match event:
            case TextPiece() if out:
                out.print(escape(event.text), end="")
            case CallStarted() if out:
                arguments = "".join(f" {k}={v}" for k, v in event.arguments.items())
                out.print(f"[cyan]\\[{event.name}{escape(arguments)}][/] ", end="")
            case CallRecord() if out and event.failed:
                out.print(f"[yellow]{escape(event.result)}[/] ", end="")
            case Finished() if out:
                out.print()
                for one in event.record.pending:
                    out.print(f"[yellow]{escape(one.tool)} needs somebody's approval[/]")
                if event.record.error:
                    out.print(f"[red]error: {escape(event.record.error)}[/]")
            case Finished():
                print(json.dumps(event.record.as_json(), ensure_ascii=False), flush=True)


def block_of(file: Path) -> dict[str, Any]:
    """Returns the content block of a local file; its ending says what it is.

    Raises:
        InputError: There is no such file.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    return {"type": _TYPES.get(file.suffix.lower(), "file"), "path": str(file.resolve())}


def _at_terminal(request: Request) -> Decision:
    """Asks whoever sits at the terminal."""
    arguments = json.dumps(request.arguments, ensure_ascii=False)
    while True:
        print(f"\n{request.tool} {arguments}: run it? [y]es, [n]o, or other arguments as JSON: ",
              end="", file=sys.stderr, flush=True)  # fmt: skip
        answer = sys.stdin.readline()
        word = answer.strip().lower()
        if word in ("y", "yes"):
            return Decision("approve")
        if not answer or word in ("n", "no"):
            return Decision("reject")
        try:
            changed = json.loads(answer)
        except ValueError:
            continue
        if isinstance(changed, dict):
            return Decision("edit", changed)


def _lines(interactive: bool) -> Iterator[str]:
    if not interactive:
        while line := sys.stdin.readline():
            yield line
        return
    import readline  # noqa: F401  # gives input() a history and a line editor

    while True:
        try:
            yield input("> ")
        except EOFError:
            print()
            return
