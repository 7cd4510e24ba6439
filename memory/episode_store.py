"""The facts of the memory: episodes and their moments in one SQLite file.

The file alone is the truth. What is needed to search it fast is derived from it and kept nowhere
else, so that there is nothing next to it that could be damaged or left behind. Several processes
may read it while one writes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from sensebind.errors import StorageError
from sensebind.memory.episode_schema import prepare
from sensebind.memory.episodes import Episode, Moment, Near
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.storage.database import open_database
from sensebind.perception.storage.erasing import begin_erasing, erase
from sensebind.perception.storage.private_files import make_private
from sensebind.perception.storage.spans import Span, covered

_PATIENCE = 2.0  # seconds to wait for another process that is writing
_BATCH = 32  # episodes that are forgotten at a time
_NEAR = (
    "EXISTS (SELECT 1 FROM moments WHERE episode = episodes.id AND frame = ? "
    "AND (x - ?) * (x - ?) + (y - ?) * (y - ?) <= ?)"
)
_MOMENT = "at, reference, embedding, frame, x, y, yaw"
_EPISODE = "id, stream, modality, model, started_at, ended_at, percepts, open, description"


@dataclass(frozen=True, slots=True)
class MomentRows:
    """Moments of closed episodes as columns, in the order in which those were closed.

    Attributes:
        numbers: int64 [N, 4]: id of the moment, id of its episode, begin and end of that, ns.
        names: N pairs (stream, modality).
        embeddings: float16 [N, D].
        frames: N names of frames; "" where the place is not known.
        places: float64 [N, 2], metres; NaN where they are not known.
    """

    numbers: np.ndarray
    names: list[tuple[str, str]]
    embeddings: np.ndarray
    frames: list[str]
    places: np.ndarray


class EpisodeStore:
    """An SQLite file of episodes. Thread-safe; a context manager.

    A commit survives `kill -9`. A power cut can cost what was committed since the last `sync`.

    Attributes:
        path: The SQLite file.
    """

    def __init__(self, path: Path | str) -> None:
        """Open a file, or make it.

        Raises:
            StorageError: It cannot be opened, is damaged, or is no memory of this version.
        """
        self.path = Path(path)
        self._lock = threading.RLock()
        self._closed = False
        self._ended: Callable[[bool], None] = lambda kept: None
        try:
            make_private(self.path)
            self._file = open_database(self.path, patience=_PATIENCE, autocommit=True)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"the memory {self.path} cannot be opened: {error}") from error
        try:
            with self.using() as file:
                prepare(file, self.path, self._transaction)
        except BaseException:  # whatever it was, the file is closed
            self._file.close()
            raise

    def when_ended(self, ended: Callable[[bool], None]) -> None:
        """Name what is called when a transaction has ended: with True if it was kept, else False.

        Ids that `put` returned within a transaction that was not kept belong to nobody, and the
        next `put` may return them again.
        """
        self._ended = ended

    @property
    def in_transaction(self) -> bool:
        """Whether what is written now is kept or lost together with other things."""
        return self._file.in_transaction

    def put(self, episode: Episode, kept_at: int | None = None) -> int:
        """Write an episode; one whose id is in the store is replaced.

        Args:
            episode: With its moments.
            kept_at: When it came, ns, which is what makes it old; when it ended, by default.

        Returns:
            Its id.

        Raises:
            StorageError: The disk is full or fails; what was written before is unharmed.
        """
        row = (
            episode.stream,
            episode.modality,
            episode.model,
            episode.started_at,
            episode.ended_at,
            episode.percepts,
            episode.open,
            episode.ended_at if kept_at is None else kept_at,
        )
        with self.using() as file, self._transaction(file):
            number = episode.id
            known = number and file.execute(
                "UPDATE episodes SET stream=?, modality=?, model=?, started_at=?, ended_at=?, "
                "percepts=?, open=?, kept_at=? WHERE id=?",
                (*row, number),
            )
            if known and known.rowcount:
                file.execute("DELETE FROM moments WHERE episode=?", (number,))
            else:
                number = file.execute(
                    "INSERT INTO episodes (stream, modality, model, started_at, ended_at, "
                    "percepts, open, kept_at, description) VALUES (?,?,?,?,?,?,?,?,?)",
                    (*row, episode.description),
                ).lastrowid
                assert number is not None
            file.executemany(
                f"INSERT INTO moments (episode, {_MOMENT}) VALUES (?,?,?,?,?,?,?,?)",
                [
                    (number, m.at, m.reference, _packed(m.embedding), *_placed(m.pose))
                    for m in episode.moments
                ],
            )
        return number

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make what is written inside one transaction: all of it is kept, or nothing.

        Raises:
            StorageError: It could not be written.
        """
        with self.using() as file, self._transaction(file):
            yield

    def episodes(self, ids: Iterable[int], moments: bool = False) -> dict[int, Episode]:
        """Return the episodes of these ids that are there, with or without their moments."""
        found: dict[int, Episode] = {}
        with self.using() as file:
            for number in ids:
                row = file.execute(
                    f"SELECT {_EPISODE} FROM episodes WHERE id=?", (number,)
                ).fetchone()
                if row is not None:
                    found[number] = _episode(row, self._moments(file, number) if moments else ())
        return found

    def open_episodes(self) -> list[Episode]:
        """Return the episodes that are still going on, with their moments."""
        with self.using() as file:
            rows = file.execute(f"SELECT {_EPISODE} FROM episodes WHERE open").fetchall()
            return [_episode(row, self._moments(file, row[0])) for row in rows]

    def close_open(self) -> int:
        """Close what a writer that was killed left open, as far as it had come; return how many.

        Only for the one writer of the file, before it begins.
        """
        with self.using():
            left = self.open_episodes()
            for episode in left:
                query = "SELECT kept_at FROM episodes WHERE id=?"
                [kept_at] = self._file.execute(query, (episode.id,)).fetchone()
                self.put(replace(episode, open=False), kept_at)
        return len(left)

    def moments_after(self, number: int, model: str, limit: int = 20_000) -> MomentRows:
        """Return moments of closed episodes with ids above `number`, oldest first.

        Args:
            number: Id of the last moment that is known.
            model: Only of this encoder.
            limit: Most moments returned.
        """
        with self.using() as file:
            rows = file.execute(
                "SELECT m.id, m.episode, e.started_at, e.ended_at, e.stream, e.modality, "
                "m.embedding, m.frame, m.x, m.y FROM moments m JOIN episodes e ON e.id = m.episode "
                "WHERE m.id > ? AND NOT e.open AND e.model = ? ORDER BY m.id LIMIT ?",
                (number, model, limit),
            ).fetchall()
        packed = b"".join(row[6] for row in rows)
        return MomentRows(
            np.array([row[:4] for row in rows], np.int64).reshape(-1, 4),
            [row[4:6] for row in rows],
            np.frombuffer(packed, "<f2").reshape(len(rows), -1 if rows else 0),
            [row[7] for row in rows],
            np.array([row[8:10] for row in rows], np.float64).reshape(-1, 2),  # NULL is NaN
        )

    def within(
        self,
        since: int,
        until: int,
        *,
        modality: str = "",
        stream: str = "",
        newest: bool = False,
        limit: int = 3,
        near: Near | None = None,
    ) -> list[Episode]:
        """Return episodes that went on between two times (ns), oldest or newest first.

        Args:
            since: Begin.
            until: End.
            modality: Only of this one; "" takes all.
            stream: Only of this one; "" takes all.
            newest: Newest first.
            limit: Most episodes.
            near: Only those with a moment there.
        """
        order = "DESC" if newest else "ASC"
        there, circle = "1", ()
        if near is not None:
            there = _NEAR
            circle = (near.frame, near.x, near.x, near.y, near.y, near.radius**2)
        with self.using() as file:
            rows = file.execute(
                f"SELECT {_EPISODE} FROM episodes WHERE ended_at >= ? AND started_at <= ? "
                "AND (modality = ? OR ? = '') AND (stream = ? OR ? = '') "
                f"AND {there} ORDER BY ended_at {order} LIMIT ?",
                (since, until, modality, modality, stream, stream, *circle, limit),
            ).fetchall()
            return [_episode(row, self._moments(file, row[0])) for row in rows]

    def describe(self, number: int, description: str) -> None:
        """Keep what was said of an episode.

        Raises:
            StorageError: It could not be written.
        """
        with self.using() as file:
            file.execute("UPDATE episodes SET description=? WHERE id=?", (description, number))

    def newest_model(self) -> str:
        """Return the digest of the encoder of the newest episode, "" in an empty memory."""
        with self.using() as file:
            row = file.execute("SELECT model FROM episodes ORDER BY id DESC LIMIT 1").fetchone()
        return row[0] if row else ""

    def newest_end(self) -> int:
        """Return when the newest episode ended, ns; 0 in an empty memory."""
        with self.using() as file:
            return file.execute("SELECT max(ended_at) FROM episodes").fetchone()[0] or 0

    def correct_arrivals(self, since: int, by: int) -> None:
        """Add a span to all times of arrival after a time (both ns); see `ArrivalClock`."""
        with self.using() as file:
            file.execute("UPDATE episodes SET kept_at = kept_at + ? WHERE kept_at > ?", (by, since))

    def newest_arrival(self) -> int:
        """Return when the newest episode came, ns; 0 in an empty memory."""
        with self.using() as file:
            return file.execute("SELECT max(kept_at) FROM episodes").fetchone()[0] or 0

    def ids(self) -> np.ndarray:
        """Return the ids of all episodes, ascending, int64 [N]."""
        with self.using() as file:
            rows = file.execute("SELECT id FROM episodes ORDER BY id").fetchall()
        return np.array(rows, np.int64).reshape(-1)

    def forget(self, before: int = 0, max_bytes: int | None = None) -> int:
        """Forget closed episodes: those that came before a time, then the first of the rest.

        Args:
            before: Time of arrival, ns.
            max_bytes: What the file may hold; None sets no limit.

        Returns:
            How many were forgotten.

        Raises:
            StorageError: It could not be written.
        """
        with self.using() as file:
            gone = file.execute(
                "DELETE FROM episodes WHERE kept_at < ? AND NOT open", (before,)
            ).rowcount
            while max_bytes is not None and self.bytes > max_bytes:
                deleted = file.execute(
                    "DELETE FROM episodes WHERE id IN (SELECT id FROM episodes WHERE NOT open "
                    "ORDER BY id LIMIT ?)",
                    (_BATCH,),
                ).rowcount
                if not deleted:
                    break
                gone += deleted
            if gone:
                file.execute("PRAGMA incremental_vacuum").fetchall()
        return gone

    def erase(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        """Erase episodes, their vectors and alerts, so that no byte of them is left in the file.

        Args:
            spans: What went on, came, or fired in one of them goes.
            dry: Count alone, and change nothing.

        Returns:
            How many `episodes` and `alerts`.

        Raises:
            StorageError: It could not be written; what is not said to be erased is still there.
        """
        with self.using() as file:
            rows = file.execute(
                "SELECT id, stream, started_at, ended_at, kept_at FROM episodes"
            ).fetchall()
            episodes = [
                (number,)
                for number, stream, began, ended, kept_at in rows
                if any(
                    span.stream in ("", stream)
                    and (span.overlaps(began, ended) or span.overlaps(kept_at, kept_at))
                    for span in spans
                )
            ]
            fired = file.execute("SELECT id, stream, at FROM alerts").fetchall()
            alerts = [(number,) for number, stream, at in fired if covered(spans, stream, at)]
            if not dry:
                begin_erasing(file)
                with self._transaction(file):
                    file.executemany("DELETE FROM episodes WHERE id = ?", episodes)
                    file.executemany("DELETE FROM alerts WHERE id = ?", alerts)
                erase(file, self.path)
        return {"episodes": len(episodes), "alerts": len(alerts)}

    @property
    def bytes(self) -> int:
        """How much of the file is in use."""
        with self.using() as file:
            pages, free, size = (
                file.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def sync(self) -> None:
        """Wait until everything is on the disk, so that a power cut cannot take it.

        Raises:
            StorageError: The disk fails.
        """
        with self.using() as file:
            file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def newest_frame(self) -> str:
        """Return the frame of the newest place, see `Pose.frame`; "" where none is known."""
        query = "SELECT frame FROM moments WHERE frame != '' ORDER BY id DESC LIMIT 1"
        with self.using() as file:
            row = file.execute(query).fetchone()
        return row[0] if row is not None else ""

    def __len__(self) -> int:
        with self.using() as file:
            return file.execute("SELECT count(*) FROM episodes").fetchone()[0]

    def close(self) -> None:
        """Close the file; may be called again."""
        with self._lock:
            self._closed = True
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self, file: sqlite3.Connection) -> Iterator[None]:
        """One transaction; inside another it is a part of that one."""
        if file.in_transaction:
            yield
            return
        file.execute("BEGIN IMMEDIATE")
        try:
            yield
            file.commit()
        except BaseException:  # Ctrl-C in the middle writes nothing either
            file.rollback()
            self._ended(False)
            raise
        self._ended(True)

    def _moments(self, file: sqlite3.Connection, episode: int) -> tuple[Moment, ...]:
        rows = file.execute(
            f"SELECT {_MOMENT} FROM moments WHERE episode=? ORDER BY id", (episode,)
        )
        return tuple(
            Moment(at, reference, _unpacked(blob), Pose(x, y, yaw, frame) if frame else None)
            for at, reference, blob, frame, x, y, yaw in rows
        )

    @contextlib.contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread, for neighbours that keep their own tables in the file.

        Raises:
            StorageError: The file is closed, or SQLite failed inside.
        """
        with self._lock:
            if self._closed:
                raise StorageError(f"the memory {self.path} is closed")
            try:
                yield self._file
            except sqlite3.Error as error:
                raise StorageError(f"the memory {self.path}: {error}") from error


def _episode(row: tuple[Any, ...], moments: tuple[Moment, ...]) -> Episode:
    number, stream, modality, model, started, ended, percepts, open_, description = row
    return Episode(
        stream, modality, model, started, ended, percepts, moments, bool(open_), number, description
    )


def _placed(pose: Pose | None) -> tuple[str, float | None, float | None, float | None]:
    return ("", None, None, None) if pose is None else (pose.frame, pose.x, pose.y, pose.yaw)


def _packed(embedding: np.ndarray) -> bytes:
    return embedding.astype("<f2").tobytes()


def _unpacked(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, "<f2").astype(np.float32)
