"""Marks that langchain-tests uses; the plugins that know them are switched off."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for name in ("benchmark", "vcr"):
        config.addinivalue_line("markers", f"{name}: langchain-tests, unused here")
