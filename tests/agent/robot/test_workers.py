"""How the senses are wired."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_senses import WIDTH, save_tiny_imagebind

from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.robot.workers import SIMHOME_STREAMS, simhome_workers
from sensebind.checkpoints.layout import CacheSettings
from sensebind.errors import CheckpointError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.simhome.server import SimHomeOptions, SimHomeServer
from sensebind.perception.workers.supervisor import Supervisor


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_tiny_imagebind(tmp_path / "imagebind")
    bank = np.random.default_rng(0).normal(size=(50, WIDTH))
    VisualCache.build(bank).save(tmp_path / "visual_cache")
    return tmp_path


def test_what_a_checkpoint_lacks_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no ImageBind"):
        simhome_workers("tcp://127.0.0.1:1", tmp_path / "visual_cache")
    (tmp_path / "visual_cache").rename(tmp_path / "gone")
    with pytest.raises(CheckpointError, match="no visual cache"):
        simhome_workers("tcp://127.0.0.1:1", checkpoint, CacheSettings())
    assert [spec.enhance for spec in simhome_workers("tcp://127.0.0.1:1", checkpoint)] == [None] * 3


def test_a_simulated_home_is_perceived(checkpoint: Path) -> None:
    """SimHome, three workers, the bus and Awareness: all real, all processes."""
    with SimHomeServer(SimHomeOptions(5_000_001)) as home:
        workers = simhome_workers(home.sensors, checkpoint, CacheSettings(k=3))
        with (
            Supervisor(workers) as supervisor,
            Awareness(supervisor.endpoints, SIMHOME_STREAMS) as awareness,
        ):
            assert awareness.wait(30)
            percepts, sensed = awareness.snapshot()
            assert [s.stream for s in sensed] == list(SIMHOME_STREAMS)
            assert {p.embedding.shape for p in percepts.values()} == {(WIDTH,)}
            settings = {name: percept.header.cache for name, percept in percepts.items()}
            assert settings["camera"] == ""
            assert settings["microphone"].endswith(":k=3,t=20,w=0.5")
            assert awareness.frame().data.shape == (224, 224, 3)
            condition = awareness.condition(("sight", "hearing", "scan"), WIDTH)
            assert condition.present[0]
