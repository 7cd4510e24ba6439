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
from sensebind.memory.visual_cache import CacheInfo, VisualCache

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
    told: Callable[[str], None] = lambda line: None,
) -> Part:
    """Plans the conversion of a FAISS index of image features.

    Args:
        path: The index.
        digests: Of the inputs, for the record.
        form: "sq8" or "fp16".
        told: Told the recall that was measured.

    Raises:
        CheckpointError: No FAISS index, an empty one, or one that cannot give its vectors back.
        ConfigurationError: Another form.
    """
    if form not in FORMS:
        raise ConfigurationError(f"the index can be {' or '.join(FORMS)}, not {form!r}")
    source = _open(path)
    record: dict[str, Any] = {"part": "visual cache", "inputs": digests, "form": form}

    def save(folder: Path) -> None:
        cache, report = rebuild(source, FORMS[form])
        record["report"] = report
        told(
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
        bytes=source.ntotal * source.d * width,
    )


def rebuild(source: faiss.Index, form: str) -> tuple[VisualCache, dict[str, Any]]:
    """Builds a smaller index of the same vectors, and says how often it finds the same.

    Args:
        source: Any index that can reconstruct its vectors.
        form: FAISS's name for how vectors are kept, "SQ8" or "SQfp16".

    Returns:
        The cache, and a report: factory, vectors, probes, recall, range of the norms.
    """
    count, width = int(source.ntotal), int(source.d)
    lists = 1 << max(0, round(math.log2(4 * math.sqrt(count))))
    factory = form if count < _SMALL else f"IVF{lists},{form}"
    index = faiss.index_factory(width, factory, faiss.METRIC_INNER_PRODUCT)
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(count, min(count, 64 * lists), replace=False))
    index.train(_unit(_reconstruct(source, sample)))
    queries = _queries(source, rng)
    best = _Best(len(queries))
    digest = hashlib.sha256()
    shortest, longest = math.inf, 0.0
    for start, vectors in _batches(source):
        norms = np.linalg.norm(vectors, axis=1)
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


def _open(path: Path) -> faiss.Index:
    if not path.is_file():
        raise CheckpointError(f"no file {path}")
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:
        raise CheckpointError(f"{path} is no FAISS index: {one_line(error)}") from error
    if not index.ntotal:
        raise CheckpointError(f"the index {path} is empty")
    try:
        if (inverted := faiss.try_extract_index_ivf(index)) is not None:
            inverted.make_direct_map()
        index.reconstruct(0)
    except RuntimeError as error:
        raise CheckpointError(f"{path} cannot give its vectors back: {one_line(error)}") from error
    return index


def _queries(source: faiss.Index, rng: np.random.Generator) -> np.ndarray:
    chosen = np.sort(rng.choice(source.ntotal, min(_QUERIES, source.ntotal), replace=False))
    noise = rng.standard_normal((len(chosen), source.d), dtype=np.float32)
    return _unit(_unit(_reconstruct(source, chosen)) + _NOISE * _unit(noise))


def _batches(source: faiss.Index) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, source.ntotal, _BATCH):
        yield start, source.reconstruct_n(start, min(_BATCH, source.ntotal - start))


def _reconstruct(source: faiss.Index, ids: np.ndarray) -> np.ndarray:
    return source.reconstruct_batch(ids.astype(np.int64))


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.maximum(norms, 1e-12), dtype=np.float32)
