"""Several processes of one training: who makes which passes, and that all come to the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures.small_bases import save_base
from PIL import Image
from safetensors import safe_open

from sensebind.agent.conversion.adapt import AdaptOptions, adapt
from sensebind.agent.training.tuning.loop import STATE_NAME
from sensebind.agent.training.tuning.processes import ALONE, Processes, joined
from sensebind.errors import ConfigurationError


def test_passes_are_shared_out() -> None:
    parts = list(range(6))
    assert [Processes(rank, 3).share(parts) for rank in range(3)] == [[0, 3], [1, 4], [2, 5]]
    assert ALONE.share(parts) == parts
    assert ALONE.sums(1.5, 2.0) == [1.5, 2.0]
    assert ALONE.first_then_all(lambda: 7) == 7
    ALONE.check(1)
    Processes(0, 3).check(6)
    with pytest.raises(ConfigurationError, match=r"3 processes cannot share 4 .*--accumulate 6"):
        Processes(0, 3).check(4)


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as processes:
        assert processes == ALONE


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("processes")
    items: list[dict[str, Any]] = [{"instruction": "Add.", "input": "1, 2", "output": "3"}]
    for name, color in {"red": (220, 20, 20), "green": (20, 200, 20)}.items():
        Image.new("RGB", (32, 32), color).save(folder / f"{name}.png")
        turns = [{"from": "human", "value": "Which?"}, {"from": "gpt", "value": name}]
        items.append({"image": f"{name}.png", "conversations": turns})
    (folder / "items.json").write_text(json.dumps(items), "utf-8")
    adapt(AdaptOptions(str(save_base(folder / "base", "llama 3.2")), folder / "a", bind_blocks=1))
    words = "--steps 40 --batch 2 --rank 2 --accumulate 2 --threads 1 --stage stage1 --json"
    given = ["--base", str(folder / "a"), "--pairs", str(folder / "items.json"), *words.split()]
    return ["sensebind", "train", "llama", *given]


def trained(arguments: list[str], run: Path, processes: int, *more: str) -> dict[str, Any]:
    start = [sys.executable, "-m"]
    if processes > 1:  # after "--" torchrun takes no option of ours, such as --run, for its own
        launcher = [
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(processes),
            "-m",
            "--",
        ]
        start += launcher
    done = subprocess.run(
        [*start, *arguments, "--run", str(run), *more],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("{")]
    return json.loads(line)


def weights(run: Path) -> tuple[dict[str, torch.Tensor], list[float]]:
    with safe_open(run / "stage1" / STATE_NAME, framework="pt") as kept:
        losses = json.loads(kept.metadata()["progress"])["losses"]
        names = [name for name in kept.keys() if name.startswith("weight.")]  # noqa: SIM118
        return {name: kept.get_tensor(name) for name in names}, losses


@pytest.mark.extended
@pytest.mark.timeout(900)  # seven processes import PyTorch
def test_two_processes_train_what_one_does_and_go_on_where_they_stopped(
    command: list[str], tmp_path: Path
) -> None:
    # The plain replies of the base are part of what is trained on: made once, used by all.
    alone, two, stopped = tmp_path / "alone", tmp_path / "two", tmp_path / "stopped"
    assert trained(command, alone, 1)["finished"]
    for run in (two, stopped):
        run.mkdir()
        (run / "talk.jsonl").write_bytes((alone / "talk.jsonl").read_bytes())
    done = trained(command, two, 2)
    assert done["finished"] and done["bytes"] > 0 and done["stage1"]["steps"] == 40
    assert not trained(command, stopped, 2, "--minutes", "0.01")["finished"]
    assert 0 < len(weights(stopped)[1]) < 40
    assert trained(command, stopped, 2)["finished"]
    (_, losses), (others, same), (again, resumed) = map(weights, (alone, two, stopped))
    assert losses == pytest.approx(same, rel=1e-3) and same[-1] < 0.97 * same[0]
    assert same == pytest.approx(resumed, rel=1e-5)
    for name, tensor in others.items():
        torch.testing.assert_close(again[name], tensor, atol=1e-5, rtol=0.0)
