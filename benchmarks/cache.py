"""The visual cache at size: how fast, how exact and how small against a flat index.

The vectors are synthetic: points around random centres, as embeddings of pictures lie around what
the pictures show. The rival is what a first implementation does: a flat float32 index, one query at
a time, and one `reconstruct` for each neighbour. Queries have one thread. At the full size it takes
about 4 GB of memory and some minutes to build.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.memory.visual_cache import INDEX_FILE, VisualCache

CENTRES = 2000
NEIGHBOURS = 10
QUERIES = 200


def clustered(count: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors float32 [count, width] and queries [QUERIES, width], of unit norm."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CENTRES, width), dtype=np.float32)

    def drawn(number: int) -> np.ndarray:
        points = centres[rng.integers(CENTRES, size=number)]
        for begin in range(0, number, 10_000):  # noise in pieces, so that memory stays small
            part = points[begin : begin + 10_000]
            part += 0.7 * rng.standard_normal(part.shape, dtype=np.float32)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        return points

    return drawn(count), drawn(QUERIES)


def times(work: Callable[[np.ndarray], object], queries: np.ndarray) -> np.ndarray:
    """Milliseconds of each query by itself."""
    work(queries[:1])
    spent = []
    for query in queries:
        start = time.perf_counter()
        work(query[None])
        spent.append(1000 * (time.perf_counter() - start))
    return np.array(spent)


def rival(vectors: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flat index: ids of the true neighbours [Q, k], and milliseconds of each query."""
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)

    def naive(query: np.ndarray) -> np.ndarray:
        similarities, ids = flat.search(query, NEIGHBOURS)
        rows = np.stack([flat.reconstruct(int(i)) for i in ids[0]])
        weights = np.exp(20.0 * similarities[0])
        return weights @ rows / weights.sum()

    return flat.search(queries, NEIGHBOURS)[1], times(naive, queries[:50])


def measure(count: int, width: int, factory: str, probes: int) -> list[Row]:
    """Build both and compare."""
    vectors, queries = clustered(count, width, 0)
    start = time.perf_counter()
    cache = VisualCache.build(vectors, factory, probes)
    built = time.perf_counter() - start
    faiss.omp_set_num_threads(1)
    exact, flat = rival(vectors, queries)
    del vectors
    with TemporaryDirectory() as folder:
        cache.save(folder)
        size = (Path(folder) / INDEX_FILE).stat().st_size
        index = faiss.read_index(str(Path(folder) / INDEX_FILE))
    found = index.search(queries, NEIGHBOURS)[1]
    recall = np.mean(
        [len(np.intersect1d(a, b)) / NEIGHBOURS for a, b in zip(exact, found, strict=True)]
    )
    ours = times(lambda query: cache.enhance(query, NEIGHBOURS), queries)
    share, faster = size / (4 * count * width), float(np.median(flat) / np.median(ours))
    return [
        Row("recall@10 against the flat index", float(recall), 0.95, QUERIES),
        AtMost("one query p50, ms", float(np.median(ours)), 1.0, QUERIES),
        Row("one query p95, ms", float(np.percentile(ours, 95)), None, QUERIES),
        Row("times as fast as the flat index, p50", faster, 10.0, len(flat)),
        Row("flat index, one query p50, ms", float(np.median(flat)), None, 50),
        AtMost("memory against float32", share, 0.30, count),
        Row("built in, s", built, None, count),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--count", 300_000, 20_000, "vectors")
    parser.amount("--width", 1024, 1024, "of a vector")
    parser.amount("--probes", 8, 8, "lists that are searched")
    parser.add_argument("--factory", default="IVF1024,SQ8", help="FAISS index, IVF1024,SQ8")
    return run(parser, lambda o: measure(o.count, o.width, o.factory, o.probes))


if __name__ == "__main__":
    sys.exit(main())
