"""Marks that langchain-tests uses; the plugin that knows it is switched off."""

from collections.abc import Callable

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "benchmark: langchain-tests, unused here")
    config.addinivalue_line("markers", "vcr: langchain-tests, unused here")


@pytest.fixture
def benchmark() -> Callable[[Callable[[], None]], None]:
    """Runs what langchain-tests wants timed, once; speed is measured elsewhere."""
    return lambda run: run()


@pytest.fixture
def vcr() -> None:
    """Recordings of web traffic: there is none."""
