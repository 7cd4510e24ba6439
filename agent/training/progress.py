"""What a training reports while it runs: on standard error, lines above one progress bar."""

import logging
from functools import cache

from rich.console import Console


@cache
def terminal() -> Console:
    """Where it is printed; lines of the log and a progress bar share it."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        terminal().print(self.format(record), markup=False)


def tell() -> None:
    """Prints what SenseBind logs in this process, each line with its time; once is enough.

    The bars that transformers draws for every file it reads or writes are left out.
    """
    from transformers.utils import logging as transformers_logging  # slow: not before it is needed

    transformers_logging.disable_progress_bar()
    logger = logging.getLogger("sensebind")
    if any(isinstance(handler, _Lines) for handler in logger.handlers):
        return
    lines = _Lines()
    lines.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
