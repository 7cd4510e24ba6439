"""One robot serves all tests of a module, so that its state is the module's."""

import pytest


@pytest.fixture(autouse=True)
def robot_state() -> None:
    """Leave `XDG_STATE_HOME` as the module's own fixture has set it."""
