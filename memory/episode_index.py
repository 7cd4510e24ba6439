"""Searches moments by similarity: FAISS over what the store holds, and never anything else.

The index is derived. It reads from the store what is new at every search, so it sees what other
processes write, and it has no file of its own that could be damaged or grow old.
"""

# The wheels of FAISS come without types for what SWIG adds to its classes.
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from sensebind.memory.episode_store import EpisodeStore, MomentRows
from sensebind.memory.episodes import Episode, Moment, Near, Query
from sensebind.memory.vectors import check_width

_SAMPLE = 512  # moments of a modality; they show how alike unrelated ones are
_FEW = 8  # fewer than so many do not show it
_UNRELATED = 10  # percentile of similarities that stands for nothing in common
_FITTING = 0.75  # of the way from unrelated to the best, from which on an episode fits
_MOMENTS = 8  # of an episode, at most, that can stand before another one's
_CHUNK = 20_000  # moments read from the store at a time
_BLOCK = 8192  # moments that are compared at a time, going back from the newest
_Found = tuple[int, float, int]
"""Id of an episode, its similarity, and when it ended, ns."""


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


class EpisodeIndex:
    """The moments of one encoder, by similarity. Thread-safe.

    Attributes:
        model: Digest of the encoder whose embeddings are searched.
    """

    def __init__(self, store: EpisodeStore, model: str) -> None:
        """Prepare; the first search reads the store.

        Args:
            store: Where the moments are.
            model: Digest of the encoder whose embeddings are searched.
        """
        self.model = model
        self._store = store
        self._lock = threading.Lock()
        self._newest = 0  # id of the last moment that was read
        self._shards: dict[str, _Shard] = {}  # by modality: similarities differ between them

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards.values())

    def search(self, query: Query, embedding: np.ndarray) -> list[Hit]:
        """Return the episodes that fit, at most `query.limit` of each modality.

        Best first; or, if the query asks for the newest, the newest of those that lie in the upper
        quarter between what is unrelated and the best.

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
            if query.newest:
                best = max((view.best() - view.low for view in views), default=0.0)
                found = [(v, one) for v in views for one in v.newest(_FITTING * best, query.limit)]
                found.sort(key=lambda pair: -pair[1][2])
            else:
                found = [(v, one) for v in views for one in v.nearest(query.limit)]
                found.sort(key=lambda pair: -(pair[1][1] - pair[0].low))
            return [Hit(number, s, s - view.low) for view, (number, s, _) in found]

    def prune(self) -> None:
        """Drop the moments of episodes that the store has forgotten.

        Raises:
            StorageError: The store cannot be read.
        """
        with self._lock:
            kept = self._store.ids()
            for shard in self._shards.values():
                shard.keep(kept)

    def _views(self, query: Query, vector: np.ndarray) -> list[_View]:
        """Lay out what a query lets through, by modality."""
        going_on: dict[str, list[_Found]] = {}
        for episode in self._store.open_episodes():
            if (
                episode.model == self.model
                and query.stream in ("", episode.stream)
                and query.since <= episode.ended_at
                and episode.started_at <= query.until
                and (there := moments_near(episode, query.near))
            ):
                similarity = best_moment(there, vector)[1]
                found = (episode.id, similarity, episode.ended_at)
                going_on.setdefault(episode.modality, []).append(found)
        kinds = self._shards.keys() | going_on.keys()
        return [
            _View(vector, self._shards.get(kind), going_on.get(kind, []), query)
            for kind in sorted(kinds)
            if query.modality in ("", kind)
        ]

    def _refresh(self) -> None:
        """Read what is new in the store."""
        while True:
            rows = self._store.moments_after(self._newest, self.model, _CHUNK)
            for kind in {kind for _, kind in rows.names}:
                of_kind = np.array([k == kind for _, k in rows.names])
                streams = [stream for stream, k in rows.names if k == kind]
                if kind not in self._shards:
                    self._shards[kind] = _Shard(rows.embeddings.shape[1])
                self._shards[kind].add(rows, of_kind, streams)
            if len(rows.numbers):
                self._newest = int(rows.numbers[-1, 0])
            if len(rows.numbers) < _CHUNK:
                return


class _Shard:
    """The moments of one modality, in the order in which their episodes were closed.

    Attributes:
        width: Length D of the embeddings.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        # Half precision is what the store holds, so its bytes are the index's own codes.
        self._faiss = faiss.IndexScalarQuantizer(
            width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._numbers = np.zeros((0, 4), np.int64)  # of moment and episode; begin and end, ns
        self._streams: list[str] = []
        self._codes = np.zeros(0, np.int32)  # positions in `_streams`
        self._frames: list[str] = []
        self._framed = np.zeros(0, np.int32)  # positions in `_frames`
        self._places = np.zeros((0, 2))  # metres; NaN where they are not known
        self._sample = np.zeros((0, width), np.float32)
        self._sampled = 0  # how many moments there were when the sample was taken

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, rows: MomentRows, chosen: np.ndarray, streams: list[str]) -> None:
        """Add those moments that are chosen, bool [N]; their streams are named."""
        embeddings = np.ascontiguousarray(rows.embeddings[chosen])
        self._faiss.add_sa_codes(embeddings.view(np.uint8))
        frames = [rows.frames[place] for place in np.flatnonzero(chosen)]
        self._codes = np.concatenate([self._codes, _coded(self._streams, streams)])
        self._framed = np.concatenate([self._framed, _coded(self._frames, frames)])
        self._places = np.concatenate([self._places, rows.places[chosen]])
        self._numbers = np.concatenate([self._numbers, rows.numbers[chosen]])

    def keep(self, episodes: np.ndarray) -> None:
        """Drop the moments of all other episodes; ids int64 [M]."""
        gone = ~np.isin(self._numbers[:, 1], episodes)
        if gone.any():
            self._faiss.remove_ids(faiss.IDSelectorBitmap(_bits(gone)))
            self._numbers, self._codes = self._numbers[~gone], self._codes[~gone]
            self._framed, self._places = self._framed[~gone], self._places[~gone]
            self._sampled = 0

    def allowed(self, query: Query) -> np.ndarray | None:
        """Which moments a query lets through, bool [N]; None for all."""
        masks = []
        if query.since > 0:
            masks.append(self._numbers[:, 3] >= query.since)
        if query.until < 2**63 - 1:
            masks.append(self._numbers[:, 2] <= query.until)
        if query.stream:
            masks.append(np.array([s == query.stream for s in self._streams])[self._codes])
        if (near := query.near) is not None:
            masks.append(np.array([one == near.frame for one in self._frames])[self._framed])
            away = self._places - (near.x, near.y)
            masks.append(np.hypot(away[:, 0], away[:, 1]) <= near.radius)  # of NaN: False
        return np.logical_and.reduce(masks) if masks else None

    def nearest(self, vector: np.ndarray, allowed: np.ndarray | None, limit: int) -> list[_Found]:
        """The episodes that fit best, best first."""
        check_width(vector, self.width)
        some = len(self) if allowed is None else int(allowed.sum())
        if not some:
            return []
        only = None
        if allowed is not None:
            only = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(_bits(allowed)))
        # An episode has a few moments, and the best of them counts.
        wanted = min(limit * _MOMENTS, some)
        similarities, positions = self._faiss.search(vector[None], wanted, params=only)
        return self._first(positions[0], similarities[0], limit)

    def newest(
        self, vector: np.ndarray, allowed: np.ndarray | None, least: float, limit: int
    ) -> list[_Found]:
        """The last episodes of a similarity of `least` or more, newest first."""
        check_width(vector, self.width)
        found: list[_Found] = []
        for end in range(len(self), 0, -_BLOCK):
            begin = max(0, end - _BLOCK)
            similarities = self._faiss.reconstruct_n(begin, end - begin) @ vector
            fits = similarities >= least
            if allowed is not None:
                fits &= allowed[begin:end]
            positions = begin + np.flatnonzero(fits)
            order = np.lexsort((-similarities[fits], -self._numbers[positions, 3]))
            found += self._first(positions[order], similarities[fits][order], limit)
            if len(found) >= limit:
                break
        return found[:limit]

    def unrelated(self, vector: np.ndarray) -> float:
        """How similar to a vector [D] moments are that have nothing to do with it."""
        if len(self) < _FEW:
            return 0.0
        if not self._sampled or len(self) > 1.1 * self._sampled:
            step = max(1, len(self) // _SAMPLE)
            self._sample = self._faiss.reconstruct_batch(np.arange(0, len(self), step)[:_SAMPLE])
            self._sampled = len(self)
        return float(np.percentile(self._sample @ vector, _UNRELATED))

    def _first(self, positions: np.ndarray, similarities: np.ndarray, limit: int) -> list[_Found]:
        """The first episodes of a list of moments, each once."""
        found: dict[int, _Found] = {}
        for position, similarity in zip(positions.tolist(), similarities.tolist(), strict=True):
            if position < 0 or len(found) == limit:
                break
            _, number, _, ended = self._numbers[position].tolist()
            found.setdefault(number, (number, similarity, ended))
        return list(found.values())


class _View:
    """What a query lets through of one modality.

    Attributes:
        low: How similar moments are that have nothing to do with what is asked for.
    """

    def __init__(
        self, vector: np.ndarray, shard: _Shard | None, going_on: list[_Found], query: Query
    ) -> None:
        self._vector = vector
        self._shard = shard
        self._open = going_on
        self._allowed = shard.allowed(query) if shard else None
        if shard is not None:
            check_width(vector, shard.width)
        self.low = shard.unrelated(vector) if shard else 0.0

    def best(self) -> float:
        """The highest similarity."""
        return max((similarity for _, similarity, _ in self.nearest(1)), default=self.low)

    def nearest(self, limit: int) -> list[_Found]:
        """The episodes that fit best, and those that are going on."""
        closed = self._shard.nearest(self._vector, self._allowed, limit) if self._shard else []
        return self._open + closed

    def newest(self, above: float, limit: int) -> list[_Found]:
        """The newest episodes whose similarity is by so much above what is unrelated."""
        least = self.low + above
        found = [one for one in self._open if one[1] >= least]
        if self._shard is not None:
            found += self._shard.newest(self._vector, self._allowed, least, limit)
        return found


def moments_near(episode: Episode, near: Near | None) -> tuple[Moment, ...]:
    """Return the moments of an episode at a place; all of them where that is None."""
    if near is None:
        return episode.moments
    return tuple(one for one in episode.moments if near.holds(one.pose))


def best_moment(moments: Sequence[Moment], vector: np.ndarray) -> tuple[Moment, float]:
    """Return the moment, of some, that is nearest to a unit vector [D], and its cosine.

    Raises:
        InputError: The vector has another width.
    """
    scored = []
    for index, moment in enumerate(moments):
        check_width(vector, len(moment.embedding))
        scored.append((float(moment.embedding @ vector), -index))
    similarity, index = max(scored)
    return moments[-index], similarity


def _coded(known: list[str], names: Sequence[str]) -> np.ndarray:
    """Return the positions of names in a list, int32 [N]; those that are new are added to it."""
    known += sorted(set(names) - set(known))
    codes = {name: code for code, name in enumerate(known)}
    return np.array([codes[name] for name in names], np.int32)


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
