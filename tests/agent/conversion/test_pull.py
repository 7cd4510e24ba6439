"""`sensebind pull`: names, what the user brings along, and the way to a directory that loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from file_server import Behaviour, FileServer

from sensebind.agent.conversion.convert import ConvertOptions
from sensebind.agent.conversion.download import Downloader
from sensebind.agent.conversion.pull import PullOptions, pull, read_registry, run
from sensebind.errors import ConfigurationError, InputError
from sensebind.memory.visual_cache import VisualCache

QUIET: Callable[[str], None] = lambda line: None  # noqa: E731


def test_the_registry_is_whole() -> None:
    registry = read_registry()
    used = {key for model in registry.models.values() for key in model.files.values()}
    assert used == set(registry.files)
    for model in registry.models.values():
        assert set(model.files) <= set(ConvertOptions.__dataclass_fields__)
        assert set(model.needs) <= {"llama"}
        if "adapter" in model.files or "delta" in model.files:
            assert model.needs == ("llama",)
    for file in registry.files.values():
        assert urlsplit(file.url).scheme == "https"
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
        assert "/" not in file.file


def test_unknown_names_and_missing_llamas_are_refused() -> None:
    with pytest.raises(InputError, match="there are imagebind"):
        pull(PullOptions("imagebindd"), Downloader(), QUIET)
    with pytest.raises(InputError, match="only Meta gives out"):
        pull(PullOptions("imagebind-llm"), Downloader(), QUIET)


def test_listing_prints_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PullOptions()) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in read_registry().models)


def test_a_pulled_index_becomes_a_cache(tmp_path: Path) -> None:
    import faiss

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = faiss.IndexFlatIP(16)
    index.add(vectors)  # pyright: ignore[reportCallIssue]
    data = faiss.serialize_index(index).tobytes()
    with FileServer(Behaviour(data, cuts=[5000])) as server:
        file = {
            "file": "knn.index",
            "url": server.url,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        model = {"about": "a", "licence": "b", "files": {"cache": "knn"}, "needs": []}
        registry = tmp_path / "registry.json"
        registry.write_text(json.dumps({"files": {"knn": file}, "models": {"knn": model}}))
        options = PullOptions(
            "knn", tmp_path / "out", downloads=tmp_path / "kept", registry=registry
        )
        done = pull(options, Downloader(sleep=lambda seconds: None), QUIET)
    assert done["files"]["cache"]["verified"]
    cache = VisualCache.load(tmp_path / "out" / "visual_cache")
    assert (len(cache), cache.dimension) == (300, 16)
    (part,) = done["parts"]
    assert part["report"]["recall"] > 0.9
    assert part["inputs"][0]["sha256"] == file["sha256"]


def test_a_bad_registry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"files": {}}')
    with pytest.raises(ConfigurationError, match="models"):
        read_registry(tmp_path / "r.json")
