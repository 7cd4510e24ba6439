"""What a training tells while it runs."""

import logging

import pytest
from rich.progress import Progress

from sensebind.agent.training.progress import tell, terminal


def test_lines_go_to_standard_error_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sensebind")
    handlers, level = list(logger.handlers), logger.level
    try:
        tell()
        tell()
        with Progress(console=terminal()) as progress:
            progress.add_task("training", total=2)
            logging.getLogger("sensebind.agent.training.bind.pipeline").info(
                "audio [300/500]: kind 99 %"
            )
        logging.getLogger("faiss").info("not ours")
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    out, err = capsys.readouterr()
    assert not out and "not ours" not in err
    assert err.count("audio [300/500]: kind 99 %") == 1 and "training" in err
