"""Records of the robot's log that wait to be published elsewhere."""

from __future__ import annotations

import logging
import threading
from collections import deque

_WAITING = 256  # records that wait to be published


class KeptLog(logging.Handler):
    """Keeps what is logged until it is published; the oldest is dropped and counted.

    Attributes:
        dropped: Records that were dropped.
    """

    def __init__(self, own: str, changed: threading.Condition) -> None:
        """Prepare.

        Args:
            own: Logger of who publishes, whose records are left out: a failure to publish would be
                published.
            changed: Notified when something waits.
        """
        super().__init__()
        self._own = own
        self._changed = changed
        self._waiting: deque[logging.LogRecord] = deque()
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; called by whoever logs, and never waits for the network."""
        if record.name == self._own:
            return
        try:
            record.getMessage()
        except Exception:  # here, as any handler does, and not where it is published
            self.handleError(record)
            return
        with self._changed:
            if len(self._waiting) == _WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(record)
            self._changed.notify_all()

    @property
    def waits(self) -> bool:
        """Whether something waits to be published."""
        return bool(self._waiting)

    def taken(self) -> list[logging.LogRecord]:
        """Return the records that wait, oldest first, and keep them no longer."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken
