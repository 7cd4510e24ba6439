"""A hundred damaged inputs for every reader; `benchmarks/mutations.py` has the many."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "mutations.py"


def test_damaged_input_is_read_or_refused_and_nothing_else() -> None:
    """In a process of its own: a decoder that crashes would take all tests with it."""
    pytest.importorskip("velodyne_decoder", reason="pip install 'sensebind[lidar]'")
    pytest.importorskip("rosbags", reason="pip install 'sensebind[ros]'")
    command = [sys.executable, str(BENCHMARK), "--count", "100", "--seed", "7", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240)
    said = [line for line in ended.stderr.splitlines() if len(line) < 200]  # not its modules
    assert ended.returncode == 0, "\n".join(said[-40:])
    rows = json.loads(ended.stdout)["rows"]
    refused = {row["name"]: row["value"] for row in rows if row["name"].endswith(": refused")}
    assert len(refused) > 25
    assert refused.pop("API answers: refused") == 0  # whatever comes is an answer, if only a text
    assert all(refused.values()), refused
