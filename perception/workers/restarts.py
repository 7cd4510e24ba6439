"""When a process that has ended is started again, and how long one rests that keeps crashing."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from sensebind.perception.workers.spec import EXIT_LACK
from sensebind.perception.workers.status import Charge, WorkerState

_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # before the start after n crashes in a row
_LACK_WAIT = 1.0  # seconds at most before the next start after a lack that may pass
_BREAKER = 8  # crashes in a row after which a process rests
_REST, _LONGEST_REST = 30.0, 600.0  # seconds; doubled each time
_SOUND = 10.0  # seconds that a process must run before a crash counts as the first of a row
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}
"""Signals that a process gets for its own faults, other than from somebody else."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What becomes of a process that has ended.

    Attributes:
        wait: Seconds until it is started again.
        state: `RESTARTING` or `RESTING`.
        note: Why it rests, or "".
    """

    wait: float
    state: WorkerState = WorkerState.RESTARTING
    note: str = ""


def is_to_blame(charge: Charge, code: int) -> bool:
    """Whether a process ended for a fault of its own.

    One that ran and was ended by somebody else is not to blame for it.

    Args:
        charge: As it was when it ended.
        code: Its exit code; negative for a signal.
    """
    crashed = code > 0 or -code in _CRASHES
    return crashed or not charge.running or bool(charge.killed)


def plan_restart(charge: Charge, code: int, to_blame: bool) -> Restart:
    """Count an end, and return when the process is started again.

    Args:
        charge: Its failures and rests are counted.
        code: Its exit code; negative for a signal.
        to_blame: See `is_to_blame`.
    """
    if not to_blame:
        charge.failures = 0
    wait = _BACKOFF[min(charge.failures, len(_BACKOFF) - 1)]
    charge.failures += to_blame
    if code == EXIT_LACK:  # it may be over at any moment: neither a rest nor a long wait
        charge.failures = min(charge.failures, _BREAKER - 1)
        return Restart(min(wait, _LACK_WAIT))
    if charge.failures < _BREAKER:
        return Restart(wait)
    wait = min(_REST * 2**charge.rests, _LONGEST_REST)
    charge.failures, charge.rests = _BREAKER - 1, charge.rests + 1
    return Restart(wait, WorkerState.RESTING, f"; crashed often, rests for {wait:g} s")


def note_running(charge: Charge, now: float) -> None:
    """Forget the crashes of a process that has run for long enough.

    Args:
        charge: It has just shown that it runs.
        now: `time.monotonic()`, seconds.
    """
    charge.running = charge.running or now
    if now - charge.running > _SOUND:
        charge.failures = charge.rests = 0
