"""`sensebind train all`: encoders, detector and language model, on two cores.

Pictures keep both cores busy, and so does a language model that is shown pictures. Sounds and scans
keep one core each; the detector, and the lessons of the language model that need no pictures, are
learned next to them.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sensebind.agent.training.bind.pipeline import BindRecipe, train_bind
from sensebind.agent.training.detector.train import DetectorRecipe, train_on_rendered
from sensebind.agent.training.llama import command
from sensebind.agent.training.llama.presets import train_words_once
from sensebind.agent.training.llama.train import LlamaRecipe
from sensebind.agent.training.progress import tell
from sensebind.agent.training.reader import command as reader
from sensebind.errors import StorageError

log = logging.getLogger(__name__)


def train_everything(output: Path, *, run: Path, workers: int | None, as_json: bool) -> int:
    """Trains all that ships, from nothing or from where an earlier run was cut off.

    Args:
        output: Checkpoint directory to write.
        run: Folder of the working folders `bind`, `llama_data` and `llama`.
        workers: Rendering processes; None takes one per core.
        as_json: Print one JSON object at the end instead of a table.

    Returns:
        Exit code.

    Raises:
        StorageError: A folder cannot be written.
    """
    begun = time.monotonic()
    train_beside_encoders(output, run=run, workers=workers)
    log.info("encoders, detector and words: %.1f minutes", (time.monotonic() - begun) / 60)
    embeddings = run / "llama_data"
    reader.run(output, run=run / "reader")
    code = command.run(output, embeddings=embeddings, run=run / "llama", as_json=as_json)
    log.info("everything: %.1f minutes", (time.monotonic() - begun) / 60)
    return code


def train_beside_encoders(
    output: Path,
    *,
    run: Path,
    bind: BindRecipe | None = None,
    detector: DetectorRecipe | None = None,
    llama: LlamaRecipe | None = None,
    workers: int | None = None,
) -> None:
    """Trains the encoders; next to their last stages the detector and the first lessons in words.

    Args:
        output: Checkpoint directory: `imagebind/`, `visual_cache/` and `detector/` are written.
        run: Folder of the working folders `bind`, `llama_data` and `llama`.
        bind: How the encoders are trained; the shipped weights' recipe by default.
        detector: Likewise the detector.
        llama: Likewise the language model.
        workers: Rendering processes; None takes one per core.

    Raises:
        StorageError: A folder cannot be written.
    """
    bind = bind or BindRecipe()
    train_bind(
        output,
        run=run / "bind",
        embeddings=run / "llama_data",
        recipe=bind,
        workers=workers,
        beside=(
            partial(
                _logged, partial(train_detector_once, run, output / "detector", detector, bind)
            ),
            partial(_logged, partial(train_words_once, run / "llama", llama or LlamaRecipe())),
        ),
    )


def train_detector_once(
    run: Path, output: Path, recipe: DetectorRecipe | None, scenes: BindRecipe
) -> None:
    """Trains the detector, unless an earlier run has finished it.

    Args:
        run: Folder of the working folder `bind`, which has the rendered scenes.
        output: Directory to write.
        recipe: What to do; the shipped weights' recipe when None.
        scenes: Which scenes there are.

    Raises:
        StorageError: A folder cannot be written.
    """
    recipe = recipe or DetectorRecipe()
    label, key = run / "detector.json", asdict(recipe) | {"scenes": scenes.scenes}
    try:
        if output.is_dir() and label.is_file() and json.loads(label.read_text("utf-8")) == key:
            log.info("took %s from an earlier run", output)
            return
        label.unlink(missing_ok=True)
        train_on_rendered(
            run / "bind", output, recipe, scenes=scenes.scenes, development=scenes.development
        )
        label.write_text(json.dumps(key) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot keep the detector in {output}: {error}") from error


def _logged(work: Callable[[], None]) -> None:
    """In a process of its own: does the work, and prints what it logs."""
    tell()
    work()
