"""What a directory holds, and a cache rebuilt from an index of any kind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from sensebind.agent.conversion.cache_part import Vectors, open_index, rebuild
from sensebind.agent.conversion.convert import ConvertOptions, convert
from sensebind.agent.conversion.inspection import inspect, run
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError, ConfigurationError, InputError
from sensebind.memory.visual_cache import VisualCache


def clustered(count: int, width: int = 32) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, width))
    rows = centres[rng.integers(0, 40, count)] + 0.5 * rng.standard_normal((count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat", "SQfp16"])
def test_any_index_that_knows_its_vectors_is_rebuilt(factory: str) -> None:
    vectors = clustered(12_000)
    source = faiss.index_factory(32, factory, faiss.METRIC_INNER_PRODUCT)
    source.train(vectors)
    source.add(vectors)
    cache, report = rebuild(Vectors(source), "SQ8")
    assert len(cache) == 12_000
    assert report["factory"].startswith("IVF")
    assert report["recall"] >= 0.95
    assert report["shortest"] == pytest.approx(1, abs=0.01)
    plain = VisualCache.build(vectors)
    query = vectors[:5]
    np.testing.assert_allclose(cache.enhance(query), plain.enhance(query), atol=0.05)


@pytest.mark.parametrize(
    "factory",
    ["IDMap,Flat", "IDMap2,Flat", "IDMap,SQfp16", "IVF16,Flat", "PCA16,IVF16,Flat", "IDMap,HNSW8"],
)
def test_an_index_with_ids_of_its_own_gives_its_vectors(tmp_path: Path, factory: str) -> None:
    """The ids begin at a million, fall, and one of them stands twice."""
    vectors = clustered(600)
    ids = 10**6 + 3 * np.arange(600)[::-1].copy()
    ids[1] = ids[0]
    index = faiss.index_factory(32, factory, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add_with_ids(vectors, ids)
    path = tmp_path / "knn.index"
    faiss.write_index(index, str(path))
    source = open_index(path)
    stored = np.concatenate([rows for _, rows in source.batches()])
    nearest = np.linalg.norm(stored[:, None] - vectors[None], axis=-1)
    if "PCA" not in factory:  # which loses a part of each vector
        assert nearest.min(axis=0).max() < 1e-3  # each vector that went in comes out
        assert nearest.min(axis=1).max() < 1e-3
    assert source.count == len(stored) == 600
    convert(ConvertOptions(tmp_path / "out", cache=path))
    cache = VisualCache.load(tmp_path / "out" / "visual_cache")
    assert len(cache) == 600
    if "PCA" not in factory:
        expected = VisualCache.build(vectors).enhance(vectors[:5])
        np.testing.assert_allclose(cache.enhance(vectors[:5]), expected, atol=0.05)


def test_an_index_from_which_vectors_were_removed_gives_the_others(tmp_path: Path) -> None:
    vectors = clustered(600)
    index = faiss.index_factory(32, "IVF16,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    removed: Any = np.arange(7)
    index.remove_ids(removed)
    faiss.write_index(index, str(tmp_path / "knn.index"))
    stored = np.concatenate([rows for _, rows in open_index(tmp_path / "knn.index").batches()])
    kept = vectors[7:]
    assert sorted(map(bytes, stored)) == sorted(map(bytes, kept))


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    vectors = clustered(600)
    vectors[300, 3] = np.nan
    index = faiss.IndexFlatIP(32)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "knn.index"))
    with pytest.raises(CheckpointError, match="not finite"):
        convert(ConvertOptions(tmp_path / "out", cache=tmp_path / "knn.index"))


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "knn.index").write_bytes(b"not an index at all")
    with pytest.raises(CheckpointError, match="no FAISS index"):
        convert(ConvertOptions(tmp_path / "out", cache=tmp_path / "knn.index"))
    faiss.write_index(faiss.IndexFlatIP(8), str(tmp_path / "empty.index"))
    with pytest.raises(CheckpointError, match="empty"):
        convert(ConvertOptions(tmp_path / "out", cache=tmp_path / "empty.index"))
    with pytest.raises(ConfigurationError, match="sq8 or fp16"):
        convert(ConvertOptions(tmp_path / "out", cache=tmp_path / "empty.index", index="pq"))
    assert not (tmp_path / "out").exists()


def test_the_embedded_checkpoint_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(default_checkpoint(), digests=True)
    parts = {part["part"]: part for part in found["parts"]}
    assert {"language model", "imagebind/vision", "imagebind/audio", "visual_cache"} <= set(parts)
    weights = default_checkpoint() / "model.safetensors"
    model = parts["language model"]
    assert model["kind"] == "gated_llama"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert model["digests"]["model.safetensors"] == digest
    assert 0 < weights.stat().st_size - model["bytes"] < 100_000  # the header
    assert found["memory"] == sum(part["memory"] for part in found["parts"])
    assert run(default_checkpoint(), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["parts"]
    assert run(default_checkpoint()) == 0
    assert "gated_llama" in capsys.readouterr().out


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no directory"):
        inspect(tmp_path / "missing")
    with pytest.raises(CheckpointError, match="holds no model"):
        inspect(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        inspect(tmp_path)
