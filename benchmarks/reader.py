"""The reader: what it does with the development set, how its scores are calibrated, what it costs.

    python benchmarks/reader.py

The development set is by the author of the sentences that the reader is trained on; the held-out
sets are measured by `sensebind eval understanding`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sensebind.agent.llm.reader import FOLDER
from sensebind.agent.llm.reader.reader import Scores, WordsReader
from sensebind.agent.training.reader.train import FIRST_UNSEEN, ReaderRecipe, sentences
from sensebind.checkpoints import default_checkpoint

DEVELOPMENT = Path(__file__).parents[1] / "tests" / "data" / "reader" / "development.jsonl"
EDGES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
UNSEEN = 4096


def reliability(scores: Sequence[Scores], orders: Sequence[frozenset[str]]) -> list[str]:
    """Rows of a reliability diagram: of scores in a bin, their mean and the share of orders."""
    pairs = [
        (score, action in wanted)
        for one, wanted in zip(scores, orders, strict=True)
        for action, score in one.act.items()
    ]
    rows = []
    for low, high in zip(EDGES, EDGES[1:], strict=False):
        inside = [pair for pair in pairs if low <= pair[0] < high or (high == 1.0 == pair[0])]
        if inside:
            mean = statistics.fmean(score for score, _ in inside)
            share = statistics.fmean(float(right) for _, right in inside)
            rows.append(f"| {low:.2f} to {high:.2f} | {len(inside)} | {mean:.3f} | {share:.3f} |")
    return rows


def development(reader: WordsReader) -> list[str]:
    """Rows by category: how many acted wrongly, and how many orders were carried out or asked."""
    lines = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    limits = reader.weights.calibration
    counts: dict[str, list[int]] = {}
    for line, one in zip(lines, reader.scores_of([row["text"] for row in lines]), strict=True):
        wanted = set(line["ordered"])
        acted = {name for name, score in one.act.items() if score >= limits.act}
        asked = {name for name, score in one.act.items() if score + one.ask[name] >= limits.ask}
        row = counts.setdefault(line["category"], [0, 0, 0, 0])
        row[0] += 1
        row[1] += bool(acted - wanted)
        row[2] += bool(wanted) and acted == wanted
        row[3] += bool(wanted) and wanted <= asked
    return [f"| {name} | {' | '.join(map(str, row))} |" for name, row in counts.items()]


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=default_checkpoint())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = arguments.checkpoint / FOLDER
    begun = time.perf_counter()
    reader = WordsReader(folder)
    limits = reader.weights.calibration
    loading = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(
        f"{size / 1e6:.1f} MB, {len(reader.weights.members)} members, loaded in {loading * 1e3:.0f} ms"
    )
    print(limits)
    texts = [json.loads(line)["text"] for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    took = []
    for text in texts:
        begun = time.perf_counter()
        reader.scores(text)
        took.append(1e3 * (time.perf_counter() - begun))
    took.sort()
    print(f"reading: p50 {took[len(took) // 2]:.1f} ms, p95 {took[int(0.95 * len(took))]:.1f} ms")
    print("| development | sentences | wrongly acted | done | done or asked |")
    print("\n".join(development(reader)))
    lines = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    known = [frozenset(line["ordered"]) for line in lines]
    print("| score, development | pairs | mean score | share of orders |")
    print("\n".join(reliability(reader.scores_of([line["text"] for line in lines]), known)))
    unseen = sentences(replace(ReaderRecipe(), shard=UNSEEN), FIRST_UNSEEN + 1)
    orders = [frozenset(name for name, level in one.levels.items() if level == 2) for one in unseen]
    print("| score, unseen sentences | pairs | mean score | share of orders |")
    print("\n".join(reliability(reader.scores_of([one.text for one in unseen]), orders)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
