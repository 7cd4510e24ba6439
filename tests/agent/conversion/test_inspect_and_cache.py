"""What a directory holds, and a cache rebuilt from an index of any kind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import faiss
import numpy as np
import pytest

from sensebind.agent.conversion.cache_part import rebuild
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
    if (inverted := faiss.try_extract_index_ivf(source)) is not None:
        inverted.make_direct_map()
    cache, report = rebuild(source, "SQ8")
    assert len(cache) == 12_000
    assert report["factory"].startswith("IVF")
    assert report["recall"] >= 0.95
    assert report["shortest"] == pytest.approx(1, abs=0.01)
    plain = VisualCache.build(vectors)
    query = vectors[:5]
    np.testing.assert_allclose(cache.enhance(query), plain.enhance(query), atol=0.05)


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
