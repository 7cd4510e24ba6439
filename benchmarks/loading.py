"""Processor time of loading weights, next to another source tree: what the checks of them cost.

A process of each tree imports what it needs, loads once, and then loads several times, which is
timed (user and system time, as the kernel counts it); processes of the two trees take turns. What
else the machine does makes a load longer and never shorter, so the least time of each tree counts.
Loaded are the embedded checkpoint and a made-up gated LLaMA of `--megabytes`, whose time is that of
its weights. Exit code 1 when the ratio of the least times is above the bar.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from report import AtMost, Parser, Row, run

from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError

ROOT = Path(__file__).parents[1]
BAR = 1.05
"""Of the other tree's time that loading may take."""
_WIDTH = 1024
_LOADS = """
import json, sys, time
import torch
from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.perception.imagebind.model import ImageBind
torch.set_num_threads(1)
path, times, trunks = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def load():
    if trunks:
        ImageBind.from_pretrained(trunks)
    else:
        load_gated_llama(path)
load()
spent = []
for _ in range(times):
    begin = time.process_time()
    load()
    spent.append(time.process_time() - begin)
print(json.dumps(spent))
"""


def make_large(folder: Path, megabytes: int) -> Path:
    """Write a gated LLaMA of about that size with random weights, and the embedded tokenizer."""
    import torch

    from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM

    small = default_checkpoint()
    for file in small.glob("*.json*"):
        shutil.copy(file, folder)
    shutil.copy(small / "chat_template.jinja", folder)
    layers = max(4, round(megabytes * 1e6 / (2 * 12 * _WIDTH**2)))
    sizes = {
        "hidden_size": _WIDTH,
        "intermediate_size": 8 * _WIDTH // 3,
        "num_hidden_layers": layers,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": _WIDTH // 16,
        "bind_hidden_size": 384,
    }
    config = GatedLlamaConfig(**(json.loads((small / "config.json").read_text()) | sizes))
    torch.manual_seed(0)
    GatedLlamaForCausalLM(config).half().save_pretrained(folder)
    return folder


def loads(tree: Path, path: Path, times: int, trunks: str = "") -> list[float]:
    """Load with a source tree in a process of its own; return the seconds of each time.

    Raises:
        ConfigurationError: It could not.
    """
    done = subprocess.run(
        [sys.executable, "-c", _LOADS, str(path), str(times), trunks],
        env=os.environ | {"PYTHONPATH": str(tree / "src")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ConfigurationError(f"{tree} could not load {path}: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(options: Namespace) -> list[Row]:
    """Load, and return the figures."""
    small = default_checkpoint()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        large = make_large(Path(folder), options.megabytes)
        size = sum(file.stat().st_size for file in large.glob("*.safetensors")) / 1e6
        cases = {
            "embedded language model": (small, ""),
            "embedded encoders": (small, str(small / "imagebind")),
            f"language model of {size:.0f} MB": (large, ""),
        }
        for name, (path, trunks) in cases.items():
            own: list[float] = []
            other: list[float] = []
            for _ in range(options.rounds):
                own += loads(ROOT, path, options.times, trunks)
                other += loads(options.than, path, options.times, trunks)
            ours, theirs = min(own), min(other)
            rows.append(Row(f"{name}, s", ours, None, len(own)))
            rows.append(Row(f"{name} on the other tree, s", theirs, None, len(other)))
            rows.append(AtMost(f"{name}, ratio", ours / theirs, BAR, len(own)))
    return rows


def main() -> int:
    """Parse the command line, measure, print."""
    parser = Parser(__doc__)
    parser.amount("--times", 5, 1, "loads of a process")
    parser.amount("--rounds", 5, 1, "processes of each tree")
    parser.amount("--megabytes", 400, 50, "of the larger model")
    parser.add_argument(
        "--than", type=Path, metavar="DIR", required=True, help="another source tree to compare"
    )
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
