"""One robot serves all tests of a module, so that its state is the module's."""

from collections.abc import Iterator
from typing import Any

import pytest
from fixtures.browsing import CHROMIUM


@pytest.fixture(autouse=True)
def robot_state() -> None:
    """Leave `XDG_STATE_HOME` as the module's own fixture has set it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, for the tests of a module."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()
