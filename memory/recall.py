"""Remembering: which episodes fit what is asked for, and when that was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from sensebind.errors import InputError, SenseBindError
from sensebind.memory.episode_index import EpisodeIndex, best_moment, moments_near
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import MAX_RESULTS, Episode, Moment, Query, Recollection
from sensebind.perception.vectors import unit

log = logging.getLogger(__name__)

_SHARE = 0.35  # of the way from an unrelated word to the one that fits best

_LIKE = 0.75  # cosine from which an episode is of the thing that was shown

Describe = Callable[[Episode], str]
"""What a language model says of an episode, given with its moments."""


class EpisodeMemory:
    """Searches a file of episodes, whoever writes it. Thread-safe; a context manager.

    Attributes:
        store: The file of episodes; closed with the memory.
    """

    def __init__(
        self,
        path: Path | str,
        describe: Describe | None = None,
        words: np.ndarray | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: Of the store; made when it is not there.
            describe: Asked once for each episode that is found and has no description yet.
            words: Embeddings [W, D] of texts that name what episodes may be of, such as "a dog",
                "a bell". Something is always the most similar; with words to compare with, what is
                clearly of something else is left out.

        Raises:
            StorageError: It cannot be opened, is damaged, or is no memory.
        """
        self.store = EpisodeStore(path)
        self._describe = describe
        self._words = None if words is None else np.stack([unit(word) for word in words])
        self._lock = threading.Lock()
        self._index: EpisodeIndex | None = None

    @property
    def model(self) -> str:
        """Digest of the encoder that recorded what can be searched by similarity; "" if empty."""
        return self.store.newest_model()

    def search(self, query: Query, *, describe: bool = True) -> list[Recollection]:
        """Return what fits: best first, or newest first if the query asks for the newest.

        Args:
            query: What to look for.
            describe: Whether what was not described yet is described now, which takes a while.

        Raises:
            InputError: The embedding does not fit those in the memory.
            StorageError: The store cannot be read.
        """
        if query.near is not None and not query.near.frame:
            there = replace(query.near, frame=self.store.newest_frame())
            query = replace(query, near=there)
        if query.embedding is None:
            found = [
                _recollected(episode, moments_near(episode, query.near)[0])
                for episode in self.store.within(
                    query.since,
                    query.until,
                    modality=query.modality,
                    stream=query.stream,
                    newest=query.newest,
                    limit=query.limit,
                    near=query.near,
                )
            ]
        else:
            found = self._similar(query, query.embedding)
        return [self._described(one) for one in found] if describe else found

    def companions(
        self, recollection: Recollection, modality: str = "vision"
    ) -> list[tuple[str, str]]:
        """Return what other streams of a modality perceived at the time of a recollection.

        Returns:
            Pairs of stream and reference; the moment nearest in time of each stream.
        """
        at, own = recollection.at, recollection.episode.stream
        beside: dict[str, tuple[int, str]] = {}
        for episode in self.store.within(at, at, modality=modality, limit=MAX_RESULTS):
            for moment in episode.moments:
                away = abs(moment.at - at)
                if episode.stream != own and away < beside.get(episode.stream, (2**63, ""))[0]:
                    beside[episode.stream] = (away, moment.reference)
        return [(stream, reference) for stream, (_, reference) in beside.items()]

    def prune(self) -> None:
        """Drop the vectors of episodes that are gone from the index.

        Raises:
            StorageError: The store cannot be read.
        """
        with self._lock:
            if self._index is not None:
                self._index.prune()

    def close(self) -> None:
        """Close the file; may be called again."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _similar(self, query: Query, embedding: np.ndarray) -> list[Recollection]:
        model = self.model
        if not model:
            return []
        if query.model and query.model != model:
            raise InputError(
                f"these episodes were recorded with encoder {model}, not with {query.model}: "
                "search them by time, or with the checkpoint that recorded them"
            )
        vector = unit(embedding)
        index = self._index_of(model)
        for again in (True, False):
            hits = index.search(query, vector)
            known = self.store.episodes([hit.episode for hit in hits], moments=True)
            if again and len(known) < len(hits):
                index.prune()  # some have been forgotten since they were indexed
                continue
            break
        hits = [hit for hit in hits if hit.episode in known]
        if query.example:
            hits = [hit for hit in hits if hit.similarity >= _LIKE]
        else:  # what the weights do not know is not named by a text
            hits = [hit for hit in hits if known[hit.episode].known]
        found = []
        for hit in hits[: query.limit]:
            episode = known[hit.episode]
            there = moments_near(episode, query.near)
            if not there:  # it has gone on since, and other moments stand for it
                continue
            moment, _ = best_moment(there, vector)
            if query.example or self._speaks_of(moment.embedding, vector):
                found.append(_recollected(episode, moment, hit.similarity, hit.score))
        return found

    def _speaks_of(self, embedding: np.ndarray, wanted: np.ndarray) -> bool:
        """Whether what was perceived may be what is wanted, among all that there are words for."""
        if self._words is None or self._words.shape[1:] != embedding.shape:
            return True
        similar = self._words @ embedding  # [W]
        usual = float(np.median(similar))
        return float(wanted @ embedding) - usual >= _SHARE * (float(similar.max()) - usual)

    def _index_of(self, model: str) -> EpisodeIndex:
        """Return the index; another encoder's is thrown away and made again."""
        with self._lock:
            if self._index is None or self._index.model != model:
                self._index = EpisodeIndex(self.store, model)
            return self._index

    def _described(self, found: Recollection) -> Recollection:
        """Add what the model says; what it said of a closed episode before is not asked again."""
        episode, said = found.episode, found.episode.description
        if not said and self._describe is not None:
            try:
                said = self._describe(episode)
                if not episode.open:
                    self.store.describe(episode.id, said)
            except SenseBindError as error:  # a memory without words is still a memory
                log.warning("episode %d was not described: %s", episode.id, error)
        return replace(found, episode=replace(episode, moments=()), description=said)


def _recollected(
    episode: Episode, moment: Moment, similarity: float | None = None, score: float = 0.0
) -> Recollection:
    return Recollection(episode, moment.at, moment.reference, similarity, score, pose=moment.pose)
