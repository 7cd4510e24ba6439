"""Searches moments by similarity: FAISS over what the store holds, and never anything else.

The index is derived. It reads from the store what is new at every search, so it sees what other
processes write, and it has no file of its own that could be damaged or grow old.
"""

# The wheels of FAISS come without types for what SWIG adds to its classes.
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np

from sensebind.memory.episodes import Episode, Moment, Query
from sensebind.memory.store import EpisodeStore, MomentRows
from sensebind.memory.vectors import check_width

_SAMPLE = 512  # moments of a modality that tell how alike things are that have nothing in common
_FEW = 8  # fewer than so many cannot tell
_UNRELATED = 10  # percentile of similarities that stands for nothing in common
_MOMENTS = 8  # of an episode, at most, that can stand before another one's
_CHUNK = 20_000  # moments read from the store at a time


@dataclass(frozen=True, slots=True)
class Hit:
    """An episode that was found.

    Attributes:
        episode: Its id.
        similarity: Cosine of its best moment to what was asked for.
        score: How far that is above the similarity of unrelated moments of the same modality.
    """

    episode: int
    similarity: float
    score: float


_Found = tuple[int, float, int]
"""Id of an episode, its similarity, and when it ended, ns."""


@dataclass(frozen=True, slots=True)
class _View:
    """What a query lets through of one modality.

    Attributes:
        closed: bool [N], the positions of moments of closed episodes.
        open: The episodes that are going on.
        low: How similar moments are that have nothing to do with what is asked for.
        best: The highest similarity among all these.
    """

    closed: np.ndarray
    open: list[_Found]
    low: float
    best: float


class EpisodeIndex:
    """The moments of one encoder, by similarity. Thread-safe."""

    def __init__(self, store: EpisodeStore, model: str) -> None:
        """Prepare; the first search reads the store.

        Args:
            store: Where the moments are.
            model: Digest of the encoder whose embeddings are searched.
        """
        self.model = model
        self._store = store
        self._lock = threading.Lock()
        self._faiss: faiss.IndexScalarQuantizer | None = None
        self._newest = 0  # id of the last moment that was read
        self._numbers = np.zeros((0, 4), np.int64)  # of moment and episode; its begin and end, ns
        self._codes = np.zeros(0, np.int32)  # positions in `_names`
        self._names: list[tuple[str, str]] = []  # (stream, modality)

    def __len__(self) -> int:
        return len(self._numbers)

    def refresh(self) -> None:
        """Read what is new in the store.

        Raises:
            StorageError: The store cannot be read.
        """
        with self._lock:
            self._refresh()

    def search(self, query: Query, embedding: np.ndarray) -> list[Hit]:
        """Return the episodes that fit, at most `query.limit` of each modality.

        Best first; or, if the query asks for the newest, the newest of those that lie nearer to
        the best than to what is unrelated.

        Args:
            query: Where and when to look.
            embedding: What to look for, float32 [D], unit norm.

        Raises:
            InputError: The embedding has another width than those in the store.
            StorageError: The store cannot be read.
        """
        with self._lock, _one_thread():
            self._refresh()
            views = self._views(query, embedding)
            best = max((view.best - view.low for view in views), default=0.0)
            hits: list[tuple[float, Hit]] = []
            for view in views:
                if query.newest:
                    found = self._above(embedding, view, view.low + best / 2, query.limit)
                else:
                    found = self._nearest(embedding, view, query.limit)
                for number, similarity, ended in found:
                    hit = Hit(number, similarity, similarity - view.low)
                    hits.append((ended if query.newest else hit.score, hit))
        hits.sort(key=lambda pair: -pair[0])
        return [hit for _, hit in hits]

    def prune(self) -> None:
        """Drop the moments of episodes that the store has forgotten.

        Raises:
            StorageError: The store cannot be read.
        """
        with self._lock:
            gone = ~np.isin(self._numbers[:, 1], self._store.ids())
            if self._faiss is not None and gone.any():
                self._faiss.remove_ids(faiss.IDSelectorBitmap(_bits(gone)))
                self._numbers, self._codes = self._numbers[~gone], self._codes[~gone]

    def _views(self, query: Query, vector: np.ndarray) -> list[_View]:
        """Split what the query lets through by modality, since similarities differ between them."""
        going_on = [
            episode
            for episode in self._store.open_episodes()
            if episode.model == self.model
            and query.stream in ("", episode.stream)
            and query.since <= episode.ended_at
            and episode.started_at <= query.until
        ]
        within = (self._numbers[:, 3] >= query.since) & (self._numbers[:, 2] <= query.until)
        kinds = {m for _, m in self._names} | {episode.modality for episode in going_on}
        views = []
        for kind in sorted(kinds & {query.modality} if query.modality else kinds):
            codes = [i for i, (_, m) in enumerate(self._names) if m == kind]
            low = self._unrelated(vector, np.isin(self._codes, codes))
            codes = [i for i in codes if query.stream in ("", self._names[i][0])]
            closed = within & np.isin(self._codes, codes)
            open_ = [
                (episode.id, best_moment(episode, vector)[1], episode.ended_at)
                for episode in going_on
                if episode.modality == kind
            ]
            best = max(
                [similarity for _, similarity, _ in open_]
                + [float(s) for s in self._faiss_search(vector, closed, 1)[0]],
                default=low,
            )
            views.append(_View(closed, open_, low, best))
        return views

    def _nearest(self, vector: np.ndarray, view: _View, limit: int) -> list[_Found]:
        """The episodes that fit best."""
        # An episode has a few moments, and the best of them counts.
        similarities, positions = self._faiss_search(vector, view.closed, limit * _MOMENTS)
        found = list(view.open)
        taken: set[int] = set()
        for similarity, position in zip(similarities, positions, strict=True):
            _, number, _, ended = self._numbers[position].tolist()
            if number not in taken and len(taken) < limit:
                taken.add(number)
                found.append((number, float(similarity), ended))
        return found

    def _above(self, vector: np.ndarray, view: _View, least: float, limit: int) -> list[_Found]:
        """The newest episodes of a similarity of `least` or more."""
        found = [one for one in view.open if one[1] >= least]
        if self._faiss is None or not view.closed.any():
            return found
        _, similarities, positions = self._faiss.range_search(
            vector[None], least, params=_only(view.closed)
        )
        best: dict[int, _Found] = {}
        order = np.lexsort((-similarities, -self._numbers[positions, 3]))
        for position, similarity in zip(positions[order], similarities[order], strict=True):
            _, number, _, ended = self._numbers[position].tolist()
            best.setdefault(number, (number, float(similarity), ended))
            if len(best) > limit:
                break
        return found + list(best.values())[:limit]

    def _faiss_search(
        self, vector: np.ndarray, allowed: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and positions of the nearest among those allowed, bool [N]."""
        number = int(allowed.sum())
        if self._faiss is None or not number:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        check_width(vector, self._faiss.d)
        similarities, positions = self._faiss.search(
            vector[None], min(count, number), params=_only(allowed)
        )
        return similarities[0], positions[0]

    def _unrelated(self, vector: np.ndarray, of_kind: np.ndarray) -> float:
        """How similar to a vector [D] moments are that have nothing to do with it."""
        positions = np.flatnonzero(of_kind)
        if self._faiss is None or len(positions) < _FEW:
            return 0.0
        sample = positions[:: max(1, len(positions) // _SAMPLE)][:_SAMPLE]
        check_width(vector, self._faiss.d)
        similarities = self._faiss.reconstruct_batch(sample) @ vector
        return float(np.percentile(similarities, _UNRELATED))

    def _refresh(self) -> None:
        while True:
            rows = self._store.moments_after(self._newest, self.model, _CHUNK)
            if len(rows.numbers):
                self._add(rows)
            if len(rows.numbers) < _CHUNK:
                return

    def _add(self, rows: MomentRows) -> None:
        if self._faiss is None:
            # Half precision is what the store holds, so its bytes are the index's own codes.
            self._faiss = faiss.IndexScalarQuantizer(
                rows.embeddings.shape[1],
                faiss.ScalarQuantizer.QT_fp16,
                faiss.METRIC_INNER_PRODUCT,
            )
        self._faiss.add_sa_codes(np.ascontiguousarray(rows.embeddings).view(np.uint8))
        for name in rows.names:
            if name not in self._names:
                self._names.append(name)
        codes = {name: code for code, name in enumerate(self._names)}
        added = np.array([codes[name] for name in rows.names], np.int32)
        self._codes = np.concatenate([self._codes, added])
        self._numbers = np.concatenate([self._numbers, rows.numbers])
        self._newest = int(rows.numbers[-1, 0])


def _only(allowed: np.ndarray) -> faiss.SearchParameters | None:
    """Search among some positions, bool [N]; FAISS is faster if it need not ask."""
    if allowed.all():
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(_bits(allowed)))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One query is over before several threads of FAISS have found together."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _bits(mask: np.ndarray) -> np.ndarray:
    return np.packbits(mask, bitorder="little")


def best_moment(episode: Episode, vector: np.ndarray) -> tuple[Moment, float]:
    """Return the moment of an episode that is nearest to a unit vector [D], and its cosine.

    Raises:
        InputError: The vector has another width.
    """
    for moment in episode.moments:
        check_width(vector, len(moment.embedding))
    scored = [(float(moment.embedding @ vector), -i) for i, moment in enumerate(episode.moments)]
    similarity, index = max(scored)
    return episode.moments[-index], similarity
