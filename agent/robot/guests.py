"""Dialogs of guests: their clients keep what is said in them, the robot does not.

A client of the OpenAI protocol sends a whole conversation with each question. While its dialog is
open here, it goes on with what was perceived in each turn; otherwise it begins with the words that
the client sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sensebind.agent.assistant import Assistant
from sensebind.errors import InputError

MOST = 32
"""Dialogs of guests that are open; the one that was used least recently makes room."""


class Guests:
    """The open dialogs of guests. Methods are thread-safe.

    Args:
        make: Opens a dialog of a name, which keeps nothing on disk.
        most: Most of them.
    """

    def __init__(self, make: Callable[[str], Assistant], most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._open: dict[str, Assistant] = {}  # the one that was used last is the last

    def get(self, name: str) -> Assistant | None:
        """Return an open dialog; None if there is none of this name."""
        with self._lock:
            found = self._open.pop(name, None)
            if found is not None:
                self._open[name] = found
            return found

    def open(
        self,
        name: str,
        history: Sequence[Mapping[str, Any]] = (),
        make: Callable[[str], Assistant] | None = None,
    ) -> Assistant:
        """Return a dialog; one that is not open begins with what was said before.

        Args:
            name: Of the dialog.
            history: Messages with `role` ("user" or "assistant") and `content`.
            make: Opens the dialog, where it is none of the usual ones.

        Raises:
            InputError: A call of this dialog waits for a person: only they decide it, and nobody
                by asking something else. Or too many dialogs wait so.
        """
        if (found := self.get(name)) is not None:
            if found.waiting():
                raise InputError(
                    f"{found.waiting()[0].tool} waits for a person's decision in this dialog: it "
                    "goes on when they have decided"
                )
            return found
        made = (make or self._make)(name)
        made.history.begin_with(history)
        with self._lock:
            idle = [one for one, dialog in self._open.items() if dialog.idle]
            if len(self._open) >= self._most:
                if not idle:
                    made.close()
                    raise InputError(f"{self._most} dialogs are busy or wait for a person already")
                self._open.pop(idle[0]).close()
            self._open[name] = made
        return made

    def all(self) -> dict[str, Assistant]:
        """Return all that are open."""
        with self._lock:
            return dict(self._open)

    def close(self) -> None:
        """Forget all dialogs, the ones that are idle at once; may be called again."""
        with self._lock:
            closing, self._open = self._open, {}
        for one in closing.values():
            one.close()
