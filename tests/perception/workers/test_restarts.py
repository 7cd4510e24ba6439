"""How soon a process is started again, by how and how often it ended."""

from __future__ import annotations

import signal

import pytest

from sensebind.perception.workers.restarts import is_to_blame, note_running, plan_restart
from sensebind.perception.workers.spec import EXIT_ERROR, EXIT_LACK
from sensebind.perception.workers.status import Charge, WorkerState


@pytest.mark.parametrize(
    ("code", "running", "killed", "to_blame"),
    [
        (EXIT_ERROR, 5.0, 0.0, True),
        (-signal.SIGSEGV, 5.0, 0.0, True),
        (-signal.SIGKILL, 5.0, 0.0, False),  # by somebody else
        (-signal.SIGKILL, 0.0, 0.0, True),  # before it ran
        (-signal.SIGKILL, 5.0, 7.0, True),  # by the supervisor, for it was silent
        (0, 5.0, 0.0, False),
    ],
)
def test_who_is_to_blame(code: int, running: float, killed: float, to_blame: bool) -> None:
    assert is_to_blame(Charge("camera", [], running=running, killed=killed), code) is to_blame


def test_one_that_keeps_crashing_is_started_less_and_less_often_and_then_rests() -> None:
    charge = Charge("camera", [])
    plans = [plan_restart(charge, EXIT_ERROR, True) for _ in range(9)]
    assert [one.wait for one in plans] == [0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 30.0, 60.0]
    assert [one.state for one in plans[6:8]] == [WorkerState.RESTARTING, WorkerState.RESTING]
    assert plans[7].note == "; crashed often, rests for 30 s"
    for _ in range(20):
        assert plan_restart(charge, EXIT_ERROR, True).wait <= 600.0
    note_running(charge, 100.0)
    note_running(charge, 105.0)
    assert charge.failures
    note_running(charge, 111.0)
    assert plan_restart(charge, EXIT_ERROR, True).wait == 0.0


def test_a_lack_brings_neither_a_rest_nor_a_long_wait() -> None:
    charge = Charge("camera", [])
    plans = [plan_restart(charge, EXIT_LACK, True) for _ in range(20)]
    assert max(one.wait for one in plans) == 1.0
    assert {one.state for one in plans} == {WorkerState.RESTARTING}


def test_who_is_not_to_blame_starts_at_once() -> None:
    charge = Charge("camera", [], failures=5)
    assert plan_restart(charge, -signal.SIGKILL, False).wait == 0.0
    assert charge.failures == 0
