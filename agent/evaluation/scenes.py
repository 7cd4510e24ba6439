"""Held-out scenes as the runtime perceives them, with what is really there."""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from sensebind.checkpoints.layout import imagebind_directory
from sensebind.perception.encoders.base import Embedding
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.modality import modality_of, senses
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.synthesis import RATE
from sensebind.tools.detection import Detection, Detector

HELD_OUT_SEEDS = 10_000_000
SOUND_SECONDS = 2.0
SENSES = {sense: Modality(modality_of(sense)) for sense in senses()}
DETECTION_FLOOR = 0.01  # scores below it are not kept


@dataclass(frozen=True, slots=True)
class SceneSample:
    """One scene.

    Attributes:
        seed: Of the scene.
        main: (kind, colour) of the main thing in view within 3 m, or None.
        visible: (kind, colour, box) of everything in view.
        heard: Kind that is loudest, or None.
        nearest: Kind that is nearest within 3 m, or None.
        vectors: Sense to bare embedding [D]; a sense that perceived nothing is left out.
        detections: What the detector found, down to a low score.
        confidences: Sense to how sure the encoder is that it knows what it perceived.
    """

    seed: int
    main: tuple[str, str] | None
    visible: tuple[tuple[str, str, tuple[int, int, int, int]], ...]
    heard: str | None
    nearest: str | None
    vectors: dict[str, np.ndarray] = field(repr=False)
    detections: tuple[Detection, ...] = field(repr=False)
    confidences: dict[str, float] = field(default_factory=dict)


class _Perceiver:
    """What each process holds: the runtime's own encoders and detector."""

    def __init__(self, checkpoint: Path) -> None:
        directory = imagebind_directory(checkpoint)
        self.encoders = {
            sense: SenseEncoder.from_pretrained(directory, modality)
            for sense, modality in SENSES.items()
        }
        self.detector = (
            Detector.from_pretrained(checkpoint / "detector", threshold=DETECTION_FLOOR)
            if (checkpoint / "detector").is_dir()
            else None
        )

    def perceive(self, seed: int) -> SceneSample:
        """Builds a scene and perceives it once."""
        with SimHome(seed) as home:
            home.step(SOUND_SECONDS + seed % 7 * 0.31)  # sounds are met at any phase
            known = truth(home)
            image = home.camera().copy()
            samples = {
                "sight": (image, 0),
                "hearing": (home.microphone(SOUND_SECONDS), RATE),
                "scan": (home.lidar(), 0),
            }
            judged = {
                sense: self.encoders[sense].judged(_observation(sense, data, rate))
                for sense, (data, rate) in samples.items()
            }
            present = {s: one for s, one in judged.items() if isinstance(one, Embedding)}
        found = self.detector.detect(image) if self.detector else []
        return SceneSample(
            seed=seed,
            main=(known.main.kind, known.main.color) if known.main else None,
            visible=tuple((one.kind, one.color, one.box) for one in known.visible),
            heard=known.heard[0][0] if known.heard else None,
            nearest=known.nearest.kind if known.nearest else None,
            vectors={s: one.vector for s, one in present.items()},
            detections=tuple(found),
            confidences={s: one.confidence for s, one in present.items()},
        )


def _observation(sense: str, data: np.ndarray, rate: int) -> Observation:
    return Observation(data, sense, SENSES[sense], 0, time.monotonic(), 0, sense, rate)


_perceiver: _Perceiver | None = None


def _start(checkpoint: Path) -> None:
    global _perceiver
    torch.set_num_threads(1)
    _perceiver = _Perceiver(checkpoint)


def _perceive(seed: int) -> SceneSample:
    assert _perceiver is not None
    return _perceiver.perceive(seed)


def perceive_scenes(
    checkpoint: Path, seeds: Sequence[int], *, workers: int = 2, quiet: bool = False
) -> list[SceneSample]:
    """Perceives scenes in several processes; the order is that of the seeds.

    Args:
        checkpoint: Directory with `imagebind/` and perhaps `detector/`.
        seeds: Of the scenes.
        workers: Processes; 1 stays in this one.
        quiet: No progress bar.

    Raises:
        CheckpointError: The encoder or the detector cannot be loaded.
    """
    perceiver = _Perceiver(checkpoint)  # in this process first: an error here is a clear one
    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        tracked = progress.add_task("perceiving held-out scenes", total=len(seeds))
        samples: list[SceneSample] = []
        if workers <= 1 or len(seeds) < 32:
            for seed in seeds:
                samples.append(perceiver.perceive(seed))
                progress.advance(tracked)
            return samples
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, initializer=_start, initargs=(checkpoint,)) as pool:
            for sample in pool.imap(_perceive, seeds, chunksize=8):
                samples.append(sample)
                progress.advance(tracked)
            pool.close()
            pool.join()
    return samples
