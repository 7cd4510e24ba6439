"""Cancelling: a turn is cancelled as a whole, and so is every generation that belongs to it.

The turn's event travels in a context variable, which LangGraph copies into the threads and tasks
of its nodes; so the model and the tools of a turn find it wherever they run.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TURN: ContextVar[threading.Event | None] = ContextVar("sensebind_turn", default=None)


@contextmanager
def cancellable(event: threading.Event) -> Iterator[None]:
    """Makes an event cancel everything that begins inside."""
    token = _TURN.set(event)
    try:
        yield
    finally:
        _TURN.reset(token)


def turn_event() -> threading.Event | None:
    """Returns the event of the turn that this code belongs to, if it belongs to one."""
    return _TURN.get()


class Cancel(threading.Event):
    """An event of one generation, which also counts as set when its turn is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = turn_event()

    def is_set(self) -> bool:
        """Whether the generation or its turn is cancelled."""
        return super().is_set() or (self._turn is not None and self._turn.is_set())
