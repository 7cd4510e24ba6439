"""The tree says what may import what: no cycle of files or folders, no import of a higher layer."""

import ast
import importlib
import re
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "memory", "perception", "tools")
FACADES = ("agent", "__init__", "__main__")
"""They name what lies deeper for others to import, and nothing here imports them."""
LAYERS = (
    "console",
    "credential_search",
    "credentials",
    "errors",
    "printable",
    "servers",
    "checkpoints",
    "perception",
    "perception.modality",
    "perception.stream_names",
    "perception.observation",
    "perception.percept",
    "perception.process",
    "perception.checkpoint_json",
    "perception.tensor_files",
    "perception.without_values",
    "perception.pixels",
    "perception.storage",
    "perception.downmix",
    "perception.geometry",
    "perception.http_server",
    "perception.bus",
    "perception.ros",
    "perception.imagebind",
    "perception.lidar",
    "perception.encoders",
    "perception.frames",
    "perception.datasets",
    "perception.simhome",
    "perception.sources",
    "perception.workers",
    "memory",
    "tools",
    "agent.gated_llama",
    "agent.llamacpp",
    "agent.corpus",
    "agent.conversion",
    "agent.conditioning",
    "agent.llm",
    "agent.results",
    "agent.approval",
    "agent.grounding",
    "agent.reader",
    "agent",
    "agent.robot",
    "agent.server",
    "agent.voice",
    "agent.evaluation",
    "agent.training",
    "agent.cli",
)
"""Lowest first. A module in a folder that is not named belongs to the nearest one above it."""
TOP_FILES = 10
"""Files that may lie in `agent/` itself, in no folder of it."""


def modules() -> dict[str, Path]:
    """Every module by its dotted name without `sensebind.`."""
    found = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            found[".".join(file.relative_to(ROOT).with_suffix("").parts)] = file
    for file in (ROOT / "src/sensebind").glob("*.py"):
        found[file.stem] = file
    for file in (ROOT / "src/sensebind/checkpoints").glob("*.py"):
        found[f"checkpoints.{file.stem}"] = file
    return {name.removesuffix(".__init__"): file for name, file in found.items()}


def imports(name: str, file: Path, known: dict[str, Path]) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("sensebind.") for a in node.names} & known.keys()
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                origin = ".".join([*base, *([node.module] if node.module else [])])
            elif node.module == "sensebind" or (node.module or "").startswith("sensebind."):
                origin = node.module.removeprefix("sensebind").lstrip(".")  # type: ignore[union-attr]
            else:
                continue
            for alias in node.names:
                inner = f"{origin}.{alias.name}".lstrip(".")
                found.add(inner if inner in known else origin)
    return {one for one in found if one in known and one != name}


def layer(module: str) -> str:
    """The layer that a module belongs to."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if (name := ".".join(parts[:end])) in LAYERS:
            return name
    return parts[0]


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    for facade in FACADES:
        del known[facade]
    return {name: imports(name, file, known) for name, file in known.items()}


def test_no_cycle_of_files(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


def test_no_cycle_of_folders(graph: dict[str, set[str]]) -> None:
    folders: dict[str, set[str]] = {}
    for name, imported in graph.items():
        for one in imported:
            if (pair := siblings(name, one)) is not None:
                folders.setdefault(pair[0], set()).add(pair[1])
    try:
        TopologicalSorter(folders).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle of folders: {' -> '.join(error.args[1])}")


def siblings(a: str, b: str) -> tuple[str, str] | None:
    """The two folders next to each other that modules lie in; None if one lies above the other."""
    mine, theirs = a.split("."), b.split(".")
    common = next((i for i, (x, y) in enumerate(zip(mine, theirs, strict=False)) if x != y), None)
    if common is None or common + 1 in (len(mine), len(theirs)):
        return None
    return ".".join(mine[: common + 1]), ".".join(theirs[: common + 1])


def test_no_import_of_a_higher_layer(graph: dict[str, set[str]]) -> None:
    upward = [
        f"{name} imports {one}"
        for name, imported in graph.items()
        for one in imported
        if LAYERS.index(layer(one)) > LAYERS.index(layer(name))
    ]
    assert not upward, "\n".join(sorted(upward))


def test_few_files_lie_at_the_top_of_the_agent() -> None:
    """What has a subject lies in its folder: at the top is what joins them, and no more."""
    files = sorted(file.name for file in (ROOT / "agent").iterdir() if file.is_file())
    assert len(files) <= TOP_FILES, files


def test_every_name_in_strings_and_docs_can_be_imported() -> None:
    """Modules are named as strings, too, where no import tool sees them."""
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.yaml", ":!tests/data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    names = set()
    for file in tracked.stdout.split():
        if file.startswith("tests/data/"):  # made with earlier versions, under their names
            continue
        text = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).is_file() else ""
        names |= set(re.findall(r"\bsensebind(?:\.[a-z_]+)+\b", text))
    missing = [name for name in sorted(names - NOT_MODULES) if not importable(name)]
    assert not missing, missing


def test_every_path_in_docs_exists() -> None:
    pattern = re.compile(r"`((?:agent|perception|tools|memory|benchmarks|examples)/[\w/]+\.\w+)")
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    absent = {
        f"{file.name}: {path}"
        for file in documents
        for path in pattern.findall(file.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    }
    assert not absent, sorted(absent)


NOT_MODULES = {
    "sensebind.encoders",
    "sensebind.sources",
    "sensebind.tools",
    "sensebind.voice",
    "sensebind.agent.conditions",
}
"""Groups of entry points, and a name that dialogs of earlier versions hold."""


def importable(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False
