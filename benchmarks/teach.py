"""Twenty shapes that no weights were trained with, taught by one, three and five views.

Each shape has one colour, and is shown alone in rooms of its own. Then it stands in other rooms, in
front of the robot and next to other things: named right is the share of those images that get its
name. Others are images of the 18 known kinds, and, for each name, of the 19 other shapes: named so
is the share of them that get any taught name, or another shape's.
"""

import sys
import tempfile
import time
from argparse import Namespace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.robot.teaching import space_id
from sensebind.checkpoints import default_checkpoint
from sensebind.memory.taught import TaughtNames
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.simhome.catalog import COLORS, KINDS, MORE_KINDS
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene

SEEDS = 8_000_000
"""Scenes of this benchmark: neither trained on, nor calibrated with, nor evaluated elsewhere."""
NAMED_BAR, OTHERS_BAR = 0.85, 0.05
_Job = tuple[str, str, int, bool]


def rendered(job: _Job) -> np.ndarray:
    """An image with a thing of a kind and colour in front of the robot: uint8 [224, 224, 3]."""
    kind, color, seed, alone = job
    scene = sample_scene(
        seed, main=(kind, color), things=1 if alone else None, sounding=False, taught=True
    )
    with SimHome(scene) as home:
        return home.camera().copy()


def jobs(views: int, tests: int, others: int) -> tuple[list[_Job], list[_Job], list[_Job]]:
    """What is shown, what is asked, and what has no name."""
    colors = list(COLORS)
    shown = [
        (kind, colors[i % 8], SEEDS + 100 * i + view, True)
        for i, kind in enumerate(MORE_KINDS)
        for view in range(views)
    ]
    asked = [
        (kind, colors[i % 8], SEEDS + 100_000 + 100 * i + test, False)
        for i, kind in enumerate(MORE_KINDS)
        for test in range(tests)
    ]
    rest = [
        (KINDS[i % len(KINDS)], colors[i // len(KINDS) % 8], SEEDS + 200_000 + i, False)
        for i in range(others)
    ]
    return shown, asked, rest


def embedded(senses: MediaEncoder, images: list[np.ndarray]) -> np.ndarray:
    """Embeddings [N, D]."""
    found = [senses.embed("vision", image) for image in images]
    return np.stack([one for one in found if one is not None])


def measure(options: Namespace) -> list[Row]:
    """Teach and ask."""
    checkpoint = options.checkpoint or default_checkpoint()
    senses = MediaEncoder(checkpoint, ["vision"])
    cache = VisualCache.load(checkpoint / "visual_cache").vectors()
    parts = jobs(5, options.tests, options.others)
    with get_context("spawn").Pool(options.workers) as pool:
        shown, asked, rest = (
            embedded(senses, pool.map(rendered, part, chunksize=8)) for part in parts
        )
    owners = [kind for kind, *_ in parts[1]]
    rows: list[Row] = []
    for views in (1, 3, 5):
        with tempfile.TemporaryDirectory() as folder:
            names = TaughtNames(Path(folder) / "taught.json", space_id(checkpoint), cache)
            for i, kind in enumerate(MORE_KINDS):
                names.teach(kind, "vision", list(shown[5 * i : 5 * i + views]), at=time.time_ns())
            found = [names.match("vision", one) for one in asked]
            said = [one.name if one is not None else "" for one in found]
            right = np.mean([a == b for a, b in zip(said, owners, strict=True)])
            wrong = np.mean([a not in ("", b) for a, b in zip(said, owners, strict=True)])
            strange = np.mean([names.match("vision", one) is not None for one in rest])
        bars = (NAMED_BAR, OTHERS_BAR) if views == 5 else (None, None)
        rows += [
            Row(f"named right, {views} views", float(right), bars[0], len(asked)),
            AtMost(f"another shape's name, {views} views", float(wrong), bars[1], len(asked)),
            AtMost(f"known kinds named so, {views} views", float(strange), bars[1], len(rest)),
        ]
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--tests", 15, 2, "images of each shape")
    parser.amount("--others", 360, 36, "images of known kinds")
    parser.amount("--workers", 2, 1, "rendering processes")
    parser.add_argument("--checkpoint", type=Path, help="weights; the embedded ones by default")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
