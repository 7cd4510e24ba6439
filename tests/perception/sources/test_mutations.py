"""A few hundred damaged inputs for every reader; `benchmarks/mutations.py` has the many."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "mutations.py"


@pytest.fixture(scope="module")
def mutations() -> ModuleType:
    pytest.importorskip("velodyne_decoder", reason="pip install 'sensebind[lidar]'")
    pytest.importorskip("rosbags", reason="pip install 'sensebind[ros]'")
    spec = importlib.util.spec_from_file_location("mutations", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutations"] = module
    sys.path.insert(0, str(BENCHMARK.parent))  # where its own imports are
    spec.loader.exec_module(module)
    return module


def test_damaged_input_is_read_or_refused_and_nothing_else(
    mutations: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for target in mutations.targets(tmp_path):
        for good in target.good:
            target.read(good)  # what is whole is not refused
        refused, other, slow = mutations.attack(target, 100, seed=7)
        assert refused.value > 0, target.name
        assert other.ok and slow.ok, (target.name, capfd.readouterr().err[-500:])
