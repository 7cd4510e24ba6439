"""Curves of a training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from sensebind.agent.training.tuning.curves import FOLDER_NAME, draw_losses, tensorboard


def test_tensorboard_reads_the_steps_of_a_run_that_went_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs TensorBoard (extra tune)")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen: list[int] = []
    for first in (1, 3):  # the second run goes on from a state after step 2
        with tensorboard(tmp_path, "stage1", lambda step, *_: seen.append(step)) as report:
            assert report is not None
            for step in range(first, first + 4):
                report(step, 6, 1 / step + first, 0.5 * step)
    assert seen == [1, 2, 3, 4, 3, 4, 5, 6]
    events = EventAccumulator(str(tmp_path / FOLDER_NAME)).Reload()
    losses = events.Scalars("stage1/loss")
    assert [one.step for one in losses] == [1, 2, 3, 4, 5, 6]
    assert losses[2].value == pytest.approx(1 / 3 + 3)


def test_losses_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (extra tune)")
    picture = draw_losses(tmp_path, {"stage1": [3.0, 2.0, 1.0], "stage2": [1.0]})
    assert picture is not None
    with Image.open(picture) as image:
        assert image.size[0] > 2 * image.size[1]
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10


def test_without_the_extra_a_report_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with tensorboard(tmp_path, "stage1", print) as report:
        assert report is print
    assert draw_losses(tmp_path, {"stage1": [1.0]}) is None
    assert not any(tmp_path.iterdir())
