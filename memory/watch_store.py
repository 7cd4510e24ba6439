"""The list of watches and what became of them, in the file of the episodes.

Commands and tools of any process write the list; whoever perceives reads it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from sensebind.errors import InputError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.watches import MAX_WATCHES, Alert, Watch

_MAX_ALERTS = 10_000  # the oldest give way


@dataclass(frozen=True, slots=True)
class PastAlert:
    """An alert that was reported.

    Attributes:
        id: Number of the alert; counts up.
        watch: Name of the watch.
        stream: Name of the stream that matched.
        at: Capture time of the percept, wall clock, ns.
        reference: Reference of the percept's sample, `frame:<stream>@<ns>`.
        similarity: Cosine similarity of the percept to the watch.
        outcome: What was done, in words.
    """

    id: int
    watch: str
    stream: str
    at: int
    reference: str
    similarity: float
    outcome: str


class WatchBook:
    """Watches and alerts in a store. Thread-safe."""

    def __init__(self, store: EpisodeStore) -> None:
        """Use an open store; whoever opened it closes it."""
        self._store = store

    def add(self, watch: Watch) -> None:
        """Add a watch; one of the same name is replaced.

        Raises:
            InputError: There are too many.
            StorageError: It could not be written.
        """
        with self._store.together(), self._store.using() as file:
            [others] = file.execute(
                "SELECT count(*) FROM watches WHERE name != ?", (watch.name,)
            ).fetchone()
            if others >= MAX_WATCHES:
                raise InputError(f"there are {others} watches already: remove one first")
            file.execute(
                "INSERT OR REPLACE INTO watches VALUES (?,?,?,?,?,?,?)",
                (
                    watch.name,
                    watch.modality,
                    watch.model,
                    watch.embedding.astype("<f4").tobytes(),
                    watch.action,
                    watch.top,
                    time.time_ns(),
                ),
            )

    def remove(self, name: str) -> None:
        """Remove a watch.

        Raises:
            InputError: There is none of this name.
            StorageError: It could not be written.
        """
        with self._store.using() as file:
            if not file.execute("DELETE FROM watches WHERE name=?", (name,)).rowcount:
                names = ", ".join(watch.name for watch in self.watches()) or "none at all"
                raise InputError(f"there is no watch {name!r}; there are: {names}")

    def watches(self) -> list[Watch]:
        """Return the watches, oldest first."""
        with self._store.using() as file:
            rows = file.execute(
                "SELECT name, embedding, model, modality, action, top FROM watches "
                "ORDER BY added_at"
            ).fetchall()
        return [
            Watch(name, np.frombuffer(packed, "<f4"), model, modality, action, top)
            for name, packed, model, modality, action, top in rows
        ]

    def note(self, alert: Alert, outcome: str) -> None:
        """Write down that a watch has fired and what was done.

        Raises:
            StorageError: It could not be written.
        """
        with self._store.together(), self._store.using() as file:
            number = file.execute(
                "INSERT INTO alerts (watch, stream, at, reference, similarity, outcome) "
                "VALUES (?,?,?,?,?,?)",
                (
                    alert.watch.name,
                    alert.stream,
                    alert.at,
                    alert.reference,
                    alert.similarity,
                    outcome,
                ),
            ).lastrowid
            file.execute("DELETE FROM alerts WHERE id <= ?", ((number or 0) - _MAX_ALERTS,))

    def alerts(self, after: int = 0, limit: int = 100) -> list[PastAlert]:
        """Return alerts with ids above `after`, oldest first."""
        with self._store.using() as file:
            rows = file.execute(
                "SELECT id, watch, stream, at, reference, similarity, outcome FROM alerts "
                "WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            ).fetchall()
        return [PastAlert(*row) for row in rows]

    def newest_alerts(self, limit: int = 20) -> list[PastAlert]:
        """Return the alerts that came last, newest first."""
        with self._store.using() as file:
            rows = file.execute(
                "SELECT id, watch, stream, at, reference, similarity, outcome FROM alerts "
                "ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [PastAlert(*row) for row in rows]
