"""The suite's quick part with the lowest versions of everything but PyTorch that pyproject allows.

`python .ci/lowest.py .venv` makes build/lowest, an environment of its own in which PyTorch alone is
that of .venv, installs there exactly the lower bounds of pyproject.toml (wheels, nothing is built),
and runs the tests of `TESTS`. Exit code 0 also where the package index does not answer, which is
said; 1 where the bounds exclude each other, have no wheel, or a test fails. The environment stays:
`build/lowest/bin/python -m pytest FILE` runs one file of tests there again.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "lowest"
EXTRAS = ("openai", "ollama", "mcp", "imagine", "lidar", "ros", "zenoh")
"""Those whose packages the suite uses; the others need hardware, or a sound server that keeps time,
which a busy machine does not give: `microphone` is tried by `make test` alone."""
TOOLS = (
    *("pytest", "pytest-asyncio", "pytest-timeout", "pytest-xdist"),
    *("hypothesis", "langchain-tests"),
)
"""Packages of the tests alone, in the newest versions that go with the others."""
OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout"
    r"|ReadTimeoutError|Network is unreachable|ProxyError|Connection (refused|reset)",
    re.IGNORECASE,
)
"""What pip says where the package index does not answer."""
NO_WHEEL = re.compile(r"^ERROR: No matching distribution found for (.+)$", re.MULTILINE)
"""What it says of a version that the index does not have, or has no wheel of for this machine."""
CONFLICT = re.compile(r"^ERROR: .*(?:ResolutionImpossible|conflicting dependencies)", re.MULTILINE)
"""What it says of bounds that exclude each other; it may have been kept waiting before."""
TESTS = (
    "tests/agent/test_assistant.py",
    "tests/agent/test_stored_types.py",
    "tests/agent/test_threads.py",
    "tests/agent/cli/test_commands.py",
    "tests/agent/cli/test_imagine.py",
    "tests/agent/conversion/test_convert_bases.py",
    "tests/agent/conversion/test_convert_llama.py",
    "tests/agent/conversion/test_dequantize.py",
    "tests/agent/gated_llama/test_gated_loading.py",
    "tests/agent/llm/test_chat_model.py",
    "tests/agent/llm/test_constrained_decoding.py",
    "tests/agent/llm/test_other_providers.py",
    "tests/agent/results",
    "tests/agent/robot/test_monitor.py",
    "tests/agent/server/test_mcp_http.py",
    "tests/agent/server/test_page.py",
    "tests/memory/test_visual_cache.py",
    "tests/memory/test_episodes.py",
    "tests/perception/bus",
    "tests/perception/frames",
    "tests/perception/imagebind",
    "tests/perception/ros",
    "tests/perception/simhome",
    "tests/perception/sources",
    "tests/tools/test_api.py",
    "tests/tools/test_mcp.py",
    "tests/tools/motion/test_routes.py",
    "tests/tools/test_ranging.py",
    "tests/tools/json_schema",
    "tests/test_docs_commands.py",
)
"""Together they use every package that is named."""


def lowest() -> list[str]:
    """Return the requirements of pyproject.toml at their lower bounds, PyTorch left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"]]
    for extra in EXTRAS:
        named += project["optional-dependencies"][extra]
    found = []
    for one in named:
        match = re.fullmatch(r"([\w.-]+(?:\[[\w,]+\])?)>=([\w.]+)(?:,<.*)?", one)
        assert match is not None, f"{one}: give it a lower bound"
        if match[1] != "torch":
            found.append(f"{match[1]}=={match[2]}")
    return found


def make(environment: Path) -> Path:
    """Make an environment with PyTorch from another one and our code; return its interpreter."""
    shutil.rmtree(BUILD, ignore_errors=True)
    venv.create(BUILD, with_pip=True, symlinks=True)
    [theirs] = environment.resolve().glob("lib/python3*/site-packages")
    [ours] = BUILD.glob("lib/python3*/site-packages")
    # By links into a folder of its own: nothing else of the other environment can be imported.
    only = BUILD / "torch"
    only.mkdir()
    for pattern in ("torch", "torch-*", "torchgen", "functorch", "nvidia*", "triton*", "libtorch*"):
        for path in theirs.glob(pattern):
            (only / path.name).symlink_to(path)
    # Our code too, and not by PYTHONPATH, which MCP does not pass on to the servers that it starts.
    (ours / "lowest.pth").write_text(f"{only}\n{ROOT / 'src'}\n")
    return BUILD / "bin" / "python"


def torch_needs() -> list[str]:
    """Return the requirements of the PyTorch that `make` linked: pip does not see them."""
    [metadata] = (BUILD / "torch").glob("torch-*/METADATA")
    named = re.findall(r"^Requires-Dist: (.+)$", metadata.read_text(), re.MULTILINE)
    return [one for one in named if "extra ==" not in one and "platform" not in one]


def why_not(said: str) -> tuple[int, str]:
    """Return the exit code and what to print where pip could not install the lower bounds.

    Args:
        said: What pip printed on standard error.
    """
    lines = said.strip().splitlines() or ["pip said nothing"]
    if CONFLICT.search(said):
        conflict = [one for one in lines if not one.startswith("WARNING")]
        return 1, "\n".join(["the lower bounds exclude each other:", *conflict[-20:]])
    if OFFLINE.search(said):
        return 0, f"lowest versions: skipped, the package index does not answer ({lines[-1][:120]})"
    if missing := NO_WHEEL.search(said):
        return (
            1,
            f"the package index has no wheel of {missing[1]} for this machine: raise its bound",
        )
    return 1, "\n".join(lines[-20:])


def main(environment: Path, arguments: list[str]) -> int:
    """Install, and run the tests."""
    begun = time.monotonic()
    python = make(environment)
    wanted = lowest()
    done = subprocess.run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary", ":all:"),
            *("--disable-pip-version-check", *wanted, *torch_needs(), *TOOLS),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": ""},
    )
    if done.returncode:
        code, said = why_not(done.stderr)
        print(said)
        return code
    print(f"{len(wanted)} packages at their lower bounds, {time.monotonic() - begun:.0f} s")
    with tempfile.TemporaryDirectory(prefix="lowest.", dir="/tmp") as folder:  # sockets lie there
        tests = subprocess.run(
            [
                *(python, "-m", "pytest", "-n", "auto", "--maxprocesses", "4", "--dist"),
                *("loadfile", "--basetemp", f"{folder}/t", "-m", "not slow and not extended"),
                *(*TESTS, *arguments),
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": ""},
        )
    print(f"lowest versions: exit code {tests.returncode}, {time.monotonic() - begun:.0f} s")
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
