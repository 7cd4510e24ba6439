"""How the senses are wired."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_senses import WIDTH, save_tiny_imagebind

from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.sections import CacheConfig
from sensebind.agent.robot.simhome import STREAMS, simhome_robot, write_simhome_robot
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


def robot(checkpoint: Path, **cache: int) -> RobotConfig:
    config = simhome_robot(checkpoint=checkpoint)
    return config.model_copy(update={"cache": CacheConfig(**cache)})


def test_what_a_checkpoint_lacks_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no ImageBind"):
        robot(tmp_path / "visual_cache").workers("tcp://127.0.0.1:1")
    (tmp_path / "visual_cache").rename(tmp_path / "gone")
    with pytest.raises(CheckpointError, match="no visual cache"):
        robot(checkpoint).workers("tcp://127.0.0.1:1")
    plain = simhome_robot(checkpoint=checkpoint).workers("tcp://127.0.0.1:1")
    assert [spec.enhance for spec in plain] == [None] * 3


def test_a_simulated_home_is_perceived(checkpoint: Path) -> None:
    """SimHome, three workers, the bus and Awareness: all real, all processes."""
    with SimHomeServer(SimHomeOptions(5_000_001)) as home:
        workers = robot(checkpoint, k=3).workers(home.sensors)
        with (
            Supervisor(workers) as supervisor,
            Awareness(supervisor.endpoints, STREAMS) as awareness,
        ):
            assert awareness.wait(30)
            percepts, sensed = awareness.snapshot()
            assert [s.stream for s in sensed] == list(STREAMS)
            assert {p.embedding.shape for p in percepts.values()} == {(WIDTH,)}
            settings = {name: percept.header.cache for name, percept in percepts.items()}
            assert settings["camera"] == ""
            assert settings["microphone"].endswith(":k=3,t=20,w=0.5")
            assert awareness.frame().data.shape == (224, 224, 3)
            condition = awareness.condition(("sight", "hearing", "scan"), WIDTH)
            assert condition.present[0]


def test_the_robot_of_a_home_is_written_for_another_process(tmp_path: Path) -> None:
    config = read_config(write_simhome_robot(tmp_path, 3))
    assert config.name == "simhome" and config.metrics is None and config.llm is not None
    assert config.simhome is not None and (config.simhome.seed, config.simhome.port) == (3, 0)
    assert set(config.streams) == set(STREAMS) and config.motion is not None


def test_a_language_model_is_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The robot's file lies elsewhere, and paths in it are relative to that."""
    monkeypatch.chdir(tmp_path)
    for name, found in (
        ("", "sensebind"),
        ("sensebind", "sensebind"),
        ("sensebind:mine", f"sensebind:{tmp_path}/mine"),
        ("gguf:mine/model.gguf", f"gguf:{tmp_path}/mine/model.gguf"),
        ("openai:gpt-5", "openai:gpt-5"),
    ):
        llm = simhome_robot(llm=name).llm
        assert llm is not None and llm.model == found
