"""Camera frames of SimHome with the boxes of what they show.

One shard is `frames-00000.npy` (uint8 [n, 224, 224, 3]) and `frames-00000.json` (boxes and kinds).
"""

import json
import multiprocessing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from sensebind.errors import InputError
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import sample_scene
from sensebind.perception.simhome.truth import truth

SHARD = 250


@dataclass(frozen=True, slots=True)
class Boxed:
    """One thing in a frame.

    Attributes:
        kind: What it is.
        color: Its colour.
        distance: From the robot, metres.
        pixels: Its visible area.
        box: Left, top, right, bottom of its visible part, pixels.
    """

    kind: str
    color: str
    distance: float
    pixels: int
    box: tuple[float, float, float, float]


def boxed_frame(seed: int) -> tuple[np.ndarray, list[Boxed]]:
    """Renders the scene of one seed.

    Returns:
        The camera frame, uint8 [224, 224, 3] RGB, and every thing visible in it.
    """
    home = SimHome(sample_scene(seed))
    try:
        frame = home.camera().copy()
        seen = truth(home).visible
    finally:
        home.close()
    return frame, [
        Boxed(thing.kind, thing.color, thing.distance, thing.pixels, thing.box) for thing in seen
    ]


def render_frames(folder: Path, *, frames: int, first_seed: int = 0, workers: int = 2) -> None:
    """Renders `frames` scenes from `first_seed` on; shards that exist already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder / f"frames-{index:05d}.npy", range(start, min(start + SHARD, first_seed + frames)))
        for index, start in enumerate(range(first_seed, first_seed + frames, SHARD))
    ]
    missing = [job for job in jobs if not job[0].exists()]
    context = multiprocessing.get_context("spawn")
    with Progress() as progress, context.Pool(workers) as pool:
        task = progress.add_task("frames", total=len(missing) * SHARD)
        for count in pool.imap_unordered(_render_shard, missing):
            progress.advance(task, count)


def _render_shard(job: tuple[Path, range]) -> int:
    path, seeds = job
    frames, things = zip(*map(boxed_frame, seeds), strict=True)
    rows = [[asdict(thing) for thing in seen] for seen in things]
    path.with_suffix(".json").write_text(json.dumps(rows))
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, np.stack(frames))
    part.replace(path)  # a shard appears only when it is whole
    return len(seeds)


def load_frames(folder: Path) -> tuple[list[np.ndarray], list[list[Boxed]]]:
    """Opens every rendered frame without reading the pixels into memory.

    Returns:
        Frames, each uint8 [224, 224, 3], memory-mapped, and the things in each.

    Raises:
        InputError: There is none.
    """
    frames: list[np.ndarray] = []
    things: list[list[Boxed]] = []
    for path in sorted(folder.glob("frames-*.npy")):
        frames.extend(np.load(path, mmap_mode="r", allow_pickle=False))
        for row in json.loads(path.with_suffix(".json").read_text()):
            things.append([Boxed(**thing) for thing in row])
    if not frames:
        raise InputError(f"no rendered frames in {folder}: render them first")
    return frames, things
