"""Whether the reader's scores are what they say: a reliability diagram of the development sets.

    python benchmarks/reliability.py [--svg FILE]

Of all sentences and tools whose score lies in a bin, the share in which the tool was ordered. A
score is calibrated where that share is the mean score of the bin. The sets lie in
tests/data/understanding_development and tests/data/reader; none of their sentences was trained on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from report import Parser, Row, run

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.actions import ORDERS, TOOLS_OF
from sensebind.agent.reader.reader import Scores, WordsReader
from sensebind.checkpoints import default_checkpoint

DATA = Path(__file__).parents[1] / "tests" / "data"
EDGES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 1.0)
_TOOLS = sorted({tool for tools in TOOLS_OF.values() for tool in tools})
_SIDE = 300  # pixels of the diagram


def sentences() -> list[tuple[str, frozenset[str]]]:
    """Returns sentences with the tools that they order."""
    found: list[tuple[str, frozenset[str]]] = []
    for name in ("must_not_act", "plain_orders", "numbers", "tasks_of_steps"):
        for line in (DATA / "understanding_development" / f"{name}.jsonl").open(encoding="utf-8"):
            row = json.loads(line)
            expected = row["expected"]
            calls = [
                *expected.get("acts", ()),
                *expected.get("calls", ()),
                *expected.get("steps", ()),
            ]
            if expected.get("outcome") != "ask":  # where the tool is ordered, and the number wrong
                found.append((row["text"], frozenset(str(one["tool"]) for one in calls)))
    for line in (DATA / "reader" / "development.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        named = {TOOLS_OF[one][0] for one in row["ordered"] if not one.startswith("it_")}
        if not any(one.startswith("it_") for one in row["ordered"]):
            found.append((row["text"], frozenset(named)))
    return found


def by_tool(scores: Scores) -> dict[str, float]:
    """Returns the score of each tool, as the reader's verdicts have it."""
    found = dict.fromkeys(_TOOLS, 0.0)
    for action in ORDERS:
        for tool in TOOLS_OF[action]:
            found[tool] = min(1.0, found[tool] + scores.act[action])
    return found


def binned(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float, float, float, int]]:
    """Returns for each bin that is not empty: its edges, mean score, share of orders, and size."""
    found = []
    for low, high in itertools.pairwise(EDGES):
        inside = [one for one in pairs if low <= one[0] < high or (high == 1.0 == one[0])]
        if inside:
            mean = statistics.fmean(score for score, _ in inside)
            share = statistics.fmean(float(right) for _, right in inside)
            found.append((low, high, mean, share, len(inside)))
    return found


def svg(bins: Sequence[tuple[float, float, float, float, int]]) -> str:
    """Returns the diagram: share of orders over mean score, and the line of a calibrated score."""
    edge = 30
    dots = "".join(
        f'<circle cx="{edge + mean * _SIDE:.1f}" cy="{edge + (1 - share) * _SIDE:.1f}" r="4">'
        f"<title>{count}</title></circle>"
        for _, _, mean, share, count in bins
    )
    size = _SIDE + 2 * edge
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}">'
        f'<rect x="{edge}" y="{edge}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="black"/>'
        f'<line x1="{edge}" y1="{edge + _SIDE}" x2="{edge + _SIDE}" y2="{edge}" stroke="grey"/>'
        f'{dots}<text x="{edge}" y="{size - 8}">score</text>'
        f'<text x="{edge}" y="20">share of orders</text></svg>\n'
    )


def measure(options: argparse.Namespace) -> list[Row]:
    """Read all sentences, and compare the scores with what was ordered."""
    torch.set_num_threads(1)
    reader = WordsReader(options.checkpoint / FOLDER)
    lines = sentences()
    scores = reader.scores_of([text for text, _ in lines])
    pairs = [
        (score, tool in wanted)
        for one, (_, wanted) in zip(scores, lines, strict=True)
        for tool, score in by_tool(one).items()
    ]
    bins = binned(pairs)
    if options.svg:
        options.svg.write_text(svg(bins), encoding="utf-8")
    total = len(pairs)
    error = sum(count * abs(mean - share) for _, _, mean, share, count in bins) / total
    rows = [
        Row(f"score {low:.2f} to {high:.2f}, mean {mean:.3f}: ordered", share, None, count)
        for low, high, mean, share, count in bins
    ]
    return [*rows, Row("expected calibration error", error, None, total)]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, default=default_checkpoint())
    parser.add_argument("--svg", type=Path, help="file of the diagram")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
