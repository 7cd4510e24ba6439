"""A limit of memory is compared with a worker that was loaded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.fake_senses import TESTS, save_tiny_imagebind, worker

from sensebind.errors import ConfigurationError
from sensebind.perception.workers.memory_floor import check_memory, measured


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TESTS))
        yield


@pytest.mark.extended
def test_a_limit_that_no_worker_can_keep_is_refused(tmp_path: Path) -> None:
    checkpoint = save_tiny_imagebind(tmp_path / "imagebind")
    camera = worker("camera", checkpoint, process="eyes")
    lidar = worker("lidar", checkpoint, process="eyes")
    needed = measured([camera, lidar])
    assert needed > 50 << 20  # libraries alone
    check_memory([camera, lidar])  # no limit: nothing to measure
    generous = camera.model_copy(update={"max_memory": 2 * needed})
    check_memory([generous, lidar])
    tight = lidar.model_copy(update={"max_memory": needed // 2})
    with pytest.raises(
        ConfigurationError, match=f"lidar: max_memory_mb is {needed // 2 >> 20}"
    ) as e:
        check_memory([generous, tight])
    assert "or more" in str(e.value)


def test_a_worker_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    spec = worker("camera", tmp_path / "none", max_memory=1 << 30)
    with pytest.raises(ConfigurationError, match=r"camera: .*none"):
        check_memory([spec])
