"""The reader's part of a checkpoint: what lies about itself is refused before anything is made."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from sensebind.agent.reader.weights import load_weights
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError


def _set(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        fields = json.loads((folder / "config.json").read_text()) | values
        (folder / "config.json").write_text(json.dumps(fields))

    return change


def _not_a_number(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["0.norm.weight"].fill_(math.nan)
    save_file(tensors, folder / "model.safetensors")


LIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "layers": (_set(layers=10**9), "layers is 1000000000, and its files have"),
    "layers of a million": (_set(layers=10**6), "layers is 1000000, and its files have"),
    "width": (_set(width=2**24), "size mismatch"),
    "inner": (_set(inner=2**24), "size mismatch"),
    "no heads": (_set(heads=0), "heads is 0"),
    "heads": (_set(heads=7), "7 heads do not share a width"),
    "buckets": (_set(buckets=-1), "buckets is -1"),
    "a word for a number": (_set(width="wide"), "width is 'wide'"),
    "members": (_set(members=10**6), "members is 1000000"),
    "calibration": (_set(calibration={"act": "much"}), "calibration.act is 'much'"),
    "NaN": (_not_a_number, "0.norm.weight holds NaN"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_reader_that_lies_about_itself_is_refused_in_one_line(lie: str, tmp_path: Path) -> None:
    folder = shutil.copytree(default_checkpoint() / "reader", tmp_path / "reader")
    change, message = LIES[lie]
    change(folder)
    with pytest.raises(CheckpointError, match=message) as refused:
        load_weights(folder)
    assert "\n" not in str(refused.value)


def test_what_ships_is_loaded() -> None:
    loaded = load_weights(default_checkpoint() / "reader")
    for member in loaded.members:
        assert all(one.device.type == "cpu" for one in member.parameters())
