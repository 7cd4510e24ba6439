"""Options of the whole suite."""

from pathlib import Path

import pytest

DEFAULT_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        metavar="DIR",
        type=Path,
        default=DEFAULT_GOLDEN,
        help="directory of golden_*.json and .safetensors files for tests/parity",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "golden(family): runs once for every golden_<family>*.json of --golden"
    )


@pytest.fixture(autouse=True)
def robot_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a robot of its own, whose rates no other test uses up."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
