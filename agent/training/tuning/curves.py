"""How a training goes: TensorBoard's files while it runs, and a picture at its end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sensebind.agent.training.tuning.loop import Report

log = logging.getLogger(__name__)

FOLDER_NAME, PICTURE_NAME = "tensorboard", "loss.png"
_SMOOTH = 25  # steps that a point of the picture's line is the mean of
_WITHOUT = "no %s: pip install 'sensebind[tune]'"


@contextmanager
def tensorboard(folder: Path, stage: str, report: Report | None) -> Iterator[Report | None]:
    """A report of steps that also writes for TensorBoard; as it is where that is not installed.

    Args:
        folder: Working folder of the training.
        stage: Names the curves.
        report: Called as well.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info(_WITHOUT, "curves for TensorBoard")
        yield report
        return
    writer: SummaryWriter | None = None

    def noted(step: int, steps: int, loss: float, seconds: float) -> None:
        nonlocal writer
        if writer is None:  # what a run that was stopped wrote after its last kept state is void
            writer = SummaryWriter(str(folder / FOLDER_NAME), purge_step=step, flush_secs=10)
        writer.add_scalar(f"{stage}/loss", loss, step)
        writer.add_scalar(f"{stage}/seconds", seconds, step)
        if report is not None:
            report(step, steps, loss, seconds)

    try:
        yield noted
    finally:
        if writer is not None:
            writer.close()


def draw_losses(folder: Path, losses: Mapping[str, Sequence[float]]) -> Path | None:
    """Draws the loss of each stage into the working folder.

    Args:
        folder: Working folder of the training.
        losses: Of each step, by stage.

    Returns:
        The picture; None where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        log.info(_WITHOUT, "picture of the loss")
        return None
    figure = Figure(figsize=(5 * len(losses), 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (stage, values) in enumerate(losses.items(), 1):
        axes = figure.add_subplot(1, len(losses), place)
        axes.plot(range(1, len(values) + 1), values, color="0.8", linewidth=0.8)
        means = [
            sum(some) / len(some)
            for end in range(1, len(values) + 1)
            if (some := values[max(0, end - _SMOOTH) : end])
        ]
        axes.plot(range(1, len(means) + 1), means, color="C0")
        axes.set(title=stage, xlabel="step", ylabel="loss a token")
    figure.savefig(folder / PICTURE_NAME, dpi=120)
    return folder / PICTURE_NAME
