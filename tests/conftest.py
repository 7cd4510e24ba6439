"""Options of the whole suite."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or the drawing of it, tells how busy the machine is. All else is as
# Hypothesis has it by default, which in CI is the same examples each time.
settings.register_profile(
    "suite",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("suite")

if "PYTEST_XDIST_WORKER" in os.environ:  # the processors are shared by the workers already
    os.environ.setdefault("OMP_NUM_THREADS", "1")

DEFAULT_GOLDEN = Path(__file__).parent / "golden"
KNOWN_SKIPS = Path(__file__).parent / "known_skips.txt"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        metavar="DIR",
        type=Path,
        default=DEFAULT_GOLDEN,
        help="directory of golden_*.json and .safetensors files for tests/parity",
    )
    parser.addoption(
        "--known-skips",
        action="store_true",
        help=f"fail when more tests are skipped than {KNOWN_SKIPS.name} names; for CI",
    )
    parser.addoption(
        "--without-debian",
        action="store_true",
        help="with --known-skips: tests may skip that name a package to `apt install`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "golden(family): runs once for every golden_<family>*.json of --golden"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails when tests are skipped for a reason that nobody knows of, with --known-skips."""
    if session.config.getoption("--known-skips") and _unknown_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Names the skips for which the session failed."""
    if config.getoption("--known-skips"):
        for line in _unknown_skips(config):
            terminalreporter.write_line(line, red=True)


def _unknown_skips(config: pytest.Config) -> list[str]:
    """A line for each reason for which more tests were skipped than are known."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter):  # in a worker of xdist
        return []
    known = Counter[str]()
    for line in KNOWN_SKIPS.read_text().splitlines():
        if line and not line.startswith("#"):
            count, _, reason = line.partition(" ")
            known[reason] = int(count)
    found = Counter(
        report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "?"
        for report in reporter.stats.get("skipped", [])
    )
    without_debian = config.getoption("--without-debian")
    return [
        f"{count} skipped, {known[reason]} are known of: {reason}"
        for reason, count in found.items()
        if count > known[reason] and not (without_debian and "apt install" in reason)
    ]


@pytest.fixture(autouse=True)
def robot_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a robot of its own, whose rates no other test uses up."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
