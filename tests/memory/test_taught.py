"""Names by showing: what is kept, refused, matched and forgotten."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from sensebind.errors import InputError, StorageError
from sensebind.memory.taught import MAX_VIEWS, TaughtNames, checked_name
from sensebind.perception.storage.spans import Span

WIDTH = 16


def axis(number: int, tilt: float = 0.0) -> np.ndarray:
    vector = np.zeros(WIDTH, np.float32)
    vector[number], vector[-1] = 1, tilt
    return vector / np.linalg.norm(vector)


@pytest.fixture
def others() -> np.ndarray:
    """A thousand things without a name, in the first eight directions."""
    rng = np.random.default_rng(0)
    rows = np.zeros((1000, WIDTH), np.float32)
    rows[:, :8] = rng.standard_normal((1000, 8))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def names(tmp_path: Path, others: np.ndarray) -> TaughtNames:
    return TaughtNames(tmp_path / "taught.json", "space", others)


def test_what_was_shown_gets_its_name_and_nothing_else_does(names: TaughtNames) -> None:
    assert names.teach("my mug", "vision", [axis(9), axis(9, 0.1)], at=1) == 2
    assert names.teach("my  keys", "vision", [axis(10)], at=2) == 1
    found = names.match("vision", axis(9, 0.05))
    assert found is not None and found.name == "my mug" and found.similarity >= found.threshold
    assert names.match("vision", axis(10)).name == "my keys"  # type: ignore[union-attr]
    assert names.match("vision", axis(11)) is None
    assert names.match("audio", axis(9)) is None  # was seen, and not heard
    assert names.match("vision", np.ones(3, np.float32)) is None


def test_a_name_that_fits_other_things_as_well_is_not_given(
    names: TaughtNames, others: np.ndarray
) -> None:
    names.teach("my mug", "vision", [others[0]], at=1)
    called = [one for one in others[1:] if names.match("vision", one) is not None]
    assert len(called) <= 0.01 * len(others)


def test_names_are_on_the_disk_and_private(names: TaughtNames) -> None:
    names.teach("我的杯子", "vision", [axis(9)], at=7, references=["frame:camera@5"])
    assert stat.S_IMODE(names.path.stat().st_mode) == 0o600
    again = TaughtNames(names.path, "space")
    [view] = again.names()["我的杯子"]
    assert (view.at, view.reference, view.modality) == (7, "frame:camera@5", "vision")
    assert np.allclose(view.embedding, axis(9))
    fields = json.loads(names.path.read_text("utf-8"))
    assert (fields["version"], fields["space_id"]) == (1, "space")


def test_another_process_is_noticed(names: TaughtNames) -> None:
    assert names.match("vision", axis(9)) is None
    TaughtNames(names.path, "space").teach("my mug", "vision", [axis(9)], at=1)
    found = names.match("vision", axis(9))
    assert found is not None and found.name == "my mug"


def test_what_another_process_forgot_does_not_come_back(names: TaughtNames) -> None:
    names.teach("my mug", "vision", [axis(9)], at=1)
    assert TaughtNames(names.path).erase([Span()]) == 1  # as `sensebind forget` does it
    names.teach("my keys", "vision", [axis(10)], at=2)
    assert set(TaughtNames(names.path).names()) == {"my keys"}
    assert b"my mug" not in names.path.read_bytes()
    TaughtNames(names.path).erase([Span()])
    assert names.example("my keys") is None


def test_of_two_who_teach_at_once_nothing_is_lost(names: TaughtNames) -> None:
    def teach(own: TaughtNames, who: str) -> None:
        for number in range(12):
            own.teach(f"{who} {number}", "vision", [axis(number % 8)], at=number)

    both = [TaughtNames(names.path, "space") for _ in range(2)]
    threads = [
        threading.Thread(target=teach, args=(own, who)) for own, who in zip(both, "ab", strict=True)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(TaughtNames(names.path)) == 24


def test_another_encoder_is_refused(names: TaughtNames) -> None:
    names.teach("my mug", "vision", [axis(9)], at=1)
    with pytest.raises(InputError, match="taught with encoder space, this one is other"):
        TaughtNames(names.path, "other")
    assert TaughtNames(names.path).space_id == "space"  # enough to forget


def test_the_oldest_views_go_first(names: TaughtNames) -> None:
    for turn in range(MAX_VIEWS + 3):
        names.teach("my mug", "vision", [axis(9)], at=turn)
    kept = [view.at for view in names.names()["my mug"]]
    assert kept == list(range(3, MAX_VIEWS + 3))


def test_removing_and_forgetting(names: TaughtNames) -> None:
    names.teach("my mug", "vision", [axis(9)], at=100)
    names.teach("my keys", "vision", [axis(10)], at=200, references=["frame:camera@200"])
    with pytest.raises(InputError, match="names are: my mug, my keys"):
        names.remove("my hat")
    assert names.remove("MY  MUG") == 1
    assert list(names.names()) == ["my keys"]
    assert names.erase([Span(150, 250, "lidar")]) == 0
    assert names.erase([Span(150, 250, "camera")], dry=True) == 1
    assert names.erase([Span(150, 250)]) == 1
    assert TaughtNames(names.path, "space").names() == {}


def test_an_example_of_a_name(names: TaughtNames) -> None:
    names.teach("mug", "vision", [axis(9, 0.2), axis(9, -0.2)], at=1)
    for text in ("mug", "a mug", " Mug "):
        example = names.example(text)
        assert example is not None and np.allclose(example, axis(9), atol=1e-6)
    assert names.example("a dog") is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x1b[2J", "a; b", "<|user|>", "{name}"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="letters, digits and spaces"):
        checked_name(name)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"version": 1}',
        '{"version": 1, "space_id": "s", "views": [{}]}',
        '{"version": 1, "space_id": "s", "views": [{"name": "a", "modality": "vision", "at": 1, '
        '"reference": "", "embedding": "AAAAAA=="}]}',
        '{"version": 99, "space_id": "s", "views": []}',
        "[" * 100_000,
    ],
)
def test_damaged_and_newer_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "taught.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StorageError, match=r"taught\.json"):
        TaughtNames(path, "s")
    assert path.read_text(encoding="utf-8") == content  # it is left as it was
