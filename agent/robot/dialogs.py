"""All dialogs with one robot: its own, which it keeps, and those of guests, which it does not.

A stop is for all of them, whoever says it; and all who follow the robot see what happens in them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel

from sensebind.agent.approval import Approvals, Decision, Request
from sensebind.agent.approval.audit import AuditLog
from sensebind.agent.assistant import Assistant, Events, Finished, TurnRecord
from sensebind.agent.robot.control_events import plain_event
from sensebind.agent.robot.following import Followers
from sensebind.agent.robot.guests import Guests
from sensebind.agent.stop_words import is_stop
from sensebind.agent.threads import Dialogs
from sensebind.errors import SenseBindError
from sensebind.perception.process import give_memory_back

What = tuple[str, Any]
"""Kind and value of an event that those who follow the robot see."""


class NewDialog(Protocol):
    """Opens a dialog with the robot's tools, policy and senses."""

    def __call__(
        self,
        name: str,
        kept: Dialogs | None,
        *,
        chat: BaseChatModel | None = None,
        senses: Any = None,
        grounded: bool = True,
    ) -> Assistant:
        """Open it.

        Args:
            name: Of the dialog.
            kept: Where it is kept; None keeps nothing.
            chat: Its language model; the robot's by default.
            senses: What is perceived; the robot's by default.
            grounded: Hold acting calls to what was said.
        """
        ...


class RobotDialogs:
    """The dialogs of a robot. A context manager; methods are thread-safe.

    Attributes:
        followers: Who sees what happens in all turns.
    """

    def __init__(
        self,
        new: NewDialog,
        stop_moving: Callable[[], None],
        took: Callable[[TurnRecord], None],
        kept: Dialogs | None = None,
        audit: AuditLog | None = None,
    ) -> None:
        """Prepare; no dialog is open yet.

        Args:
            new: Opens one.
            stop_moving: Stops what moves.
            took: Called with every turn that is over.
            kept: Where the robot's own dialogs are kept.
            audit: Where a stop is written down that no dialog notes.
        """
        self._new = new
        self._stop_moving = stop_moving
        self._took = took
        self._kept = kept
        self._audit = audit
        self._stack = ExitStack()
        self._approvals: Approvals | None = None
        if kept is not None:
            self._approvals = Approvals(kept.path)
            self._stack.callback(self._approvals.close)
        self._lock = threading.Lock()  # held while a dialog is opened; a stop does not wait for it
        self._open: dict[str, Assistant] = {}
        self._guests = Guests(lambda name: new(name, None))
        self._stack.callback(self._guests.close)
        self._stops = 0
        self.followers = Followers()

    def __enter__(self) -> RobotDialogs:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def get(self, thread: str = "") -> Assistant:
        """Return the dialog of a thread, which is opened where it is not."""
        name = thread or "default"
        if (guest := self._guests.get(name)) is not None:
            return guest
        with self._lock:
            if name not in self._open:
                self._open[name] = self._stack.enter_context(self._new(name, self._kept))
            return self._open[name]

    def turn(
        self,
        text: str,
        media: Sequence[Mapping[str, Any]] = (),
        thread: str = "",
        history: Sequence[Mapping[str, Any]] | None = None,
    ) -> Events:
        """Take one turn; see `RobotAgent.turn`."""
        before = self._stops
        if is_stop(text):
            with contextlib.suppress(SenseBindError):  # the turn below stops again, and reports it
                self.stop("the user said so")
            before = self._stops
        dialog = self.get(thread) if history is None else self._guests.open(thread, history)
        events = dialog.turn(text, media)
        return self._begun(dialog, events, before, thread, ("asked", _asked(text, media)))

    def decide(self, decisions: Sequence[Decision], thread: str = "") -> Events:
        """Go on with a turn that waits for approval; see `Assistant.decide`."""
        before, dialog = self._stops, self.get(thread)
        said = [{"request": one.request, "kind": one.kind, "by": one.by} for one in decisions]
        return self._begun(dialog, dialog.decide(decisions), before, thread, ("decided", said))

    def relay(self, chat: BaseChatModel, senses: Any, thread: str, text: str) -> Events:
        """Take a turn in which no language model of the robot speaks; see `relayed_call.py`."""
        before = self._stops

        def make(name: str) -> Assistant:
            return self._new(name, None, chat=chat, senses=senses, grounded=False)

        dialog = self._guests.open(thread, make=make)
        return self._begun(dialog, dialog.turn(text), before, thread, ("asked", _asked(text)))

    def waiting(self) -> dict[str, list[Request]]:
        """Return the calls of all dialogs that wait for a person, by name of the dialog.

        Raises:
            StorageError: They cannot be read.
        """
        kept = self._approvals.threads() if self._approvals is not None else []
        names = [*kept, *(name for name in list(self._open) if name not in kept)]
        dialogs = {name: self.get(name) for name in names} | self._guests.all()
        found = {name: dialog.waiting() for name, dialog in dialogs.items()}
        return {name: waiting for name, waiting in found.items() if waiting}

    def forget_guests(self) -> None:
        """Forget the dialogs of guests: their clients have what was said in them."""
        self._guests.close()

    def stop(self, reason: str = "") -> None:
        """Stop what moves, every turn that runs, and reject what waits for approval.

        Args:
            reason: Who or what asked for it, for the audit log.

        Raises:
            SenseBindError: The base did not take the stop, or it could not be recorded.
        """
        self._stops += 1
        own, guests = list(self._open.values()), list(self._guests.all().values())
        # Nothing that is written on the way may delay another dialog: all are cancelled first.
        for dialog in [*own, *guests]:
            dialog.cancel_turn()
        stops = [partial(dialog.stop, reason) for dialog in own]
        stops = stops or [partial(self._stop_alone, reason)]
        stops += [guest.withdraw for guest in guests]
        failures: list[SenseBindError] = []
        for stop in [*stops, self._reject_all]:
            try:
                stop()
            except SenseBindError as error:  # the others stop all the same
                failures.append(error)
        self.followers.publish("", "stopped", {"reason": reason, "trouble": [*map(str, failures)]})
        if failures:
            raise failures[0]

    def _stop_alone(self, reason: str) -> None:
        """Stop what moves where no dialog of the robot's own is open, whose stop would do it."""
        trouble = ""
        try:
            self._stop_moving()
        except SenseBindError as error:
            trouble = str(error)
            raise
        finally:
            if self._audit is not None:
                self._audit.write("stopped", thread="", reason=reason, failure=trouble)

    def _reject_all(self) -> None:
        """Reject what waits in dialogs that nobody has opened since the robot was started."""
        if self._approvals is not None:
            self._approvals.reject()

    # --- events ---------------------------------------------------------------------------------

    def _begun(
        self, dialog: Assistant, events: Events, before: int, thread: str, what: What
    ) -> Events:
        """Return the events of what was begun; cancelled if a stop came since `before`."""
        if self._stops != before:
            dialog.cancel_turn()
        return self._noting(events, thread or "default", what)

    def _noting(self, events: Events, thread: str, what: What) -> Events:
        """Note what a turn did, and let all who follow the robot see it.

        A turn takes tens of megabytes for a moment, which the heap would keep: they are given back.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(give_memory_back)
            stack.enter_context(contextlib.closing(events))
            known = what[0] == "asked"
            if known:
                self.followers.publish(thread, *what)
            for event in self._let_in(events, thread):
                if not known:  # a decision counts when it was let in
                    known = True
                    self.followers.publish(thread, *what)
                if isinstance(event, Finished):
                    self._took(event.record)
                if self.followers.any:
                    self.followers.publish(thread, *plain_event(event))
                yield event

    def _let_in(self, events: Events, thread: str) -> Events:
        """Yield the events of a turn; let all who follow the robot see why it is refused."""
        try:
            yield from events
        except SenseBindError as error:
            self.followers.publish(thread, "refused", str(error))
            raise


def _asked(text: str, media: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"text": text, "media": len(media)}
