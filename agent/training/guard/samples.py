"""Known inputs for a guard: what the robot's sensors give in SimHome, also where it has driven to.

A robot that goes to things looks at them from near: there they fill the image as in no training
scene, and must be known all the same.

Training scenes have seeds from 0, development scenes from 5,000,000, and evaluation scenes from
10,000,000. A guard has scenes of its own, from `SEEDS` on.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sensebind.errors import StorageError
from sensebind.perception.lidar.clustering import nearest_cluster
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene

SEEDS = 7_000_000
"""The first seed of the scenes that guards are calibrated on."""
SCENES = 900
SECONDS = 2.0
SOUNDS = 4
"""How often each scene is listened to."""
NEAREST, FARTHEST = 0.45, 1.2
"""Metres from which an object is looked at that the robot has gone to."""
_SHARD = 100


@dataclass(slots=True)
class Samples:
    """Inputs of the three trunks, before preprocessing.

    Attributes:
        images: [N, 224, 224, 3] uint8.
        sounds: [K, samples] int16 at 16 kHz.
        clouds: The nearest object of each sweep that has one, [points, 3] float32 metres.
    """

    images: np.ndarray
    sounds: np.ndarray
    clouds: list[np.ndarray]


def known(folder: Path, *, first: int = SEEDS, scenes: int = SCENES, workers: int = 2) -> Samples:
    """Render scenes, and look around in each.

    That is where the robot starts, and where it drives to, at random and to what it sees.
    Whole shards in `folder` are kept, so a run that was stopped goes on where it was.

    Args:
        folder: Where the shards lie; made if missing.
        first: The first scene's seed.
        scenes: How many.
        workers: Processes.

    Raises:
        StorageError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error}") from error
    begins = range(first, first + scenes, _SHARD)
    ranges = [range(begin, min(begin + _SHARD, first + scenes)) for begin in begins]
    jobs = [(folder / f"looks-{seeds[0]}.npz", seeds, _look) for seeds in ranges]
    jobs += [(folder / f"near-{seeds[0]}.npz", seeds, _go_and_look) for seeds in ranges]
    heard = ranges[: -(-len(ranges) // 2)]  # a scene is listened to oftener than looked at
    jobs += [(folder / f"sounds-{seeds[0]}.npz", seeds, _listen) for seeds in heard]
    missing = [job for job in jobs if not job[0].is_file()]
    if len(missing) > 1 and workers > 1:
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            pool.map(_write, missing, chunksize=1)
    else:
        for job in missing:
            _write(job)
    images, sounds, clouds = [], [], []
    for path, _, make in jobs:
        with np.load(path, allow_pickle=False) as shard:
            if make is _listen:
                sounds.append(shard["sounds"])
                continue
            images.append(shard["images"])
            ends = np.cumsum(shard["sizes"])
            clouds += np.split(shard["points"], ends[:-1]) if len(ends) else []
    return Samples(np.concatenate(images), np.concatenate(sounds), clouds)


_Job = tuple[Path, Sequence[int], Callable[[Sequence[int]], dict[str, np.ndarray]]]


def _write(job: _Job) -> None:
    path, seeds, make = job
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, **make(seeds))
    part.replace(path)


def _look(seeds: Sequence[int]) -> dict[str, np.ndarray]:
    images: list[np.ndarray] = []
    clouds: list[np.ndarray] = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 0x6D])
        with _home(seed) as home:
            for look in range(2):
                home.step(SECONDS + seed % 7 * 0.31)  # fans are met at any phase
                if look:
                    _drive(home, rng)
                _perceive(home, images, clouds)
    return _packed(images, clouds)


def _go_and_look(seeds: Sequence[int]) -> dict[str, np.ndarray]:
    images: list[np.ndarray] = []
    clouds: list[np.ndarray] = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 0x6F])
        with _home(seed) as home:
            home.step(SECONDS + seed % 7 * 0.31)
            if (seen := truth(home).main) is None:
                continue
            home.robot.turn(seen.bearing + float(rng.uniform(-0.2, 0.2)))
            home.robot.drive(max(seen.distance - float(rng.uniform(NEAREST, FARTHEST)), 0.0))
            _perceive(home, images, clouds)
    return _packed(images, clouds)


def _perceive(home: SimHome, images: list[np.ndarray], clouds: list[np.ndarray]) -> None:
    images.append(home.camera())
    cluster = nearest_cluster(home.lidar())
    if cluster is not None:
        clouds.append(cluster.points)


def _packed(images: list[np.ndarray], clouds: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "images": np.stack(images),
        "sizes": np.array([len(cloud) for cloud in clouds], np.int64),
        "points": np.concatenate([np.zeros((0, 3), np.float32), *clouds]),
    }


def _listen(seeds: Sequence[int]) -> dict[str, np.ndarray]:
    sounds = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 0x6E])
        with _home(seed) as home:
            for device in ("radio", "fan"):
                home.devices.set(device, bool(rng.random() < 0.15))
            for _ in range(SOUNDS):
                home.step(SECONDS + float(rng.uniform(0, 3)))
                _drive(home, rng)
                sounds.append((home.microphone(SECONDS) * 32767).astype(np.int16))
    return {"sounds": np.stack(sounds)}


def _home(seed: int) -> SimHome:
    home = SimHome(sample_scene(seed), lamp=seed % 8 == 7)
    home.devices.set("door", seed % 10 == 4)
    return home


def _drive(home: SimHome, rng: np.random.Generator) -> None:
    home.robot.turn(float(rng.uniform(-3.1, 3.1)))
    home.robot.drive(float(rng.uniform(0.2, 2.5)))
    home.robot.turn(float(rng.uniform(-1, 1)))
