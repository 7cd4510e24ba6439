"""A dialog at a terminal, in a pipe or from a script: questions in, answers and alerts out.

`sensebind demo` and `sensebind chat` talk through it. It asks whether a tool may act, shows a turn
as it goes on, stops at once when a person says so (`stop_signals.py`, `input_lines.py`), and prints
what a watch has noticed, also while it waits for the next question. What others have written is
printed escaped.
"""

import json
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.text import Text

from sensebind.agent.approval import Decision, NotWaiting, Request
from sensebind.agent.cli.input_lines import InputLines
from sensebind.agent.cli.pause_key import PauseKey, Pausing
from sensebind.agent.cli.stop_signals import StopSignals
from sensebind.agent.events import CallRecord, CallStarted, Event, Finished, TextPiece, TurnRecord
from sensebind.agent.stop_words import is_stop
from sensebind.console import console
from sensebind.errors import InputError, SenseBindError, one_line
from sensebind.printable import printable, printable_call, printable_json

Events = Generator[Event, None, None]
Decide = Callable[[Sequence[Decision]], Events]

YES = frozenset({"yes", "y", "是", "好"})
NO = frozenset({"no", "n", "不"})


class Terminated(KeyboardInterrupt):
    """SIGTERM: as Ctrl-C, but not for one answer only."""


class Terminal:
    """Where a person types, or lines come from a pipe or a script.

    Attributes:
        interactive: Whether a person sits there.
        as_json: Whether to print one JSON object per turn and nothing else.
        out: Where answers go.
        notes: Where all else goes; nowhere with JSON.
    """

    def __init__(self, *, script: Path | None = None, as_json: bool = False) -> None:
        """Prepares; reads nothing but the script.

        Args:
            script: File with one question per line; standard input by default.
            as_json: Print JSON.

        Raises:
            InputError: The script cannot be read.
        """
        self._lines = InputLines(script=script, person=not as_json, heard=self._heard)
        self.as_json = as_json
        self.interactive = self._lines.interactive
        self.out = console(emoji=False)
        self.notes = console(stderr=True, emoji=False, quiet=as_json)
        self._held = ""  # a line that was read as a decision, and is the next question
        self._lock = threading.RLock()
        self._answering = False
        self._alerts: list[tuple[str, Mapping[str, Any]]] = []
        self._stop: Callable[[str], None] | None = None
        self._signals: StopSignals | None = None
        self._stopped = threading.Event()  # since the last turn or pause began

    # --- stopping -------------------------------------------------------------------------------

    @contextmanager
    def stopping(
        self, stop: Callable[[str], None], pausing: Pausing | None = None
    ) -> Iterator[None]:
        """Inside, signals stop, and so does a stop that is typed while the robot is busy.

        Args:
            stop: Stops, and is given what asked for it; called from any thread.
            pausing: What a person's key pauses and resumes; None leaves that key as it is.
        """
        self._stop = stop
        try:
            with StopSignals(self._stop_now) as self._signals, ExitStack() as stack:
                if pausing is not None:
                    stack.enter_context(self.pausing(pausing))
                yield
        finally:
            self._stop = self._signals = None

    @contextmanager
    def pausing(self, pausing: Pausing) -> Iterator[None]:
        """Inside `stopping`, a person's key pauses the sensors, and resumes them."""
        if not self.interactive or self._signals is None:
            yield
            return
        with PauseKey(pausing, self.remark) as key, self._signals.pausing(key.press):
            yield

    def _stop_now(self, reason: str) -> None:
        """Stops, and says what went wrong with it; nothing else waits for that."""
        self._stopped.set()
        if self._stop is None:
            return
        said = f"stopped by {reason}" if self._lines.prompt else ""  # while somebody is asked
        try:
            self._stop(reason)
        except Exception as error:  # whatever it is, the thread goes on that hears the next stop
            said = f"error: {one_line(error)}"
        if said:
            with suppress(OSError, ValueError):  # the terminal has gone
                self.alert(said)

    def _heard(self, line: str) -> bool:
        """Acts on a line that was typed while nobody was asked; returns whether it is a stop."""
        if not is_stop(line):
            return False
        self._stop_now("typed")
        return True

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Inside, nobody is asked: what a person types is looked at all the same."""
        self._stopped.clear()
        with ExitStack() as stack:
            stack.enter_context(self._lines.watched())
            if self.interactive and self._signals is not None:
                stack.enter_context(self._signals.busy())
            yield

    def pause(self, seconds: float) -> None:
        """Lets time pass, until a stop at the most."""
        with self._busy():
            self._stopped.wait(seconds)

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
        return self._lines.read(prompt)

    def _decisions(self, pending: Sequence[Request]) -> list[Decision] | None:
        """What is said to calls that wait; None if something else is said, or nothing any more."""
        decisions: list[Decision] = []
        for request in pending:
            decision = self._decision(request)
            if decision is None:
                return None
            decisions.append(decision)
        return decisions

    def _decision(self, request: Request) -> Decision | None:
        call = printable_call(request.tool, request.arguments)
        if request.grounds:
            call = f"{call} ({printable(request.grounds)})"
        if request.question:
            call = f"{printable(request.question)} {call}"
        question = f"{call}? [y/N] "
        if self.interactive:  # what was typed before this question was shown cannot answer it
            self._stopped.clear()
            for line in self._lines.drop_typed():
                self._print(f"(not taken as an answer: {printable(line)})", style="dim")
            if self._stopped.is_set():
                return None
        elif not self.as_json:
            self._print(question, end="")
        line = self._read(question)
        while not self.interactive and line is not None and (not line or line.startswith("#")):
            line = self._read(question)
        decision = _decision_of(line or "no") if line is not None or self.interactive else None
        if not self.interactive and not self.as_json:
            self._print("" if decision is None else printable(line or ""))
        if decision is None:
            self._held = line or ""
            if is_stop(self._held):
                self._stop_now("typed")
            return None
        return Decision(decision.kind, decision.arguments, request=request.id)

    # --- out ------------------------------------------------------------------------------------

    def turn(self, text: str, begin: Callable[[], Events], decide: Decide) -> None:
        """Shows a turn, and asks about what needs approval.

        What is neither yes nor no (nor other arguments, as JSON) rejects, and is the next question.
        At a terminal, Ctrl-C ends the turn and not the dialog.

        Args:
            text: What was asked.
            begin: Begins the turn.
            decide: Goes on with it.
        """
        if not self.interactive and not self.as_json:
            self._print(f"> {printable(text)}", style="bold")
        try:
            record = self._show(begin())
            while record.pending and (decisions := self._decisions(record.pending)) is not None:
                try:
                    record = self._show(decide(decisions))
                except NotWaiting as error:  # stopped meanwhile, or decided somewhere else
                    self._show_error(error)
                    return
                except InputError as error:  # not what the tool takes: it is asked again
                    self._show_error(error)
        except Terminated:
            raise
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            self.out.print("\n[dim](stopped)[/]")

    def _show_error(self, error: SenseBindError) -> None:
        if self.as_json:
            self._print_json({"error": str(error)})
        else:
            self._print(f"error: {printable(str(error))}", style="red")

    def _show(self, events: Events) -> TurnRecord:
        """Shows what comes until the turn is over or waits for a person."""
        record, said = TurnRecord(""), ""
        with self._writing(), self._busy(), closing(events):
            for event in events:
                if isinstance(event, Finished):
                    record = event.record
                    if not said and not self.as_json:  # a model that does not stream
                        self._print(printable(record.assistant, lines=True), end="")
                elif not self.as_json:
                    said = said + event.text if isinstance(event, TextPiece) else ""
                    self._show_event(event)
            if self.as_json:
                self._print_json(record.as_json())
            else:
                self._show_end(record)
        return record

    def _show_event(self, event: Event) -> None:
        match event:
            case TextPiece():
                self._print(printable(event.text, lines=True), end="")
            case CallStarted():
                call = printable_call(event.name, event.arguments)
                self._print(f"[{call}]", style="cyan", end=" ")
            case CallRecord() if event.failed:
                self._print(printable(event.result), style="yellow", end=" ")

    def _show_end(self, record: TurnRecord) -> None:
        self._print("")
        for gap in record.gaps:
            self._print(f"({printable(str(gap))})", style="dim")
        unusable = [p.stream for p in record.percepts if p.state in ("stale", "missing")]
        if unusable:
            self._print(f"(no fresh percepts from {printable(', '.join(unusable))})", style="dim")
        if record.cancelled:
            self._print("(stopped)", style="dim")
        if record.error:
            self._print(f"error: {printable(record.error)}", style="red")

    def _print(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Prints what is `printable` as it is, without markup."""
        self.out.print(Text(text, style), end=end)

    def alert(self, said: str, **more: Any) -> None:
        """Prints what a watch has noticed; from any thread. It does not break into an answer.

        Args:
            said: In words.
            **more: What JSON holds in addition to them.
        """
        with self._lock:
            self._alerts.append((said, more))
            if not self._answering:
                self._print_alerts()

    def remark(self, said: str) -> None:
        """Prints a line at once, also in the middle of an answer; from any thread.

        A reader that is gone is not an error: the main thread notices, and ends the dialog.
        """
        with self._lock, suppress(OSError):
            if self._answering and not self.as_json:
                self._print("")
            self._print_line(said, {})

    def _print_alerts(self) -> None:
        for said, more in self._alerts:
            self._print_line(said, more)
        self._alerts.clear()

    def _print_line(self, said: str, more: Mapping[str, Any]) -> None:
        if self.as_json:
            self._print_json({"alert": {"said": said, **more}})
        elif self._lines.prompt:  # what was typed so far is put below
            import readline

            sys.stdout.write("\r\x1b[K")
            self._print(f"* {printable(said)}", style="bold yellow")
            sys.stdout.write(self._lines.prompt + readline.get_line_buffer())
            sys.stdout.flush()
        else:
            self._print(f"* {printable(said)}", style="bold yellow")

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
                self._print_alerts()

    def _print_json(self, value: Mapping[str, Any]) -> None:
        with self._lock:
            print(printable_json(value), flush=True)


def _decision_of(line: str) -> Decision | None:
    word = line.lower().rstrip(".!。！")
    if word in YES:
        return Decision("approve")
    if word in NO:
        return Decision("reject")
    try:
        changed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return Decision("edit", changed) if isinstance(changed, dict) else None
