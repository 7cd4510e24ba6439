"""The published index of image features as a visual cache that fits into memory.

The published file holds some three million vectors of width 1024 in fp32. An inverted file with
8-bit or half-precision vectors needs a quarter or half of that and searches a few lists instead of
everything; what that costs in recall is measured on the way and recorded.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from sensebind.agent.conversion.output import Part
from sensebind.errors import CheckpointError, ConfigurationError, one_line
from sensebind.memory.visual_cache import CacheInfo, VisualCache, read_index

FOLDER = "visual_cache"
FORMS = {"sq8": "SQ8", "fp16": "SQfp16"}
RECALL = 0.95
NEIGHBOURS = 10
_BATCH = 16_384
_QUERIES = 200
_NOISE = 0.3  # length of what is added to stored vectors to make queries of them
_SMALL = 10_000  # fewer vectors are searched one by one


def cache_part(
    path: Path,
    digests: list[dict[str, Any]],
    *,
    form: str = "sq8",
    say: Callable[[str], None] = lambda line: None,
) -> Part:
    """Plans the conversion of a FAISS index of image features.

    Args:
        path: The index.
        digests: Of the inputs, for the record.
        form: "sq8" or "fp16".
        say: Called with the recall that was measured.

    Raises:
        CheckpointError: No FAISS index, an empty one, or one that cannot give its vectors back.
        ConfigurationError: Another form.
    """
    if form not in FORMS:
        raise ConfigurationError(f"the index can be {' or '.join(FORMS)}, not {form!r}")
    source = open_index(path)
    record: dict[str, Any] = {"part": "visual cache", "inputs": digests, "form": form}

    def save(folder: Path) -> None:
        cache, report = rebuild(source, FORMS[form])
        record["report"] = report
        say(
            f"{report['vectors']} vectors as {report['factory']}, {report['probes']} lists per "
            f"query: recall@{NEIGHBOURS} {report['recall']:.3f}"
        )
        cache.save(folder)

    width = {"SQ8": 1, "SQfp16": 2}[FORMS[form]]
    return Part(
        name="the visual cache",
        folder=FOLDER,
        shards={},
        finish=lambda folder: None,
        record=record,
        save=save,
        bytes=source.count * source.width * width,
    )


def rebuild(source: Vectors, form: str) -> tuple[VisualCache, dict[str, Any]]:
    """Builds a smaller index of the same vectors, and says how often it finds the same.

    Args:
        source: The vectors of an index.
        form: FAISS's name for how vectors are kept, "SQ8" or "SQfp16".

    Returns:
        The cache, and a report: factory, vectors, probes, recall, range of the norms.

    Raises:
        CheckpointError: A vector is not finite.
    """
    count, width = source.count, source.width
    lists = 1 << max(0, round(math.log2(4 * math.sqrt(count))))
    factory = form if count < _SMALL else f"IVF{lists},{form}"
    index = faiss.index_factory(width, factory, faiss.METRIC_INNER_PRODUCT)
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(count, min(count, 64 * lists), replace=False))
    index.train(_unit(source.at(sample)))
    queries = _queries(source, rng)
    best = _Best(len(queries))
    digest = hashlib.sha256()
    shortest, longest = math.inf, 0.0
    for start, vectors in source.batches():
        norms = np.linalg.norm(vectors, axis=1)
        if not np.isfinite(norms).all():
            raise CheckpointError("the index holds vectors that are not finite")
        shortest, longest = min(shortest, float(norms.min())), max(longest, float(norms.max()))
        vectors = _unit(vectors)
        digest.update(vectors.tobytes())
        index.add(vectors)
        best.add(start, queries @ vectors.T)
    recall, probes = _tune(index, queries, best.ids)
    info = CacheInfo(width, count, factory, digest.hexdigest())
    report = {
        "factory": factory,
        "vectors": count,
        "probes": probes,
        "recall": round(recall, 4),
        "shortest": round(shortest, 4),
        "longest": round(longest, 4),
    }
    return VisualCache(index, info), report


class _Best:
    """The nearest of all vectors, batch after batch: what an exact search finds."""

    def __init__(self, queries: int) -> None:
        self._scores = np.full((queries, NEIGHBOURS), -np.inf, dtype=np.float32)
        self.ids = np.full((queries, NEIGHBOURS), -1, dtype=np.int64)

    def add(self, start: int, scores: np.ndarray) -> None:
        """Takes in similarities [queries, batch] of the vectors from `start` on."""
        ids = np.broadcast_to(np.arange(start, start + scores.shape[1]), scores.shape)
        scores = np.concatenate([self._scores, scores], axis=1)
        ids = np.concatenate([self.ids, ids], axis=1)
        order = np.argpartition(-scores, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        self._scores = np.take_along_axis(scores, order, axis=1)
        self.ids = np.take_along_axis(ids, order, axis=1)


def _tune(index: faiss.Index, queries: np.ndarray, exact: np.ndarray) -> tuple[float, int]:
    """Sets as many probes as the recall needs; returns both."""
    inverted = faiss.try_extract_index_ivf(index)
    probes = 1 if inverted is None else min(8, inverted.nlist)
    while True:
        if inverted is not None:
            inverted.nprobe = probes
        _, found = index.search(queries, NEIGHBOURS)
        wanted = (exact >= 0).sum()
        hits = sum(len(np.intersect1d(a[a >= 0], b)) for a, b in zip(exact, found, strict=True))
        recall = hits / max(1, wanted)
        if inverted is None or recall >= RECALL or probes >= inverted.nlist:
            return recall, probes
        probes = min(2 * probes, inverted.nlist)


def open_index(path: Path) -> Vectors:
    """Opens a FAISS index for its vectors.

    Raises:
        CheckpointError: No FAISS index, an empty one, or one that cannot give its vectors back.
    """
    if not path.is_file():
        raise CheckpointError(f"no file {path}")
    try:
        index = read_index(path)
    except (RuntimeError, MemoryError) as error:
        raise CheckpointError(f"{path} is no FAISS index: {one_line(error)}") from error
    if not index.ntotal:
        raise CheckpointError(f"the index {path} is empty")
    try:
        vectors = Vectors(index)
        found = vectors.at(np.array([0, vectors.count - 1]))
    except RuntimeError as error:
        raise CheckpointError(f"{path} cannot give its vectors back: {one_line(error)}") from error
    if not np.isfinite(found).all():
        raise CheckpointError(f"{path} holds vectors that are not finite")
    return vectors


class Vectors:
    """The vectors of any FAISS index by their place, whatever ids they were given.

    FAISS gives a vector back by its id. An `IDMap` cannot do that at all, and an inverted file
    only while its ids count from 0 without gaps. The cache needs no ids: it takes the vectors in
    the order in which they are stored.

    Attributes:
        count: How many there are.
        width: Of each.
    """

    def __init__(self, index: faiss.Index) -> None:
        """Looks through maps of ids and inverted lists.

        Args:
            index: Kept, and changed: an inverted file gets a map of places.

        Raises:
            RuntimeError: FAISS cannot look into it.
        """
        self._kept = index  # owns what is within
        self.count, self.width = int(index.ntotal), int(index.d)
        index = faiss.downcast_index(index)
        while isinstance(index, faiss.IndexIDMap):  # IndexIDMap2 is one
            index = faiss.downcast_index(index.index)
        self._index = index
        inner = index
        while isinstance(inner, faiss.IndexPreTransform):
            inner = faiss.downcast_index(inner.index)
            if isinstance(inner, faiss.IndexIDMap):
                raise RuntimeError("its ids are mapped behind a transform of the vectors")
        if isinstance(inner, faiss.IndexIVF):
            _map_places(inner)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Vectors at places in 0..count-1, float32 [n, width]."""
        return self._index.reconstruct_batch(places.astype(np.int64))

    def batches(self) -> Iterator[tuple[int, np.ndarray]]:
        """All vectors, some thousand at a time, each with the place of its first."""
        for start in range(0, self.count, _BATCH):
            yield start, self.at(np.arange(start, min(start + _BATCH, self.count)))


def _map_places(inverted: faiss.IndexIVF) -> None:
    """Lets an inverted file find vectors by place, list after list, instead of by id."""
    lists: Any = inverted.invlists
    sizes = [lists.list_size(one) for one in range(inverted.nlist)]
    # FAISS packs where a vector lies into one number: its list above, its offset below.
    places = np.concatenate(
        [(one << 32) | np.arange(size, dtype=np.int64) for one, size in enumerate(sizes)]
    )
    inverted.direct_map.clear()
    inverted.direct_map.type = faiss.DirectMap.Array  # pyright: ignore[reportAttributeAccessIssue]
    faiss.copy_array_to_vector(places, inverted.direct_map.array)


def _queries(source: Vectors, rng: np.random.Generator) -> np.ndarray:
    chosen = np.sort(rng.choice(source.count, min(_QUERIES, source.count), replace=False))
    noise = rng.standard_normal((len(chosen), source.width), dtype=np.float32)
    return _unit(_unit(source.at(chosen)) + _NOISE * _unit(noise))


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.maximum(norms, 1e-12), dtype=np.float32)
