"""A dialog at a terminal, in a pipe or from a script: questions in, answers and alerts out.

`sensebind demo` and `sensebind chat` talk through it. It asks whether a tool may act, shows a turn
as it goes on, and tells what a watch has noticed, also while it waits for the next question.
"""

import io
import json
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sensebind.agent.approval import Decision, Request
from sensebind.agent.events import CallRecord, CallStarted, Event, Finished, TextPiece, TurnRecord
from sensebind.errors import InputError

Events = Generator[Event, None, None]
Decide = Callable[[Sequence[Decision]], Events]

YES = frozenset({"yes", "y", "是", "好"})
NO = frozenset({"no", "n", "不"})
_MAX_SCRIPT = 1_000_000  # bytes


class Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, but not for one answer only."""


class Terminal:
    """Where a person types, or lines come from a pipe or a script.

    Attributes:
        interactive: Whether a person sits there.
        as_json: Whether to print one JSON object per turn and nothing else.
        out: Where answers go. `notes`: where all else goes; nowhere with JSON.
    """

    def __init__(self, *, script: Path | None = None, as_json: bool = False) -> None:
        """Prepares; reads nothing but the script.

        Args:
            script: File with one question per line; standard input by default.
            as_json: Print JSON.

        Raises:
            InputError: The script cannot be read.
        """
        self._lines = None if script is None else iter(_read_script(script))
        self.as_json = as_json
        if isinstance(sys.stdin, io.TextIOWrapper):  # another encoding is no reason to end
            sys.stdin.reconfigure(errors="replace")
        self.interactive = script is None and sys.stdin.isatty() and not as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.notes = Console(stderr=True, highlight=False, soft_wrap=True, quiet=as_json)
        self._held = ""  # a line that was read as a decision, and is the next question
        self._prompt = ""  # what a person is typing after
        self._lock = threading.RLock()
        self._answering = False
        self._alerts: list[tuple[str, Mapping[str, Any]]] = []

    # --- in -------------------------------------------------------------------------------------

    def questions(self) -> Iterator[str]:
        """Yields what is typed, line by line; without remarks, and without what is empty."""
        while (line := self._read("> ")) is not None:
            if line and not line.startswith("#"):
                yield line

    def _read(self, prompt: str) -> str | None:
        """The next line, or None at the end."""
        if self._held:
            line, self._held = self._held, ""
            return line
        if self._lines is not None:
            line = next(self._lines, None)
            return None if line is None else line.strip()
        if not self.interactive:
            line = sys.stdin.readline()
            return line.strip() if line else None
        import readline  # noqa: F401  # gives input() a history and a line editor

        self._prompt = prompt
        try:
            return input(prompt).strip()
        except EOFError:
            print()
            return None
        finally:
            self._prompt = ""

    def _decisions(self, pending: Sequence[Request]) -> list[Decision] | None:
        """What is said to calls that wait; None if something else is said, or nothing any more."""
        decisions: list[Decision] = []
        for request in pending:
            decision = self._decision(f"{_call(request.tool, request.arguments)}? [y/N] ")
            if decision is None:
                return None
            decisions.append(decision)
        return decisions

    def _decision(self, question: str) -> Decision | None:
        if not self.interactive and not self.as_json:
            self.out.print(escape(question), end="")
        line = self._read(question)
        while not self.interactive and line is not None and (not line or line.startswith("#")):
            line = self._read(question)
        decision = _decision_of(line or "no") if line is not None or self.interactive else None
        if not self.interactive and not self.as_json:
            self.out.print("" if decision is None else escape(line or ""))
        if decision is None:
            self._held = line or ""
        return decision

    # --- out ------------------------------------------------------------------------------------

    def turn(self, text: str, begin: Callable[[], Events], decide: Decide) -> None:
        """Shows a turn, and asks about what needs approval.

        What is neither yes nor no (nor other arguments, as JSON) rejects, and is the next question.
        At a terminal, Ctrl-C ends the turn and not the dialog.

        Args:
            text: What was asked.
            begin: Begins the turn. `decide`: goes on with it.
        """
        if not self.interactive and not self.as_json:
            self.out.print(f"[bold]> {escape(text)}[/]")
        try:
            record = self._show(begin())
            while record.pending and (decisions := self._decisions(record.pending)) is not None:
                record = self._show(decide(decisions))
        except Terminated:
            raise
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            self.out.print("\n[dim](stopped)[/]")

    def _show(self, events: Events) -> TurnRecord:
        """Shows what comes until the turn is over or waits for a person."""
        record, said = TurnRecord(""), ""
        with self._writing(), closing(events):
            for event in events:
                if isinstance(event, Finished):
                    record = event.record
                    if not said and not self.as_json:  # a model that does not stream
                        self.out.print(escape(record.assistant), end="")
                elif not self.as_json:
                    said = said + event.text if isinstance(event, TextPiece) else ""
                    self._show_event(event)
            if self.as_json:
                self._print_json(record.as_json())
            else:
                self._show_end(record)
        return record

    def _show_event(self, event: Event) -> None:
        out = self.out
        match event:
            case TextPiece():
                out.print(escape(event.text), end="")
            case CallStarted():
                out.print(f"[cyan]{escape(f'[{_call(event.name, event.arguments)}]')}[/] ", end="")
            case CallRecord() if event.failed:
                out.print(f"[yellow]{escape(event.result)}[/] ", end="")

    def _show_end(self, record: TurnRecord) -> None:
        out = self.out
        out.print()
        for gap in record.gaps:
            out.print(f"[dim]({escape(str(gap))})[/]")
        unusable = [p.stream for p in record.percepts if p.state in ("stale", "missing")]
        if unusable:
            out.print(f"[dim](no fresh percepts from {', '.join(unusable)})[/]")
        if record.error:
            out.print(f"[red]error: {escape(record.error)}[/]")

    def alert(self, said: str, **more: Any) -> None:
        """Tells what a watch has noticed; from any thread. It does not break into an answer.

        Args:
            said: In words. `more`: what JSON tells beside them.
        """
        with self._lock:
            self._alerts.append((said, more))
            if not self._answering:
                self._tell_alerts()

    def _tell_alerts(self) -> None:
        for said, more in self._alerts:
            if self.as_json:
                self._print_json({"alert": {"said": said, **more}})
            elif self._prompt:  # what was typed so far is put below
                import readline

                sys.stdout.write("\r\x1b[K")
                self.out.print(f"[bold yellow]* {escape(said)}[/]")
                sys.stdout.write(self._prompt + readline.get_line_buffer())
                sys.stdout.flush()
            else:
                self.out.print(f"[bold yellow]* {escape(said)}[/]")
        self._alerts.clear()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alerts wait until the end."""
        with self._lock:
            self._answering = True
        try:
            yield
        finally:
            with self._lock:
                self._answering = False
                self._tell_alerts()

    def _print_json(self, value: Mapping[str, Any]) -> None:
        with self._lock:
            print(json.dumps(value, ensure_ascii=False), flush=True)


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in arguments.items())])


def _decision_of(line: str) -> Decision | None:
    word = line.lower().rstrip(".!。！")
    if word in YES:
        return Decision("approve")
    if word in NO:
        return Decision("reject")
    try:
        changed = json.loads(line)
    except ValueError:
        return None
    return Decision("edit", changed) if isinstance(changed, dict) else None


def _read_script(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_SCRIPT:
            raise InputError(f"the script {path} is larger than 1 MB")
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"the script {path} cannot be read: {reason}") from error
