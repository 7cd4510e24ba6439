"""Rendering is resumable, reproducible, and tells the truth about what it rendered."""

from pathlib import Path

import numpy as np
import pytest

from sensebind.agent.training import simhome_data
from sensebind.agent.training.bind.captions import ALL_NAMED
from sensebind.agent.training.simhome_data import EMPTY, UNLABELED, SceneRecord, Sighting
from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import SOUNDING_KINDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes")
    simhome_data.render(path, scenes=4, shard=2, workers=1)
    return path


def test_shards_hold_every_scene(folder: Path) -> None:
    scenes = simhome_data.load(folder)
    assert [record.seed for record in scenes.records] == [0, 1, 2, 3]
    assert scenes.images.shape == (4, 224, 224, 3) and scenes.images.dtype == np.uint8
    assert len(scenes.scans) == len(scenes.scans_of)
    assert all(scan.shape[1] == 3 for scan in scenes.scans)
    assert scenes.sounds.shape == (len(scenes.sounds_of), 32_000)
    for scene in scenes.sounds_of:
        record = scenes.records[scene]
        assert record.heard is not None or record.main is None


def test_a_second_run_keeps_whole_shards_and_makes_the_missing_ones_anew(folder: Path) -> None:
    first, second = sorted(folder.glob("*.npz"))
    before, bytes_before = first.stat().st_mtime_ns, second.read_bytes()
    second.unlink()
    simhome_data.render(folder, scenes=4, shard=2, workers=1)
    assert first.stat().st_mtime_ns == before
    with np.load(second, allow_pickle=False) as again:
        second_images = again["images"]
    second.write_bytes(bytes_before)
    with np.load(second, allow_pickle=False) as original:
        assert np.array_equal(original["images"], second_images)


def test_training_scenes_pair_pictures_with_sounds() -> None:
    for seed in (0, 3, 300):
        main = ALL_NAMED[seed // 3 % len(ALL_NAMED)]
        things = simhome_data.training_scene(seed).things
        assert (things[0].kind, things[0].color) == (main.kind, main.color)
        sounding = [thing.kind for thing in things if thing.sounding]
        if main.kind in SOUNDING_KINDS:
            assert sounding == [main.kind]


def test_labels() -> None:
    thing = Sighting("ball", "blue", 1.0, 900)
    label = SceneRecord(1, main=thing).main_label
    assert ALL_NAMED[label] == thing.named
    assert SceneRecord(1).main_label == EMPTY
    assert SceneRecord(1, others=(thing,)).main_label == UNLABELED


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rendered scenes"):
        simhome_data.load(tmp_path)
