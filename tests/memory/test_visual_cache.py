"""The visual cache: its arithmetic against a plain reference, its files, what it refuses."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from sensebind.errors import CheckpointError, ConfigurationError, InputError, StorageError
from sensebind.memory.visual_cache import Enhancer, VisualCache, load_enhancer

GOLDEN = Path(__file__).parents[1] / "golden" / "golden_imagebind_llm.safetensors"


def unit_rows(count: int, width: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def reference(
    bank: np.ndarray, v: np.ndarray, k: int, temperature: float, weight: float
) -> np.ndarray:
    """One sample at a time, in float64, straight from the definition."""
    bank, v = bank.astype(np.float64), v.astype(np.float64)
    similarity = bank @ v
    nearest = np.argsort(-similarity)[:k]
    mass = np.exp(temperature * (similarity[nearest] - similarity[nearest].max()))
    retrieved = (mass / mass.sum()) @ bank[nearest]
    blended = (1 - weight) * v + weight * retrieved / np.linalg.norm(retrieved)
    return blended / np.linalg.norm(blended)


@pytest.fixture(scope="module")
def bank() -> np.ndarray:
    return unit_rows(300, 16)


@pytest.fixture(scope="module")
def cache(bank: np.ndarray) -> VisualCache:
    return VisualCache.build(bank)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(0, 5),
    k=st.integers(1, 400),
    temperature=st.floats(0, 100),
    weight=st.floats(0, 1),
    scale=st.floats(0.1, 1.5),
)
def test_every_row_follows_the_definition(
    cache: VisualCache,
    bank: np.ndarray,
    seed: int,
    batch: int,
    k: int,
    temperature: float,
    weight: float,
    scale: float,
) -> None:
    rows = unit_rows(batch, 16, seed) * np.float32(scale)
    enhanced = cache.enhance(rows, k, temperature, weight)
    assert enhanced.shape == rows.shape and enhanced.dtype == np.float32
    for row, got in zip(rows, enhanced, strict=True):
        np.testing.assert_allclose(got, reference(bank, row, k, temperature, weight), atol=2e-4)
        assert abs(np.linalg.norm(got) - 1) < 1e-5


def test_a_batch_is_its_rows_one_by_one(cache: VisualCache) -> None:
    rows = unit_rows(7, 16, 3)
    single = np.concatenate([cache.enhance(row[None]) for row in rows])
    np.testing.assert_allclose(cache.enhance(rows), single, atol=1e-6)


def test_weight_zero_only_normalises_and_weight_one_forgets(
    cache: VisualCache, bank: np.ndarray
) -> None:
    rows = 0.5 * unit_rows(3, 16, 4)
    np.testing.assert_allclose(cache.enhance(rows, weight=0), 2 * rows, atol=1e-6)
    nearest = bank[np.argmax(rows @ bank.T, axis=1)]
    np.testing.assert_allclose(cache.enhance(rows, k=1, weight=1), nearest, atol=1e-6)


def test_perceiving_nothing_stays_nothing(cache: VisualCache) -> None:
    rows = np.zeros((2, 16), np.float32)
    rows[0, 0] = 1
    enhanced = cache.enhance(rows)
    assert enhanced[0].any() and not enhanced[1].any()
    assert not cache.enhance_prenorm(rows)[1].any()


def test_prenorm_keeps_the_norm_and_takes_the_direction(cache: VisualCache) -> None:
    units = unit_rows(4, 16, 5)
    norms = np.array([[0.01], [1.0], [7.5], [400.0]], np.float32)
    enhanced = cache.enhance_prenorm(units * norms)
    np.testing.assert_allclose(np.linalg.norm(enhanced, axis=1), norms[:, 0], rtol=1e-5)
    np.testing.assert_allclose(enhanced / norms, cache.enhance(units), atol=1e-5)


def test_the_official_numbers() -> None:
    golden = load_file(GOLDEN)
    cache = VisualCache.build(golden["input.cache_matrix"])
    v = golden["input.embedding"]
    v = v / np.linalg.norm(v, axis=1, keepdims=True) / (1 + 1e-6)
    got = cache.enhance(v, k=5)
    np.testing.assert_allclose(got, golden["output.cache.bind_input"], atol=2e-5)
    got = cache.enhance(v)
    np.testing.assert_allclose(got, golden["output.cache_default_args.bind_input"], atol=2e-5)


@pytest.mark.parametrize("factory", ["Flat", "SQ8", "IVF8,SQ8", "IVF8,Flat"])
@pytest.mark.parametrize("mmap", [True, False])
def test_saved_and_loaded_it_is_the_same(tmp_path: Path, factory: str, mmap: bool) -> None:
    cache = VisualCache.build(unit_rows(400, 16), factory)
    cache.save(tmp_path / "a" / "b")
    loaded = VisualCache.load(tmp_path / "a" / "b", mmap=mmap)
    rows = unit_rows(5, 16, 9)
    np.testing.assert_array_equal(loaded.enhance(rows), cache.enhance(rows))
    assert (len(loaded), loaded.dimension, loaded.digest) == (400, 16, cache.digest)
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["cache.json", "index.faiss"]
    assert loaded.info.factory == factory


def test_saving_over_another_cache_replaces_it(tmp_path: Path) -> None:
    VisualCache.build(unit_rows(20, 8)).save(tmp_path)
    old = VisualCache.load(tmp_path)
    VisualCache.build(unit_rows(30, 8, 1)).save(tmp_path)
    assert len(VisualCache.load(tmp_path)) == 30
    assert old.enhance(unit_rows(1, 8)).shape == (1, 8)  # its mapping is still the old file


def test_quantised_lists_stay_close_to_flat() -> None:
    rows = unit_rows(2000, 32)
    flat, lists = VisualCache.build(rows), VisualCache.build(rows, "IVF16,SQ8", probes=16)
    queries = unit_rows(50, 32, 8)
    cosine = (flat.enhance(queries) * lists.enhance(queries)).sum(axis=1)
    assert cosine.min() > 0.98


@pytest.mark.parametrize("temperature", [0.0, 20.0])
def test_an_index_that_finds_fewer_than_k_uses_what_it_found(temperature: float) -> None:
    rows = unit_rows(64, 8)
    cache = VisualCache.build(rows, "IVF16,Flat", probes=1)
    query = unit_rows(10, 8, 2)
    enhanced = cache.enhance(query, k=64, temperature=temperature)
    np.testing.assert_allclose(np.linalg.norm(enhanced, axis=1), 1, atol=1e-5)
    _, neighbours = cache._neighbours(query, 64)
    for row, found, got in zip(query, neighbours, enhanced, strict=True):
        bank = found[found.any(axis=1)]
        assert 0 < len(bank) < 64
        expected = reference(bank, row, len(bank), temperature, 0.5)
        np.testing.assert_allclose(got, expected, atol=2e-4)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (np.ones((2, 5), np.float32), "width 5"),
        (np.full((1, 16), np.nan), "NaN"),
        (np.full((1, 16), np.inf), "infinity"),
        (np.ones(16), "must be"),
        (np.ones((1, 2, 16)), "must be"),
        (np.array([["a"] * 16]), "not numbers"),
    ],
)
def test_bad_queries_are_refused(cache: VisualCache, rows: np.ndarray, word: str) -> None:
    with pytest.raises(InputError, match=word):
        cache.enhance(rows)


@pytest.mark.parametrize(
    "options",
    [{"k": 0}, {"weight": -0.1}, {"weight": 1.1}, {"temperature": np.nan}, {"temperature": -1}],
)
def test_bad_settings_are_refused(cache: VisualCache, options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        cache.enhance(unit_rows(1, 16), **options)  # type: ignore[arg-type]


def test_bad_banks_are_refused() -> None:
    for rows in (np.zeros((0, 8)), np.full((3, 8), np.nan), np.zeros((3, 8)), np.ones(8)):
        with pytest.raises(InputError):
            VisualCache.build(rows)
    for factory in ("Flatt", "", "IVF64,SQ8", "IVF4,PQ4x4fs"):
        with pytest.raises(ConfigurationError):
            VisualCache.build(unit_rows(40, 8), factory)
    with pytest.raises(ConfigurationError, match="empty"):
        VisualCache(faiss.IndexFlatIP(8))
    euclidean = faiss.IndexFlatL2(8)
    euclidean.add(unit_rows(3, 8))  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="inner products"):
        VisualCache(euclidean)


def test_a_missing_cache_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no visual cache"):
        VisualCache.load(tmp_path)
    VisualCache.build(unit_rows(3, 8)).save(tmp_path)
    (tmp_path / "index.faiss").unlink()
    with pytest.raises(CheckpointError, match=r"index\.faiss is missing"):
        VisualCache.load(tmp_path)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    directory = tmp_path_factory.mktemp("damaged")
    VisualCache.build(unit_rows(20, 8)).save(directory)
    path = directory / data.draw(st.sampled_from(["index.faiss", "cache.json"]))
    content = bytearray(path.read_bytes())
    match data.draw(st.sampled_from(["cut", "flip", "empty", "replace"])):
        case "cut":
            content = content[: data.draw(st.integers(0, len(content) - 1))]
        case "flip":
            position = data.draw(st.integers(0, len(content) - 1))
            content[position] ^= data.draw(st.integers(1, 255))
        case "empty":
            content = bytearray()
        case "replace":
            content = bytearray(data.draw(st.binary(max_size=200)))
    path.write_bytes(bytes(content))
    try:
        VisualCache.load(directory)
    except CheckpointError as error:
        assert str(directory) in str(error)
    else:  # some bytes of the sidecar carry no meaning for loading (white space, the source digest)
        assert path.name == "cache.json"


def test_a_sidecar_of_another_cache_is_found_out(tmp_path: Path) -> None:
    VisualCache.build(unit_rows(20, 8)).save(tmp_path)
    sidecar = tmp_path / "cache.json"
    for field, value in (("dimension", 9), ("count", 21), ("version", 7)):
        fields = json.loads(sidecar.read_text())
        original = sidecar.read_text()
        sidecar.write_text(json.dumps(fields | {field: value}))
        with pytest.raises(CheckpointError):
            VisualCache.load(tmp_path)
        sidecar.write_text(original)


def test_a_full_disk_leaves_the_old_cache(tmp_path: Path) -> None:
    VisualCache.build(unit_rows(20, 8)).save(tmp_path)
    script = f"""
import resource, signal, numpy as np
from sensebind.errors import StorageError
from sensebind.memory.visual_cache import VisualCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = VisualCache.build(np.random.default_rng(0).normal(size=(4000, 8)))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    cache.save({str(tmp_path)!r})
except StorageError as error:
    print("refused:", error)
"""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert "refused: cannot save" in done.stdout, done.stderr
    assert len(VisualCache.load(tmp_path)) == 20
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache.json", "index.faiss"]


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path, cache: VisualCache) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError):
        cache.save(tmp_path / "taken")


def test_memory_mapping_does_not_read_the_file(tmp_path: Path) -> None:
    VisualCache.build(unit_rows(1000, 64)).save(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):
        VisualCache.load(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_enhancer_of_a_worker_says_what_it_does(tmp_path: Path, cache: VisualCache) -> None:
    cache.save(tmp_path)
    enhancer = load_enhancer(str(tmp_path), k=3, weight=0.25)
    rows = unit_rows(2, 16)
    np.testing.assert_array_equal(enhancer(rows), cache.enhance(rows, k=3, weight=0.25))
    assert enhancer.setting == f"{cache.digest}:k=3,t=20,w=0.25"
    assert isinstance(enhancer, Enhancer)
    with pytest.raises(ConfigurationError):
        load_enhancer(str(tmp_path), weight=2)


def rewritten(directory: Path, index: faiss.Index) -> None:
    """Puts another index into a saved cache, with a sidecar that vouches for it."""
    path = directory / "index.faiss"
    faiss.write_index(index, str(path))
    fields = json.loads((directory / "cache.json").read_text())
    fields["index_bytes"] = path.stat().st_size
    fields["index_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    fields["count"], fields["dimension"] = index.ntotal, index.d
    (directory / "cache.json").write_text(json.dumps(fields))


def test_an_index_that_names_another_file_is_refused(tmp_path: Path, cache: VisualCache) -> None:
    """Its lists lie in a file elsewhere, which FAISS would open for writing."""
    cache.save(tmp_path / "cache")
    rows = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
    index: Any = faiss.index_factory(8, "IVF2,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    (tmp_path / "elsewhere").mkdir()
    lists = faiss.OnDiskInvertedLists(2, index.code_size, str(tmp_path / "elsewhere" / "lists"))
    index.replace_invlists(lists)
    index.add(rows)
    rewritten(tmp_path / "cache", index)
    with pytest.raises(CheckpointError) as error:
        VisualCache.load(tmp_path / "cache")
    assert "\n" not in str(error.value)
    (tmp_path / "elsewhere" / "lists").rename(tmp_path / "cache" / "lists")  # next to the index
    with pytest.raises(CheckpointError, match=r"ONDISK|another file"):
        VisualCache.load(tmp_path / "cache")
    with pytest.raises(CheckpointError, match="another file"):
        VisualCache.load(tmp_path / "cache", mmap=False)


def test_vectors_that_are_not_finite_are_refused(tmp_path: Path, cache: VisualCache) -> None:
    cache.save(tmp_path)
    index = faiss.IndexFlatIP(8)
    rows = np.ones((20, 8), np.float32)
    rows[:, 3] = np.inf
    index.add(rows)
    rewritten(tmp_path, index)
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        VisualCache.load(tmp_path)


@pytest.mark.parametrize("value", [10**30, -1, 0, "x", 1.5, None])
def test_numbers_of_the_sidecar_are_checked(tmp_path: Path, cache: VisualCache, value: Any) -> None:
    cache.save(tmp_path)
    fields = json.loads((tmp_path / "cache.json").read_text()) | {"dimension": value}
    (tmp_path / "cache.json").write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="dimension"):
        VisualCache.load(tmp_path)


def test_the_space_of_its_vectors_is_kept(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    VisualCache.build(vectors, space="clip-0123").save(tmp_path)
    assert load_enhancer(str(tmp_path)).space == "clip-0123"
    sidecar = tmp_path / "cache.json"  # as earlier versions wrote it
    fields = json.loads(sidecar.read_text())
    del fields["space"]
    sidecar.write_text(json.dumps(fields))
    assert load_enhancer(str(tmp_path)).space == ""
