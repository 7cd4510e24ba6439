"""The reader: what it does with the development set, how its scores are calibrated, what it costs.

    python benchmarks/reader.py

The development set is by the author of the sentences that the reader is trained on. Of the three
development sets in the form of the held-out ones it is counted what the reader makes of them alone,
without the language model; the held-out sets are measured by `sensebind eval understanding`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from langchain_core.tools import BaseTool, StructuredTool
from report import AtMost, Parser, Row, run

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.actions import ORDERS, TOOLS_OF
from sensebind.agent.reader.intent import Reading, Verdict
from sensebind.agent.reader.reader import Scores, WordsReader
from sensebind.agent.training.reader.train import FIRST_UNSEEN, ReaderRecipe, sentences
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label

DATA = Path(__file__).parents[1] / "tests" / "data"
DEVELOPMENT = DATA / "reader" / "development.jsonl"
SETS = ("understanding_development", "understanding_second", "understanding_third")
ACTING = sorted({tool for tools in TOOLS_OF.values() for tool in tools})
OBSERVING = ("thermostat_get", "house_status", "clock", "detect", "recall", "watch_add")
EDGES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


def reliability(what: str, scores: Sequence[Scores], orders: Sequence[frozenset[str]]) -> list[Row]:
    """Rows of a reliability diagram: of the scores of a bin, their mean and the share of orders."""
    pairs = [
        (score, action in wanted)
        for one, wanted in zip(scores, orders, strict=True)
        for action, score in one.act.items()
        if action in ORDERS
    ]
    rows = []
    for low, high in itertools.pairwise(EDGES):
        inside = [pair for pair in pairs if low <= pair[0] < high or (high == 1.0 == pair[0])]
        if inside:
            mean = statistics.fmean(score for score, _ in inside)
            share = statistics.fmean(float(right) for _, right in inside)
            name = f"{what}: share of orders, score {low:.2f} to {high:.2f} (mean {mean:.3f})"
            rows.append(Row(name, share, None, len(inside)))
    return rows


def development(reader: WordsReader, lines: list[dict[str, Any]]) -> list[Row]:
    """Rows by category: how many acted wrongly, and how many orders were carried out or asked."""
    asks = reader.weights.calibration.ask
    counts: dict[str, list[int]] = {}
    for line, one in zip(lines, reader.scores_of([row["text"] for row in lines]), strict=True):
        wanted = set(line["ordered"])
        acted = {name for name in ORDERS if one.act[name] >= reader.least(line["text"])}
        asked = {name for name in ORDERS if one.act[name] + one.ask[name] >= asks}
        row = counts.setdefault(line["category"], [0, 0, 0, 0, 0])
        row[0] += 1
        row[1] += bool(acted - wanted)
        row[2] += bool(wanted)
        row[3] += bool(wanted) and acted == wanted
        row[4] += bool(wanted) and wanted <= asked
    rows: list[Row] = []
    for name, (count, wrong, orders, done, asked_too) in counts.items():
        rows.append(AtMost(f"{name}: wrongly acted", wrong, None, count))
        if orders:
            rows.append(Row(f"{name}: done", done, None, orders))
            rows.append(Row(f"{name}: done or asked", asked_too, None, orders))
    return rows


def house() -> list[BaseTool]:
    """Tools with the names of SimHome's, which do nothing."""
    risks = dict.fromkeys(ACTING, Risk.CHANGE) | dict.fromkeys(OBSERVING, Risk.OBSERVE)
    return [
        StructuredTool.from_function(
            lambda: "done", name=name, description="Does it.", metadata=label(risk)
        )
        for name, risk in risks.items()
    ]


def calls_of(reading: Reading) -> tuple[list[str], list[str]]:
    """The acting tools that a reading calls, and those that it asks about; each in order."""
    parts = [step.reading for step in reading.steps] or [reading]
    sure, asked = [], []
    for part in parts:
        for name, verdict in part.verdicts.items():
            proposed = [one.tool for one in part.proposals]
            if name in ACTING and (not proposed or name in proposed):
                sure += [name] * (verdict is Verdict.CALL)
                asked += [name] * (verdict is Verdict.ASK)
    return sure, asked


def alone(reader: WordsReader) -> list[Row]:
    """Rows of the sets in the held-out form: what is acted on that must not be, and what is not."""
    tools, rows = house(), []
    for name in SETS:
        for kind in ("must_not_act", "plain_orders"):
            file = DATA / name / f"{kind}.jsonl"
            if not file.is_file():  # the third has no plain orders
                continue
            lines = file.read_text("utf-8").splitlines()
            read = [(line, reader.read(line["text"], tools)) for line in map(json.loads, lines)]
            if kind == "must_not_act":
                wrong = [
                    bool(
                        set(calls_of(one)[0]) - {each["tool"] for each in line["expected"]["acts"]}
                    )
                    for line, one in read
                ]
                rows.append(AtMost(f"{name}: wrongly acted", sum(wrong), None, len(wrong)))
            else:
                done = [
                    calls_of(one) == ([each["tool"] for each in line["expected"]["calls"]], [])
                    for line, one in read
                    if line["approved"]
                ]
                rows.append(Row(f"{name}: approved ones, not asked", sum(done), None, len(done)))
    return rows


def measure(options: argparse.Namespace) -> list[Row]:
    """Load the reader, and let it read."""
    torch.set_num_threads(1)
    folder = options.checkpoint / FOLDER
    begun = time.perf_counter()
    reader = WordsReader(folder)
    assert reader.weights.calibration
    loading = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in folder.iterdir())
    lines = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    took = []
    for line in lines:
        begun = time.perf_counter()
        reader.scores(line["text"])
        took.append(1e3 * (time.perf_counter() - begun))
    rows = [
        AtMost("weights, MB", size / 1e6, None, len(reader.weights.members)),
        AtMost("loaded in, ms", 1e3 * loading, None, 1),
        AtMost("a sentence is read, p50, ms", statistics.median(took), None, len(took)),
        AtMost("a sentence is read, p95, ms", statistics.quantiles(took, n=20)[-1], 5, len(took)),
        *development(reader, lines),
        *alone(reader),
    ]
    known = [frozenset(line["ordered"]) for line in lines]
    scores = reader.scores_of([line["text"] for line in lines])
    rows += reliability("development", scores, known)
    unseen = sentences(replace(ReaderRecipe(), shard=options.unseen), FIRST_UNSEEN + 1)
    orders = [frozenset(name for name, level in one.levels.items() if level == 2) for one in unseen]
    return rows + reliability("unseen", reader.scores_of([one.text for one in unseen]), orders)


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, default=default_checkpoint())
    parser.amount("--unseen", 4096, 256, "generated sentences that are never trained on")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
