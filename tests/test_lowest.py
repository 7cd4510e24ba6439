"""What `make lowest` says where the lower bounds cannot be installed, and what it installs."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
OFFLINE = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
    "Failed to establish a new connection: [Errno 101] Network is unreachable')': /simple/gguf/\n"
)
NO_WHEEL = (
    "ERROR: Could not find a version that satisfies the requirement gguf==0.19 (from versions: )\n"
    "ERROR: No matching distribution found for gguf==0.19\n"
)
CONFLICT = (
    "ERROR: Cannot install langchain==1.4.2 and langchain-core==1.4.9 because these package "
    "versions have conflicting dependencies.\n"
    "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/\n"
)


@pytest.fixture(scope="module")
def lowest() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lowest", ROOT / ".ci" / "lowest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("said", "code", "line"),
    [
        (OFFLINE + NO_WHEEL, 0, "skipped, the package index does not answer"),
        (NO_WHEEL, 1, "the package index has no wheel of gguf==0.19 for this machine"),
        (OFFLINE + CONFLICT, 1, "the lower bounds exclude each other"),
        ("ERROR: no space left on device\n", 1, "no space left on device"),
        ("", 1, "pip said nothing"),
    ],
)
def test_why_nothing_is_installed_is_said(
    lowest: ModuleType, said: str, code: int, line: str
) -> None:
    assert lowest.why_not(said)[0] == code and line in lowest.why_not(said)[1]


def test_every_bound_of_what_the_suite_uses_is_installed(lowest: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = lowest.lowest()
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", one) for one in found)
    names = {one.partition("==")[0] for one in found}
    needed = {re.split(r"[<>=\[]", one)[0] for one in project["dependencies"]} - {"torch"}
    assert needed <= names and "torch" not in names


def test_every_file_of_its_tests_is_there(lowest: ModuleType) -> None:
    assert all((ROOT / one).exists() for one in lowest.TESTS)
