"""`sensebind chat`: a dialog in a terminal or a pipe, kept under its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.stop_signals import KEY
from sensebind.agent.cli.terminal import Terminal
from sensebind.agent.llm.factory import make_brain
from sensebind.agent.threads import Dialogs, default_dialogs
from sensebind.errors import InputError
from sensebind.tools.clock import clock_tool

HELP = f"""\
stop         ends the answer at once; so do {KEY} and Ctrl-C
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
    terminal = Terminal(as_json=options.as_json)
    with (
        Dialogs(options.dialogs or default_dialogs()) as dialogs,
        Assistant(
            make_brain(options.brain),
            [clock_tool()],
            thread=options.thread,
            dialogs=dialogs,
            audit=options.audit,
        ) as assistant,
    ):
        kept = next((one.turns for one in dialogs.threads() if one.name == options.thread), 0)
        if terminal.interactive:
            terminal.out.print(
                f"[dim]{escape(options.thread)}: {kept} turns. stop or {KEY} stops, "
                "/help says more[/]"
            )
        with terminal.stopping(assistant.stop):
            _converse(assistant, terminal)
    return 0


def _converse(assistant: Assistant, terminal: Terminal) -> None:
    media: list[dict[str, Any]] = []
    for text in terminal.questions():
        if text == "/quit":
            return
        if text.startswith("/show "):
            try:
                media.append(block_of(Path(text.removeprefix("/show ").strip())))
            except InputError as error:
                if not terminal.interactive:
                    raise
                terminal.notes.print(f"[yellow]{escape(str(error))}[/]")
        elif text.startswith("/"):
            terminal.notes.print(f"[dim]{HELP}[/]")
        else:
            shown, media = media, []
            terminal.turn(text, lambda: assistant.turn(text, shown), assistant.decide)  # noqa: B023


def block_of(file: Path) -> dict[str, Any]:
    """Returns the content block of a local file; its ending says what it is.

    Raises:
        InputError: There is no such file.
    """
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    return {"type": _TYPES.get(file.suffix.lower(), "file"), "path": str(file.resolve())}
