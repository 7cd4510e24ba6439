"""How commands end on Ctrl-C and SIGTERM: one context for all that run until they are stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_ENDS = (signal.SIGINT, signal.SIGTERM)

_Handler = Callable[[int, FrameType | None], object]


@contextmanager
def until_signal() -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C and SIGTERM set, so that files and robots are closed in order.

    Outside of the main thread, which alone receives signals, the event is set by nobody.
    """
    stop = threading.Event()
    with _handling(dict.fromkeys(_ENDS, lambda _number, _frame: stop.set())):
        yield stop


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came while something was being started."""


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Inside `until_signal`: the first signal also ends the body, such as a start that takes long.

    Args:
        stop: What `until_signal` yielded.

    Raises:
        Interrupted: In the body, once; it is not raised again while the body cleans up.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            raise Interrupted

    with _handling(dict.fromkeys(_ENDS, interrupt)):
        if stop.is_set():
            raise Interrupted
        yield


@contextmanager
def terminable() -> Iterator[None]:
    """Makes SIGTERM end a dialog as Ctrl-C does: it raises `Terminated` in the main thread.

    What the body does to the two signals, such as ignoring Ctrl-C while it cleans up, is undone.
    """
    from sensebind.agent.cli.terminal import Terminated  # with all that a dialog needs

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    with _handling({signal.SIGTERM: terminate}):
        yield


@contextmanager
def _handling(handlers: Mapping[signal.Signals, _Handler]) -> Iterator[None]:
    """Installs handlers, and puts both signals back as they were."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _ENDS}
    try:
        for one, handler in handlers.items():
            signal.signal(one, handler)
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
