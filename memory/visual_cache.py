"""The visual cache: training-free enhancement of any embedding by nearby image embeddings.

The LLaMA was taught with images alone. An embedding of a sound or a point cloud lies in the same
space but not where images lie; blending it with its nearest image embeddings brings it there:
`s` = similarities of the k nearest, `r` = normalise(sum softmax(temperature * s) * neighbour),
result = normalise((1 - weight) * v + weight * r), for each row of a batch by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import faiss
import numpy as np

from sensebind.errors import CheckpointError, ConfigurationError, InputError, StorageError
from sensebind.perception.checkpoint_json import read_object, whole_number

INDEX_FILE = "index.faiss"
SIDECAR_FILE = "cache.json"
_DIGEST_LIMIT = 64 * 1024 * 1024  # larger files are checked by size only, so that mmap stays lazy
_SIDECAR_VERSION = 1


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What `cache.json` says about the index next to it.

    Attributes:
        dimension: Width D of the vectors.
        count: Number of vectors.
        factory: FAISS factory string that built the index.
        source: sha256 of the normalised float32 vectors that went in, "" when unknown.
        index_bytes: Size of the index file, bytes.
        index_sha256: sha256 of the index file, hex.
        version: Version of the format of `cache.json`; another one is refused.
        space: `space_id` of the encoder that made the vectors; "" in caches that do not say it,
            which go with the checkpoint that they lie in.
    """

    dimension: int
    count: int
    factory: str
    source: str
    index_bytes: int = 0
    index_sha256: str = ""
    version: int = _SIDECAR_VERSION
    space: str = ""


class VisualCache:
    """Image embeddings in a FAISS index, and the enhancement that they give.

    Attributes:
        info: Size, origin and digest of the index; what `cache.json` says where it was loaded.
    """

    def __init__(self, index: faiss.Index, info: CacheInfo | None = None) -> None:
        """Wrap a trained inner-product index.

        Raises:
            ConfigurationError: The index is empty, untrained, not of inner products, or cannot
                give its vectors back.
        """
        if index.ntotal == 0:
            raise ConfigurationError("visual cache is empty: build it from image embeddings")
        if not index.is_trained:
            raise ConfigurationError("visual cache index is not trained: rebuild it")
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ConfigurationError(
                "visual cache index does not measure inner products: rebuild it from its vectors"
            )
        self._index = index
        self.info = info or CacheInfo(index.d, index.ntotal, "", "")
        try:
            self._neighbours(np.eye(1, index.d, dtype=np.float32), 1)
        except RuntimeError as error:
            raise ConfigurationError(
                "visual cache index cannot give its vectors back: use Flat, SQ8, or IVF...,SQ8"
            ) from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Width of the embeddings."""
        return int(self._index.d)

    @property
    def digest(self) -> str:
        """Twelve hex digits that name the content; "" when it is unknown."""
        return self.info.source[:12]

    def vectors(self) -> np.ndarray:
        """Return the vectors of all images, float32 [N, D]."""
        return self._index.reconstruct_n(0, len(self)).astype(np.float32)

    @classmethod
    def build(
        cls, embeddings: np.ndarray, factory: str = "Flat", probes: int = 16, space: str = ""
    ) -> VisualCache:
        """Build a cache from image embeddings.

        Args:
            embeddings: float [N, D], N >= 1; rows are normalised first.
            factory: FAISS factory string such as "Flat", "SQ8" or "IVF512,SQ8".
            probes: How many inverted lists an IVF index visits per query.
            space: `space_id` of the encoder that made the embeddings.

        Raises:
            InputError: Not a matrix, no rows, NaN, infinity, or a row of zeros.
            ConfigurationError: The factory string is wrong, or asks for more rows than there are.
        """
        vectors = _checked(embeddings)
        if len(vectors) == 0:
            raise InputError("a visual cache needs at least one image embedding, there is none")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not norms.all():
            raise InputError("an image embedding is all zeros: it cannot be normalised")
        vectors = np.ascontiguousarray(vectors / norms)
        try:
            index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
            index.train(vectors)
            index.add(vectors)
        except RuntimeError as error:
            raise ConfigurationError(
                f"FAISS cannot build {factory!r} from {len(vectors)} embeddings: {_brief(error)}"
            ) from error
        inverted = faiss.try_extract_index_ivf(index)
        if inverted is not None:
            inverted.nprobe = min(probes, inverted.nlist)
        source = hashlib.sha256(vectors.tobytes()).hexdigest()
        info = CacheInfo(vectors.shape[1], len(vectors), factory, source, space=space)
        return cls(index, info)

    def save(self, directory: Path | str) -> None:
        """Write `index.faiss` and `cache.json`; on failure the directory is left as it was.

        Raises:
            StorageError: Disk full, no permission, or the like.
        """
        directory = Path(directory)
        temporary = [directory / f".{n}.{os.getpid()}" for n in (INDEX_FILE, SIDECAR_FILE)]
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with temporary[0].open("wb") as file:
                sink = _HashingSink(file)
                _write_index(self._index, sink)
                file.flush()
                os.fsync(file.fileno())
            described = asdict(self.info) | {
                "index_bytes": sink.written,
                "index_sha256": sink.digest.hexdigest(),
            }
            with temporary[1].open("w", encoding="utf-8") as file:
                json.dump(described, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary[0].replace(directory / INDEX_FILE)
            temporary[1].replace(directory / SIDECAR_FILE)
        except OSError as error:
            raise StorageError(f"cannot save the visual cache in {directory}: {error}") from error
        finally:
            for path in temporary:
                with contextlib.suppress(OSError):  # the error that led here is the one to report
                    path.unlink(missing_ok=True)

    @classmethod
    def load(cls, directory: Path | str, mmap: bool = True) -> VisualCache:
        """Read a saved cache.

        Args:
            directory: Where `save` wrote.
            mmap: Map the vectors instead of reading them, so that processes share them.

        Raises:
            CheckpointError: A file is missing, damaged, or the two do not belong together.
        """
        directory = Path(directory)
        info = read_sidecar(directory / SIDECAR_FILE)
        path = directory / INDEX_FILE
        _verify(path, info)
        try:
            index = read_index(path, mmap=mmap)
        except (RuntimeError, MemoryError) as error:
            raise _damaged(path, _brief(error)) from error
        if (index.d, index.ntotal) != (info.dimension, info.count):
            raise _damaged(
                path,
                f"it holds {index.ntotal} vectors of width {index.d}, "
                f"{SIDECAR_FILE} says {info.count} of {info.dimension}",
            )
        try:
            return cls(index, info)
        except ConfigurationError as error:
            raise _damaged(path, str(error)) from error

    def enhance(
        self,
        embeddings: np.ndarray,
        k: int = 10,
        temperature: float = 20.0,
        weight: float = 0.5,
    ) -> np.ndarray:
        """Blend each embedding with its nearest image embeddings.

        Args:
            embeddings: float [B, D], any B, searched as they are (not re-normalised). A row of
                zeros, which means "perceived nothing", stays zeros.
            k: Number of neighbours; more than there are means all of them.
            temperature: Sharpness of the softmax over the neighbours' similarities.
            weight: 0 keeps the (normalised) embedding, 1 replaces it by its neighbours.

        Returns:
            float32 [B, D], unit norm.

        Raises:
            InputError: Wrong shape, NaN or infinity.
            ConfigurationError: `k`, `temperature` or `weight` out of range.
        """
        vectors = _checked(embeddings)
        if vectors.shape[1] != self.dimension:
            raise InputError(
                f"embeddings have width {vectors.shape[1]}, the visual cache {self.dimension}: "
                "use the cache that was built with the same encoder"
            )
        _check_settings(k, temperature, weight)
        if len(vectors) == 0:
            return vectors
        similarities, neighbours = self._neighbours(vectors, min(k, len(self)))
        logits = similarities * np.float32(temperature)
        # [B, k]; what they sum up to does not matter, as only the direction of the blend is kept.
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        retrieved = np.matmul(weights[:, None], neighbours)[:, 0]  # [B, D]
        blended = (1.0 - weight) * vectors + weight * _normalised(retrieved)
        blended[~vectors.any(axis=1)] = 0.0
        return _normalised(blended)

    def enhance_prenorm(
        self,
        embeddings: np.ndarray,
        k: int = 10,
        temperature: float = 20.0,
        weight: float = 0.5,
    ) -> np.ndarray:
        """Enhance un-normalised embeddings for image generation: direction changes, norm stays.

        Takes and raises what `enhance` does; returns float32 [B, D].
        """
        vectors = _checked(embeddings)
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        units = (vectors / np.maximum(norms, 1e-30)).astype(np.float32)
        return (self.enhance(units, k, temperature, weight) * norms).astype(np.float32)

    def neighbours(
        self, embedding: np.ndarray, k: int = 10, temperature: float = 20.0
    ) -> list[tuple[float, float, np.ndarray]]:
        """Return the image embeddings that `enhance` blends an embedding with.

        Args:
            embedding: float [D].
            k: Number of neighbours; more than there are means all of them.
            temperature: Sharpness of the softmax over the neighbours' similarities.

        Returns:
            Similarity, share (they sum up to 1) and vector float32 [D] of each, nearest first.

        Raises:
            InputError: Wrong shape, NaN or infinity.
            ConfigurationError: `k` or `temperature` out of range.
        """
        _check_settings(k, temperature, 0.5)
        vectors = _checked(embedding[None])
        similarities, neighbours = self._neighbours(vectors, min(k, len(self)))
        shares = np.exp((similarities[0] - similarities[0].max()) * np.float32(temperature))
        shares /= shares.sum()
        return [
            (round(float(one), 4), round(float(share), 4), vector)
            for one, share, vector in zip(similarities[0], shares, neighbours[0], strict=True)
            if share > 0
        ]

    def _neighbours(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return similarities [B, k] and the reconstructed vectors [B, k, D] in one call.

        An IVF index finds fewer than k where the visited lists are small: zeros, least similar.
        """
        similarities, ids, neighbours = self._index.search_and_reconstruct(vectors, k)
        missing = ids < 0
        # NaN is near nothing: only inverted lists may have fewer rows than are asked for.
        whole = faiss.try_extract_index_ivf(self._index) is not None or not missing.any()
        if not whole or not np.isfinite(neighbours[~missing]).all():
            raise CheckpointError("the visual cache holds NaN or infinity: build or copy it again")
        if missing.any():
            similarities[missing], neighbours[missing] = -1e30, 0.0
        return similarities, neighbours


@dataclass(frozen=True, slots=True)
class Enhancer:
    """A cache with its settings, as the callable that a perception worker is given.

    Attributes:
        cache: Where neighbours are looked up.
        k: Neighbours per embedding.
        temperature: Sharpness of the softmax over the similarities of the neighbours.
        weight: 0 keeps the (normalised) embedding, 1 replaces it by the weighted mean of its
            neighbours.
    """

    cache: VisualCache
    k: int = 10
    temperature: float = 20.0
    weight: float = 0.5

    @property
    def space(self) -> str:
        """`space_id` of the embeddings that it enhances; "" where the cache does not say it."""
        return self.cache.info.space

    @property
    def setting(self) -> str:
        """What the percept header says about the cache."""
        return f"{self.cache.digest}:k={self.k},t={self.temperature:g},w={self.weight:g}"

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Enhance float [B, D]; see `VisualCache.enhance`."""
        return self.cache.enhance(embeddings, self.k, self.temperature, self.weight)


def load_enhancer(
    directory: str, k: int = 10, temperature: float = 20.0, weight: float = 0.5
) -> Enhancer:
    """Load a cache as a worker's enhance callable (named in a `WorkerSpec` by import path)."""
    _check_settings(k, temperature, weight)
    return Enhancer(VisualCache.load(directory), k, temperature, weight)


class _HashingSink:
    """Writes to a file, and keeps digest, size and the first error, which FAISS would swallow."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.written = 0
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            self._file.write(data)
        except OSError as error:
            self.error = error
            return 0
        self.digest.update(data)
        self.written += len(data)
        return len(data)


def _write_index(index: faiss.Index, sink: _HashingSink) -> None:
    """Stream an index into a sink.

    Raises:
        OSError: Writing failed.
    """
    write: Callable[[bytes], int] = sink.write
    try:
        writer = faiss.PyCallbackIOWriter(write)  # pyright: ignore[reportAttributeAccessIssue]
        faiss.write_index(index, writer)
    except RuntimeError as error:
        raise sink.error or OSError(_brief(error)) from error
    if sink.error is not None:
        raise sink.error


def read_index(path: Path, *, mmap: bool = True) -> faiss.Index:
    """Reads a FAISS index, and no other file than its own.

    An inverted file may keep its lists in another file and name it: FAISS opens whatever is named,
    for writing, too.

    Args:
        path: Of the index.
        mmap: Map the vectors instead of reading them.

    Raises:
        RuntimeError: FAISS cannot read it, or its lists lie in another file.
    """
    flags = faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_ONDISK_SAME_DIR
    index = faiss.read_index(str(path), flags | (faiss.IO_FLAG_MMAP_IFC if mmap else 0))
    inverted = faiss.try_extract_index_ivf(index)
    if inverted is not None:
        lists = faiss.downcast_InvertedLists(inverted.invlists)
        if isinstance(lists, faiss.OnDiskInvertedLists):
            raise RuntimeError("Error: its lists lie in another file: write it with them inside")
    return index


def read_sidecar(path: Path) -> CacheInfo:
    """Reads `cache.json`.

    Raises:
        CheckpointError: It is missing, damaged, of another version, or a number is out of range.
    """
    try:
        fields = read_object(path)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"no visual cache at {path.parent}: {path.name} is missing"
        ) from error
    try:
        info = CacheInfo(
            dimension=whole_number(fields, "dimension"),
            count=whole_number(fields, "count", most=2**40),
            factory=str(fields["factory"])[:200],
            source=str(fields["source"])[:200],
            index_bytes=whole_number(fields, "index_bytes", least=0, most=2**60),
            index_sha256=str(fields["index_sha256"])[:200],
            version=whole_number(fields, "version", least=0),
            space=str(fields.get("space", ""))[:200],
        )
    except (ValueError, KeyError) as error:
        raise _damaged(path, repr(error)) from error
    if info.version != _SIDECAR_VERSION:
        raise CheckpointError(f"{path} has version {info.version}, this is {_SIDECAR_VERSION}")
    return info


def _verify(path: Path, info: CacheInfo) -> None:
    """Compare the index file with its sidecar before FAISS is let near it."""
    try:
        size = path.stat().st_size
        if size != info.index_bytes:
            raise _damaged(path, f"{size} bytes, {info.index_bytes} were written")
        if size <= _DIGEST_LIMIT:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != info.index_sha256:
                raise _damaged(path, "its sha256 is not the one that was written")
    except FileNotFoundError as error:
        raise CheckpointError(
            f"no visual cache at {path.parent}: {path.name} is missing"
        ) from error
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"visual cache {path} is damaged ({why}): build or copy it again")


def _checked(embeddings: np.ndarray) -> np.ndarray:
    """Return float32 [N, D], contiguous, after refusing what FAISS would silently take."""
    try:
        vectors = np.ascontiguousarray(embeddings, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"embeddings are not numbers: {error}") from error
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise InputError(f"embeddings must be [N, D], they are {list(vectors.shape)}")
    if not np.isfinite(vectors).all():
        raise InputError("embeddings hold NaN or infinity: drop such rows first")
    return vectors


def _check_settings(k: int, temperature: float, weight: float) -> None:
    if k < 1:
        raise ConfigurationError(f"cache k is {k}, it must be at least 1")
    if not (np.isfinite(temperature) and temperature >= 0):
        raise ConfigurationError(f"cache temperature is {temperature}, it must be 0 or more")
    if not 0.0 <= weight <= 1.0:
        raise ConfigurationError(f"cache weight is {weight}, it must be within 0 and 1")


def _normalised(rows: np.ndarray) -> np.ndarray:
    """L2-normalise rows [N, D]; rows of zeros stay zeros."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


def _brief(error: BaseException) -> str:
    """Return the last line of a FAISS message, without its C++ location."""
    return str(error).strip().rsplit("Error: ", 1)[-1].splitlines()[-1][:200]
