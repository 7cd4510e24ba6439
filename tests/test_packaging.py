"""The wheel alone, in an environment of its own, answers a question from any folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, folder: Path) -> Path:
    """Build a source distribution, and a wheel from it: what lies around is left out."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def sensebind(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `sensebind` command of a new environment that holds the wheel and borrows our libraries.

    A path line in a .pth file lends the libraries of the running environment, but not its editable
    install of SenseBind: .pth files in borrowed folders are not read.
    """
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin/python", "-m", "pip", "install", "--no-deps", "--quiet", wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin/sensebind"


def test_wheel_holds_one_namespace_and_the_weights(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sensebind"}
    assert "sensebind/checkpoints/simhome/model.safetensors" in names
    page = {"index.html", "style.css", "main.js", "icon.svg"}
    assert {f"sensebind/agent/server/static/{name}" for name in page} <= set(names)
    weights = [
        i for i in zipfile.ZipFile(wheel).infolist() if "/checkpoints/simhome/" in i.filename
    ]
    assert sum(info.file_size for info in weights) <= 30e6


def test_a_second_build_has_the_same_digest(wheel: Path, tmp_path: Path) -> None:
    """From another folder, at another time, beside what an earlier build has left."""
    source, folder = tmp_path / "source", tmp_path / "dist"
    shutil.copytree(ROOT / "src", source / "src", copy_function=shutil.copy)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    left = source / "build/lib/sensebind/left_over.py"
    left.parent.mkdir(parents=True)
    left.write_text("")
    folder.mkdir()
    wheels = (wheel, build(source, folder))
    digests = {hashlib.sha256(one.read_bytes()).hexdigest() for one in wheels}
    assert len(digests) == 1


def test_help_and_a_question_from_the_wheel(sensebind: Path, tmp_path: Path) -> None:
    assert "demo" in run(sensebind, "--help", cwd=tmp_path)
    picture = np.full((224, 224, 3), 180, np.uint8)
    cv2.imwrite(str(tmp_path / "wall.png"), picture)
    answer = run(sensebind, "ask", "--image", "wall.png", "what do you see?", cwd=tmp_path)
    assert "see" in answer.lower()
